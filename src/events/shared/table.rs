//! The shared readers that are open: whoever opens one of them again, on the same terms, draws from
//! the same.

use super::Shared;
use crate::model::{AgentKey, ReaderName};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The open shared readers of one engine.
#[derive(Default)]
pub(crate) struct Shares {
    open: Mutex<HashMap<(AgentKey, ReaderName), Weak<Shared>>>,
    /// Held while one is opened, so that two who open the same do not supersede each other.
    pub(crate) opening: tokio::sync::Mutex<()>,
}

impl Shares {
    /// The open reader of that name.
    pub(crate) fn find(&self, agent: AgentKey, name: &ReaderName) -> Option<Arc<Shared>> {
        let open = self.open.lock();
        open.get(&(agent, name.clone()))?.upgrade()
    }

    /// Notes an open reader, and forgets those that are no longer.
    pub(crate) fn note(&self, agent: AgentKey, name: ReaderName, shared: &Arc<Shared>) {
        let mut open = self.open.lock();
        open.retain(|_, shared| shared.strong_count() > 0);
        open.insert((agent, name), Arc::downgrade(shared));
    }
}
