//! Messages that arrive before their conversation exists: they wait for the join that creates it.
//!
//! The first join of a channel creates its conversation, but a connector may hand over a message
//! before that join is recorded: text that a contact wrote before its channel was put, a message
//! between entering a room and the answer that says so, or the text of an invitation. Such a
//! message was once dropped. It now waits here, in order, and is written in the transaction of the
//! join.
//!
//! If there are too many, the oldest row of one place is dropped ([`gives_way`]): for each agent
//! separately, the place that holds most within the domain that holds most. So strangers of one
//! domain, and the rooms of one agent, displace only their own messages.
//!
//! Rejected: creating the conversation for every message (anybody could create rows for channels
//! that nobody wants), and a rule that connectors hold messages back (the seam has no call that
//! tells them when to stop, and each connector would implement it again).

use super::entry::NewRow;
use crate::backend::fairness::{domain, gives_way};
use crate::model::Place;
use std::collections::VecDeque;

/// Rows kept at most.
const ROWS_MAX: usize = 2048;
/// Bytes kept at most, roughly.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a row waits, in milliseconds: a join may take ten minutes.
const AGE_MAX: i64 = 600_000;

/// One row, and when it arrived in milliseconds since 1970.
struct Kept {
    row: NewRow,
    came: i64,
    bytes: usize,
}

/// The rows that wait.
#[derive(Default)]
pub(super) struct Early {
    kept: VecDeque<Kept>,
    bytes: usize,
    /// Places whose rows the present transaction has written.
    written: Vec<Place>,
}

impl Early {
    /// Keeps a row. Returns how many others were dropped, because there were too many or they were
    /// too old.
    pub(super) fn keep(&mut self, row: &NewRow, now: i64) -> u64 {
        // A transaction that is tried again brings the same rows.
        if self
            .kept
            .iter()
            .any(|kept| kept.row.place == row.place && kept.row.id == row.id)
        {
            return 0;
        }
        let bytes = 400
            + row
                .content
                .parts
                .iter()
                .map(|part| 40 + part.visible().len())
                .sum::<usize>();
        self.bytes += bytes;
        self.kept.push_back(Kept {
            row: row.clone(),
            came: now,
            bytes,
        });
        let mut displaced = 0;
        while self
            .kept
            .front()
            .is_some_and(|oldest| now.saturating_sub(oldest.came) > AGE_MAX)
        {
            displaced += self.displace(0);
        }
        while self.kept.len() > ROWS_MAX || self.bytes > BYTES_MAX {
            let is_many = self.kept.len() > ROWS_MAX;
            let line = self.kept.iter().map(|kept| {
                let place = &kept.row.place;
                (
                    (place.agent, domain(place.channel.as_str())),
                    place,
                    if is_many { 1 } else { kept.bytes },
                )
            });
            let Some(index) = gives_way(line) else { break };
            displaced += self.displace(index);
        }
        displaced
    }

    fn displace(&mut self, index: usize) -> u64 {
        let Some(kept) = self.kept.remove(index) else {
            return 0;
        };
        self.bytes -= kept.bytes;
        1
    }

    /// Returns the rows of a place, to be written; they stay here until the transaction has ended.
    pub(super) fn of(&mut self, place: &Place) -> Vec<NewRow> {
        let rows: Vec<NewRow> = self
            .kept
            .iter()
            .filter(|kept| kept.row.place == *place)
            .map(|kept| kept.row.clone())
            .collect();
        if !rows.is_empty() {
            self.written.push(place.clone());
        }
        rows
    }

    /// Drops the rows of a place. Returns how many there were.
    pub(super) fn forget(&mut self, place: &Place) -> u64 {
        let before = self.kept.len();
        self.kept.retain(|kept| kept.row.place != *place);
        self.bytes = self.kept.iter().map(|kept| kept.bytes).sum();
        (before - self.kept.len()) as u64
    }

    /// A new transaction begins. The one before was committed unless [`Early::rolled_back`] was
    /// called, so its rows are dropped.
    pub(super) fn begin(&mut self) {
        for place in std::mem::take(&mut self.written) {
            self.forget(&place);
        }
    }

    /// The last transaction wrote nothing.
    pub(super) fn rolled_back(&mut self) {
        self.written.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Received;
    use crate::model::{AgentKey, ChannelId, MessageId, NetworkId};
    use chrono::DateTime;

    fn row(contact: &str, id: &str) -> NewRow {
        let channel = ChannelId::parse(&format!("contact:{contact}")).unwrap();
        let place = Place {
            network: NetworkId::parse("test:x").unwrap(),
            channel,
            agent: Some(AgentKey(1)),
        };
        let received = Received::text(MessageId::parse(id).unwrap(), contact, "hello");
        NewRow::of(place, received, DateTime::UNIX_EPOCH)
    }

    fn ids(rows: &[NewRow]) -> Vec<&str> {
        rows.iter().map(|row| row.id.as_str()).collect()
    }

    #[test]
    fn rows_come_in_order_once_and_survive_a_rollback() {
        let mut early = Early::default();
        for id in ["1", "2", "2"] {
            assert_eq!(early.keep(&row("lene", id), 0), 0);
        }
        early.keep(&row("bob", "3"), 0);
        let lene = row("lene", "1").place;
        early.begin();
        assert_eq!(ids(&early.of(&lene)), ["1", "2"]);
        early.rolled_back();
        early.begin();
        assert_eq!(
            ids(&early.of(&lene)),
            ["1", "2"],
            "the transaction wrote nothing"
        );
        early.begin();
        assert_eq!(ids(&early.of(&lene)), [""; 0], "committed");
        assert_eq!(early.forget(&row("bob", "3").place), 1);
        assert_eq!(early.bytes, 0);
    }

    #[test]
    fn a_crowd_does_not_push_out_anothers_only_row() {
        let mut early = Early::default();
        early.keep(&row("lene@example.org", "hello"), 0);
        for n in 0..ROWS_MAX + 100 {
            early.keep(&row(&format!("x{n}@evil.example"), &n.to_string()), 0);
        }
        assert_eq!(early.kept.len(), ROWS_MAX);
        assert_eq!(
            ids(&early.of(&row("lene@example.org", "hello").place)),
            ["hello"]
        );
    }

    #[test]
    fn what_waits_is_bounded_in_number_and_in_time() {
        let mut early = Early::default();
        let displaced: u64 = (0..ROWS_MAX + 10)
            .map(|n| early.keep(&row("lene", &n.to_string()), 0))
            .sum();
        assert_eq!((displaced, early.kept.len()), (10, ROWS_MAX));
        assert_eq!(
            early.keep(&row("lene", "late"), AGE_MAX + 1),
            ROWS_MAX as u64
        );
        assert_eq!(early.kept.len(), 1);
    }
}
