//! The posts under way, by origin: who waits for the row, and what is known if it never comes.
//!
//! Deadlines are a queue with one sleeper in front of it, not a timer each. Each post has two: at the first, a post
//! that the chat system has answered and not sent back is recorded from its answer; at the last its caller is told
//! that nobody knows, also when it is our own disk that does not take the row.
//!
//! The last deadline answers the caller and ends nothing else: the origin stays in the book until the session's future
//! has ended and what it answered is recorded. A repeat with the same key joins what is under way, with a deadline of
//! its own. Rejected: forgetting the origin at the deadline, as this module did. The chat system still had the first
//! post, so the repeat was sent beside it, and people heard both.
//!
//! A post that the chat system has taken and our disk has not is kept too, as the row it was to become: a repeat of its
//! key writes that row instead of asking a chat system that may not be able to tell.

use crate::database::Reserved;
use crate::error::{Error, Result};
use crate::journal::NewRow;
use crate::model::{OriginId, Record};
use crate::waiting::{Pending, Promise, pending};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

type Answer = Result<Arc<Record>>;

struct Posted {
    /// Who waits for its row; nobody once the last deadline has passed, until a repeat joins.
    waiting: Vec<Promise<Answer>>,
    posted_by: Option<String>,
    transfer: bool,
    /// The row that the chat system's answer would make, should the echo not come.
    accepted: Option<Box<NewRow>>,
    ticket: Option<Ticket>,
    /// When its caller is answered at the latest.
    last: Duration,
    /// Whether the first deadline has passed.
    late: bool,
    _reserved: Option<Reserved>,
}

/// A deadline, and a number that keeps equal ones apart.
type Ticket = (Duration, u64);

#[derive(Default)]
struct Book {
    posts: HashMap<OriginId, Posted>,
    due: BTreeMap<Ticket, OriginId>,
    next: u64,
    /// Until when the sleeper sleeps.
    sleeping: Option<Duration>,
    /// Rows of posts that the chat system has and that could not be recorded, oldest first.
    unrecorded: VecDeque<Box<NewRow>>,
}

impl Book {
    /// Puts `origin` in line for `due`.
    fn wait(&mut self, origin: &OriginId, due: Duration) {
        let ticket = (due, self.next);
        let Some(posted) = self.posts.get_mut(origin) else {
            return;
        };
        posted.ticket = Some(ticket);
        self.next += 1;
        self.due.insert(ticket, origin.clone());
    }
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

/// Rows kept of posts that could not be recorded: a disk that is full is seen long before.
const UNRECORDED_MAX: usize = 256;

/// How long before its last deadline a post that was not sent back is recorded from its answer.
const RECORD_WITHIN: Duration = Duration::from_secs(5);

/// A post one of whose deadlines passed.
pub(super) enum Overdue {
    /// The chat system has it: its answer makes the row.
    Accepted(Box<NewRow>),
    /// Nobody knows, and these are told so.
    Unknown(Vec<Promise<Answer>>),
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
    /// Notes that `origin` is about to be sent, or joins the post of that origin that is under way; either is answered
    /// by `last`. The room it holds is given back with its answer.
    pub(crate) fn begin(
        &self,
        origin: &OriginId,
        posted_by: Option<String>,
        transfer: bool,
        reserved: Option<Reserved>,
        last: Duration,
    ) -> Begun {
        let (promise, pending) = pending();
        let mut book = self.book.lock();
        if let Some(posted) = book.posts.get_mut(origin) {
            posted.waiting.push(promise);
            // Its last deadline has passed, so this repeat's own is the next.
            let is_overdue = posted.late && posted.ticket.is_none();
            if is_overdue {
                posted.last = last;
                book.wait(origin, last);
                self.wake(book, last);
            }
            return Begun::UnderWay(pending);
        }
        let posted = Posted {
            waiting: vec![promise],
            posted_by,
            transfer,
            accepted: None,
            ticket: None,
            last,
            late: false,
            _reserved: reserved,
        };
        book.posts.insert(origin.clone(), posted);
        Begun::New(pending)
    }

