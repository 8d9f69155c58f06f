//! What tests of programs and of backends need: a clock moved by hand, and a suite that says what a
//! backend must do.
//!
//! The embedded chat system itself is [`crate::backend::Loopback`]: it is a backend like any other,
//! and so not kept apart here.

pub mod conformance;
mod manual_clock;

pub use crate::backend::recorder::Recorder;
pub use manual_clock::ManualClock;
