//! The links there are: each has a mailbox and a task, from the first agent that travels on it to
//! the last.

use super::cell::CellLink;
use crate::model::LinkKey;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::JoinHandle;

type Table = HashMap<(usize, LinkKey), (Arc<CellLink>, Option<JoinHandle<()>>)>;

/// The links, by the number of their backend and their key there.
#[derive(Default)]
pub(super) struct Links(Mutex<Table>);

impl Links {
    /// Has `enter` put an agent on the link of that key, which `start` begins if there is none.
    /// `enter` runs under the lock, so that the link's task cannot end between the two.
    pub(super) fn reach(
        &self,
        backend: usize,
        key: LinkKey,
        start: impl FnOnce() -> (Arc<CellLink>, JoinHandle<()>),
        enter: impl FnOnce(&Arc<CellLink>),
    ) {
        let mut links = self.0.lock();
        let (link, _) = links.entry((backend, key)).or_insert_with(|| {
            let (link, task) = start();
            (link, Some(task))
        });
        enter(link);
    }

    /// The task of an empty link asks to end; false if an agent came meanwhile.
    pub(super) fn end(&self, key: &LinkKey, link: &Arc<CellLink>) -> bool {
        let mut links = self.0.lock();
        if !link.end() {
            return false;
        }
        let key = (link.backend(), key.clone());
        if links
            .get(&key)
            .is_some_and(|(there, _)| Arc::ptr_eq(there, link))
        {
            links.remove(&key);
        }
        true
    }

    /// Whether every link was tried at least once.
    pub(super) fn all_tried(&self) -> bool {
        self.0.lock().values().all(|(link, _)| link.was_tried())
    }

    /// Has every link sign its agents out and end; returns the tasks to wait for.
    pub(super) fn stop(&self) -> Vec<JoinHandle<()>> {
        let mut links = self.0.lock();
        let ended = links.values_mut().filter_map(|(link, task)| {
            link.tell(|mail| mail.stop = true);
            task.take()
        });
        ended.collect()
    }
}
