//! An agent's channels in memory, in the order in which they were put.
//!
//! Most agents have a handful, which are simply walked. One with 40,000 must not cost everybody else: a put of its
//! whole list compared each channel with each other one, and every post walked the list. So a long list has an index.
//! Rejected: an ordered map for all (an idle agent with four channels would take twice the memory).
//!
//! What is to be joined lies in an order of its own, by when it is due, and is taken out of it for good. Each join that
//! ended walked the whole list for the next one, so that the first joins of 40,000 channels took 1.6 thousand million
//! looks; and a channel that waits for another agent's join was found again at once, for ever, if nothing else was left
//! to start: the link's task never came back. So phases change only through [`ChannelList::change`], which keeps the
//! order and the count of what is not settled.

use super::cell::{ChannelCell, ChannelPhase};
use crate::model::ChannelId;
use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::time::Duration;

/// Channels up to which the list is walked.
const WALKED: usize = 32;

/// The channels, to be read as a slice.
#[derive(Default)]
pub(crate) struct ChannelList {
    /// In order; their numbers rise.
    cells: Vec<ChannelCell>,
    /// The number of each, where there are more than [`WALKED`].
    #[expect(
        clippy::box_collection,
        reason = "nearly every agent has none, and 100,000 of them would hold 40 bytes each for it"
    )]
    numbers: Option<Box<HashMap<ChannelId, u64>>>,
    /// Those to be joined: when each is due (monotonic), and its number.
    open: BTreeSet<(Duration, u64)>,
    /// Those that are neither joined nor refused.
    unsettled: u32,
}

impl ChannelList {
    fn place(&self, id: &ChannelId) -> Option<usize> {
        match &self.numbers {
            None => self.cells.iter().position(|cell| cell.id == *id),
            Some(numbers) => {
                let number = *numbers.get(id)?;
                self.cells
                    .binary_search_by_key(&number, |cell| cell.number)
                    .ok()
            }
        }
    }

    pub(crate) fn find(&self, id: &ChannelId) -> Option<&ChannelCell> {
        self.place(id).map(|place| &self.cells[place])
    }

    /// Changes one channel; `None` if it is not there.
    pub(crate) fn change<T>(
        &mut self,
        id: &ChannelId,
        change: impl FnOnce(&mut ChannelCell) -> T,
    ) -> Option<T> {
        let place = self.place(id)?;
        self.forget(place);
        let answer = change(&mut self.cells[place]);
        self.note(place);
        Some(answer)
    }

    /// Changes all of them.
    pub(crate) fn change_all(&mut self, change: impl FnMut(&mut ChannelCell)) {
        self.cells.iter_mut().for_each(change);
        self.note_all();
    }

    /// Takes the first of those to be joined that is due; it is not found again before it changes or is reopened.
    pub(crate) fn take_due(&mut self, now: Duration) -> Option<ChannelId> {
        let (due, number) = *self.open.first()?;
        if due > now {
            return None;
        }
        self.open.pop_first();
        let place = self
            .cells
            .binary_search_by_key(&number, |cell| cell.number)
            .ok()?;
        Some(self.cells[place].id.clone())
    }

    /// When the next of those to be joined is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.open.first().map(|(due, _)| *due)
    }

    /// A channel that was taken and waited for something else is to be joined again, if it still is.
    pub(crate) fn reopen(&mut self, id: &ChannelId) {
        let _ = self.change(id, |_| ());
    }

    /// Whether each is joined or refused.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled == 0
    }

    fn forget(&mut self, place: usize) {
        let cell = &self.cells[place];
        self.unsettled -= u32::from(cell.is_unsettled());
        if let Some(due) = cell.due() {
            self.open.remove(&(due, cell.number));
        }
    }

    fn note(&mut self, place: usize) {
        let cell = &self.cells[place];
        self.unsettled += u32::from(cell.is_unsettled());
        if let Some(due) = cell.due() {
            self.open.insert((due, cell.number));
        }
    }

    fn note_all(&mut self) {
        self.open = self
            .cells
            .iter()
            .filter_map(|cell| Some((cell.due()?, cell.number)))
            .collect();
        self.unsettled = self
            .cells
            .iter()
            .map(|cell| u32::from(cell.is_unsettled()))
            .sum();
    }

    /// Adds a channel at the end, or asks for another join of one that is there.
    pub(crate) fn put(&mut self, id: &ChannelId, put: u64) {
        if self.change(id, |cell| cell.put_again(put)).is_some() {
            return;
        }
        let number = self.cells.last().map_or(0, |last| last.number + 1);
        self.cells.push(ChannelCell {
            number,
            ..ChannelCell::new(id.clone(), put)
        });
        self.note(self.cells.len() - 1);
        match &mut self.numbers {
            Some(numbers) => drop(numbers.insert(id.clone(), number)),
            None => self.index(),
        }
    }

    /// Takes a channel out; true if it was joined and is to be left.
    pub(crate) fn remove(&mut self, id: &ChannelId) -> bool {
        let Some(place) = self.place(id) else {
            return false;
        };
        self.forget(place);
        if let Some(numbers) = &mut self.numbers {
            numbers.remove(id);
        }
        self.cells.remove(place).phase == ChannelPhase::In
    }

    /// Brings the list to what is wanted, keeping what is unchanged; returns those to be left.
    pub(crate) fn replace(&mut self, wanted: &[(ChannelId, u64)]) -> Vec<ChannelId> {
        let mut before: HashMap<ChannelId, ChannelCell> = self
            .cells
            .drain(..)
            .map(|cell| (cell.id.clone(), cell))
            .collect();
        self.cells.reserve_exact(wanted.len());
        for (number, (id, put)) in wanted.iter().enumerate() {
            let mut cell = match before.remove(id) {
                None => ChannelCell::new(id.clone(), *put),
                Some(mut cell) => {
                    cell.put_again(*put);
                    cell
                }
            };
            cell.number = number as u64;
            self.cells.push(cell);
        }
        self.numbers = None;
        self.index();
        self.note_all();
        before
            .into_values()
            .filter(|cell| cell.phase == ChannelPhase::In)
            .map(|cell| cell.id)
            .collect()
    }

    fn index(&mut self) {
        if self.cells.len() > WALKED {
            self.numbers = Some(Box::new(
                self.cells
                    .iter()
                    .map(|cell| (cell.id.clone(), cell.number))
                    .collect(),
            ));
        }
    }
}

