//! Whether a message of ours lies in an archive, asked for no more often than it can.
//!
//! A post with a key is looked for before it is sent, and the archive of a room cannot be asked for one message: Prosody
//! knows no such field. Paging through the room for every key took 680 ms where the post took 1.5. But what can lie there
//! that neither the engine's rows nor its book of posts know?
//!
//! - A post of this process that was never answered: its link was lost, or the room never sent it back. These are few and
//!   known, each with the time at which it left, so the archive is asked from shortly before that.
//! - A post of an earlier process that died before it heard of it. It lies after the point at which the conversation
//!   stood, so a catch-up from there to the end has brought it in. After one that was complete nothing else is left to
//!   ask for, in this process: the answer is `Absent`, and the archive is not asked. A database that this process made
//!   has no earlier process, and nobody else makes origins that it recognises.
//! - Where the catch-up was not complete, or the database has a past but not of this conversation (a restored copy), the
//!   archive is searched, from where the conversation stood or where the database ends, and once: what is ours in it is
//!   kept, and every later key is looked for there.
//!
//! A server whose form offers the origin as a field (`{urn:xmpp:sid:0}origin-id`) is asked for the one message instead.
//!
//! While a catch-up is not complete, messages carry no point to go on from: it would move past what is missing, and the
//! next catch-up, complete by its own measure, would not bring it.
//!
//! Rejected: asking from `start` for every key (a room with traffic has pages of it after a day), and remembering all
//! origins that were ever sent (the rows are that memory).

use super::archive::{Archived, PAGE, Page, Range};
use super::core::Core;
use super::message::Point;
use super::talk::Talk;
use crate::backend::{BackendError, Found, Received};
use crate::model::OriginId;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};

/// Messages looked through for one of ours.
const LOOK_MAX: usize = 1000;
/// How far a server's clock and ours may be apart.
const SKEW: TimeDelta = TimeDelta::minutes(15);
/// Posts without an answer that are remembered. Beyond it nothing is taken for known any more.
const UNANSWERED_MAX: usize = 4096;
/// Posts with an answer that are remembered. The engine has a row for each and does not ask; whoever does gets an answer.
const ANSWERED_MAX: usize = 1024;

/// A conversation: the room, or the account and its contact.
pub(super) type Key = (Option<String>, String);

/// What is known of a conversation's archive.
enum Past {
    /// All that was in it has been handed to the engine.
    Whole,
    /// The engine lacks what came after that time.
    Behind(DateTime<Utc>),
    /// It was searched: what is ours in it, and whether that is all.
    Searched {
        ours: HashMap<String, Received>,
        is_all: bool,
    },
}

/// What is known of all archives while the backend lives.
#[derive(Default)]
pub(super) struct Pasts {
    known: HashMap<Key, Past>,
    /// Posts that left and were not answered, and when.
    unanswered: Left,
    /// Posts that were.
    answered: Left,
    /// Some without an answer were forgotten.
    is_lossy: bool,
}

/// Posts that left, by origin, and when.
#[derive(Default)]
struct Left {
    by_origin: HashMap<String, DateTime<Utc>>,
    order: VecDeque<String>,
}

impl Left {
    /// Notes a post; whether that displaced another one.
    fn note(&mut self, origin: &str, left: DateTime<Utc>, most: usize) -> bool {
        if self.by_origin.insert(origin.to_owned(), left).is_none() {
            self.order.push_back(origin.to_owned());
        }
        let oldest = if self.order.len() > most {
            self.order.pop_front()
        } else {
            None
        };
        oldest.is_some_and(|oldest| self.by_origin.remove(&oldest).is_some())
    }
}

/// What there is to do about an origin.
enum About {
    /// Nothing: it is known.
    Known(Found),
    /// A post of this process: look from that time on.
    Left(DateTime<Utc>),
    /// Search back to that time.
    Search(Option<DateTime<Utc>>),
}

impl Pasts {
    /// A catch-up was complete.
    pub(super) fn caught_up(&mut self, key: Key) {
        self.known.insert(key, Past::Whole);
    }

    /// A catch-up from that time was not complete. One that was, before in this process, counts all the same.
    pub(super) fn fell_behind(&mut self, key: Key, since: DateTime<Utc>) {
        self.known.entry(key).or_insert(Past::Behind(since));
    }

    /// A post left, and nobody will say what became of it.
    pub(super) fn unanswered(&mut self, origin: &str, left: DateTime<Utc>) {
        self.is_lossy |= self.unanswered.note(origin, left, UNANSWERED_MAX);
    }

    /// A post that left is answered.
    pub(super) fn answered(&mut self, origin: &str, left: DateTime<Utc>) {
        self.answered.note(origin, left, ANSWERED_MAX);
    }

    /// One without an answer came back after all.
    pub(super) fn came_back(&mut self, origin: &str) {
        if let Some(left) = self.unanswered.by_origin.remove(origin) {
            self.answered(origin, left);
        }
    }

