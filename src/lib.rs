//! switchboard: a chat gateway engine as a library.

pub mod backend;
mod agents;
mod clock;
mod database;
mod error;
mod filter;
mod hub;
mod journal;
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
