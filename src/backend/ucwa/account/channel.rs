//! How the event channel goes on after each response. Pure.
//!
//! Asking for the next package acknowledges the last one. Only addresses that the server wrote are
//! asked for. After trouble the same address is asked for again, a bounded number of times with
//! growing pauses; then the channel is deaf. The link is given up then, and the next one has to
//! show that it hears before its agent is Active again. If the server answers and cannot be
//! understood, its application is given up as well.
//!
//! The server drops a message that is not fetched within 30 seconds (§ucwa/thirty-seconds), so no
//! pause is longer than ten, whatever the server asks for.

use crate::backend::ucwa::config::UcwaConfig;
use crate::backend::ucwa::protocol::failure::Verdict;
use crate::backend::ucwa::protocol::follow::follow;
use crate::backend::ucwa::protocol::lenient::kind_of;
use crate::backend::ucwa::protocol::package::{After, Event, Package};
use crate::backend::ucwa::protocol::request::{Lost, Response};
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind};
use chrono::TimeDelta;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// How often the same package is asked for in a row before the channel counts as deaf.
const TRIES_MAX: u32 = 8;
/// Requests in a row that the server may never answer. Each of them takes minutes.
const SILENCES_MAX: u32 = 2;
/// The longest pause between two requests.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A request that the server held that long was parked: the channel works, and something between
/// has cut a long wait.
const PARKED: TimeDelta = TimeDelta::seconds(10);
/// A request that was not answered that long never will be: the server lets go of one after 180
/// seconds.
const SILENCE: TimeDelta = TimeDelta::seconds(200);
/// Restarts of the channel in a row that the server may ask for.
const RESYNCS_MAX: u32 = 4;
/// Empty packages in a row that may come at once before the channel waits.
const HASTE_MAX: u32 = 3;
/// Packages with events in a row that may come at once before the channel waits for a moment.
const BURST_MAX: u32 = 100;
/// A package that comes sooner came at once.
const AT_ONCE: TimeDelta = TimeDelta::seconds(1);

/// The event channel between two requests.
pub(crate) struct Channel {
    /// The address that is asked for next.
    url: Url,
    /// How often that address was asked for in vain.
    tries: u32,
    /// Requests in a row that were never answered.
    silences: u32,
    resyncs: u32,
    /// Empty packages in a row that came at once.
    hasty: u32,
    /// Packages with events in a row that came at once.
    burst: u32,
    /// What was read last at that address, as a hash: a package that leads nowhere comes again.
    read: Option<u64>,
    /// The link before this one was deaf, and this one has not heard yet.
    on_trial: bool,
}

/// What is to be done with a response.
pub(crate) enum Next {
    /// Handle this, then ask for the next package.
    Package(Arrived),
    /// Ask again after that pause, because of that error.
    Again(Duration, BackendError),
    /// Give the link up.
    Over(BackendError),
    /// Give the link up, because nothing is heard on it.
    Deaf {
        error: BackendError,
        /// The server answers and cannot be understood: a new application may help.
        gives_up_application: bool,
    },
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
    /// A channel that begins at `url`. `on_trial`: the first trouble ends it, unless it has heard
    /// something before.
    pub(crate) fn new(url: Url, on_trial: bool) -> Channel {
        Channel {
            url,
            tries: 0,
            silences: 0,
            resyncs: 0,
            hasty: 0,
            burst: 0,
            read: None,
            on_trial,
        }
    }

