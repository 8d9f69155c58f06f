//! The state of the simulated server: applications, conversations, talks, invitations, meetings,
//! tokens.
//!
//! Plain data. No file here uses [`World`](super::world::World), which holds all of it. The files
//! beside this folder say what happens to the data.

pub mod application;
pub mod conversation;
pub mod distribution_group;
pub mod faults;
pub mod invitation;
pub mod log;
pub mod meeting;
pub mod paths;
pub mod ring;
pub mod subscription;
pub mod talk;
pub mod token;
