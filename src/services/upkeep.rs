//! What runs by itself: tokens that expire, rows past their time.

use super::Services;
use crate::database::storage;
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
                let Some(services) = services.upgrade() else { return };
                let now = services.now_ms();
                services.ended(services.grants.sweep(now));
                let next = services.grants.next_end().map_or(PAUSE, |end| {
                    Duration::from_millis(u64::try_from(end - now).unwrap_or(0)).min(PAUSE).max(Duration::from_millis(1))
                });
                services.ground.timer.sleep(next)
            };
            sleep.await;
            let Some(services) = services.upgrade() else { return };
            services.drop_old().await;
        }
    }

    async fn drop_old(self: &Arc<Self>) {
        let now = self.now_ms();
        let oldest = self.audit_age.map(|age| now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
        let job = self.ground.writer.job(self.ground.activity.busy(), move |journal, transaction| {
            tokens::delete_expired(transaction, now, SLICE).map_err(storage)?;
            if let Some(oldest) = oldest {
                audit::delete_before(transaction, oldest, SLICE).map_err(storage)?;
            }
            Ok(((), journal.begin(), Box::new(|| {})))
        });
        if let Err(error) = job.await {
            tracing::warn!(%error, "old rows could not be dropped; the next look will do");
        }
    }
}
