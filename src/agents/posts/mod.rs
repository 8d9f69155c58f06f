//! The book of posts: every post under way by its origin, who waits for its row, and until when.
//!
//! It is the only book. A connector sends a post and says so; where the chat system sends it back,
//! the copy that comes back becomes the row, with the content that this book kept, and
//! [`Inbound::PostRefused`](crate::backend::Inbound) ends it otherwise. Where nothing comes back,
//! the answer of the session becomes the row.
//!
//! A post has two deadlines, in one queue with one sleeper in front of it. At the first its callers
//! are told that nobody knows what became of it, also when it is our own disk that does not take
//! the row. That ends nothing else: the origin stays in the book until the post came back, was
//! refused, or its link ended, so a repeat of its key joins it, with a deadline of its own. At the
//! second, [`PENDING_MAX`] later, the book forgets it.
//!
//! A post that the chat system has taken and our disk has not is kept as the row it was to become:
//! a repeat of its key writes that row instead of asking a chat system that may not be able to
//! tell.
//!
//! Rejected: a second book with a waiting task for each post in the connector (each echo came home
//! twice, and a row was built from each answer and dropped); forgetting the origin at the first
//! deadline (the chat system still had the post, so the repeat was sent beside it, and people heard
//! both).

mod entry;
mod in_flight;

pub(crate) use entry::{About, Post};
pub(super) use entry::{Callers, HandedOver};
pub(super) use in_flight::InFlight;

use super::cell::Connection;
use crate::database::Reserved;
use crate::error::Error;
use crate::journal::NewRow;
use crate::model::{OriginId, Record};
use crate::waiting::{Pending, pending};
use entry::{Book, Entry, Outcome, Stage};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a post stays in the book after its caller's deadline. A chat system that holds a
/// message for one that is away gives it up before that. Not shorter, because a post that is
/// forgotten may be sent twice under one key; meanwhile it does not count among its agent's posts
/// in flight, and keeps neither other posts, nor joins, nor the agent's end.
pub(in crate::agents) const PENDING_MAX: Duration = Duration::from_secs(600);
/// Rows kept of posts that could not be recorded. A full disk is noticed long before there are so
/// many.
const UNRECORDED_MAX: usize = 256;

/// How a post begins.
pub(crate) enum Begun {
    /// It is to be sent.
    New(Pending<Outcome>),
    /// The same key is under way already: its outcome is this one's.
    UnderWay(Pending<Outcome>),
    /// The same key is under way already, with another content.
    Other,
}

/// What the book knows of a post that came back.
pub(in crate::agents) struct CameBack {
    pub(in crate::agents) about: About,
    /// What was sent, for the first copy that comes back.
    pub(in crate::agents) sent: Option<Box<HandedOver>>,
}

/// A post one of whose deadlines passed.
pub(in crate::agents) struct Overdue {
    pub(in crate::agents) origin: OriginId,
    pub(in crate::agents) number: u64,
    pub(in crate::agents) callers: Callers,
    /// Its place among its agent's posts in flight, to be given up for one among the pending.
    pub(in crate::agents) in_flight: Option<InFlight>,
}

/// The posts under way.
#[derive(Default)]
pub(crate) struct PostBook {
    book: Mutex<Book>,
    pub(in crate::agents) sooner: Notify,
}

impl PostBook {
    /// Notes that `origin` is about to be sent, or joins the post of that origin that is under way;
    /// a repeat of a post whose callers were told that nobody knows is told the same at `last`. The
    /// room it holds is given back with its outcome.
    pub(crate) fn begin(
        &self,
        origin: &OriginId,
        about: About,
        reserved: Option<Reserved>,
        last: Duration,
    ) -> Begun {
        let (promise, pending) = pending();
        let mut book = self.book.lock();
        if let Some(entry) = book.posts.get_mut(origin) {
            let digests = entry.about.digest.zip(about.digest);
            if digests.is_some_and(|(first, now)| first != now) {
                return Begun::Other;
            }
            entry.callers.push(promise);
            if !matches!(entry.stage, Stage::Unsent) && entry.answer_by.is_none() {
                entry.answer_by = Some(last);
                self.line_up(book, origin);
            }
            return Begun::UnderWay(pending);
        }
        let entry = Entry {
            number: book.number(),
            callers: vec![promise],
            about,
            stage: Stage::Unsent,
            answer_by: None,
            forget_at: None,
            ticket: None,
            reserved,
        };
        book.posts.insert(origin.clone(), entry);
        Begun::New(pending)
    }

