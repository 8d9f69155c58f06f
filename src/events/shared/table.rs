//! The shared readers that are open: whoever opens one of them again, on the same terms, draws from
//! the same.

use super::Shared;
use crate::model::{AgentKey, EventQuery, ReaderName};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// A reader, and what it was opened for.
struct Open {
    shared: Weak<Shared>,
    query: EventQuery,
}

/// The open shared readers of one engine.
#[derive(Default)]
pub(crate) struct Shares {
    open: Mutex<HashMap<(AgentKey, ReaderName), Open>>,
    /// Held while one is opened, so that two who open the same do not supersede each other.
    pub(crate) opening: tokio::sync::Mutex<()>,
}

impl Shares {
    /// The open reader of that name.
    pub(crate) fn find(&self, agent: AgentKey, name: &ReaderName) -> Option<Arc<Shared>> {
        let open = self.open.lock();
        open.get(&(agent, name.clone()))?.shared.upgrade()
    }

    /// The open reader of that name, if it was opened for that query.
    pub(crate) fn find_for(
        &self,
        agent: AgentKey,
        name: &ReaderName,
        query: &EventQuery,
    ) -> Option<Arc<Shared>> {
        let open = self.open.lock();
        let there = open.get(&(agent, name.clone()))?;
        (there.query == *query).then(|| there.shared.upgrade())?
    }

    /// Notes an open reader, and forgets those that are no longer.
    pub(crate) fn note(
        &self,
        agent: AgentKey,
        name: ReaderName,
        query: EventQuery,
        shared: &Arc<Shared>,
    ) {
        let mut open = self.open.lock();
        open.retain(|_, open| open.shared.strong_count() > 0);
        let shared = Arc::downgrade(shared);
        open.insert((agent, name), Open { shared, query });
    }
}
