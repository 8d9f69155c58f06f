//! Servers and the client of the bench of the HTTP edge, each a process of its own.

pub mod client;
pub mod server;
pub mod trivial;
