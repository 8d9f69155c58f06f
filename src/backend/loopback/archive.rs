//! What was said, in memory: one log a conversation, and one line through all of them that says
//! what is oldest.
//!
//! Bounded over all conversations together, because one number is what a host can reckon with; what
//! is over it is dropped oldest first, wherever it was said. Rejected: a bound for each
//! conversation (a thousand rooms would multiply it).

use super::became::{Became, as_it_is_now};
use crate::backend::Received;
use crate::model::OriginId;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The most messages kept of all conversations.
pub(super) const MESSAGES_MAX: usize = 200_000;
/// The most bytes kept of all conversations, roughly.
pub(super) const BYTES_MAX: usize = 64 * 1024 * 1024;

/// One conversation's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LogKey(usize);

/// One message as it was said.
#[derive(Debug)]
pub(super) struct Said {
    /// The message's number, which rises over all conversations.
    pub(super) number: u64,
    /// The folded name of the sender.
    pub(super) speaker: Arc<str>,
    /// When it was said.
    pub(super) time: DateTime<Utc>,
    /// The message in the form that the engine gets.
    pub(super) received: Received,
}

impl Said {
    fn weight(&self) -> usize {
        400 + self.received.content.bytes()
    }
}

#[derive(Default)]
struct Log {
    /// The messages, in rising order of number.
    said: VecDeque<Arc<Said>>,
    /// True if a message was dropped from it.
    dropped: bool,
}

/// The logs of all conversations.
#[derive(Default)]
pub(super) struct Archive {
    logs: Vec<Log>,
    /// The log of each message that is kept, oldest message first.
    order: VecDeque<LogKey>,
    /// The log and number of each message of an agent.
    origins: HashMap<OriginId, (LogKey, u64)>,
    /// What became of messages, by number.
    became: HashMap<u64, Became>,
    bytes: usize,
}

impl Archive {
    pub(super) fn new_log(&mut self) -> LogKey {
        self.logs.push(Log::default());
        LogKey(self.logs.len() - 1)
    }

    /// Appends a message. Its number must be above those of all earlier ones.
    pub(super) fn append(&mut self, key: LogKey, said: Arc<Said>) {
        self.bytes += said.weight();
        if let Some(origin) = &said.received.origin {
            self.origins.insert(origin.clone(), (key, said.number));
        }
        self.logs[key.0].said.push_back(said);
        self.order.push_back(key);
        while self.order.len() > MESSAGES_MAX || self.bytes > BYTES_MAX {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(key) = self.order.pop_front() else {
            return;
        };
        let log = &mut self.logs[key.0];
        log.dropped = true;
        let Some(said) = log.said.pop_front() else {
            return;
        };
        self.bytes -= said.weight();
        self.became.remove(&said.number);
        if let Some(origin) = &said.received.origin {
            self.origins.remove(origin);
        }
    }

    /// Returns the messages after `number`, oldest first.
    pub(super) fn after(&self, key: LogKey, number: u64) -> impl Iterator<Item = &Arc<Said>> {
        let said = &self.logs[key.0].said;
        said.range(said.partition_point(|said| said.number <= number)..)
    }

    /// Returns the messages below `before`, newest first; changes of messages are none.
    pub(super) fn newest(
        &self,
        key: LogKey,
        before: Option<u64>,
    ) -> impl Iterator<Item = &Arc<Said>> {
        let said = &self.logs[key.0].said;
        let end = before.map_or(said.len(), |before| {
            said.partition_point(|said| said.number < before)
        });
        let messages = said.range(..end).rev();
        messages.filter(|said| said.received.changes.is_none())
    }

    /// What became of the message of that number, if anything did.
    pub(super) fn became(&self, number: u64) -> Option<&Became> {
        self.became.get(&number)
    }

    pub(super) fn became_mut(&mut self, number: u64) -> &mut Became {
        self.became.entry(number).or_default()
    }

    /// A message as it stands now.
    pub(super) fn now(&self, said: &Said) -> Received {
        as_it_is_now(&said.received, self.became(said.number))
    }

    /// Returns the message of that number, if this log still has it.
    pub(super) fn at(&self, key: LogKey, number: u64) -> Option<&Arc<Said>> {
        let said = &self.logs[key.0].said;
        said.get(said.partition_point(|said| said.number < number))
            .filter(|said| said.number == number)
    }

    /// Returns the message of that log that has `origin`.
    pub(super) fn by_origin(&self, key: LogKey, origin: &OriginId) -> Option<&Arc<Said>> {
        let (log, number) = self.origins.get(origin)?;
        if *log == key {
            self.at(key, *number)
        } else {
            None
        }
    }

    /// Returns whether every message of that log is still there.
    pub(super) fn is_whole(&self, key: LogKey) -> bool {
        !self.logs[key.0].dropped
    }
}