    /// The address that is asked for next.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it has to show that it hears.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.on_trial
    }

    /// Takes a response that came after `waited`.
    pub(crate) fn step(
        &mut self,
        config: &UcwaConfig,
        result: Result<Response, Lost>,
        waited: TimeDelta,
    ) -> Next {
        let was_sent = !matches!(result, Err(Lost::Unsent(_)));
        let hash = result.as_ref().map_or(0, |response| {
            let mut hasher = DefaultHasher::new();
            response.body.hash(&mut hasher);
            hasher.finish()
        });
        match read(result) {
            Ok(package) => self.take(config, package, hash, waited),
            Err(Missed::Over(error)) => Next::Over(error),
            Err(Missed::Again(asked, error)) => {
                if was_sent && (PARKED..SILENCE).contains(&waited) {
                    self.hears();
                }
                self.silences += u32::from(waited >= SILENCE);
                self.again(asked, error)
            }
        }
    }

    /// The channel works.
    fn hears(&mut self) {
        (self.tries, self.silences, self.on_trial) = (0, 0, false);
    }

    /// Asks for the same once more, unless that was done often enough.
    fn again(&mut self, asked: Option<Duration>, error: BackendError) -> Next {
        self.tries += 1;
        let is_over = self.on_trial || self.tries > TRIES_MAX || self.silences >= SILENCES_MAX;
        if !is_over {
            let pause = asked.unwrap_or_else(|| pause_before(self.tries));
            return Next::Again(pause.min(PAUSE_MAX), error);
        }
        let is_away = matches!(
            error.kind,
            BackendErrorKind::Unreachable | BackendErrorKind::RetryAfter(_)
        );
        // What the server asked for or refused was the event channel, not a login: the next dial
        // follows the engine's back-off.
        let kind = if is_away {
            BackendErrorKind::Unreachable
        } else {
            BackendErrorKind::Protocol
        };
        Next::Deaf {
            error: BackendError::new(kind, error.reason),
            gives_up_application: !is_away,
        }
    }

    /// Takes a package.
    fn take(
        &mut self,
        config: &UcwaConfig,
        package: Package,
        hash: u64,
        waited: TimeDelta,
    ) -> Next {
        let is_resync = matches!(package.after, After::Resync(_));
        self.resyncs = if is_resync { self.resyncs + 1 } else { 0 };
        if self.resyncs > RESYNCS_MAX {
            return Next::Over(protocol("the event channel restarts again and again"));
        }
        let is_forgotten = matches!(package.after, After::Resume(_));
        let next = match &package.after {
            After::Next(href) | After::Resume(href) | After::Resync(href) => {
                follow(config, &self.url, href)
            }
            After::Nowhere => Err(protocol("the event channel leads nowhere")),
        };
        let next = next.and_then(|next| {
            if next == self.url && waited < AT_ONCE {
                return Err(protocol("the event channel leads to itself"));
            }
            Ok(next)
        });
        let is_repeated = self.read == Some(hash);
        let events = if is_repeated {
            Vec::new()
        } else {
            package.events
        };
        match next {
            Ok(next) => {
                self.hears();
                (self.url, self.read) = (next, None);
                let pause = self.pause_after(events.is_empty(), waited);
                Next::Package(Arrived {
                    events,
                    is_forgotten,
                    pause,
                })
            }
            Err(error) if events.is_empty() => self.again(None, error),
            Err(_) => {
                self.read = Some(hash);
                self.tries = (self.tries + 1).min(TRIES_MAX);
                Next::Package(Arrived {
                    events,
                    is_forgotten,
                    pause: Some(pause_before(self.tries)),
                })
            }
        }
    }

    /// The pause after a package, if it and those before it came at once.
    fn pause_after(&mut self, is_empty: bool, waited: TimeDelta) -> Option<Duration> {
        let is_hasty = waited < AT_ONCE;
        let next = |count: u32, counts: bool| if counts { count + 1 } else { 0 };
        self.hasty = next(self.hasty, is_hasty && is_empty);
        self.burst = next(self.burst, is_hasty);
        if self.hasty > HASTE_MAX {
            return Some(Duration::from_secs(1));
        }
        (self.burst > BURST_MAX).then_some(Duration::from_millis(100))
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
        return Package::read(&response.body).ok_or_else(|| {
            let kind = kind_of(&response.body);
            Missed::Again(
                None,
                protocol(format!("the event channel was answered with {kind}")),
            )
        });
    }
    let failure = response.failure();
    let error = || failure.of_request("the event channel");
    Err(match failure.verdict() {
        Verdict::Again(pause) => Missed::Again(pause, error()),
        // A proxy's redirect, its login page, a 401 of one server among many.
        Verdict::Token | Verdict::Refused => Missed::Again(None, error()),
        Verdict::ApplicationGone | Verdict::Replaced | Verdict::Stop => {
            Missed::Over(failure.of_link())
        }
    })
}

fn protocol(reason: impl Into<String>) -> BackendError {
    BackendError::new(BackendErrorKind::Protocol, reason)
}

/// The pause before the same address is asked for once more: none at first, for a proxy may have
/// cut a long wait.
fn pause_before(tries: u32) -> Duration {
    match tries {
        0 | 1 => Duration::ZERO,
        tries => Duration::from_millis(250 << (tries - 2).min(6)).min(PAUSE_MAX),
    }
}

#[cfg(test)]
#[path = "channel_test.rs"]
mod tests;
