//! switchboard: a chat gateway engine as a library.

pub mod backend;
mod clock;
mod error;
mod model;
mod waiting;
#[cfg(feature = "wire")]
pub mod wire;

pub use clock::{Clock, SystemClock, Timeline};
pub use error::{Error, Outcome, Result};
pub use model::*;

pub use chrono;
