//! The posts under way, by origin: who waits for the row, and what is known if it never comes.
//!
//! All deadlines are equal, so they are a queue with one sleeper in front of it, not a timer each.

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
    ticket: Option<u64>,
    _reserved: Option<Reserved>,
}

#[derive(Default)]
struct Book {
    posts: HashMap<OriginId, Posted>,
    due: BTreeMap<u64, (Duration, OriginId)>,
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

impl Book {
    fn remove(&mut self, origin: &OriginId) -> Option<Posted> {
        let posted = self.posts.remove(origin)?;
        if let Some(ticket) = posted.ticket {
            self.due.remove(&ticket);
        }
        Some(posted)
    }
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

    /// Sets the deadline of `origin`; later calls come with later deadlines.
    pub(crate) fn arm(&self, origin: &OriginId, due: Duration) {
        let mut book = self.book.lock();
        let ticket = book.next;
        let Some(posted) = book.posts.get_mut(origin) else { return };
        posted.ticket = Some(ticket);
        book.next += 1;
        book.due.insert(ticket, (due, origin.clone()));
        let awake = book.sleeping.is_none();
        if awake {
            book.sleeping = Some(due);
        }
        drop(book);
        if awake {
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

    /// Their rows are committed: taken out under one lock, answered under none.
    pub(crate) fn complete_all(&self, rows: &[(OriginId, Arc<Record>)]) {
        if rows.is_empty() {
            return;
        }
        let mut book = self.book.lock();
        let posted: Vec<Option<Posted>> = rows.iter().map(|(origin, _)| book.remove(origin)).collect();
        drop(book);
        for (posted, (_, record)) in posted.into_iter().zip(rows) {
            for promise in posted.into_iter().flat_map(|posted| posted.waiting) {
                promise.fulfil(Ok(record.clone()));
            }
        }
    }

    /// It failed.
    pub(crate) fn fail(&self, origin: &OriginId, error: &Error) {
        self.answer(origin, || Err(error.clone()));
    }

    fn answer(&self, origin: &OriginId, answer: impl Fn() -> Answer) {
        let Some(posted) = self.book.lock().remove(origin) else { return };
        for promise in posted.waiting {
            promise.fulfil(answer());
        }
    }

    /// When the sleeper is to look again; `None`: when something is armed.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let mut book = self.book.lock();
        book.sleeping = book.due.values().next().map(|(due, _)| *due);
        book.sleeping
    }

    /// Takes out what is overdue. Those accepted stay until their row is committed.
    pub(super) fn overdue(&self, now: Duration) -> Vec<(OriginId, Overdue)> {
        let mut book = self.book.lock();
        let mut found = Vec::new();
        while let Some(entry) = book.due.first_entry() {
            if entry.get().0 > now {
                break;
            }
            let (_, origin) = entry.remove();
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
