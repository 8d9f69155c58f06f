//! The open events of each channel, in order, where order is asked.

use crate::model::{ChannelId, Seq};
use std::collections::{BTreeSet, HashMap};

/// One line for each channel that has open events; none at all where no order is asked.
pub(super) struct Lines {
    in_order: bool,
    by_channel: HashMap<ChannelId, BTreeSet<Seq>>,
}

impl Lines {
    pub(super) fn new(in_order: bool) -> Lines {
        Lines {
            in_order,
            by_channel: HashMap::new(),
        }
    }

    /// Puts an event in the line of its channel. Returns whether it is the first there, or in no
    /// line, and which one it is the first instead of.
    pub(super) fn enter(&mut self, channel: Option<&ChannelId>, seq: Seq) -> (bool, Option<Seq>) {
        let Some(channel) = channel.filter(|_| self.in_order) else {
            return (true, None);
        };
        let Some(line) = self.by_channel.get_mut(channel) else {
            let line = BTreeSet::from([seq]);
            self.by_channel.insert(channel.clone(), line);
            return (true, None);
        };
        let first = line.first().copied();
        line.insert(seq);
        let is_first = line.first() == Some(&seq);
        (is_first, first.filter(|_| is_first))
    }

    /// Takes an event out of its line. Returns the one that is the first then, if it was not
    /// before.
    pub(super) fn leave(&mut self, channel: Option<&ChannelId>, seq: Seq) -> Option<Seq> {
        let channel = channel?;
        let line = self.by_channel.get_mut(channel)?;
        let was_first = line.first() == Some(&seq);
        line.remove(&seq);
        let next = line.first().copied();
        if next.is_none() {
            self.by_channel.remove(channel);
        }
        next.filter(|_| was_first)
    }
}
