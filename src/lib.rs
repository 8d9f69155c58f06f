//! switchboard: a chat gateway engine as a library.

#![warn(unreachable_pub)]

mod agents;
pub mod backend;
mod clock;
mod config;
mod database;
mod engine;
mod error;
mod events;
mod filter;
mod hub;
mod journal;
mod login_delay;
mod model;
mod origin;
mod password;
mod publish;
mod runtime;
mod services;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod throttle;
mod token;
mod waiting;
#[cfg(feature = "wire")]
pub mod wire;
mod words;

pub use clock::{Clock, SystemClock, Timeline};
pub use config::{Builder, EventMode};
pub use database::Durability;
pub use engine::{Engine, Readiness, Stats};
pub use error::{Error, Outcome, Result};
pub use events::{Reader, Subscription};
pub use model::*;
pub use services::{Authenticator, Collaboration, Management, Provisioning, Uploading, Waiting};

pub use chrono;
