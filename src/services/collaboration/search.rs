//! Search in messages (§search/criteria), in the engine's own journal.

use super::channels::not_allowed;
use super::{Collaboration, MESSAGES_BYTES};
use crate::error::Result;
use crate::journal::Search;
use crate::model::{ChannelId, Message, SearchCriteria, SearchSet};
use crate::services::AsyncResult;
use crate::waiting::park;
use std::collections::HashSet;

/// Messages that a search returns if no limit is given.
const LIMIT: usize = 100;
/// Messages that a search returns at most.
const LIMIT_MAX: usize = 1000;

impl Collaboration {
    /// The messages of the agent's channels that match, oldest first, in a set for each channel
    /// with hits. Inactive channels are searched too. A search returns 4 MiB at most, the newest
    /// messages. At most two searches run at a time, one for each agent. A search may take 20 s of
    /// real time, waiting included.
    ///
    /// # Errors
    /// `Invalid` above 256 words or 16 KiB of them; `TimedOut` after 20 s;
    /// `Busy` above 32 waiting searches of the agent; `Forbidden` if a listed channel is not
    /// provisioned; `AgentInactive`; `Unauthorized`; `Closed`; `Storage`.
    pub fn search(&self, criteria: &SearchCriteria) -> Result<Vec<SearchSet>> {
        park(self.search_async(criteria.clone()))
    }

    /// As [`Collaboration::search`], on any executor.
    pub fn search_async(&self, criteria: SearchCriteria) -> AsyncResult<Vec<SearchSet>> {
        let this = self.clone();
        Box::pin(async move {
            let (active, own) = this.look(|state| {
                let own = state.life().channels().iter();
                let own = own.map(|channel| channel.id.clone());
                (state.life().is_active(), own.collect::<Vec<ChannelId>>())
            })?;
            let wanted = wanted(&criteria, own)?;
            if !active {
                return Err(this.parts.sessions.inactive(&this.cell));
            }
            let registry = &this.parts.registry;
            let conversations: Vec<_> = wanted
                .iter()
                .filter_map(|channel| registry.place(&this.cell, channel))
                .map(|(_, conversation)| conversation)
                .collect();
            let limit = match criteria.limit {
                0 => LIMIT,
                limit => limit.min(LIMIT_MAX),
            };
            let search = Search::new(conversations, &criteria, limit, MESSAGES_BYTES)?;
            let reads = this.parts.reads.of(this.cell.key);
            Ok(sets_of(this.in_time(reads.scan(search)).await?))
        })
    }
}

/// The channels to be searched, each once: those listed, else all of the agent's `own`.
fn wanted(criteria: &SearchCriteria, own: Vec<ChannelId>) -> Result<Vec<ChannelId>> {
    let listed = &criteria.channels;
    let known: HashSet<&ChannelId> = own.iter().collect();
    if let Some(other) = listed.iter().find(|channel| !known.contains(channel)) {
        return Err(not_allowed(other));
    }
    let mut wanted = match listed.is_empty() {
        true => own,
        false => listed.clone(),
    };
    wanted.sort();
    wanted.dedup();
    Ok(wanted)
}

fn sets_of(messages: Vec<Message>) -> Vec<SearchSet> {
    let mut sets: Vec<SearchSet> = Vec::new();
    for message in messages {
        match sets.iter_mut().find(|set| set.channel == message.channel) {
            Some(set) => set.messages.push(message),
            None => sets.push(SearchSet::new(message.channel.clone(), vec![message])),
        }
    }
    sets
}
