//! An agent's channels in memory, in the order in which they were put.
//!
//! Most agents have a handful of channels, and a short list is walked. A long list has an index,
//! because an agent with 40,000 channels must not delay the others: a put of its whole list
//! compared each channel with each other one, and every post walked the list. Rejected: an ordered
//! map for all (an idle agent with four channels would take twice the memory).
//!
//! The channels to be joined are kept in the order in which they are due. Rejected: walking the
//! list after each join for the next channel (the first joins of 40,000 channels took 1.6 thousand
//! million looks). So phases change only through [`ChannelList::change`] and its like, which keep
//! this order and the number of channels that are not settled.

use super::channel::{AgentChannel, ChannelPhase};
use crate::model::ChannelId;
use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::time::Duration;

/// Channels up to which the list is walked.
const WALKED: usize = 32;

/// The channels, to be read as a slice.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct ChannelList {
    /// In order; their numbers rise.
    channels: Vec<AgentChannel>,
    /// The number of each, where there are more than [`WALKED`].
    #[expect(
        clippy::box_collection,
        reason = "nearly every agent has none, and 100,000 of them would hold 40 bytes each for it"
    )]
    numbers: Option<Box<HashMap<ChannelId, u64>>>,
    /// The channels to be joined: when each is due (monotonic time), and its number.
    open: BTreeSet<(Duration, u64)>,
    /// How many channels are neither joined nor refused, open contacts aside.
    unsettled: u32,
    /// How many are open contacts.
    opened: u32,
}

impl ChannelList {
    fn position(&self, id: &ChannelId) -> Option<usize> {
        match &self.numbers {
            None => self.channels.iter().position(|channel| channel.id == *id),
            Some(numbers) => self.position_of(*numbers.get(id)?),
        }
    }

    fn position_of(&self, number: u64) -> Option<usize> {
        self.channels
            .binary_search_by_key(&number, |channel| channel.number)
            .ok()
    }

    pub(super) fn find(&self, id: &ChannelId) -> Option<&AgentChannel> {
        self.position(id).map(|at| &self.channels[at])
    }

    /// Changes one channel; `None` if it is not there.
    pub(super) fn change<T>(
        &mut self,
        id: &ChannelId,
        change: impl FnOnce(&mut AgentChannel) -> T,
    ) -> Option<T> {
        let at = self.position(id)?;
        Some(self.change_at(at, change))
    }

    /// As [`ChannelList::change`], for the channel of that number.
    pub(super) fn change_numbered<T>(
        &mut self,
        number: u64,
        change: impl FnOnce(&mut AgentChannel) -> T,
    ) -> Option<T> {
        let at = self.position_of(number)?;
        Some(self.change_at(at, change))
    }

    fn change_at<T>(&mut self, at: usize, change: impl FnOnce(&mut AgentChannel) -> T) -> T {
        self.forget(at);
        let changed = change(&mut self.channels[at]);
        self.note(at);
        changed
    }

    /// Changes all of them.
    pub(super) fn change_all(&mut self, change: impl FnMut(&mut AgentChannel)) {
        self.channels.iter_mut().for_each(change);
        self.note_all();
    }

    /// The first of those to be joined: when it is due, and its number.
    pub(super) fn next_due(&self) -> Option<(Duration, u64)> {
        self.open.first().copied()
    }

    /// Whether each is joined or refused.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled == 0
    }

    /// How many are open contacts.
    pub(super) fn opened(&self) -> usize {
        self.opened as usize
    }

    fn forget(&mut self, at: usize) {
        let channel = &self.channels[at];
        self.opened -= u32::from(channel.is_open());
        self.unsettled -= u32::from(channel.is_unsettled());
        if let Some(due) = channel.due() {
            self.open.remove(&(due, channel.number));
        }
    }

    fn note(&mut self, at: usize) {
        let channel = &self.channels[at];
        self.opened += u32::from(channel.is_open());
        self.unsettled += u32::from(channel.is_unsettled());
        if let Some(due) = channel.due() {
            self.open.insert((due, channel.number));
        }
    }

    fn note_all(&mut self) {
        let due = |channel: &AgentChannel| Some((channel.due()?, channel.number));
        self.open = self.channels.iter().filter_map(due).collect();
        let unsettled = |channel: &AgentChannel| u32::from(channel.is_unsettled());
        self.unsettled = self.channels.iter().map(unsettled).sum();
        let opened = |channel: &AgentChannel| u32::from(channel.is_open());
        self.opened = self.channels.iter().map(opened).sum();
    }

    /// Adds a channel that is not there, at the end.
    pub(super) fn push(&mut self, mut channel: AgentChannel) {
        channel.number = self.channels.last().map_or(0, |last| last.number + 1);
        if let Some(numbers) = &mut self.numbers {
            numbers.insert(channel.id.clone(), channel.number);
        }
        self.channels.push(channel);
        self.note(self.channels.len() - 1);
        if self.numbers.is_none() {
            self.index();
        }
    }

    /// Takes a channel out and returns the phase it was in.
    pub(super) fn remove(&mut self, id: &ChannelId) -> Option<ChannelPhase> {
        let at = self.position(id)?;
        self.forget(at);
        if let Some(numbers) = &mut self.numbers {
            numbers.remove(id);
        }
        Some(self.channels.remove(at).phase)
    }

    /// Brings the list to what is wanted, each with the revision of its put. `again` is applied to
    /// those that stay. Open contacts stay after them if `keeps_open`. Returns the channels that were
    /// joined and are wanted no longer.
    pub(super) fn replace(
        &mut self,
        wanted: &[(ChannelId, u64)],
        keeps_open: bool,
        again: impl Fn(&mut AgentChannel, u64),
    ) -> Vec<ChannelId> {
        let known = self.channels.drain(..);
        let mut before: HashMap<ChannelId, AgentChannel> =
            known.map(|channel| (channel.id.clone(), channel)).collect();
        self.channels.reserve_exact(wanted.len());
        for (number, (id, put)) in wanted.iter().enumerate() {
            let mut channel = match before.remove(id) {
                None => AgentChannel::new(id.clone(), *put),
                Some(mut channel) => {
                    again(&mut channel, *put);
                    channel
                }
            };
            channel.number = number as u64;
            self.channels.push(channel);
        }
        let (mut open, gone): (Vec<AgentChannel>, Vec<AgentChannel>) = before
            .into_values()
            .partition(|channel| keeps_open && channel.is_open());
        open.sort_unstable_by_key(|channel| channel.number);
        for (place, mut channel) in open.into_iter().enumerate() {
            channel.number = (wanted.len() + place) as u64;
            self.channels.push(channel);
        }
        self.numbers = None;
        self.index();
        self.note_all();
        gone.into_iter()
            .filter(|channel| channel.phase == ChannelPhase::In)
            .map(|channel| channel.id)
            .collect()
    }

    fn index(&mut self) {
        if self.channels.len() > WALKED {
            let numbers = self.channels.iter();
            self.numbers = Some(Box::new(
                numbers
                    .map(|channel| (channel.id.clone(), channel.number))
                    .collect(),
            ));
        }
    }
}

