//! How many bytes of the journal each user takes, counted from the rows.
//!
//! A user is one of our agents. It is charged for its messages, its changes and its notices, and for
//! what is said by others in the conversations that it brought here: its contacts, and the rooms that it was the
//! first of our agents to join. Otherwise an agent in a thousand rooms could have an accomplice
//! fill them, each room smaller than anybody's share.
//!
//! The counts are in memory. They are made by reading the lengths of the rows once, in slices, and
//! only when the file has reached half of its limit. Rejected: a table of counts (one more page in
//! every commit), and an index by sender (30 % of the cost of a row). A count may be stale, for
//! example after an agent was deleted: a share that turns out empty becomes 0.

use crate::model::Seq;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;

/// SQL for the bytes of a row of `message`, with its three indexes, roughly.
pub(super) const MESSAGE_BYTES: &str = "(140 + 2 * octet_length(message_id) + 2 * coalesce(octet_length(origin_id), 0)
     + octet_length(sender) + coalesce(octet_length(sender_alias), 0) + coalesce(octet_length(posted_by), 0)
     + coalesce(octet_length(subject), 0) + octet_length(text) + coalesce(octet_length(parts), 0)
     + coalesce(octet_length(classification), 0) + coalesce(octet_length(contexts), 0)
     + 2 * coalesce(octet_length(sender_id), 0) + coalesce(octet_length(author), 0)
     + coalesce(octet_length(reactions), 0) + coalesce(octet_length(retracted), 0))";

/// SQL for the bytes of a row of `revision`, with its indexes, roughly.
pub(super) const REVISION_BYTES: &str =
    "(160 + 2 * octet_length(revision_id) + 2 * coalesce(octet_length(origin_id), 0)
     + octet_length(target_id) + octet_length(sender) + coalesce(octet_length(sender_alias), 0)
     + coalesce(octet_length(author), 0) + coalesce(octet_length(content), 0))";

/// What a row of `notice` takes.
pub(super) const NOTICE_BYTES: &str =
    "(60 + octet_length(name) + coalesce(octet_length(value), 0))";

/// Rows counted in one step.
const STEP: i64 = 256;

/// Who is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum User {
    Agent(i64),
    /// A room that nobody of ours is charged for.
    Room(i64),
}

/// A share that can be dropped alone: one sender's messages in one conversation, or one agent's
/// notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Heap {
    /// Messages of that agent; 0: of all others.
    Messages {
        sender: i64,
        conversation: i64,
    },
    /// Changes of messages that an agent, or others, made.
    Changes {
        sender: i64,
        conversation: i64,
    },
    Notices {
        agent: i64,
    },
}

impl Heap {
    /// The heap whose minimum this one counts for: its conversation, or the agent's notices.
    fn conversation(self) -> Heap {
        match self {
            Heap::Messages { conversation, .. } | Heap::Changes { conversation, .. } => {
                Heap::Messages {
                    sender: 0,
                    conversation,
                }
            }
            notices => notices,
        }
    }
}

#[derive(Debug)]
struct Share {
    user: User,
    bytes: u64,
    /// Rows up to here are looked through already.
    passed: Seq,
}

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Usage {
    shares: HashMap<Heap, Share>,
    users: HashMap<User, u64>,
    conversations: HashMap<Heap, u64>,
    total: u64,
    counted_messages: Seq,
    counted_changes: Seq,
    counted_notices: Seq,
}

impl Usage {
    /// Bytes of all messages and notices counted.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// How many conversations hold something; the notices of an agent count as one.
    pub(super) fn conversations(&self) -> u64 {
        self.conversations.len() as u64
    }

