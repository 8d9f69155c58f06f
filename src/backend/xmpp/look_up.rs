//! Whether an archive has a post of ours. An archive is asked only for what may be in it.
//!
//! A post with a key is looked for before it is sent, and the archive of a room cannot be asked for
//! one message: Prosody knows no such field. Paging through the room for every key took 680 ms
//! where the post took 1.5. But what can lie there that neither the engine's rows nor its book of
//! posts know?
//!
//! - A post of this process that was never answered: its link was lost, or the room never sent it
//!   back. These are few and known, each with the time at which it left, so the archive is asked
//!   from shortly before that.
//! - A post of an earlier process that died before it heard of it. It lies after the point at which
//!   the conversation stood, so a catch-up from there to the end has brought it in. After one that
//!   was complete nothing else is left to ask for, in this process: the answer is `Absent`, and the
//!   archive is not asked. A database that this process made has no earlier process, and nobody
//!   else makes origins that it recognises.
//! - Where the catch-up was not complete, or the database has a past but not of this conversation
//!   (a restored copy), the archive is searched, from where the conversation stood or where the
//!   database ends, and once: what is ours in it is kept, and every later key is looked for there.
//!
//! A server whose form offers the origin as a field (`{urn:xmpp:sid:0}origin-id`) is asked for the
//! one message instead.
//!
//! While a catch-up is not complete, messages carry no point to go on from: it would move past what
//! is missing, and the next catch-up, complete by its own measure, would not bring it.
//!
//! Rejected: asking from `start` for every key (a room with traffic has pages of it after a day),
//! and remembering all origins that were ever sent (the rows are that memory).

use super::archive::{Archived, PAGE, Page, Range};
use super::core::Core;
use super::point::{Point, SKEW};
use super::sent::{About, Key};
use super::talk::Talk;
use crate::backend::{BackendError, Found};
use crate::model::OriginId;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// The most messages that are searched for one of ours.
const LOOK_MAX: usize = 1000;

impl Talk {
    fn key(&self) -> Key {
        (
            (!self.is_room).then(|| self.agent.bare().to_owned()),
            self.jid.clone(),
        )
    }

    /// Notes how a join has left the conversation: `from` is where it stood, if the engine knew,
    /// and `is_whole` whether all since then has come.
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

    /// Looks for one of our messages in the archive.
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
            About::SentAt(at) => self.look_since(core, origin, at).await,
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

    /// Asks the archive for that one message.
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
        // A server that returns other messages has not understood the query.
        let is_understood = page.items.is_empty();
        Ok(found.unwrap_or(if is_understood {
            Found::Absent
        } else {
            Found::CannotTell
        }))
    }

    /// Searches from shortly before the post was sent to the end. Mostly that is one page.
    async fn look_since(
        &self,
        core: &Core,
        origin: &OriginId,
        sent: DateTime<Utc>,
    ) -> Result<Found, BackendError> {
        let mut range = Range::Since(sent - SKEW);
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

    /// Searches the archive back to `since`, once for all keys, and returns what it has of this
    /// one.
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
        core.shared.pasts.lock().searched(self.key(), ours, is_all);
        Ok(found)
    }
}