    /// Sets the deadlines of `origin`: it is answered by `last`.
    pub(crate) fn arm(&self, origin: &OriginId, now: Duration, last: Duration) {
        let first = last - RECORD_WITHIN.min(last.saturating_sub(now) / 4);
        let mut book = self.book.lock();
        book.wait(origin, first);
        if let Some(posted) = book.posts.get_mut(origin) {
            posted.last = last;
        }
        self.wake(book, first);
    }

    /// Has the sleeper wake up for `due`.
    fn wake(&self, mut book: MutexGuard<'_, Book>, due: Duration) {
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
        self.book
            .lock()
            .posts
            .get(origin)
            .map(|posted| (posted.posted_by.clone(), posted.transfer))
    }

    /// The chat system has it; `row` is made should no echo come by the first deadline. It comes back if that has
    /// passed.
    pub(crate) fn accepted(&self, origin: &OriginId, row: Box<NewRow>) -> Option<Box<NewRow>> {
        let mut book = self.book.lock();
        let posted = book.posts.get_mut(origin)?;
        if posted.late {
            return Some(row);
        }
        posted.accepted = Some(row);
        None
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
        let posted: Vec<Option<Posted>> =
            rows.iter().map(|(origin, _)| book.remove(origin)).collect();
        drop(book);
        for (posted, (_, record)) in posted.into_iter().zip(rows) {
            for promise in posted.into_iter().flat_map(|posted| posted.waiting) {
                promise.fulfil(Ok(record.clone()));
            }
        }
    }

    /// The chat system has it and it could not be recorded: the row is kept for a repeat of its key.
    pub(crate) fn unrecorded(&self, row: Box<NewRow>, error: &Error) {
        let Some(origin) = row.origin.clone() else {
            return;
        };
        let mut book = self.book.lock();
        if book.unrecorded.len() == UNRECORDED_MAX {
            book.unrecorded.pop_front();
        }
        book.unrecorded.push_back(row);
        drop(book);
        self.fail(&origin, error);
    }

    /// Takes the row of an earlier post of that origin that could not be recorded.
    pub(crate) fn take_unrecorded(&self, origin: &OriginId) -> Option<Box<NewRow>> {
        let mut book = self.book.lock();
        let at = book
            .unrecorded
            .iter()
            .position(|row| row.origin.as_ref() == Some(origin))?;
        book.unrecorded.remove(at)
    }

    /// It failed: certainly, or whoever could tell is gone. Nothing of it is under way any more.
    pub(crate) fn fail(&self, origin: &OriginId, error: &Error) {
        self.answer(origin, || Err(error.clone()));
    }

    fn answer(&self, origin: &OriginId, answer: impl Fn() -> Answer) {
        let Some(posted) = self.book.lock().remove(origin) else {
            return;
        };
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

    /// What is overdue. All of them stay in the book until they are answered: those accepted until their row is
    /// committed, the others until the session's future ends.
    pub(super) fn overdue(&self, now: Duration) -> Vec<Overdue> {
        let mut book = self.book.lock();
        let mut found = Vec::new();
        while let Some(entry) = book.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let origin = entry.remove();
            let Some(posted) = book.posts.get_mut(&origin) else {
                continue;
            };
            if posted.late {
                posted.ticket = None;
                posted._reserved = None;
                found.push(Overdue::Unknown(std::mem::take(&mut posted.waiting)));
                continue;
            }
            posted.late = true;
            let (row, last) = (posted.accepted.take(), posted.last);
            book.wait(&origin, last);
            found.extend(row.map(Overdue::Accepted));
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
            promise.fulfil(Err(Error::OutcomeUnknown(
                "the engine was shut down meanwhile".into(),
            )));
        }
    }

    /// Posts under way whose last deadline has not passed.
    pub(crate) fn len(&self) -> usize {
        self.book
            .lock()
            .posts
            .values()
            .filter(|posted| !posted.waiting.is_empty())
            .count()
    }
}
