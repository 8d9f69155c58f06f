//! How far cursors above the newest id were served (§events/last-event).
//!
//! Clients that keep `max(last, EventId)` and send no instance ask above our newest id after a move
//! from another server or to another database, and go on asking with the same number. If each
//! request began with the window, each would be given the same events again at once: one message
//! came 105,562 times. So the engine remembers such a cursor, and how far it was served, until the
//! newest id has passed it. What it remembers moves when an answer has been written: the answer of a
//! connection that broke is given again.
//!
//! Rejected: counting such a cursor as the newest id (a client that came after the event would miss
//! the window), and 410 (these clients do not know it).

use crate::model::{AgentKey, EventId, EventQuery, ReaderName, Seq};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Cursors remembered for one user of an agent; the oldest goes.
const CURSORS: usize = 8;
/// Users remembered; the one who asked longest ago goes.
const USERS: usize = 4096;

/// Who asked, above the newest id, for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HighCursor {
    pub(super) agent: AgentKey,
    /// The label of the principal.
    user: String,
    pub(super) cursor: EventId,
    /// A digest of the filters, and of the reader's name if there is one.
    asked: u64,
    /// Whether events of earlier instances are left out: they are not for a named reader.
    pub(super) of_instance: bool,
}

impl HighCursor {
    pub(crate) fn new(
        agent: AgentKey,
        user: String,
        cursor: EventId,
        query: &EventQuery,
        reader: Option<&ReaderName>,
    ) -> HighCursor {
        let mut hasher = DefaultHasher::new();
        query.hash(&mut hasher);
        reader.map(ReaderName::as_str).hash(&mut hasher);
        HighCursor {
            agent,
            user,
            cursor,
            asked: hasher.finish(),
            of_instance: reader.is_none(),
        }
    }
}

/// How far one cursor was served.
struct Mark {
    cursor: EventId,
    asked: u64,
    through: Seq,
    /// Answers that are being written.
    writing: usize,
}

/// The cursors of one user, oldest first.
#[derive(Default)]
struct User {
    marks: Vec<Mark>,
    /// When the user asked last, counted in requests.
    asked: u64,
}

/// The cursors above the newest id that were served.
#[derive(Default)]
pub(crate) struct Above {
    users: Mutex<HashMap<(AgentKey, String), User>>,
    /// How many users there are: requests look at the map only if there is one.
    count: AtomicUsize,
    requests: AtomicUsize,
    /// Tells whoever waits that an answer was written, or that its connection broke.
    written: Notify,
}

/// Where a request with a high cursor begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    After(Seq),
    /// An earlier answer is still being written, so nobody knows yet.
    Unknown,
}

impl Above {
    /// Whether no cursor is remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Ready when an answer was written after this call.
    pub(super) fn written(&self) -> Notified<'_> {
        self.written.notified()
    }

    /// Where a request begins. `passed` is the cursor's own seq if the newest id has passed it;
    /// `fresh` is where a cursor begins that was not seen before. A patient request waits for
    /// answers that are being written.
    pub(super) fn begin(
        &self,
        high: &HighCursor,
        passed: Option<Seq>,
        fresh: Seq,
        patient: bool,
    ) -> Beginning {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) as u64;
        let mut users = self.users.lock();
        let key = (high.agent, high.user.clone());
        if !users.contains_key(&key) {
            if let Some(seq) = passed {
                return Beginning::After(seq);
            }
            if users.len() >= USERS {
                forget_oldest(&mut users);
            }
        }
        let user = users.entry(key.clone()).or_default();
        user.asked = number;
        let found = user.find(high);
        let beginning = match (found, passed) {
            (Some(at), _) if patient && user.marks[at].writing > 0 => Beginning::Unknown,
            (Some(at), Some(seq)) if user.marks[at].through >= seq => {
                Beginning::After(user.marks.remove(at).through)
            }
            (Some(at), _) => Beginning::After(user.marks[at].through),
            (None, Some(seq)) => Beginning::After(seq),
            (None, None) => {
                if user.marks.len() >= CURSORS {
                    user.marks.remove(0);
                }
                user.marks.push(Mark {
                    cursor: high.cursor,
                    asked: high.asked,
                    through: fresh,
                    writing: 0,
                });
                Beginning::After(fresh)
            }
        };
        if user.marks.is_empty() {
            users.remove(&key);
        }
        self.count.store(users.len(), Ordering::Release);
        beginning
    }

    /// A receipt for an answer that goes up to `through`.
    pub(super) fn receipt(self: &Arc<Self>, high: &HighCursor, through: Seq) -> Receipt {
        self.change(high, |mark| mark.writing += 1);
        Receipt {
            above: self.clone(),
            high: high.clone(),
            through: Some(through),
        }
    }

    fn change(&self, high: &HighCursor, change: impl FnOnce(&mut Mark)) {
        let mut users = self.users.lock();
        let user = users.get_mut(&(high.agent, high.user.clone()));
        if let Some((user, at)) = user.and_then(|user| user.find(high).map(|at| (user, at))) {
            change(&mut user.marks[at]);
        }
    }
}

