//! Answers that a connector waits for.
//!
//! Most protocols answer a request later and name it by something they repeat: a number, an id.
//! Each connector needs the same table for that, with a deadline and an end for all when the
//! connection is lost.

use super::error::BackendError;
use super::inbox::Inbox;
use super::traits::{Reply, reply};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

type Outcome = Result<(), BackendError>;

/// The requests of a connection that wait for their answers, by what names them.
///
/// ```
/// use std::time::Duration;
/// use switchboard::backend::{Answers, Inbox, Reply};
///
/// /// Sends a request with a number, to which the server will answer `ok NUMBER`.
/// fn ask(number: u64, answers: &Answers<u64>, inbox: &Inbox) -> Reply<()> {
///     // ... send it here
///     answers.expect(number, (), Duration::from_secs(30), inbox)
/// }
///
/// fn hears_ok(number: u64, answers: &Answers<u64>) {
///     answers.give(&number, Ok(()));
/// }
/// ```
pub struct Answers<K: Eq + Hash>(Arc<Mutex<Table<K>>>);

struct Table<K> {
    next: u64,
    waiting: HashMap<K, (u64, oneshot::Sender<Outcome>)>,
}

impl<K: Eq + Hash> Default for Answers<K> {
    fn default() -> Answers<K> {
        Answers(Arc::new(Mutex::new(Table {
            next: 0,
            waiting: HashMap::new(),
        })))
    }
}

impl<K: Eq + Hash + Clone + Send + 'static> Answers<K> {
    /// Waits for the answer to the request `key`, for at most that much of the engine's time, and
    /// returns `value` if it is a success. Without an answer the outcome is unknown
    /// ([`OutcomeUnknown`](super::BackendErrorKind::OutcomeUnknown)). A later request of the same
    /// key takes the place of this one.
    pub fn expect<T: Send + 'static>(
        &self,
        key: K,
        value: T,
        most: Duration,
        inbox: &Inbox,
    ) -> Reply<T> {
        let (done, answer) = oneshot::channel();
        let mut table = self.0.lock();
        table.next += 1;
        let number = table.next;
        let replaced = table.waiting.insert(key.clone(), (number, done));
        drop(table);
        drop(replaced);
        let place = Place {
            table: self.0.clone(),
            key,
            number,
        };
        let inbox = inbox.clone();
        reply(async move {
            let answer = inbox.within(most, answer).await;
            drop(place);
            match answer {
                Some(Ok(outcome)) => outcome.map(|()| value),
                _ => Err(BackendError::unknown("the chat system did not answer")),
            }
        })
    }

    /// Answers the request `key`. Returns whether something waits for it.
    pub fn give(&self, key: &K, outcome: Result<(), BackendError>) -> bool {
        let waiting = self.0.lock().waiting.remove(key);
        waiting.is_some_and(|(_, done)| done.send(outcome).is_ok())
    }

    /// Ends all that wait, because the connection is lost: their outcome is unknown.
    pub fn clear(&self) {
        let waiting = std::mem::take(&mut self.0.lock().waiting);
        drop(waiting);
    }
}

impl<K: Eq + Hash> fmt::Debug for Answers<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answers({} waiting)", self.0.lock().waiting.len())
    }
}

/// A request in the table. It is taken out when nobody waits for it any more.
struct Place<K: Eq + Hash> {
    table: Arc<Mutex<Table<K>>>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        let is_ours = |(number, _): &(u64, _)| *number == self.number;
        if table.waiting.get(&self.key).is_some_and(is_ours) {
            table.waiting.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::BackendErrorKind;
    use crate::backend::recorder::Recorder;
    use crate::waiting::park_until;
    use std::time::Instant;

    const SOON: Duration = Duration::from_secs(5);

    fn wait(reply: Reply<&'static str>) -> Result<&'static str, BackendErrorKind> {
        let answered = park_until(async { Ok(reply.await) }, Instant::now() + SOON);
        answered.unwrap().map_err(|error| error.kind)
    }

    #[test]
    fn each_request_gets_its_own_answer_and_one_without_ends_at_its_deadline() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let (answers, inbox) = (Answers::<u32>::default(), Recorder::new().inbox());
        let expect = |key| answers.expect(key, "done", SOON, &inbox);
        let unknown = Err(BackendErrorKind::OutcomeUnknown);
        let (one, two, replaced, last) = (expect(1), expect(2), expect(3), expect(3));
        assert!(answers.give(&2, Err(BackendError::refused("no"))));
        assert!(answers.give(&1, Ok(())) && answers.give(&3, Ok(())));
        assert!(!answers.give(&1, Ok(())), "it is answered already");
        assert_eq!(wait(one), Ok("done"));
        assert_eq!(wait(two), Err(BackendErrorKind::Refused));
        assert_eq!(wait(replaced), unknown);
        assert_eq!(wait(last), Ok("done"));

        let lost = expect(4);
        answers.clear();
        assert_eq!(wait(lost), unknown);
        drop(expect(5));
        let silent = answers.expect(6, "done", Duration::from_millis(1), &inbox);
        assert_eq!(wait(silent), unknown);
        assert_eq!(format!("{answers:?}"), "Answers(0 waiting)");
    }
}
