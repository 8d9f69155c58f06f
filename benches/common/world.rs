//! A provisioned database, written row by row, because 100,000 puts would be 100,000 commits.

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use switchboard::Token;

/// As in `src/database/file.rs`.
const APPLICATION_ID: i64 = 0x5357_4244;
const SCHEMA_VERSION: i64 = 3;
/// The engine's own schema, which the raw side uses too.
pub const SCHEMA: &str = include_str!("../../schema.sql");
/// As in `src/database/file.rs`, `Durability::Power`.
pub const PRAGMAS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA busy_timeout = 5000;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA secure_delete = FAST;
    PRAGMA cache_size = -8000;
    PRAGMA temp_store = MEMORY;";

/// Who and what is provisioned.
pub struct World {
    pub agents: usize,
    /// Rooms in all; each agent is in `rooms_each` of them.
    pub rooms: usize,
    pub rooms_each: usize,
    /// Tokens, the first for a user of the first agent and so on.
    pub tokens: usize,
    /// Whether every agent has been in its rooms before.
    pub joined: bool,
    /// Messages of an hour ago.
    pub messages: usize,
}

impl World {
    /// Agents and rooms, and nothing else.
    pub fn new(agents: usize, rooms: usize, rooms_each: usize) -> World {
        World {
            agents,
            rooms,
            rooms_each,
            tokens: 0,
            joined: false,
            messages: 0,
        }
    }

    /// The rooms of an agent.
    pub fn rooms_of(&self, agent: usize) -> impl Iterator<Item = usize> + use<> {
        let (rooms, each) = (self.rooms, self.rooms_each);
        (0..each).map(move |nth| (agent * each + nth) % rooms)
    }

    /// Writes the database.
    pub fn write(&self, path: &Path) {
        self.try_write(path).expect("the database can be written");
    }

    fn try_write(&self, path: &Path) -> rusqlite::Result<()> {
        let mut connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;",
        )?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}"
        ))?;
        self.write_agents(&transaction)?;
        self.write_journal(&transaction)?;
        transaction.commit()?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    fn write_agents(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut agent = connection
            .prepare("INSERT INTO agent (key, id, address, mode, management, revision) VALUES (?1, ?2, ?3, 1, 1, 1)")?;
        let mut channel = connection
            .prepare("INSERT INTO agent_channel (agent, channel, position, put, announced) VALUES (?1, ?2, ?3, 1, ?4)")?;
        for number in 0..self.agents {
            agent.execute(params![key(number), agent_id(number), address(number)])?;
            let mut rooms: Vec<(String, usize)> = self
                .rooms_of(number)
                .enumerate()
                .map(|(at, of)| (room(of), at))
                .collect();
            // In the order of the key, so that the table is filled from left to right.
            rooms.sort();
            for (id, position) in rooms {
                channel.execute(params![key(number), id, position as i64, self.joined])?;
            }
        }
        let mut user =
            connection.prepare("INSERT INTO user (id, username, folded) VALUES (?1, ?1, ?1)")?;
        let mut listed = connection
            .prepare("INSERT INTO agent_user (agent, user, position) VALUES (?1, ?2, 0)")?;
        let mut token =
            connection.prepare("INSERT INTO token (digest, agent, user, username, expires) VALUES (?1, ?2, ?3, ?3, ?4)")?;
        let expires = now_ms() + 86_400_000;
        for number in 0..self.tokens {
            let name = format!("user-{number:06}");
            user.execute([&name])?;
            listed.execute(params![key(number % self.agents), name])?;
            let digest = Sha256::digest(token_text(number).as_bytes());
            token.execute(params![
                &digest[..],
                key(number % self.agents),
                name,
                expires
            ])?;
        }
        // One throttle that names everybody and admits everything: what P1 asks for.
        if self.tokens > 0 {
            connection.execute(
                "INSERT INTO throttle (id, kind, threshold) VALUES ('all', 0, 4000000)",
                [],
            )?;
            let mut named = connection.prepare(
                "INSERT INTO throttle_agent (throttle, agent, position) VALUES ('all', ?1, ?2)",
            )?;
            for number in 0..self.tokens.min(self.agents) {
                named.execute(params![agent_id(number), number as i64])?;
            }
        }
        Ok(())
    }

    fn write_journal(&self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.joined {
            return Ok(());
        }
        let mut conversation = connection
            .prepare("INSERT INTO conversation (key, network, channel, agent) VALUES (?1, 'loopback:loopback', ?2, 0)")?;
        for number in 0..self.rooms {
            conversation.execute(params![key(number), room(number)])?;
        }
        let mut membership = connection
            .prepare("INSERT INTO membership (agent, conversation, since) VALUES (?1, ?2, 0)")?;
        for number in 0..self.agents {
            let mut rooms: Vec<usize> = self.rooms_of(number).collect();
            rooms.sort_unstable();
            for of in rooms {
                membership.execute(params![key(number), key(of)])?;
            }
        }
        let (said, text) = (now_ms() - 3_600_000, text(0));
        let mut message = connection.prepare(
            "INSERT INTO message (seq, conversation, message_id, sender, time, committed, alert, transfer, text)
             VALUES (?1, ?2, ?3, 'loopback:lene', ?4, ?4, 0, 0, ?5)",
        )?;
        for seq in 1..=self.messages {
            message.execute(params![
                seq as i64,
                key(seq % self.rooms),
                message_id(seq as u64),
                said,
                text
            ])?;
        }
        connection.execute(
            "INSERT INTO setting VALUES ('key', randomblob(32)), ('reserved', ?1), ('revision', 1), ('clean', 1),
                                        ('instance', 'bench'), ('base', 0)",
            [self.messages as i64 + 1],
        )?;
        Ok(())
    }

    /// Writes the database into a file of that directory.
    pub fn write_into(&self, directory: &Path) -> PathBuf {
        let path = directory.join("engine.db");
        self.write(&path);
        path
    }
}

fn key(number: usize) -> i64 {
    number as i64 + 1
}

pub fn agent_id(number: usize) -> String {
    format!("agent-{number:06}")
}

pub fn address(number: usize) -> String {
    format!("loopback:agent-{number:06}")
}

pub fn room(number: usize) -> String {
    format!("chat-room:room-{number:05}")
}

/// 43 characters, as a token has; those of a bench need not be secret.
fn token_text(number: usize) -> String {
    format!("{number:043}")
}

pub fn token(number: usize) -> Token {
    Token::new(token_text(number))
}

/// The text of a message: 240 bytes.
pub fn text(number: usize) -> String {
    format!(
        "{number:010} {}",
        "the pump in hall seven reports pressure above its limit; ".repeat(5)
    )
    .chars()
    .take(240)
    .collect()
}

/// An id of the shape and the order of the loopback's.
pub fn message_id(number: u64) -> String {
    format!("5a17c0de5a17c0de-{number:016}")
}

pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_millis() as i64
}
