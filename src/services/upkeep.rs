//! What runs by itself: tokens that expire, rows past their time.
//!
//! Tokens end by monotonic time, rows go by the date that is believed ([`Calendar`](crate::clock::Calendar)). When the
//! date jumps, the rows of tokens are moved with it, so that a restart finds of each what was left of it.

use super::Services;
use crate::database::Ages;
use crate::journal;
use crate::store::{audit, tokens};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Pause between two looks at expired tokens and old rows.
const PAUSE: Duration = Duration::from_secs(60);
/// Rows dropped in one job.
const SLICE: usize = 1000;

impl Services {
    /// Looks after tokens, the audit and retention, for as long as the engine lives.
    pub(crate) async fn look_after(services: Weak<Services>) {
        loop {
            let sleep = {
                let Some(services) = services.upgrade() else {
                    return;
                };
                let now = services.ground.timer.now();
                services.ended(services.grants.sweep(now));
                let next = services
                    .grants
                    .next_end()
                    .map_or(PAUSE, |end| end.saturating_sub(now));
                let next = next.clamp(Duration::from_millis(1), PAUSE);
                services.ground.timer.sleep(next)
            };
            sleep.await;
            let Some(services) = services.upgrade() else {
                return;
            };
            services.drop_old().await;
        }
    }

    async fn drop_old(self: &Arc<Self>) {
        let calendar = self.ground.calendar.clone();
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
        let job = self.ground.entries.job(move |transaction| {
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
            tracing::warn!(%error, "old rows could not be dropped; the next look will do");
        }
    }
}
