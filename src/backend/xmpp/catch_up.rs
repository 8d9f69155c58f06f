//! Catching up: what was said while nobody listened comes from the archive, then what has come live
//! meanwhile.
//!
//! A message may come both ways. What was heard live before the connection was lost is passed over
//! by the marks beside the point (`point`); what comes live during the catch-up waits (`held`) and
//! counts once.

use super::archive::{PAGE, Page, Range};
use super::core::Core;
use super::held::{Held, Live};
use super::identity::{Heard, Likeness, Names, Trace, likeness};
use super::point::{Point, Reached};
use super::sent::CameBack;
use super::talk::{FromArchive, Talk};
use crate::backend::{BackendError, Inbound};
use std::collections::{HashSet, VecDeque};

/// How many times a conversation is caught up again if it keeps changing.
const ROUNDS_MAX: usize = 20;
/// How many of the last messages of the archive are compared with what comes live.
const LAST_MAX: usize = 256;

/// What the archive has handed over in one catch-up.
#[derive(Default)]
struct Seen {
    ids: HashSet<String>,
    last: VecDeque<Trace>,
}

impl Seen {
    /// Records a message. Returns true if it was not seen before.
    fn is_new(&mut self, archived: &FromArchive) -> bool {
        let trace = &archived.trace;
        if !self.ids.insert(trace.given.clone().unwrap_or_default()) {
            return false;
        }
        // Our own messages have another id here than in the archive.
        self.ids.insert(archived.received.id.as_str().to_owned());
        if self.last.len() >= LAST_MAX {
            self.last.pop_front();
        }
        self.last.push_back(trace.clone());
        true
    }

    /// Returns whether a message that came live was seen. Each that was seen counts once.
    fn has(&mut self, live: &Live, names: Names) -> bool {
        if let Some(given) = &live.trace.given
            && names != Names::Copies
        {
            return self.ids.contains(given);
        }
        let alike = |seen: &Trace| likeness(seen, &live.trace, names, Heard::InArchive);
        let likest = (self.last.iter().map(alike)).fold(Likeness::None, Ord::max);
        let seen = self.last.iter().position(|seen| alike(seen) == likest);
        match seen.filter(|_| likest > Likeness::None) {
            Some(seen) => self.last.remove(seen).is_some(),
            None => false,
        }
    }
}

impl Talk {
    /// Hands over what was said after `from`, then what has come live meanwhile; returns how far
    /// that goes.
    ///
    /// The agent hears from what came live on, so the engine is told between the two.
    pub(super) async fn catch_up(
        &self,
        core: &Core,
        from: Option<Reached>,
    ) -> Result<Option<Reached>, BackendError> {
        let mut seen = Seen::default();
        let mut stands = from.clone();
        let mut is_whole = false;
        if let Some(reached) = &mut stands {
            for _ in 0..ROUNDS_MAX {
                let is_all = self.bring_in(core, reached, &mut seen).await?;
                let is_anew = self.held(core, Held::begin_anew).unwrap_or(false);
                is_whole = is_all && !is_anew;
                if !is_anew || !is_all {
                    break;
                }
            }
        }
        let has_gap = stands.is_some() && !is_whole;
        if stands.is_some() {
            self.note_gap(core, has_gap);
        }
        if is_whole {
            self.stands_at(core, stands.clone());
        }
        if from.is_some() || !self.is_room {
            core.hand_over(Inbound::Entered {
                agent: self.key,
                channel: self.channel.clone(),
            })
            .await;
        }
        self.release(core, &mut seen, has_gap).await;
        if core.state.lock().over.is_some() {
            return Err(core.why_over());
        }
        self.note_past(core, from.as_ref().map(|from| &from.point), is_whole);
        Ok(stands)
    }

    /// Hands over what the archive has after a point, and moves the point to its end. Returns
    /// whether that is all. A message that is held is not taken from the archive: the agent hears
    /// it live.
    async fn bring_in(
        &self,
        core: &Core,
        reached: &mut Reached,
        seen: &mut Seen,
    ) -> Result<bool, BackendError> {
        let (archive, names) = (self.archive(), self.names(core));
        let mut range = Range::After(reached.point.clone());
        // Until then messages were heard of which no mark is left. The first that has one ends it.
        let mut forgotten = reached.forgotten_until();
        loop {
            let asked = core.patiently(|| archive.page(core, &range, PAGE));
            let page = match (asked.await?, &range) {
                (Ok(page), _) => page,
                // The archive has forgotten the message we stood at: what is as old or younger
                // comes.
                (Err(refused), Range::After(Point::After { time, .. }))
                    if refused.is("item-not-found") =>
                {
                    range = Range::Since(*time);
                    continue;
                }
                (Err(refused), _) => {
                    tracing::warn!(
                        with = self.jid,
                        reason = refused.reason(),
                        "cannot be caught up"
                    );
                    return Ok(false);
                }
            };
            let Page { items, is_last } = page;
            for archived in &items {
                let Some(read) = self.read(core, archived) else {
                    reached.point = archived.point();
                    continue;
                };
                if reached.pass(archived.point(), read.trace.mark) {
                    forgotten = None;
                } else if forgotten.is_none_or(|until| archived.time > until) {
                    self.bring(core, read, reached, seen, names).await;
                }
            }
            if is_last || items.is_empty() {
                reached.forget();
                return Ok(true);
            }
            range = Range::After(reached.point.clone());
        }
    }

    /// Hands over a message of the archive, unless it was seen or comes live.
    async fn bring(
        &self,
        core: &Core,
        mut read: FromArchive,
        reached: &Reached,
        seen: &mut Seen,
        names: Names,
    ) {
        let is_held = self.held(core, |held| held.finds(&read.trace, names));
        if is_held.unwrap_or(false) || !seen.is_new(&read) {
            return;
        }
        if let Some(body) = &read.unclaimed {
            let came = CameBack {
                id: None,
                room: &self.jid,
                sender: &read.received.sender,
                body,
                is_sole: false,
            };
            let mut pasts = core.shared.pasts.lock();
            read.received.origin = pasts.own_post(&came);
            if let Some(origin) = &read.received.origin {
                pasts.answered(origin);
            }
        }
        let mut item = self.inbound(read.received);
        if let Inbound::Message { resume, .. } = &mut item {
            *resume = reached.to_resume();
        }
        core.hand_over(item).await;
    }

    /// Hands over what came live while the conversation was caught up, and ends the holding.
    async fn release(&self, core: &Core, seen: &mut Seen, has_gap: bool) {
        let names = self.names(core);
        while let Some(Some((is_found, live))) = self.held(core, Held::pop) {
            if is_found || !seen.has(&live, names) {
                let item = self.with_trail(core, |trail| live.passed(trail, has_gap));
                if let Some(item) = item {
                    core.hand_over(item).await;
                }
            }
        }
    }
}
