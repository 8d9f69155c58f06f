//! The event channel: one request that waits at the server until something happens, and the next as soon as what it
//! brought is committed.
//!
//! Asking for the next package acknowledges the last, so it is asked for after `flush`; between the two lie
//! milliseconds, and a message that nobody fetches for 30 seconds is lost (§ucwa/thirty-seconds). Only addresses that the server
//! wrote are asked for. Trouble is met by asking for the same one again, a bounded number of times with growing
//! pauses; then the link is given up, and the engine makes a new one.

use super::client::http::Connection;
use super::core::Core;
use super::dispatch;
use super::meetings;
use super::protocol::failure::Verdict;
use super::protocol::package::{After, Package};
use super::protocol::request::{Lost, Request, Response};
use super::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// The server lets go of an empty request after 180 seconds; half a minute later nobody is there.
const PARKED_MAX: Duration = Duration::from_secs(210);
/// How often the same package is asked for in a row before the link is given up.
const TRIES_MAX: u32 = 8;
/// Restarts of the channel in a row that the server may ask for.
const RESYNCS_MAX: u32 = 4;
/// Empty answers in a row that may come at once before we wait.
const HASTE_MAX: u32 = 3;

/// Why a package did not come.
enum Missed {
    /// Request again after that pause.
    Again(Option<Duration>, BackendError),
    /// It will not come.
    Over(BackendError),
}

/// Reads the channel until the link is over.
pub(super) async fn read(core: Arc<Core>, first: Url) {
    let error = tokio::select! {
        biased;
        () = core.ended() => return,
        error = follow(&core, first) => error,
    };
    core.fail(error);
}

async fn follow(core: &Arc<Core>, first: Url) -> BackendError {
    let mut url = first;
    let mut line = None;
    let (mut tries, mut resyncs, mut hasty) = (0, 0, 0);
    loop {
        let began = core.inbox.now();
        let package = match fetch(core, &url, &mut line).await {
            Ok(package) => package,
            Err(Missed::Over(error)) => return error,
            Err(Missed::Again(pause, error)) => {
                tries += 1;
                if tries > TRIES_MAX {
                    return error;
                }
                tracing::debug!(link = %core.account.sip, reason = error.reason, tries, "the event channel is asked again");
                core.inbox
                    .sleep(pause.unwrap_or_else(|| pause_before(tries)))
                    .await;
                continue;
            }
        };
        tries = 0;
        let is_empty = package.events.is_empty();
        let next = match &package.after {
            After::Next(href) => href,
            After::Resume(href) => {
                core.resumed();
                meetings::forgotten(core);
                href
            }
            After::Resync(href) => {
                resyncs += 1;
                href
            }
            After::Nowhere => return protocol("the event channel leads nowhere"),
        };
        if !matches!(package.after, After::Resync(_)) {
            resyncs = 0;
        }
        if resyncs > RESYNCS_MAX {
            return protocol("the event channel begins anew again and again");
        }
        let next = match core.account.follow(&url, next) {
            Ok(next) => next,
            Err(error) => return error,
        };
        for event in &package.events {
            // Boxed: ten thousand accounts wait here, and none of them for this.
            Box::pin(dispatch::event(core, event)).await;
        }
        if core.hand_over_done().await.is_err() {
            return BackendError::unreachable("the engine has closed this link");
        }
        url = next;
        // A server that does not let us wait must not be asked a thousand times a second.
        hasty = if is_empty && (core.inbox.now() - began).num_milliseconds() < 1000 {
            hasty + 1
        } else {
            0
        };
        if hasty > HASTE_MAX {
            core.inbox.sleep(Duration::from_secs(1)).await;
        }
    }
}

fn protocol(reason: &str) -> BackendError {
    BackendError::new(BackendErrorKind::Protocol, reason)
}

async fn fetch(core: &Core, url: &Url, line: &mut Option<Connection>) -> Result<Package, Missed> {
    let ask = Request::get(url.clone()).within(PARKED_MAX);
    let answer = match core.account.ask_over(ask, line.take()).await {
        Ok((answer, kept)) => {
            *line = kept;
            answer
        }
        Err(Lost::Unsent(error) | Lost::Unanswered(error)) if error.is_passing() => {
            return Err(Missed::Again(None, error));
        }
        Err(lost) => return Err(Missed::Over(lost.error())),
    };
    judge(&answer)
}

fn judge(answer: &Response) -> Result<Package, Missed> {
    if answer.status.is_success() {
        let strange = || {
            Missed::Again(
                None,
                protocol("the event channel was answered by something that is not UCWA"),
            )
        };
        return Package::read(&answer.body).ok_or_else(strange);
    }
    let failure = answer.failure();
    Err(match failure.verdict() {
        Verdict::Again(pause) => Missed::Again(pause, failure.of_request("the event channel")),
        _ => Missed::Over(failure.of_link()),
    })
}

/// The pause before the same is asked for once more: none at first, for a proxy may have cut a long wait.
fn pause_before(tries: u32) -> Duration {
    match tries {
        0 | 1 => Duration::ZERO,
        tries => Duration::from_millis(250 << (tries - 2).min(6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_asked_again_for_half_a_minute() {
        let pauses: Vec<u128> = (1..=TRIES_MAX)
            .map(|tries| pause_before(tries).as_millis())
            .collect();
        assert_eq!(pauses, [0, 250, 500, 1000, 2000, 4000, 8000, 16_000]);
    }
}
