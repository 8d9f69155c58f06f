//! Integration tests: one binary, because every binary links SQLite, tokio and axum again. A module
//! a theme.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod attack;
mod audit;
mod authentication;
mod children;
mod coming_back;
mod conformance;
#[path = "../crash/mod.rs"]
mod crash;
#[cfg(unix)]
mod deadline;
mod engine;
mod events;
mod fuzz;
mod hosts;
mod http;
mod irc;
mod lifecycle;
mod living;
mod model;
mod port;
mod posting;
mod provisioning;
mod readers;
mod rooms;
mod script;
mod secrets;
mod strangers;
mod talking;
mod throttles;
mod ucwa;
mod workers;
mod world;
mod xmpp;
