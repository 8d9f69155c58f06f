//! What the simulated server keeps: applications, conversations, talks, invitations, meetings, tokens.
//!
//! Plain data. No file here knows [`World`](super::world::World), which holds all of it; what
//! happens to the data stands in the files beside this folder.

pub mod application;
pub mod conversation;
pub mod faults;
pub mod invitation;
pub mod meeting;
pub mod paths;
pub mod ring;
pub mod subscription;
pub mod talk;
pub mod token;
