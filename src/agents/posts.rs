//! The posts under way, by origin: who waits for the row, and what is known if it never comes.
//!
//! One sleeper waits for the earliest deadline, not a timer each. Deadlines mostly come in the order of their time, but
//! a post that waited for its channel is armed late with an early one.

use crate::database::Reserved;
use crate::error::{Error, Result};
use crate::journal::NewRow;
use crate::model::{OriginId, Record};
use crate::waiting::{Pending, Promise, pending};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

type Answer = Result<Arc<Record>>;

struct Posted {
    waiting: Vec<Promise<Answer>>,
    posted_by: Option<String>,
    transfer: bool,
    /// The row that the chat system's answer would make, should the echo not come.
    accepted: Option<Box<NewRow>>,
    ticket: Option<Ticket>,
    _reserved: Option<Reserved>,
}

/// A deadline, and a number that tells equal ones apart.
type Ticket = (Duration, u64);

#[derive(Default)]
struct Book {
    posts: HashMap<OriginId, Posted>,
    due: BTreeMap<Ticket, OriginId>,
    next: u64,
    /// Until when the sleeper sleeps.
    sleeping: Option<Duration>,
}

/// The posts under way.
#[derive(Default)]
pub(crate) struct PostBook {
    book: Mutex<Book>,
    pub(super) sooner: Notify,
}

/// How a post begins.
pub(crate) enum Begun {
    /// It is to be sent.
    New(Pending<Answer>),
    /// The same key is under way already: its answer is this one's.
    UnderWay(Pending<Answer>),
}

/// A post whose deadline passed.
pub(super) enum Overdue {
    /// The chat system has it: its answer makes the row.
    Accepted(Box<NewRow>),
    /// Nobody knows.
    Unknown,
}

impl PostBook {
    /// Notes that `origin` is about to be sent; the room it holds is given back with its answer.
    pub(crate) fn begin(
        &self,
        origin: &OriginId,
        posted_by: Option<String>,
        transfer: bool,
        reserved: Option<Reserved>,
    ) -> Begun {
        let (promise, pending) = pending();
        let mut book = self.book.lock();
        if let Some(posted) = book.posts.get_mut(origin) {
            posted.waiting.push(promise);
            return Begun::UnderWay(pending);
        }
        let posted = Posted { waiting: vec![promise], posted_by, transfer, accepted: None, ticket: None, _reserved: reserved };
        book.posts.insert(origin.clone(), posted);
        Begun::New(pending)
    }

    /// Sets the deadline of `origin`.
    pub(crate) fn arm(&self, origin: &OriginId, due: Duration) {
        let mut book = self.book.lock();
        let ticket = (due, book.next);
        let Some(posted) = book.posts.get_mut(origin) else { return };
        posted.ticket = Some(ticket);
        book.next += 1;
        book.due.insert(ticket, origin.clone());
        let sooner = book.sleeping.is_none_or(|until| due < until);
        if sooner {
            book.sleeping = Some(due);
        }
        drop(book);
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// Who posted `origin`, and whether it is a transfer, if it is under way.
    pub(crate) fn posted_by(&self, origin: &OriginId) -> Option<(Option<String>, bool)> {
        self.book.lock().posts.get(origin).map(|posted| (posted.posted_by.clone(), posted.transfer))
    }

    /// The chat system has it; `row` is made should no echo come by the deadline.
    pub(crate) fn accepted(&self, origin: &OriginId, row: Box<NewRow>) {
        if let Some(posted) = self.book.lock().posts.get_mut(origin) {
            posted.accepted = Some(row);
        }
    }

    /// Its row is committed.
    pub(crate) fn complete(&self, origin: &OriginId, record: &Arc<Record>) {
        self.answer(origin, || Ok(record.clone()));
    }

    /// It failed.
    pub(crate) fn fail(&self, origin: &OriginId, error: &Error) {
        self.answer(origin, || Err(error.clone()));
    }

    fn answer(&self, origin: &OriginId, answer: impl Fn() -> Answer) {
        let mut book = self.book.lock();
        let Some(posted) = book.posts.remove(origin) else { return };
        if let Some(ticket) = posted.ticket {
            book.due.remove(&ticket);
        }
        drop(book);
        for promise in posted.waiting {
            promise.fulfil(answer());
        }
    }

    /// When the sleeper is to look again; `None`: when something is armed.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let mut book = self.book.lock();
        book.sleeping = book.due.keys().next().map(|(due, _)| *due);
        book.sleeping
    }

    /// Takes out what is overdue. Those accepted stay until their row is committed.
    pub(super) fn overdue(&self, now: Duration) -> Vec<(OriginId, Overdue)> {
        let mut book = self.book.lock();
        let mut found = Vec::new();
        while let Some(entry) = book.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let origin = entry.remove();
            let what = match book.posts.get_mut(&origin).and_then(|posted| posted.accepted.take()) {
                Some(row) => Overdue::Accepted(row),
                None => Overdue::Unknown,
            };
            found.push((origin, what));
        }
        found
    }

    /// The engine is gone: whoever still waits is told that nobody knows.
    pub(crate) fn give_up(&self) {
        let mut book = self.book.lock();
        let posts = std::mem::take(&mut book.posts);
        book.due.clear();
        drop(book);
        for promise in posts.into_values().flat_map(|posted| posted.waiting) {
            promise.fulfil(Err(Error::OutcomeUnknown("the engine was shut down meanwhile".into())));
        }
    }

    /// Posts under way.
    pub(crate) fn len(&self) -> usize {
        self.book.lock().posts.len()
    }
}