impl ChannelCell {
    fn new(id: ChannelId, put: u64) -> ChannelCell {
        ChannelCell {
            id,
            put,
            number: 0,
            phase: ChannelPhase::Out,
            join: 0,
            info: None,
            trouble: None,
        }
    }

    /// When it is to be joined; `None`: it is not.
    fn due(&self) -> Option<Duration> {
        let next = self.trouble.as_ref().and_then(|trouble| trouble.next);
        (self.phase == ChannelPhase::Out).then(|| next.map_or(Duration::ZERO, |(due, _)| due))
    }

    fn is_unsettled(&self) -> bool {
        matches!(self.phase, ChannelPhase::Out | ChannelPhase::Joining)
    }

    /// A later put clears a refusal and a pause.
    fn put_again(&mut self, put: u64) {
        if self.put != put {
            self.put = put;
            if matches!(self.phase, ChannelPhase::Refused | ChannelPhase::Out) {
                self.phase = ChannelPhase::Out;
                self.trouble = None;
            }
        }
    }
}

impl Deref for ChannelList {
    type Target = [ChannelCell];

    fn deref(&self) -> &[ChannelCell] {
        &self.cells
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::Trouble;
    use super::*;

    fn id(number: usize) -> ChannelId {
        ChannelId::parse(&format!("chat-room:{number}")).unwrap()
    }

    fn shown(list: &ChannelList) -> Vec<&str> {
        list.iter().map(|cell| cell.id.as_str()).collect()
    }

    #[test]
    fn a_list_keeps_its_order_whether_it_is_walked_or_indexed() {
        for many in [3, 100] {
            let mut list = ChannelList::default();
            for number in 0..many {
                list.put(&id(number), 1);
            }
            list.change(&id(1), |cell| cell.phase = ChannelPhase::In)
                .unwrap();
            assert!(list.remove(&id(1)), "it was joined");
            assert!(!list.remove(&id(1)));
            list.put(&id(1), 2);
            assert_eq!(
                (list.len(), shown(&list)[1], list[many - 1].id.clone()),
                (many, "chat-room:2", id(1))
            );
            assert_eq!(list.find(&id(2)).map(|cell| cell.id.clone()), Some(id(2)));
            list.change(&id(0), |cell| cell.phase = ChannelPhase::In)
                .unwrap();
            list.change(&id(1), |cell| cell.phase = ChannelPhase::Refused)
                .unwrap();
            let left = list.replace(&[(id(1), 3), (id(7_000), 3)]);
            assert_eq!(
                (left, shown(&list)),
                (vec![id(0)], vec!["chat-room:1", "chat-room:7000"])
            );
            assert_eq!(
                list[0].phase,
                ChannelPhase::Out,
                "a later put clears the refusal"
            );
            assert!(list.find(&id(2)).is_none());
        }
    }

    #[test]
    fn what_is_to_be_joined_is_taken_once_and_in_the_order_in_which_it_is_due() {
        let now = Duration::from_secs(10);
        let mut list = ChannelList::default();
        list.replace(&(0..100).map(|number| (id(number), 1)).collect::<Vec<_>>());
        let paused = Trouble {
            reason: "busy".into(),
            attempt: 1,
            next: Some((now + now, chrono::DateTime::UNIX_EPOCH)),
        };
        list.change(&id(3), |cell| cell.trouble = Some(Box::new(paused)))
            .unwrap();
        let mut taken: Vec<ChannelId> = std::iter::from_fn(|| list.take_due(now)).collect();
        assert_eq!(
            (taken.len(), taken[3].as_str(), list.next_due()),
            (99, "chat-room:4", Some(now + now))
        );
        assert!(!list.is_settled());
        list.reopen(&id(7));
        assert_eq!(
            (list.take_due(now), list.take_due(now)),
            (Some(id(7)), None),
            "it waited for something else"
        );
        taken.push(id(3));
        list.change(&id(7), |cell| cell.phase = ChannelPhase::Refused)
            .unwrap();
        list.reopen(&id(7));
        assert!(list.remove(&id(8)).eq(&false) && list.take_due(now).is_none());
        for channel in &taken {
            let _ = list.change(channel, |cell| cell.phase = ChannelPhase::In);
        }
        assert!(list.is_settled() && list.open.is_empty());
        list.change_all(|cell| cell.phase = ChannelPhase::Out);
        assert_eq!((list.unsettled, list.open.len()), (99, 99));
    }
}
