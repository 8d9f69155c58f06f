//! What runs by itself: tokens expire, and old rows are deleted.
//!
//! Tokens end by monotonic time, rows by the date that is believed
//! ([`Calendar`](crate::clock::Calendar)). When the date jumps, the rows of tokens are moved with
//! it, so that a restart finds for each token the time that it had left.

use super::access::Tokens;
use super::commits::Commits;
use crate::clock::Calendar;
use crate::database::Ages;
use crate::hub::Timer;
use crate::journal;
use crate::store::{audit, tokens};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Pause between two looks at expired tokens and old rows.
const PAUSE: Duration = Duration::from_secs(60);
/// Rows deleted in one job.
const SLICE: usize = 1000;

/// Looks after tokens, the audit and the dates.
pub(super) struct Upkeep {
    pub(super) tokens: Arc<Tokens>,
    pub(super) commits: Commits,
    pub(super) calendar: Arc<Calendar>,
    pub(super) timer: Arc<Timer>,
    /// How long the audit is kept; `None`: for ever.
    pub(super) audit_age: Option<Duration>,
}

impl Upkeep {
    /// Runs as long as somebody else holds `upkeep`.
    pub(super) async fn run(upkeep: Weak<Upkeep>) {
        loop {
            let Some(sleep) = upkeep.upgrade().map(|upkeep| {
                let next = upkeep.tokens.sweep().unwrap_or(PAUSE);
                let next = next.clamp(Duration::from_millis(1), PAUSE);
                upkeep.timer.sleep(next)
            }) else {
                return;
            };
            sleep.await;
            let Some(upkeep) = upkeep.upgrade() else {
                return;
            };
            upkeep.delete_old().await;
        }
    }

    async fn delete_old(&self) {
        let calendar = self.calendar.clone();
        let moved = calendar.moved();
        if let Some(by) = moved {
            tracing::warn!(
                seconds = by / 1000,
                "the clock jumped; nothing is deleted for its age until that has lasted a day"
            );
        }
        let mut dates = calendar.dates();
        dates.ledger += moved.unwrap_or(0);
        let milliseconds = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let now = dates.believed;
        let old = self.audit_age.map(|age| Ages {
            now,
            cutoff: now.saturating_sub(milliseconds(age)),
        });
        // Without a deadline: while the disk hangs, one such job waits in the queue and not one a
        // minute.
        let job = self.commits.queue(move |transaction| {
            let connection = transaction.connection();
            if let Some(by) = moved {
                tokens::move_by(connection, by)?;
            }
            tokens::delete_expired(connection, dates.ledger, SLICE)?;
            journal::dates::note(connection, dates)?;
            if let Some(old) = old {
                audit::delete_old(connection, old, SLICE)?;
            }
            transaction.after(move || calendar.follow(moved.unwrap_or(0)));
            Ok(())
        });
        if let Err(error) = job.await {
            tracing::warn!(%error, "old rows could not be deleted; the next look tries again");
        }
    }
}
