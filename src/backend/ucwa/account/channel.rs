//! How the event channel goes on after each response. Pure.
//!
//! Asking for the next package acknowledges the last one. Only addresses that the server wrote are
//! asked for. After trouble the same address is asked for again, a bounded number of times with
//! growing pauses; then the link is given up, and the engine makes a new one.

use crate::backend::ucwa::config::UcwaConfig;
use crate::backend::ucwa::protocol::failure::Verdict;
use crate::backend::ucwa::protocol::follow::follow;
use crate::backend::ucwa::protocol::package::{After, Event, Package};
use crate::backend::ucwa::protocol::request::{Lost, Response};
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind};
use chrono::TimeDelta;
use std::time::Duration;

/// How often the same package is asked for in a row before the link is given up.
const TRIES_MAX: u32 = 8;
/// Restarts of the channel in a row that the server may ask for.
const RESYNCS_MAX: u32 = 4;
/// Empty packages in a row that may come at once before the channel waits.
const HASTE_MAX: u32 = 3;
/// A package that comes sooner came at once.
const AT_ONCE: TimeDelta = TimeDelta::seconds(1);

/// The event channel between two requests.
pub(crate) struct Channel {
    /// The address that is asked for next.
    url: Url,
    /// How often that address was asked for in vain.
    tries: u32,
    resyncs: u32,
    hasty: u32,
}

/// What is to be done with a response.
pub(crate) enum Next {
    /// Handle this, then ask for the next package.
    Package(Arrived),
    /// Ask again after that pause, because of that error.
    Again(Duration, BackendError),
    /// Give the link up.
    Over(BackendError),
}

/// A package that has come.
pub(crate) struct Arrived {
    pub(crate) events: Vec<Event>,
    /// The server has closed all conversations and subscriptions before that.
    pub(crate) is_forgotten: bool,
    /// The pause after it: a server that does not let us wait must not be asked a thousand times a
    /// second.
    pub(crate) pause: Option<Duration>,
}

impl Channel {
    /// A channel that begins at `url`.
    pub(crate) fn new(url: Url) -> Channel {
        Channel {
            url,
            tries: 0,
            resyncs: 0,
            hasty: 0,
        }
    }

    /// The address that is asked for next.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Takes a response that came after `waited`.
    pub(crate) fn step(
        &mut self,
        config: &UcwaConfig,
        result: Result<Response, Lost>,
        waited: TimeDelta,
    ) -> Next {
        let package = match read(result) {
            Ok(package) => package,
            Err(Missed::Over(error)) => return Next::Over(error),
            Err(Missed::Again(pause, error)) => {
                self.tries += 1;
                if self.tries > TRIES_MAX {
                    return Next::Over(error);
                }
                return Next::Again(pause.unwrap_or_else(|| pause_before(self.tries)), error);
            }
        };
        self.tries = 0;
        let is_resync = matches!(package.after, After::Resync(_));
        self.resyncs = if is_resync { self.resyncs + 1 } else { 0 };
        if self.resyncs > RESYNCS_MAX {
            return Next::Over(protocol("the event channel restarts again and again"));
        }
        let is_forgotten = matches!(package.after, After::Resume(_));
        let next = match &package.after {
            After::Next(href) | After::Resume(href) | After::Resync(href) => href,
            After::Nowhere => return Next::Over(protocol("the event channel leads nowhere")),
        };
        self.url = match follow(config, &self.url, next) {
            Ok(next) => next,
            Err(error) => return Next::Over(error),
        };
        let is_hasty = package.events.is_empty() && waited < AT_ONCE;
        self.hasty = if is_hasty { self.hasty + 1 } else { 0 };
        Next::Package(Arrived {
            events: package.events,
            is_forgotten,
            pause: (self.hasty > HASTE_MAX).then_some(Duration::from_secs(1)),
        })
    }
}

/// Why a package did not come.
enum Missed {
    /// Ask again after that pause.
    Again(Option<Duration>, BackendError),
    /// It will not come.
    Over(BackendError),
}

fn read(result: Result<Response, Lost>) -> Result<Package, Missed> {
    let response = match result {
        Ok(response) => response,
        Err(Lost::Unsent(error) | Lost::Unanswered(error)) if error.is_passing() => {
            return Err(Missed::Again(None, error));
        }
        Err(lost) => return Err(Missed::Over(lost.error())),
    };
    if response.status.is_success() {
        let strange = || {
            Missed::Again(
                None,
                protocol("the event channel was answered by something that is not UCWA"),
            )
        };
        return Package::read(&response.body).ok_or_else(strange);
    }
    let failure = response.failure();
    Err(match failure.verdict() {
        Verdict::Again(pause) => Missed::Again(pause, failure.of_request("the event channel")),
        _ => Missed::Over(failure.of_link()),
    })
}

fn protocol(reason: &str) -> BackendError {
    BackendError::new(BackendErrorKind::Protocol, reason)
}

/// The pause before the same address is asked for once more: none at first, for a proxy may have
/// cut a long wait.
fn pause_before(tries: u32) -> Duration {
    match tries {
        0 | 1 => Duration::ZERO,
        tries => Duration::from_millis(250 << (tries - 2).min(6)),
    }
}

#[cfg(test)]
#[path = "channel_test.rs"]
mod tests;