    /// Counts some rows that were not counted yet; true if there may be more.
    pub(super) fn count(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let (seen, messages) = self.count_said(
            connection,
            ("message", MESSAGE_BYTES, self.counted_messages),
            |sender, conversation| Heap::Messages {
                sender,
                conversation,
            },
        )?;
        self.counted_messages = messages;
        let (changed, changes) = self.count_said(
            connection,
            ("revision", REVISION_BYTES, self.counted_changes),
            |sender, conversation| Heap::Changes {
                sender,
                conversation,
            },
        )?;
        self.counted_changes = changes;
        let sql = format!(
            "SELECT seq, agent, {NOTICE_BYTES} FROM notice WHERE seq > ?1 ORDER BY seq LIMIT ?2"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![self.counted_notices, STEP])?;
        let mut told = 0;
        while let Some(row) = rows.next()? {
            self.add(
                connection,
                Heap::Notices { agent: row.get(1)? },
                size(row, 2)?,
            )?;
            self.counted_notices = row.get(0)?;
            told += 1;
        }
        Ok(seen == STEP || changed == STEP || told == STEP)
    }

    /// Counts rows of a table of what is said in conversations, after that seq. Returns how many,
    /// and the seq of the last.
    fn count_said(
        &mut self,
        connection: &Connection,
        (table, bytes, after): (&str, &str, Seq),
        heap: fn(i64, i64) -> Heap,
    ) -> rusqlite::Result<(i64, Seq)> {
        let sql = format!(
            "SELECT seq, coalesce(sender_agent, 0), conversation, {bytes} FROM {table}
             WHERE seq > ?1 ORDER BY seq LIMIT ?2"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, STEP])?;
        let (mut seen, mut last) = (0, after);
        while let Some(row) = rows.next()? {
            let heap = heap(row.get(1)?, row.get(2)?);
            self.add(connection, heap, size(row, 3)?)?;
            last = row.get(0)?;
            seen += 1;
        }
        Ok((seen, last))
    }

    fn add(&mut self, connection: &Connection, heap: Heap, bytes: u64) -> rusqlite::Result<()> {
        let share = match self.shares.get_mut(&heap) {
            Some(share) => share,
            None => {
                let user = charged(connection, heap)?;
                self.shares.entry(heap).or_insert(Share {
                    user,
                    bytes: 0,
                    passed: 0,
                })
            }
        };
        share.bytes += bytes;
        *self.users.entry(share.user).or_default() += bytes;
        *self.conversations.entry(heap.conversation()).or_default() += bytes;
        self.total += bytes;
        Ok(())
    }

    /// Notes that a row was dropped; a row that was not counted yet changes nothing.
    pub(super) fn dropped(&mut self, heap: Heap, seq: Seq, bytes: u64) {
        let counted = match heap {
            Heap::Messages { .. } => self.counted_messages,
            Heap::Changes { .. } => self.counted_changes,
            Heap::Notices { .. } => self.counted_notices,
        };
        if seq <= counted {
            self.subtract(heap, bytes);
        }
    }

    fn subtract(&mut self, heap: Heap, bytes: u64) {
        let Some(share) = self.shares.get_mut(&heap) else {
            return;
        };
        let bytes = bytes.min(share.bytes);
        share.bytes -= bytes;
        let user = share.user;
        if share.bytes == 0 {
            self.shares.remove(&heap);
        }
        take(&mut self.users, &user, bytes);
        take(&mut self.conversations, &heap.conversation(), bytes);
        self.total -= bytes;
    }

    /// Notes that the share was searched up to `seq`; `None`: it is empty, whatever was counted.
    pub(super) fn passed(&mut self, heap: Heap, seq: Option<Seq>) {
        match seq {
            Some(seq) => {
                if let Some(share) = self.shares.get_mut(&heap) {
                    share.passed = seq;
                }
            }
            None => self.subtract(heap, u64::MAX),
        }
    }

    /// The seq after which the share is still to be searched.
    pub(super) fn passed_in(&self, heap: Heap) -> Seq {
        self.shares.get(&heap).map_or(0, |share| share.passed)
    }

    /// The share to drop from: the largest share of the largest user in a conversation that holds
    /// more than `minimum`, and how many bytes until another user may be the largest. `None`: no
    /// conversation holds more.
    pub(super) fn largest(&self, minimum: u64) -> Option<(Heap, u64)> {
        let mut best: HashMap<User, (u64, Heap)> = HashMap::new();
        for (heap, share) in &self.shares {
            if self
                .conversations
                .get(&heap.conversation())
                .is_none_or(|bytes| *bytes <= minimum)
            {
                continue;
            }
            let best = best.entry(share.user).or_insert((0, *heap));
            *best = (*best).max((share.bytes, *heap));
        }
        let of = |user: &User| self.users.get(user).copied().unwrap_or(0);
        let (first, (share, heap)) = best.iter().max_by_key(|(user, _)| (of(user), **user))?;
        let second = best
            .keys()
            .filter(|user| *user != first)
            .map(of)
            .max()
            .unwrap_or(0);
        let spare = self
            .conversations
            .get(&heap.conversation())
            .map_or(0, |bytes| bytes.saturating_sub(minimum));
        let ahead = of(first).saturating_sub(second).max(of(first) / 64).max(1);
        Some((*heap, ahead.min(*share).min(spare)))
    }
}

fn take<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u64>, key: &K, bytes: u64) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(bytes);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// A column of bytes.
pub(super) fn size(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column)
        .map(|bytes| u64::try_from(bytes).unwrap_or(0))
}

