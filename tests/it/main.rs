//! Integration tests: one binary, because every binary links SQLite, tokio and axum again. A module a theme.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

mod conformance;
#[path = "../crash/mod.rs"]
mod crash;
mod fuzz;
mod http;
mod model;
mod provisioning;
mod rooms;
mod world;
