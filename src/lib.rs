//! switchboard: a chat gateway engine as a library.

pub mod backend;
mod clock;
mod error;
mod filter;
mod login_delay;
mod model;
mod origin;
mod password;
mod store;
mod throttle;
mod token;
mod waiting;

pub use clock::{Clock, SystemClock, Timeline};
pub use error::{Error, Outcome, Result};
pub use model::*;

pub use chrono;
