//! Integration tests: one binary, because every binary links SQLite, tokio and axum again. A module a theme.

mod conformance;
#[path = "../crash/mod.rs"]
mod crash;
mod http;
mod rooms;
mod provisioning;
mod world;
