//! UCWA against the simulator of `examples/ucwa_simulator`, over pipes in memory and over real sockets.
//!
//! Goal: what the connector promises holds against a server that behaves as `guide::chat_systems` says, traps included.
//! Method: each test has a simulator of its own. Over pipes its time is the engine's, so that a clock moved by hand
//! steps both; over sockets, with and without TLS, everything is real. Nobody sleeps: waits are for what must come.

mod conformance;
mod meeting_day;
mod meetings;
mod signing_on;
mod talking;
mod trouble;
mod walk;
mod week;
pub(crate) mod world;

#[path = "../../../examples/ucwa_simulator/simulator/mod.rs"]
#[allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the program's; each test uses a part of it"
)]
pub(crate) mod simulator;
