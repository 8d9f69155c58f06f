//! What the rules say must be so, in plain collections: no database, no threads, no chat system.
//!
//! A message is *said* on the chat system and has a number there. It is *recorded* when one of our
//! agents is there to hear it, or later, when the first of them comes back and catches up.
//! Recorded, it is an event of every agent whose span in that conversation is open.

mod administering;
mod changing;
mod saying;
mod staying;

pub use changing::Done;
use changing::Recorded;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use switchboard::EventId;

/// The rooms; a channel with any other name that is not a contact does not exist.
pub const ROOMS: [&str; 2] = ["chat-room:ops", "chat-room:lab"];

pub const CONTACT: &str = "contact:lene";

/// Milliseconds that count as just now.
const WINDOW: i64 = 15_000;

/// The events that an agent is told.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Message {
        channel: String,
        text: String,
        sender: String,
    },
    /// What was done, in a word, and the text after it.
    Change {
        channel: String,
        kind: &'static str,
        text: String,
        sender: String,
    },
    MetaData {
        key: String,
        value: Option<String>,
    },
    State {
        channel: String,
        active: bool,
    },
}

impl What {
    /// Within a group the order is known; two channels that catch up at once may do so either way.
    fn group(&self) -> &str {
        match self {
            What::Message { channel, .. }
            | What::Change { channel, .. }
            | What::State { channel, .. } => channel,
            What::MetaData { .. } => "",
        }
    }
}

/// An event that was told or is still to be told.
#[derive(Debug, Clone)]
pub struct Happened {
    pub what: What,
    pub at: i64,
    /// Whether it is a message that somebody else said.
    pub remote: bool,
    /// The number of the message, if it is one: it is told as it stands when it is read.
    number: Option<u64>,
    step: usize,
}

#[derive(Debug, Clone)]
pub struct Said {
    pub number: u64,
    /// The chat system's id.
    pub id: String,
    /// As it stands now.
    pub text: String,
    pub sender: String,
    pub by: Option<u64>,
    pub retracted: bool,
    /// The message that it changes, if it is no message of its own, and how.
    change: Option<(u64, Done)>,
}

/// A named reader: indexes into its agent's history.
#[derive(Debug, Clone, Default)]
pub struct ReaderTruth {
    acknowledged: usize,
    next: usize,
    given: Option<usize>,
}

#[derive(Debug, Clone, Default)]
pub struct AgentTruth {
    /// A new number each time an id is created again.
    pub life: u64,
    pub address: String,
    pub channels: Vec<String>,
    pub users: Vec<String>,
    pub metadata: Vec<(String, String)>,
    pub online: bool,
    pub joined: BTreeSet<String>,
    /// Refused or kicked: not tried again before a put, a new address or a restart.
    pub refused: BTreeSet<String>,
    /// Channels whose span is open.
    pub seeing: BTreeSet<String>,
    pub announced: BTreeSet<String>,
    pub due: VecDeque<Happened>,
    pub history: Vec<(EventId, Happened)>,
    pub readers: BTreeMap<&'static str, ReaderTruth>,
}

impl AgentTruth {
    /// Its name to others.
    pub fn name(&self) -> &str {
        self.address.split_once(':').expect("an address").1
    }

    /// Compares an event that was read: it must be the next one of its group, and not come before
    /// events of an earlier step.
    pub fn received(&mut self, id: EventId, what: &What) -> Result<(), String> {
        let last = self.history.last();
        if let Some((newest, _)) = last.filter(|(newest, _)| *newest >= id) {
            return Err(format!("id {} after {}", id.0, newest.0));
        }
        let at = self
            .due
            .iter()
            .position(|due| due.what.group() == what.group());
        let due = at
            .and_then(|at| self.due.remove(at))
            .filter(|due| due.what == *what);
        let Some(due) = due else {
            return Err(format!("{what:?} is not what is due: {:?}", self.due));
        };
        if last.is_some_and(|(_, before)| before.step > due.step) {
            return Err(format!("{what:?} of an earlier step comes after {last:?}"));
        }
        self.history.push((id, due));
        Ok(())
    }

