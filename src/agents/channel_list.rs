//! An agent's channels in memory, in the order in which they were put.
//!
//! Most agents have a handful, which are simply walked. One with 40,000 must not cost everybody else: a put of its
//! whole list compared each channel with each other one, and every post walked the list. So a long list has an index.
//! Rejected: an ordered map for all (an idle agent with four channels would take twice the memory).

use super::cell::{ChannelCell, ChannelPhase};
use crate::model::ChannelId;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

/// Channels up to which the list is walked.
const WALKED: usize = 32;

/// The channels; a slice of cells whose ids must stay as they are.
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
}

impl ChannelList {
    fn place(&self, id: &ChannelId) -> Option<usize> {
        match &self.numbers {
            None => self.cells.iter().position(|cell| cell.id == *id),
            Some(numbers) => {
                let number = *numbers.get(id)?;
                self.cells.binary_search_by_key(&number, |cell| cell.number).ok()
            }
        }
    }

    pub(crate) fn find(&self, id: &ChannelId) -> Option<&ChannelCell> {
        self.place(id).map(|place| &self.cells[place])
    }

    pub(crate) fn find_mut(&mut self, id: &ChannelId) -> Option<&mut ChannelCell> {
        self.place(id).map(|place| &mut self.cells[place])
    }

    /// Adds a channel at the end, or asks for another join of one that is there.
    pub(crate) fn put(&mut self, id: &ChannelId, put: u64) {
        if let Some(cell) = self.find_mut(id) {
            return cell.put_again(put);
        }
        let number = self.cells.last().map_or(0, |last| last.number + 1);
        self.cells.push(ChannelCell { number, ..ChannelCell::new(id.clone(), put) });
        match &mut self.numbers {
            Some(numbers) => drop(numbers.insert(id.clone(), number)),
            None => self.index(),
        }
    }

    /// Takes a channel out; true if it was joined and is to be left.
    pub(crate) fn remove(&mut self, id: &ChannelId) -> bool {
        let Some(place) = self.place(id) else { return false };
        if let Some(numbers) = &mut self.numbers {
            numbers.remove(id);
        }
        self.cells.remove(place).phase == ChannelPhase::In
    }

    /// Brings the list to what is wanted, keeping what is unchanged; returns those to be left.
    pub(crate) fn replace(&mut self, wanted: &[(ChannelId, u64)]) -> Vec<ChannelId> {
        let mut before: HashMap<ChannelId, ChannelCell> = self.cells.drain(..).map(|cell| (cell.id.clone(), cell)).collect();
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
        before.into_values().filter(|cell| cell.phase == ChannelPhase::In).map(|cell| cell.id).collect()
    }

    fn index(&mut self) {
        if self.cells.len() > WALKED {
            self.numbers = Some(Box::new(self.cells.iter().map(|cell| (cell.id.clone(), cell.number)).collect()));
        }
    }
}

impl ChannelCell {
    fn new(id: ChannelId, put: u64) -> ChannelCell {
        ChannelCell { id, put, number: 0, phase: ChannelPhase::Out, info: None, trouble: None }
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

impl DerefMut for ChannelList {
    fn deref_mut(&mut self) -> &mut [ChannelCell] {
        &mut self.cells
    }
}

#[cfg(test)]
mod tests {
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
            list.find_mut(&id(1)).unwrap().phase = ChannelPhase::In;
            assert!(list.remove(&id(1)), "it was joined");
            assert!(!list.remove(&id(1)));
            list.put(&id(1), 2);
            assert_eq!((list.len(), shown(&list)[1], list[many - 1].id.clone()), (many, "chat-room:2", id(1)));
            assert_eq!(list.find(&id(2)).map(|cell| cell.id.clone()), Some(id(2)));
            list.find_mut(&id(0)).unwrap().phase = ChannelPhase::In;
            list.find_mut(&id(1)).unwrap().phase = ChannelPhase::Refused;
            let left = list.replace(&[(id(1), 3), (id(7_000), 3)]);
            assert_eq!((left, shown(&list)), (vec![id(0)], vec!["chat-room:1", "chat-room:7000"]));
            assert_eq!(list[0].phase, ChannelPhase::Out, "a later put clears the refusal");
            assert!(list.find(&id(2)).is_none());
        }
    }
}