impl Deref for ChannelList {
    type Target = [AgentChannel];

    fn deref(&self) -> &[AgentChannel] {
        &self.channels
    }
}

#[cfg(test)]
mod tests {
    use super::super::channel::Trouble;
    use super::*;

    fn id(number: usize) -> ChannelId {
        ChannelId::parse(&format!("chat-room:{number}")).unwrap()
    }

    fn listed(list: &ChannelList) -> Vec<&str> {
        list.iter().map(|channel| channel.id.as_str()).collect()
    }

    fn set(list: &mut ChannelList, channel: &ChannelId, phase: ChannelPhase) {
        let _ = list.change(channel, |channel| channel.phase = phase);
    }

    /// Takes the first channel that is due, as the machine does.
    fn take(list: &mut ChannelList, now: Duration) -> Option<ChannelId> {
        let (_, number) = list.next_due().filter(|(due, _)| *due <= now)?;
        list.change_numbered(number, |channel| {
            channel.phase = ChannelPhase::Waiting;
            channel.id.clone()
        })
    }

    #[test]
    fn a_list_keeps_its_order_whether_it_is_walked_or_indexed() {
        for many in [3, 100] {
            let mut list = ChannelList::default();
            for number in 0..many {
                list.push(AgentChannel::new(id(number), 1));
            }
            set(&mut list, &id(1), ChannelPhase::In);
            assert_eq!(list.remove(&id(1)), Some(ChannelPhase::In));
            assert_eq!(list.remove(&id(1)), None);
            list.push(AgentChannel::new(id(1), 2));
            assert_eq!(
                (list.len(), listed(&list)[1], list[many - 1].id.clone()),
                (many, "chat-room:2", id(1))
            );
            assert_eq!(list.find(&id(2)).map(|found| found.id.clone()), Some(id(2)));
            set(&mut list, &id(0), ChannelPhase::In);
            set(&mut list, &id(1), ChannelPhase::Refused);
            let again = |channel: &mut AgentChannel, put: u64| channel.put = put;
            let left = list.replace(&[(id(1), 3), (id(7_000), 3)], false, again);
            assert_eq!(
                (left, listed(&list)),
                (vec![id(0)], vec!["chat-room:1", "chat-room:7000"])
            );
            assert_eq!(list[0].put, 3, "one that stays is asked for again");
            assert!(list.find(&id(2)).is_none());
        }
    }

    #[test]
    fn what_is_to_be_joined_is_taken_once_and_in_the_order_in_which_it_is_due() {
        let now = Duration::from_secs(10);
        let mut list = ChannelList::default();
        let wanted: Vec<(ChannelId, u64)> = (0..100).map(|number| (id(number), 1)).collect();
        list.replace(&wanted, false, |_, _| ());
        let paused = Trouble::until("busy", 1, (now + now, chrono::DateTime::UNIX_EPOCH));
        list.change(&id(3), |channel| channel.trouble = Some(paused))
            .unwrap();
        let mut taken: Vec<ChannelId> = std::iter::from_fn(|| take(&mut list, now)).collect();
        assert_eq!(
            (taken.len(), taken[3].as_str(), list.next_due()),
            (99, "chat-room:4", Some((now + now, 3)))
        );
        assert!(!list.is_settled());
        set(&mut list, &id(7), ChannelPhase::Out);
        assert_eq!(
            (take(&mut list, now), take(&mut list, now)),
            (Some(id(7)), None),
            "it waited for something else"
        );
        taken.push(id(3));
        set(&mut list, &id(7), ChannelPhase::Refused);
        assert_eq!(list.remove(&id(8)), Some(ChannelPhase::Waiting));
        assert_eq!(take(&mut list, now), None);
        for channel in &taken {
            set(&mut list, channel, ChannelPhase::In);
        }
        assert!(list.is_settled() && list.open.is_empty());
        list.change_all(|channel| channel.phase = ChannelPhase::Out);
        assert_eq!((list.unsettled, list.open.len()), (99, 99));
    }
}