    fn about(&self, key: &Key, origin: &str) -> About {
        if let Some(left) = self
            .unanswered
            .by_origin
            .get(origin)
            .or_else(|| self.answered.by_origin.get(origin))
        {
            return About::Left(*left);
        }
        match self.known.get(key) {
            _ if self.is_lossy => About::Search(None),
            Some(Past::Whole) => About::Known(Found::Absent),
            Some(Past::Behind(since)) => About::Search(Some(*since)),
            Some(Past::Searched { ours, is_all }) => About::Known(match ours.get(origin) {
                Some(found) => Found::Message(Box::new(found.clone())),
                None if *is_all => Found::Absent,
                None => Found::CannotTell,
            }),
            None => About::Search(None),
        }
    }
}

impl Talk {
    fn key(&self) -> Key {
        (
            (!self.is_room).then(|| self.agent.bare().to_owned()),
            self.place.clone(),
        )
    }

    /// Notes how a join has left the conversation: `from` is where it stood, if the engine knew, and `is_whole` whether
    /// all since then has come.
    pub(super) fn note_past(&self, core: &Core, from: Option<&Point>, is_whole: bool) {
        if !self.has_archive(core) {
            return;
        }
        let is_new = from.is_none() && core.inbox.recorded_until().is_none();
        let mut pasts = core.shared.pasts.lock();
        match from {
            _ if is_new || is_whole => pasts.caught_up(self.key()),
            Some(Point::After { time, .. }) => pasts.fell_behind(self.key(), *time),
            Some(Point::Beginning) => pasts.fell_behind(self.key(), DateTime::UNIX_EPOCH),
            None => {}
        }
    }

    /// Looks for a message of ours in the archive.
    pub(super) async fn look_up(
        &self,
        core: &Core,
        origin: &OriginId,
    ) -> Result<Found, BackendError> {
        if !self.has_archive(core) {
            return Ok(Found::CannotTell);
        }
        let about = core.shared.pasts.lock().about(&self.key(), origin.as_str());
        if let About::Known(found) = about {
            return Ok(found);
        }
        if self.archive().knows_origins(core).await? {
            return self.ask_for(core, origin).await;
        }
        match about {
            About::Left(left) => self.look_since(core, origin, left).await,
            About::Search(since) => {
                self.search(core, origin, since.or_else(|| core.inbox.recorded_until()))
                    .await
            }
            About::Known(found) => Ok(found),
        }
    }

    fn is_it(&self, core: &Core, archived: &Archived, origin: &OriginId) -> Option<Found> {
        let received = self
            .received(core, archived)
            .filter(|received| received.origin.as_ref() == Some(origin))?;
        Some(Found::Message(Box::new(received)))
    }

    /// Asks for the one message.
    async fn ask_for(&self, core: &Core, origin: &OriginId) -> Result<Found, BackendError> {
        let Ok(page) = self
            .archive()
            .page(core, &Range::Of(origin.clone()), PAGE)
            .await?
        else {
            return Ok(Found::CannotTell);
        };
        let found = page
            .items
            .iter()
            .find_map(|archived| self.is_it(core, archived, origin));
        // A server that answers with other messages has not understood the question.
        let is_understood = page.items.is_empty();
        Ok(found.unwrap_or(if is_understood {
            Found::Absent
        } else {
            Found::CannotTell
        }))
    }

    /// Looks from shortly before the post left to the end: mostly that is one page.
    async fn look_since(
        &self,
        core: &Core,
        origin: &OriginId,
        left: DateTime<Utc>,
    ) -> Result<Found, BackendError> {
        let mut range = Range::Since(left - SKEW);
        for _ in 0..LOOK_MAX / PAGE {
            let Ok(page) = self.archive().page(core, &range, PAGE).await? else {
                return Ok(Found::CannotTell);
            };
            if let Some(found) = page
                .items
                .iter()
                .find_map(|archived| self.is_it(core, archived, origin))
            {
                return Ok(found);
            }
            match page.items.last() {
                Some(last) if !page.is_last => range = Range::After(last.point()),
                _ => return Ok(Found::Absent),
            }
        }
        Ok(Found::CannotTell)
    }

    /// Searches the archive back to `since`, once for all keys, and answers for this one.
    async fn search(
        &self,
        core: &Core,
        origin: &OriginId,
        since: Option<DateTime<Utc>>,
    ) -> Result<Found, BackendError> {
        let (mut ours, mut is_all, mut before) = (HashMap::new(), false, None);
        for _ in 0..LOOK_MAX / PAGE {
            let Ok(page) = self
                .archive()
                .page(core, &Range::Before(before), PAGE)
                .await?
            else {
                return Ok(Found::CannotTell);
            };
            let Page { items, is_last } = page;
            let received = items
                .iter()
                .filter_map(|archived| self.received(core, archived));
            ours.extend(received.filter_map(|received| {
                Some((received.origin.as_ref()?.as_str().to_owned(), received))
            }));
            let is_old = |oldest: &Archived| since.is_some_and(|since| oldest.time < since - SKEW);
            before = match items.first() {
                Some(oldest) if !is_last && !is_old(oldest) => Some(oldest.id.clone()),
                _ => {
                    is_all = true;
                    break;
                }
            };
        }
        let found = match ours.get(origin.as_str()) {
            Some(received) => Found::Message(Box::new(received.clone())),
            None if is_all => Found::Absent,
            None => Found::CannotTell,
        };
        core.shared
            .pasts
            .lock()
            .known
            .insert(self.key(), Past::Searched { ours, is_all });
        Ok(found)
    }
}