/// Who is charged for what lies in `heap`.
fn charged(connection: &Connection, heap: Heap) -> rusqlite::Result<User> {
    let conversation = match heap {
        Heap::Notices { agent } => return Ok(User::Agent(agent)),
        Heap::Messages {
            sender: 0,
            conversation,
        }
        | Heap::Changes {
            sender: 0,
            conversation,
        } => conversation,
        Heap::Messages { sender, .. } | Heap::Changes { sender, .. } => {
            return Ok(User::Agent(sender));
        }
    };
    let owner: Option<i64> = connection
        .prepare_cached(
            "SELECT CASE agent WHEN 0 THEN
                      (SELECT m.agent FROM membership m WHERE m.conversation = c.key ORDER BY m.since LIMIT 1)
                    ELSE agent END
               FROM conversation c WHERE key = ?1",
        )?
        .query_row([conversation], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(owner.map_or(User::Room(conversation), User::Agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(shares: &[(User, Heap, u64)]) -> Usage {
        let mut usage = Usage {
            counted_messages: 100,
            counted_changes: 100,
            counted_notices: 100,
            ..Usage::default()
        };
        for (user, heap, bytes) in shares {
            usage.shares.insert(
                *heap,
                Share {
                    user: *user,
                    bytes: *bytes,
                    passed: 0,
                },
            );
            *usage.users.entry(*user).or_default() += bytes;
            *usage.conversations.entry(heap.conversation()).or_default() += bytes;
            usage.total += bytes;
        }
        usage
    }

    #[test]
    fn the_largest_user_gives_way_in_its_largest_place() {
        let said = |sender, conversation| Heap::Messages {
            sender,
            conversation,
        };
        let (mallory, lene) = (User::Agent(1), User::Agent(2));
        let mut usage = usage(&[
            (mallory, said(1, 10), 600),
            (mallory, said(0, 11), 700),
            (lene, said(2, 10), 900),
            (lene, Heap::Notices { agent: 2 }, 50),
        ]);
        assert_eq!((usage.total(), usage.conversations()), (2_250, 3));
        assert_eq!(
            usage.largest(0),
            Some((said(0, 11), 350)),
            "until lene is as large"
        );
        usage.dropped(said(0, 11), 5, 700);
        usage.dropped(said(2, 10), 101, 900);
        assert_eq!(
            usage.largest(0).map(|(heap, _)| heap),
            Some(said(2, 10)),
            "a row not counted yet takes nothing"
        );
        assert_eq!(
            usage.largest(1_400).map(|(_, bytes)| bytes),
            Some(100),
            "no further than the minimum"
        );
        assert_eq!(usage.largest(1_500), None);
        usage.passed(said(2, 10), None);
        assert_eq!(
            (usage.total(), usage.largest(0).map(|(heap, _)| heap)),
            (650, Some(said(1, 10)))
        );
    }
}
