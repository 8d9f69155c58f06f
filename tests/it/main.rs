//! One binary for all integration tests, a module per theme: each binary would link SQLite, tokio and axum again.

mod http;
