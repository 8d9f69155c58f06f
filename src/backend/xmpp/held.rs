//! Messages that came live while what was said before them is still being fetched: they wait their
//! turn.

use super::identity::{Heard, Likeness, Names, Trace, likeness};
use super::point::{Point, Reached, advance};
use crate::backend::Inbound;
use std::collections::VecDeque;

/// The most messages that wait. Beyond this the archive is read again.
const HELD_MAX: usize = 2000;

/// A message that came live.
pub(super) struct Live {
    pub(super) trace: Trace,
    /// Where it is in the archive, if it says so.
    pub(super) point: Option<Point>,
    /// The message, without a point to resume from.
    pub(super) item: Inbound,
}

impl Live {
    /// Returns the message with its point to resume from, unless something is missing before it.
    pub(super) fn passed(mut self, trail: &mut Option<Reached>, has_gap: bool) -> Inbound {
        if let Inbound::Message { resume, .. } = &mut self.item
            && !has_gap
        {
            *resume = advance(trail, self.point, &self.trace);
        }
        self.item
    }
}

/// The live messages of a conversation while it is caught up.
#[derive(Default)]
pub(super) struct Held {
    /// Each with whether the archive has it.
    items: VecDeque<(bool, Live)>,
    /// True if some did not fit.
    overflowed: bool,
    /// True once it was emptied: what comes now follows at once.
    is_done: bool,
}

impl Held {
    pub(super) fn push(&mut self, live: Live) {
        if self.items.len() >= HELD_MAX {
            self.overflowed = true;
        } else {
            self.items.push_back((false, live));
        }
    }

    /// Returns whether a message of the archive waits here. Each that waits is found once.
    pub(super) fn finds(&mut self, archived: &Trace, names: Names) -> bool {
        let mut likest: Option<(&mut bool, Likeness)> = None;
        for (found, live) in self.items.iter_mut().filter(|(found, _)| !*found) {
            let alike = likeness(&live.trace, archived, names, Heard::InArchive);
            let best = likest
                .as_ref()
                .map_or(Likeness::None, |(_, likeness)| *likeness);
            if alike > best {
                likest = Some((found, alike));
            }
        }
        likest.map(|(found, _)| *found = true).is_some()
    }

    /// Returns whether a message was dropped. All are dropped then, because the archive is read
    /// again.
    pub(super) fn begin_anew(&mut self) -> bool {
        let overflowed = std::mem::take(&mut self.overflowed);
        if overflowed {
            self.items.clear();
        }
        overflowed
    }

    /// Returns the next message, and whether the archive has it. If there is none, the line is
    /// done.
    pub(super) fn pop(&mut self) -> Option<(bool, Live)> {
        let item = self.items.pop_front();
        self.is_done = item.is_none();
        item
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }
}
