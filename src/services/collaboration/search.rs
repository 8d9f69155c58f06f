//! Search in what was said (reference 3.7), from the engine's own journal.

use super::{Collaboration, not_allowed};
use crate::agents::Phase;
use crate::database::storage;
use crate::error::Result;
use crate::journal;
use crate::model::{ChannelId, SearchCriteria, SearchSet};
use crate::services::Waiting;
use crate::waiting::park;

/// Messages found where no limit is given.
const LIMIT: usize = 100;
/// Messages found at most.
const LIMIT_MAX: usize = 1000;

impl Collaboration {
    /// Messages of the agent's channels that match, in sets by channel, oldest first; sets without hits are left out.
    /// A channel that is inactive is searched too.
    ///
    /// # Errors
    /// `Forbidden` if a listed channel is not provisioned; `AgentInactive`; `Unauthorized`; `Closed`; `Storage`.
    pub fn search(&self, criteria: &SearchCriteria) -> Result<Vec<SearchSet>> {
        park(self.search_async(criteria.clone()))
    }

    /// As [`Collaboration::search`], on any executor.
    pub fn search_async(&self, criteria: SearchCriteria) -> Waiting<Vec<SearchSet>> {
        let this = self.clone();
        Box::pin(async move {
            this.check()?;
            let (active, own) = this.cell.look(|state| {
                let own: Vec<ChannelId> = state.channels.iter().map(|channel| channel.id.clone()).collect();
                (state.phase == Phase::In, own)
            });
            if let Some(other) = criteria.channels.iter().find(|channel| !own.contains(channel)) {
                return Err(not_allowed(other));
            }
            if !active {
                return Err(this.services.inactive(&this.cell));
            }
            let mut wanted = if criteria.channels.is_empty() { own } else { criteria.channels.clone() };
            wanted.sort();
            wanted.dedup();
            let registry = &this.services.registry;
            let places: Vec<_> =
                wanted.iter().filter_map(|channel| registry.place(&this.cell, channel)).map(|(_, place)| place).collect();
            let limit = if criteria.limit == 0 { LIMIT } else { criteria.limit.min(LIMIT_MAX) };
            let read = this
                .services
                .ground
                .readers
                .read(move |connection| journal::search(connection, &places, &criteria, limit).map_err(storage));
            let mut sets: Vec<SearchSet> = Vec::new();
            for (_, message) in read.await? {
                match sets.iter_mut().find(|set| set.channel == message.channel) {
                    Some(set) => set.messages.push(message),
                    None => sets.push(SearchSet::new(message.channel.clone(), vec![message])),
                }
            }
            Ok(sets)
        })
    }
}
