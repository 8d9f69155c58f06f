//! One administrative change: re-check the right, change, audit, events, revision, in one transaction; then memory.

use super::{AsyncResult, Services};
use crate::agents::Desired;
use crate::database::Failure;
use crate::error::{Error, Result};
use crate::model::{
    AgentId, AgentKey, ChannelId, Principal, ProvisioningMode, ReaderName, Throttle, ThrottleId,
    UserId, Who,
};
use crate::password::Whose;
use crate::store::agents::{self, AgentRow};
use crate::store::{Effect, Stamp};
use rusqlite::Connection;
use std::sync::Arc;

/// What a caller must be allowed to do.
#[derive(Debug, Clone)]
pub(super) enum Need {
    /// Anything (mode System, §provisioning/modes).
    System,
    /// Its own channels and metadata, at least (Self).
    Own(AgentId),
}

/// What a change comes to.
pub(super) struct Changed<T> {
    pub(super) value: T,
    /// What follows in the same transaction.
    pub(super) effects: Vec<Effect>,
    /// What follows in memory.
    pub(super) follow: Follow,
}

/// What memory must know once a change is committed.
pub(super) enum Follow {
    Nothing,
    Agent(Desired),
    /// One channel of an agent was put, by the change of that revision.
    Channel(AgentKey, ChannelId, u64),
    ChannelGone(AgentKey, ChannelId, u64),
    ReaderGone(AgentKey, ReaderName),
    AgentGone(AgentKey),
    Throttle(Throttle),
    ThrottleGone(ThrottleId),
    /// A user that was changed or deleted.
    User(UserId),
}

impl From<&AgentRow> for Desired {
    fn from(row: &AgentRow) -> Desired {
        Desired {
            key: row.key,
            id: row.id.clone(),
            address: row.address.clone(),
            mode: row.mode,
            management: row.management,
            revision: row.revision,
            channels: row
                .channels
                .iter()
                .map(|channel| (channel.id.clone(), channel.put))
                .collect(),
        }
    }
}

/// Whether a mode is enough for what is needed.
pub(super) fn is_enough(mode: ProvisioningMode, agent: &AgentId, need: &Need) -> bool {
    match (mode, need) {
        (ProvisioningMode::System, _) => true,
        (ProvisioningMode::Own, Need::Own(own)) => own == agent,
        _ => false,
    }
}

pub(super) fn forbidden() -> Error {
    Error::Forbidden("this agent may not provision that".into())
}

/// Checks the right of `principal` by what is committed.
fn recheck(connection: &Connection, principal: &Principal, need: &Need) -> Result<(), Failure> {
    if principal.has_ended() {
        return Err(Error::Unauthorized("the token has ended".into()).into());
    }
    let Who::Agent { agent, key, .. } = principal.who() else {
        return Ok(());
    };
    match agents::mode_of(connection, *key)? {
        None => Err(Error::Unauthorized("the token's agent is gone".into()).into()),
        Some(mode) if is_enough(mode, agent, need) => Ok(()),
        Some(_) => Err(forbidden().into()),
    }
}

impl Services {
    /// Runs `work` in one transaction with its audit and events, then lets memory follow.
    pub(super) fn change<T: Send + 'static>(
        self: &Arc<Self>,
        principal: Principal,
        need: Need,
        work: impl FnOnce(&Connection, &Stamp) -> Result<Changed<T>, Failure> + Send + 'static,
    ) -> AsyncResult<T> {
        let services = Arc::downgrade(self);
        let job = self.ground.entries.job(move |transaction| {
            recheck(transaction.connection(), &principal, &need)?;
            let stamp = Stamp {
                who: principal.label(),
                now: transaction.time(),
                revision: transaction.next_revision()?,
            };
            let Changed {
                value,
                effects,
                follow,
            } = work(transaction.connection(), &stamp)?;
            let mut ended = Vec::new();
            for effect in effects {
                match effect {
                    Effect::MetaData { agent, key, value } => {
                        transaction.metadata_changed(agent, &key, value.as_deref())?;
                    }
                    Effect::ChannelRemoved {
                        agent,
                        channel,
                        announced,
                    } => {
                        transaction.channel_removed(agent, &channel, announced)?;
                    }
                    Effect::TokensEnded(digests) => ended.extend(digests),
                }
            }
            transaction.after(move || {
                if let Some(services) = services.upgrade() {
                    services.ended(services.grants.end(&ended));
                    services.follow(follow);
                }
            });
            Ok(value)
        });
        Box::pin(self.ground.committed(job))
    }

    fn follow(&self, follow: Follow) {
        match follow {
            Follow::Nothing => {}
            Follow::Agent(desired) => self.registry.apply(desired, true),
            Follow::Channel(key, channel, revision) => {
                self.registry.put_channel(key, &channel, revision)
            }
            Follow::ChannelGone(key, channel, revision) => {
                self.registry.remove_channel(key, &channel, revision)
            }
            Follow::ReaderGone(key, name) => {
                self.names.forget_name(key, &name);
                self.ground.hub.nudge(key);
            }
            Follow::AgentGone(key) => {
                self.ended(self.grants.end_agent(key));
                self.throttles.lock().forget(key);
                self.names.forget(key);
                self.ground.hub.remove_agent(key);
                self.registry.remove(key);
            }
            Follow::Throttle(throttle) => self.throttles.lock().put(throttle),
            Follow::ThrottleGone(id) => {
                self.throttles.lock().remove(&id);
            }
            Follow::User(id) => self.recent.lock().forget(&Whose::User(id)),
        }
    }
}
