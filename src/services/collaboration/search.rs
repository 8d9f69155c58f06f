//! Search in what was said (§search/criteria), from the engine's own journal.

use super::{ANSWER_BYTES, Collaboration, not_allowed};
use crate::error::Result;
use crate::journal::Search;
use crate::model::{ChannelId, SearchCriteria, SearchSet};
use crate::services::AsyncResult;
use crate::waiting::park;
use std::collections::HashSet;

/// Messages found where no limit is given.
const LIMIT: usize = 100;
/// Messages found at most.
const LIMIT_MAX: usize = 1000;

impl Collaboration {
    /// Messages of the agent's channels that match, in sets by channel, oldest first; sets without hits are left out.
    /// A channel that is inactive is searched too. All that is returned holds 4 MiB at most, the newest. At most two
    /// searches run at a time, one for each agent; a search may take 20 s of real time, waiting included.
    ///
    /// # Errors
    /// `Invalid` above 256 words or 16 KiB of them; `TimedOut` after 20 s; `Busy` above 32 waiting searches of the agent;
    /// `Forbidden` if a listed channel is not provisioned; `AgentInactive`; `Unauthorized`; `Closed`; `Storage`.
    pub fn search(&self, criteria: &SearchCriteria) -> Result<Vec<SearchSet>> {
        park(self.search_async(criteria.clone()))
    }

    /// As [`Collaboration::search`], on any executor.
    pub fn search_async(&self, criteria: SearchCriteria) -> AsyncResult<Vec<SearchSet>> {
        let this = self.clone();
        Box::pin(async move {
            this.check()?;
            let (active, own) = this.cell.look(|state| {
                let own: Vec<ChannelId> = state
                    .life()
                    .channels()
                    .iter()
                    .map(|channel| channel.id.clone())
                    .collect();
                (state.life().is_active(), own)
            });
            {
                let own: HashSet<&ChannelId> = own.iter().collect();
                if let Some(other) = criteria
                    .channels
                    .iter()
                    .find(|channel| !own.contains(channel))
                {
                    return Err(not_allowed(other));
                }
            }
            if !active {
                return Err(this.services.inactive(&this.cell));
            }
            let mut wanted = if criteria.channels.is_empty() {
                own
            } else {
                criteria.channels.clone()
            };
            wanted.sort();
            wanted.dedup();
            let registry = &this.services.registry;
            let places: Vec<_> = wanted
                .iter()
                .filter_map(|channel| registry.place(&this.cell, channel))
                .map(|(_, place)| place)
                .collect();
            let limit = if criteria.limit == 0 {
                LIMIT
            } else {
                criteria.limit.min(LIMIT_MAX)
            };
            let search = Search::new(places, &criteria, limit, ANSWER_BYTES)?;
            let mut sets: Vec<SearchSet> = Vec::new();
            for message in this
                .services
                .ground
                .reads
                .of(this.cell.key)
                .scan(search)
                .await?
            {
                match sets.iter_mut().find(|set| set.channel == message.channel) {
                    Some(set) => set.messages.push(message),
                    None => sets.push(SearchSet::new(message.channel.clone(), vec![message])),
                }
            }
            Ok(sets)
        })
    }
}
