//! One administrative change: the right is checked again, then the change, its audit, its events
//! and its revision are written in one transaction; memory follows the commit.

use super::Parts;
use super::follow::Follow;
use super::right::{Need, forbidden};
use crate::database::Failure;
use crate::error::Result;
use crate::model::{Principal, Who};
use crate::services::AsyncResult;
use crate::services::sessions::agent_gone;
use crate::store::agents;
use crate::store::{Effect, Stamp};
use rusqlite::Connection;

/// The result of a change's work, inside its transaction.
pub(super) struct Changed<T> {
    pub(super) value: T,
    /// What follows in the same transaction.
    pub(super) effects: Vec<Effect>,
    /// What follows in memory.
    pub(super) follow: Follow,
}

/// Checks the right of `principal` against what is committed.
fn recheck(connection: &Connection, principal: &Principal, need: &Need) -> Result<(), Failure> {
    principal.check()?;
    let Who::Agent { agent, key, .. } = principal.who() else {
        return Ok(());
    };
    match agents::mode_of(connection, *key)? {
        None => Err(agent_gone().into()),
        Some(mode) if need.is_met_by(mode, agent) => Ok(()),
        Some(_) => Err(forbidden().into()),
    }
}

impl Parts {
    /// Runs `work` in one transaction with its audit and events; then memory follows.
    pub(super) fn change<T: Send + 'static>(
        &self,
        principal: Principal,
        need: Need,
        work: impl FnOnce(&Connection, &Stamp) -> Result<Changed<T>, Failure> + Send + 'static,
    ) -> AsyncResult<T> {
        // Weak: a change that waits in the writer's queue must not keep what the engine lets go of.
        let followers = std::sync::Arc::downgrade(&self.followers);
        let change = self.commits.run(move |transaction| {
            recheck(transaction.connection(), &principal, &need)?;
            let stamp = Stamp {
                who: principal.label(),
                now: transaction.time(),
                revision: transaction.next_revision()?,
            };
            let changed = work(transaction.connection(), &stamp)?;
            let mut ended = Vec::new();
            for effect in changed.effects {
                match effect {
                    Effect::MetaData { agent, key, value } => {
                        transaction.metadata_changed(agent, &key, value.as_deref())?;
                    }
                    Effect::ChannelRemoved {
                        agent,
                        channel,
                        announced,
                    } => transaction.channel_removed(agent, &channel, announced)?,
                    Effect::TokensEnded(digests) => ended.extend(digests),
                }
            }
            let follow = changed.follow;
            transaction.after(move || {
                if let Some(followers) = followers.upgrade() {
                    followers.follow(&ended, follow);
                }
            });
            Ok(changed.value)
        });
        Box::pin(change)
    }
}
