//! UCWA against the simulator of `examples/ucwa_simulator`, over pipes in memory and over real
//! sockets.
//!
//! Goal: the connector keeps its promises against a server that behaves as `guide::chat_systems`
//! says, difficulties included. Method: each test has its own simulator. Over pipes the simulator
//! uses the engine's clock, so that a clock moved by hand steps both. Over sockets, with and
//! without TLS, time is real. No test sleeps; each wait is for something that must come.

mod away;
mod conformance;
mod first_message;
mod meeting_day;
mod meetings;
mod odd;
mod signing_on;
mod strangers;
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