    /// Notes that a post is handed to its session now; its callers have until `last`, or until
    /// [`PostBook::arm`] sets it. Returns the number of the post; none if the book has given it up
    /// meanwhile.
    pub(in crate::agents) fn hand_over(
        &self,
        mut under: Box<HandedOver>,
        last: Option<Duration>,
    ) -> Option<u64> {
        let origin = under.post.message.origin.clone();
        let mut book = self.book.lock();
        let entry = book.posts.get_mut(&origin)?;
        // The connection may have ended since the session was looked up: then nothing cuts the
        // post any more, and its callers waited for their whole deadline.
        let stands = |(link, generation): &Connection| !link.is_over(*generation);
        under.is_cut = !under.connection.as_ref().is_some_and(stands);
        entry.stage = Stage::Under(under);
        let number = entry.number;
        if let Some(last) = last {
            entry.answer_by = Some(last);
            entry.forget_at = Some(last + PENDING_MAX);
            self.line_up(book, &origin);
        }
        Some(number)
    }

    /// Sets the deadline of the callers of `origin`.
    pub(crate) fn arm(&self, origin: &OriginId, last: Duration) {
        let mut book = self.book.lock();
        if let Some(entry) = book.posts.get_mut(origin) {
            entry.answer_by = Some(last);
            entry.forget_at = Some(last + PENDING_MAX);
            self.line_up(book, origin);
        }
    }

