//! Integration tests: one binary, because every binary links SQLite, tokio and axum again. A module a theme.

mod conformance;
mod fuzz;
mod http;
mod rooms;
