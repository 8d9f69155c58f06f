//! What memory does once a change is committed.

use crate::agents::{Desired, Registry};
use crate::events::{Names, Shares};
use crate::hub::Hub;
use crate::journal::deliveries::DeadRow;
use crate::model::{AgentKey, ChannelId, ReaderName, Throttle, ThrottleId, UserId};
use crate::password::Whose;
use crate::services::Foundation;
use crate::services::access::{Access, Proofs, Tokens};
use crate::services::admission::Admission;
use crate::store::agents::AgentRow;
use crate::token::Digest;
use std::sync::Arc;

/// What memory must know of a committed change.
pub(super) enum Follow {
    Nothing,
    Agent(Desired),
    /// One channel of an agent was put, by the change of that revision.
    Channel(AgentKey, ChannelId, u64),
    ChannelGone(AgentKey, ChannelId, u64),
    ReaderGone(AgentKey, ReaderName),
    /// An event that a shared reader gave up is given again.
    Revived(AgentKey, ReaderName, Box<DeadRow>),
    AgentGone(AgentKey),
    Throttle(Throttle),
    ThrottleGone(ThrottleId),
    /// A user that was changed or deleted.
    User(UserId),
}

/// The parts of memory that follow changes.
pub(in crate::services) struct Followers {
    tokens: Arc<Tokens>,
    pub(super) proofs: Arc<Proofs>,
    pub(super) registry: Arc<Registry>,
    pub(super) names: Arc<Names>,
    shares: Arc<Shares>,
    pub(super) hub: Arc<Hub>,
    admission: Admission,
}

impl Followers {
    pub(in crate::services) fn new(
        foundation: &Foundation,
        access: &Access,
        admission: Admission,
    ) -> Followers {
        Followers {
            tokens: access.token_table().clone(),
            proofs: access.proofs().clone(),
            registry: foundation.registry.clone(),
            names: foundation.names.clone(),
            shares: foundation.shares.clone(),
            hub: foundation.hub.clone(),
            admission,
        }
    }

    /// Ends tokens, then has memory follow the change.
    pub(super) fn follow(&self, ended: &[Digest], follow: Follow) {
        self.tokens.end(ended);
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
                self.hub.nudge(key);
            }
            Follow::Revived(key, name, row) => {
                if let Some(shared) = self.shares.find(key, &name) {
                    shared.open_again(row.seq, row.event);
                }
            }
            Follow::AgentGone(key) => {
                self.tokens.end_agent(key);
                self.admission.forget(key);
                self.names.forget(key);
                self.hub.remove_agent(key);
                self.registry.remove(key);
            }
            Follow::Throttle(throttle) => self.admission.put(throttle),
            Follow::ThrottleGone(id) => self.admission.remove(&id),
            Follow::User(id) => self.proofs.forget(&Whose::User(id)),
        }
    }
}

impl From<&AgentRow> for Desired {
    fn from(row: &AgentRow) -> Desired {
        let channels = row.channels.iter();
        Desired {
            key: row.key,
            id: row.id.clone(),
            address: row.address.clone(),
            mode: row.mode,
            management: row.management,
            revision: row.revision,
            channels: channels
                .map(|channel| (channel.id.clone(), channel.put))
                .collect(),
            most: row.contacts.most(),
            open: row.open.clone(),
        }
    }
}
