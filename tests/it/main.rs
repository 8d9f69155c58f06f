//! One binary for all tests from outside: each is a link of SQLite and tokio, so there is one.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as its test does")]

mod audit;
mod authentication;
mod conformance;
mod engine;
mod events;
mod lifecycle;
mod posting;
mod provisioning;
mod readers;
mod script;
mod talking;
mod throttles;
mod world;
