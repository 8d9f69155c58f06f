//! How long a client that does not read may keep us waiting: the one rule against clients that read
//! a byte at a time.
//!
//! A client has [`GRANT`] of waiting to spend, and earns a second more with each [`RATE`] bytes,
//! never beyond the grant. A slow line that moves earns as fast as it spends; one that drips is cut
//! off half a minute later. The library has the same rule for bodies that are sent. Rejected: a
//! deadline for each write (a byte every 29 seconds would hold a connection for ever), and one for
//! the whole response (too long for a greeting or too short for a file).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may keep us waiting before it has read anything.
const GRANT: Duration = Duration::from_secs(30);

/// Bytes that earn a second of waiting: slower than any line people use.
const RATE: u32 = 1024;

/// The waiting that one connection has left.
pub(crate) struct Allowance {
    left: Duration,
    /// When this wait began, and its timer.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance {
            left: GRANT,
            waiting: None,
        }
    }
}

impl Allowance {
    /// Called while the client keeps us waiting; ready when it has done so for too long.
    pub(crate) fn poll_spent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.left;
        let (_, sleep) = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + left)))
        });
        sleep.as_mut().poll(cx)
    }

    /// Called when the client has taken `bytes`.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let earned = Duration::from_secs(1) * u32::try_from(bytes).unwrap_or(u32::MAX) / RATE;
        self.left = (self.left + earned).min(GRANT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_earned_never_exceeds_the_grant() {
        let mut allowance = Allowance {
            left: Duration::from_secs(1),
            waiting: None,
        };
        allowance.moved(512);
        assert_eq!(allowance.left, Duration::from_millis(1500));
        allowance.moved(usize::MAX);
        assert_eq!(allowance.left, GRANT);
    }
}
