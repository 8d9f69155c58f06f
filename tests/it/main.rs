//! One binary for all tests from outside: each is a link of SQLite and tokio, so there is one.

mod authentication;
mod conformance;
mod events;
mod lifecycle;
mod posting;
mod provisioning;
mod readers;
mod script;
mod world;
