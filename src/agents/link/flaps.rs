//! Losses that are announced if they last for the flap delay.

use super::super::cell::Cell;
use super::super::lifecycle::AgentChannel;
use super::super::mail::Flap;
use super::LinkTask;
use crate::journal::EntryKind;
use crate::model::{AgentKey, ChannelId};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The losses of the last while.
#[derive(Default)]
pub(super) struct Flaps {
    /// In the order in which they are due, in monotonic time.
    lost: VecDeque<(Duration, Vec<Flap<Cell>>)>,
    /// What is in `lost`, and how often.
    counts: HashMap<(AgentKey, Option<ChannelId>), usize>,
}

impl Flaps {
    fn push(&mut self, due: Duration, lost: Vec<Flap<Cell>>) {
        for (cell, channel) in &lost {
            *self.counts.entry((cell.key, channel.clone())).or_default() += 1;
        }
        self.lost.push_back((due, lost));
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.lost.front().map(|(due, _)| *due)
    }

    /// Takes losses that are due.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<Vec<Flap<Cell>>> {
        self.next_due().filter(|due| *due <= now)?;
        let (_, lost) = self.lost.pop_front()?;
        for (cell, channel) in &lost {
            if let Entry::Occupied(mut count) = self.counts.entry((cell.key, channel.clone())) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
        Some(lost)
    }

    /// Whether the loss of a channel will be announced if it lasts.
    pub(super) fn holds(&self, agent: AgentKey, channel: &ChannelId) -> bool {
        !self.counts.is_empty()
            && (self.counts.contains_key(&(agent, None))
                || self.counts.contains_key(&(agent, Some(channel.clone()))))
    }
}

impl LinkTask {
    /// Has losses announced if they last.
    pub(super) fn flap(&mut self, lost: Vec<Flap<Cell>>) {
        if !lost.is_empty() {
            let due = self.around.timer().now() + self.around.settings.flap_delay;
            self.flaps.push(due, lost);
        }
    }

    /// A loss has lasted: what is still not joined is announced. The writer knows what was
    /// announced before. The loss of one channel looks at that channel only: a server that puts an
    /// agent out of 40,000 rooms loses each of them.
    pub(super) fn announce(&mut self, lost: Vec<Flap<Cell>>) {
        for (cell, channel) in lost {
            let down: Vec<ChannelId> = cell.look(|state| match &channel {
                Some(channel) => ids(state.channel(channel)),
                None => ids(state.life().channels()),
            });
            for channel in down {
                self.around.entries.write(EntryKind::Down {
                    agent: cell.key,
                    channel,
                });
            }
        }
    }
}

/// The channels that are to be joined and are not. What becomes of an open contact is not announced.
fn ids<'a>(channels: impl IntoIterator<Item = &'a AgentChannel>) -> Vec<ChannelId> {
    channels
        .into_iter()
        .filter(|channel| channel.is_out() && !channel.is_open())
        .map(|channel| channel.id.clone())
        .collect()
}