    /// Puts `origin` in line, and has the sleeper wake up for it.
    fn line_up(&self, mut book: MutexGuard<'_, Book>, origin: &OriginId) {
        let due = book.line_up(origin);
        let sooner = due.is_some_and(|due| book.sleeping.is_none_or(|until| due < until));
        if sooner {
            book.sleeping = due;
        }
        drop(book);
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// The session has sent that post. Returns its callers if its connection ended before that:
    /// then nobody will say what became of it.
    pub(in crate::agents) fn sent(
        &self,
        origin: &OriginId,
        number: u64,
        now: Duration,
    ) -> Option<(Box<HandedOver>, Callers)> {
        let mut book = self.book.lock();
        let entry = book
            .posts
            .get_mut(origin)
            .filter(|entry| entry.number == number)?;
        let Stage::Under(under) = &mut entry.stage else {
            return None;
        };
        under.is_sent = true;
        if under.is_cut {
            return book.remove_if(origin, |_, _| true);
        }
        if entry.forget_at.is_none() {
            entry.forget_at = Some(now + PENDING_MAX);
            self.line_up(book, origin);
        }
        None
    }

    /// The chat system has that post and does not send it back: what was sent is returned, to
    /// become the row. None if it was refused or came back already.
    pub(in crate::agents) fn accepted(
        &self,
        origin: &OriginId,
        number: u64,
    ) -> Option<Box<HandedOver>> {
        self.book.lock().record(origin, Some(number))
    }

    /// A post came back from the chat system. None if the book does not know it.
    pub(in crate::agents) fn came_back(&self, origin: &OriginId) -> Option<CameBack> {
        let mut book = self.book.lock();
        let sent = book.record(origin, None);
        let entry = book.posts.get(origin)?;
        Some(CameBack {
            about: entry.about.clone(),
            sent,
        })
    }

    /// The session says that this post failed. None if it came back, or was refused before.
    pub(in crate::agents) fn failed(
        &self,
        origin: &OriginId,
        number: u64,
    ) -> Option<(Box<HandedOver>, Callers)> {
        self.book
            .lock()
            .remove_if(origin, |known, _| known == number)
    }

    /// The chat system refused that post, which is one of `is_it`. None if it came back, or is not
    /// under way.
    pub(in crate::agents) fn refused(
        &self,
        origin: &OriginId,
        is_it: impl FnOnce(&Post) -> bool,
    ) -> Option<(Box<HandedOver>, Callers)> {
        self.book
            .lock()
            .remove_if(origin, |_, under| is_it(&under.post))
    }

    /// A connection is over: nobody will say what became of the posts that were sent over it. Those
    /// whose session has not answered are left to its answer.
    pub(in crate::agents) fn cut(
        &self,
        (link, generation): &Connection,
    ) -> Vec<(Box<HandedOver>, Callers)> {
        let mut book = self.book.lock();
        let mut cut = Vec::new();
        for (origin, entry) in &mut book.posts {
            let Stage::Under(under) = &mut entry.stage else {
                continue;
            };
            let is_of = |(of, number): &Connection| Arc::ptr_eq(of, link) && number == generation;
            if under.connection.as_ref().is_some_and(is_of) {
                under.is_cut = true;
                if under.is_sent {
                    cut.push(origin.clone());
                }
            }
        }
        cut.iter()
            .filter_map(|origin| book.remove_if(origin, |_, _| true))
            .collect()
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
        let entries: Vec<Option<Entry>> =
            rows.iter().map(|(origin, _)| book.remove(origin)).collect();
        drop(book);
        for (entry, (_, record)) in entries.into_iter().zip(rows) {
            for promise in entry.into_iter().flat_map(|entry| entry.callers) {
                promise.fulfil(Ok(record.clone()));
            }
        }
    }

    /// The chat system has it and it could not be recorded: the row is kept for a repeat of its
    /// key.
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

    /// Whether the chat system has a post of that origin that could not be recorded.
    pub(crate) fn is_unrecorded(&self, origin: &OriginId) -> bool {
        let book = self.book.lock();
        let mut rows = book.unrecorded.iter();
        rows.any(|row| row.origin.as_ref() == Some(origin))
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

    /// It failed before it was sent, or its row could not be written. Nothing of it is under way
    /// any more.
    pub(crate) fn fail(&self, origin: &OriginId, error: &Error) {
        self.answer(origin, || Err(error.clone()));
    }

    fn answer(&self, origin: &OriginId, outcome: impl Fn() -> Outcome) {
        let Some(entry) = self.book.lock().remove(origin) else {
            return;
        };
        for promise in entry.callers {
            promise.fulfil(outcome());
        }
    }

    /// When the sleeper is to look again; `None`: when something is armed.
    pub(in crate::agents) fn next_due(&self) -> Option<Duration> {
        let mut book = self.book.lock();
        book.sleeping = book.due.keys().next().map(|(due, _)| *due);
        book.sleeping
    }

    /// The posts one of whose deadlines has passed. They stay in the book unless they are
    /// forgotten.
    pub(in crate::agents) fn overdue(&self, now: Duration) -> Vec<Overdue> {
        let mut book = self.book.lock();
        let (mut found, mut forgotten) = (Vec::new(), Vec::new());
        while let Some(first) = book.due.first_entry() {
            if first.key().0 > now {
                break;
            }
            let origin = first.remove();
            let Some(entry) = book.posts.get_mut(&origin) else {
                continue;
            };
            entry.ticket = None;
            entry.answer_by = None;
            entry.reserved = None;
            let number = entry.number;
            let callers = std::mem::take(&mut entry.callers);
            let is_forgotten = matches!(entry.stage, Stage::Under(_))
                && entry.forget_at.is_some_and(|at| at <= now);
            let in_flight = match &mut entry.stage {
                Stage::Under(under) => under.in_flight.take(),
                Stage::Unsent | Stage::Recording => None,
            };
            if is_forgotten {
                forgotten.extend(book.remove(&origin));
            } else {
                book.line_up(&origin);
            }
            found.push(Overdue {
                origin,
                number,
                callers,
                in_flight,
            });
        }
        drop(book);
        drop(forgotten);
        found
    }

    /// Keeps the place among its agent's pending posts with a post that is overdue, if it is still
    /// under way.
    pub(in crate::agents) fn keep_pending(
        &self,
        origin: &OriginId,
        number: u64,
        pending: InFlight,
    ) {
        let mut book = self.book.lock();
        let entry = book
            .posts
            .get_mut(origin)
            .filter(|entry| entry.number == number);
        let left = match entry.map(|entry| &mut entry.stage) {
            Some(Stage::Under(under)) => under.in_flight.replace(pending),
            _ => Some(pending),
        };
        drop(book);
        drop(left);
    }

    /// The engine is gone: whoever still waits is told that nobody knows.
    pub(crate) fn give_up(&self) {
        let mut book = self.book.lock();
        let posts = std::mem::take(&mut book.posts);
        book.due.clear();
        drop(book);
        for promise in posts.into_values().flat_map(|entry| entry.callers) {
            promise.fulfil(Err(Error::OutcomeUnknown(
                "the engine was shut down meanwhile".into(),
            )));
        }
    }

    /// Posts under way whose callers wait.
    pub(crate) fn len(&self) -> usize {
        let book = self.book.lock();
        let waited_for = |entry: &&Entry| !entry.callers.is_empty();
        book.posts.values().filter(waited_for).count()
    }
}
