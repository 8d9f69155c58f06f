//! Integration tests: one binary, because every binary links SQLite, tokio and axum again. A module a theme.

mod conformance;
mod http;
mod rooms;
mod xmpp;