impl User {
    fn find(&self, high: &HighCursor) -> Option<usize> {
        self.marks
            .iter()
            .position(|mark| (mark.cursor, mark.asked) == (high.cursor, high.asked))
    }
}

fn forget_oldest(users: &mut HashMap<(AgentKey, String), User>) {
    let oldest = users.iter().min_by_key(|(_, user)| user.asked);
    if let Some(key) = oldest.map(|(key, _)| key.clone()) {
        users.remove(&key);
    }
}

/// An answer to a high cursor. If it is dropped before it was confirmed, the answer is given again.
pub(crate) struct Receipt {
    above: Arc<Above>,
    high: HighCursor,
    /// How far the answer goes; taken when it is confirmed.
    through: Option<Seq>,
}

impl Receipt {
    /// The answer was written.
    pub(crate) fn confirm(mut self) {
        if let Some(through) = self.through.take() {
            self.end(Some(through));
        }
    }

    fn end(&self, through: Option<Seq>) {
        self.above.change(&self.high, |mark| {
            mark.writing = mark.writing.saturating_sub(1);
            mark.through = mark.through.max(through.unwrap_or(mark.through));
        });
        self.above.written.notify_waiters();
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if self.through.take().is_some() {
            self.end(None);
        }
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt")
            .field("high", &self.high)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn high(user: &str, cursor: i64) -> HighCursor {
        let query = EventQuery::all();
        HighCursor::new(AgentKey(1), user.to_owned(), EventId(cursor), &query, None)
    }

    fn begins(above: &Above, high: &HighCursor, passed: Option<Seq>, fresh: Seq) -> Seq {
        match above.begin(high, passed, fresh, true) {
            Beginning::After(seq) => seq,
            Beginning::Unknown => panic!("an answer is being written"),
        }
    }

    #[test]
    fn what_was_written_is_not_given_again_and_what_was_not_is() {
        let (above, lene) = (Arc::new(Above::default()), high("lene", 5000));
        assert_eq!(begins(&above, &lene, None, 10), 10);
        let receipt = above.receipt(&lene, 20);
        assert_eq!(above.begin(&lene, None, 10, true), Beginning::Unknown);
        assert_eq!(above.begin(&lene, None, 10, false), Beginning::After(10));
        drop(receipt);
        assert_eq!(begins(&above, &lene, None, 99), 10, "its connection broke");
        above.receipt(&lene, 20).confirm();
        assert_eq!(begins(&above, &lene, None, 99), 20);
        let others = [high("per", 5000), high("lene", 5001)];
        for other in &others {
            assert_eq!(begins(&above, other, None, 30), 30, "{other:?}");
        }
        let mut filtered = lene.clone();
        filtered.asked += 1;
        assert_eq!(begins(&above, &filtered, None, 40), 40);
    }

    #[test]
    fn a_cursor_that_the_newest_id_passed_is_served_to_its_end_and_forgotten() {
        let (above, lene) = (Arc::new(Above::default()), high("lene", 50));
        assert_eq!(begins(&above, &lene, Some(150), 10), 150, "not a high one");
        assert!(above.is_empty());
        assert_eq!(begins(&above, &lene, None, 120), 120);
        assert_eq!(begins(&above, &lene, Some(150), 0), 120, "the rest first");
        above.receipt(&lene, 160).confirm();
        assert_eq!(begins(&above, &lene, Some(150), 0), 160);
        assert!(above.is_empty(), "and forgotten");
        assert_eq!(begins(&above, &lene, Some(150), 0), 150);
    }

    #[test]
    fn eight_cursors_of_a_user_and_4096_users_are_remembered() {
        let above = Arc::new(Above::default());
        for cursor in 0..9 {
            begins(&above, &high("lene", 100 + cursor), None, 1);
        }
        assert_eq!(begins(&above, &high("lene", 101), None, 2), 1);
        assert_eq!(begins(&above, &high("lene", 100), None, 2), 2, "forgotten");
        for user in 0..USERS {
            begins(&above, &high(&format!("user {user}"), 1), None, 1);
        }
        assert_eq!(above.users.lock().len(), USERS);
        assert_eq!(begins(&above, &high("lene", 102), None, 3), 3);
    }
}
