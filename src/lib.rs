//! switchboard: a chat gateway engine as a library.

pub mod backend;
mod agents;
mod clock;
mod database;
mod error;
mod hub;
mod journal;
mod model;
mod origin;
mod waiting;

pub use clock::{Clock, SystemClock, Timeline};
pub use error::{Error, Outcome, Result};
pub use model::*;

pub use chrono;
