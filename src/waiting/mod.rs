//! Waiting without a runtime, on the engine's threads and its callers' threads.
//!
//! Every waiting operation is written once, as a future without tokio types. `x_async()` gives it
//! to any executor, `x()` parks the calling thread on it ([`park`]). Rejected: `Handle::block_on`,
//! `blocking_recv` and the like, each of which panics inside a foreign runtime, and tokio's timers,
//! which a test cannot step. This is floor 0: `std`, `parking_lot`, and a line in the log.

mod busy;
mod guarded;
mod held;
mod park;
mod pending;
mod pipe;
mod thread;

pub use busy::Busy;
pub(crate) use busy::{Activity, Tracked};
pub(crate) use guarded::{panic_text, wake};
pub(crate) use held::{hold, let_go};
pub(crate) use park::{engine_thread, from_now, is_parked, park, park_until};
pub(crate) use pending::{Pending, Promise, pending};
pub(crate) use pipe::{CHUNK_BYTES, PipeGauge, PipeWriter, pipe};
pub use pipe::{PipeClosed, PipeReader};
pub(crate) use thread::{in_threads, start_thread};