    pub fn all_received(&self) -> Result<(), String> {
        if self.due.is_empty() {
            Ok(())
        } else {
            Err(format!("never told: {:?}", self.due))
        }
    }

    /// How many of its events are older than the window.
    pub fn before_window(&self, now: i64) -> usize {
        self.history
            .partition_point(|(_, happened)| happened.at <= now - WINDOW)
    }

    /// Opens a reader, which goes on after what is acknowledged; a new one begins with the window.
    pub fn open_reader(&mut self, name: &'static str, now: i64) {
        let window = self.before_window(now);
        let reader = self.readers.entry(name).or_insert(ReaderTruth {
            acknowledged: window,
            next: window,
            given: None,
        });
        (reader.next, reader.given) = (reader.acknowledged, None);
    }

    /// The next event of the reader; asking for it acknowledges the event before.
    pub fn reader_next(
        &mut self,
        name: &str,
        wanted: impl Fn(&Happened) -> bool,
    ) -> Option<EventId> {
        let reader = self.readers.get_mut(name)?;
        if let Some(given) = reader.given.take() {
            reader.acknowledged = reader.acknowledged.max(given + 1);
        }
        let found = (reader.next..self.history.len()).find(|at| wanted(&self.history[*at].1));
        match found {
            Some(at) => (reader.next, reader.given) = (at + 1, Some(at)),
            None => (reader.next, reader.acknowledged) = (self.history.len(), self.history.len()),
        }
        found.map(|at| self.history[at].0)
    }
}

/// All of it.
#[derive(Debug, Default)]
pub struct Truth {
    pub agents: BTreeMap<&'static str, AgentTruth>,
    pub users: BTreeMap<String, String>,
    pub now: i64,
    pub step: usize,
    lives: u64,
    /// The number of the last message said.
    said: u64,
    logs: HashMap<String, Vec<Said>>,
    /// How far each conversation is caught up, by channel and, for a contact, by the agent's life.
    resumes: HashMap<(String, u64), u64>,
    /// Names that the chat system knows.
    pub known: HashSet<String>,
    /// Posts with a key: the message each made.
    pub keyed: HashMap<(u64, String, String), (String, String)>,
    /// The messages of rooms that are in the journal, by number.
    recorded: HashMap<u64, Recorded>,
    /// Rooms of which the journal has a message, so that it never forgets them.
    kept: HashSet<String>,
    /// Messages that came for a room that may have been forgotten meanwhile, with where it stood.
    uncertain: HashSet<u64>,
}

impl Truth {
    fn tell(&mut self, who: &str, what: What, remote: bool) {
        self.tell_numbered(who, what, remote, None);
    }

    fn tell_numbered(&mut self, who: &str, what: What, remote: bool, number: Option<u64>) {
        let (at, step) = (self.now, self.step);
        if let Some(agent) = self.agents.get_mut(who) {
            agent.due.push_back(Happened {
                what,
                at,
                remote,
                number,
                step,
            });
        }
    }

    /// The log of a channel as that agent sees it: a talk is another one under another name.
    fn log_name(agent: &AgentTruth, channel: &str) -> String {
        if channel == CONTACT {
            format!("talk {}", agent.name())
        } else {
            channel.to_owned()
        }
    }

    fn conversation(agent: &AgentTruth, channel: &str) -> (String, u64) {
        (
            channel.to_owned(),
            if channel == CONTACT { agent.life } else { 0 },
        )
    }

    pub fn log(&self, who: &str, channel: &str) -> Vec<String> {
        let log = self
            .agents
            .get(who)
            .and_then(|agent| self.logs.get(&Truth::log_name(agent, channel)));
        log.into_iter()
            .flatten()
            .filter(|said| said.change.is_none())
            .map(|said| said.text.clone())
            .collect()
    }
}
