//! Deletes conversations that have no message and no span any more.
//!
//! Every channel that an agent was ever in has a row, and somebody who puts and deletes channels
//! all day would add rows without end. A row is deleted only if it was found unused twice, a minute
//! apart, because a post under way may still be recorded there.

use rusqlite::Connection;
use std::collections::HashSet;

/// Conversations looked at in one slice.
const SLICE: i64 = 500;
/// Milliseconds between two passes: longer than any post is under way.
const PAUSE: i64 = 60_000;
/// Rows remembered from one pass to the next.
const SUSPECTS: usize = 100_000;

/// Where the search stands.
#[derive(Debug)]
pub(super) struct Sweeping {
    /// Whether a conversation may have become unused.
    asked: bool,
    /// When the next pass may begin, milliseconds since 1970; `None`: now.
    due: Option<i64>,
    /// The last row looked at in the pass under way.
    after: Option<i64>,
    suspects: HashSet<i64>,
    fresh: HashSet<i64>,
}

impl Default for Sweeping {
    /// Begins with a pass, because an earlier process may have left unused rows.
    fn default() -> Sweeping {
        Sweeping {
            asked: true,
            due: None,
            after: None,
            suspects: HashSet::new(),
            fresh: HashSet::new(),
        }
    }
}

impl Sweeping {
    /// Notes that a conversation may have become unused.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// Whether a pass is under way or due. A clock that is set back delays it by at most one pause.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.after.is_some()
            || (self.asked && self.due.is_none_or(|due| now >= due || due > now + PAUSE))
    }

    /// Checks some rows, inside a transaction. Returns whether one was deleted, and whether there
    /// is more to do now.
    pub(super) fn slice(
        &mut self,
        connection: &Connection,
        now: i64,
    ) -> rusqlite::Result<(bool, bool)> {
        let after = self.after.unwrap_or(0);
        let mut statement = connection.prepare_cached(
            "SELECT key, NOT EXISTS (SELECT 1 FROM membership WHERE conversation = c.key)
                     AND NOT EXISTS (SELECT 1 FROM message WHERE conversation = c.key)
                     AND NOT EXISTS (SELECT 1 FROM revision WHERE conversation = c.key)
               FROM conversation c WHERE key > ?1 ORDER BY key LIMIT ?2",
        )?;
        let found: Vec<(i64, bool)> = statement
            .query_map([after, SLICE], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut swept = false;
        for (key, _) in found.iter().filter(|(_, unreferenced)| *unreferenced) {
            if self.suspects.contains(key) {
                for sql in [
                    "DELETE FROM receipt WHERE conversation = ?1",
                    "DELETE FROM conversation WHERE key = ?1",
                ] {
                    connection.prepare_cached(sql)?.execute([key])?;
                }
                swept = true;
            } else if self.fresh.len() < SUSPECTS {
                self.fresh.insert(*key);
            }
        }
        let more = found.len() as i64 == SLICE;
        if more {
            self.after = found.last().map(|(key, _)| *key);
        } else {
            self.after = None;
            self.due = Some(now + PAUSE);
            self.suspects = std::mem::take(&mut self.fresh);
            self.asked = !self.suspects.is_empty();
        }
        Ok((swept, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unreferenced_for_a_minute_goes() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(include_str!("../../schema.sql"))
            .unwrap();
        for key in 1..=1_200 {
            connection
                .execute("INSERT INTO conversation (key, network, channel, agent) VALUES (?1, 'x', 'c' || ?1, 0)", [key])
                .unwrap();
        }
        connection
            .execute(
                "INSERT INTO membership (agent, conversation, since) VALUES (1, 7, 0)",
                [],
            )
            .unwrap();
        let count = || {
            connection
                .query_row("SELECT count(*) FROM conversation", [], |row| {
                    row.get::<_, i64>(0)
                })
                .unwrap()
        };
        let mut sweeping = Sweeping::default();
        let mut pass =
            |now| while sweeping.is_due(now) && sweeping.slice(&connection, now).unwrap().1 {};
        pass(PAUSE);
        assert_eq!(count(), 1_200, "found once");
        connection
            .execute(
                "INSERT INTO membership (agent, conversation, since) VALUES (1, 8, 0)",
                [],
            )
            .unwrap();
        pass(2 * PAUSE - 1);
        assert_eq!(count(), 1_200, "a minute has not passed");
        pass(2 * PAUSE);
        assert_eq!(count(), 2, "but the two that somebody is in");
    }
}
