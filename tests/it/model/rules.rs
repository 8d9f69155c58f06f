//! What the rules say must be so, in plain collections: no database, no threads, no chat system.
//!
//! A message is *said* on the chat system and has a number there. It is *recorded* when one of our agents is there to
//! hear it, or later, when the first of them comes back and catches up. Recorded, it is an event of every agent whose
//! span in that conversation is open.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use switchboard::EventId;

/// The rooms there are; channels named otherwise and no contact lead nowhere.
pub const ROOMS: [&str; 2] = ["chat-room:ops", "chat-room:lab"];
pub const CONTACT: &str = "contact:lene";
/// Milliseconds that count as just now.
const WINDOW: i64 = 15_000;

/// What an agent is told.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Message {
        channel: String,
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
            What::Message { channel, .. } | What::State { channel, .. } => channel,
            What::MetaData { .. } => "",
        }
    }
}

/// An event that was told, or is to be.
#[derive(Debug, Clone)]
pub struct Happened {
    pub what: What,
    pub at: i64,
    /// Whether it is a message that somebody else said.
    pub remote: bool,
    step: usize,
}

#[derive(Debug, Clone)]
pub struct Said {
    number: u64,
    pub text: String,
    sender: String,
    by: Option<u64>,
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
    /// Another one each time an id is created again.
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

    /// Something was read: it must be what is due next in its group, and not before what an earlier step brought.
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

    /// What the reader is given next: asking acknowledges the one before.
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
    /// Up to where a conversation is caught up, by channel and, for a contact, the agent's life.
    resumes: HashMap<(String, u64), u64>,
    /// Names that the chat system has met.
    pub known: HashSet<String>,
    /// Posts with a key: the message each made.
    pub keyed: HashMap<(u64, String, String), (String, String)>,
}

impl Truth {
    fn tell(&mut self, who: &str, what: What, remote: bool) {
        let (at, step) = (self.now, self.step);
        if let Some(agent) = self.agents.get_mut(who) {
            agent.due.push_back(Happened {
                what,
                at,
                remote,
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
            .map(|said| said.text.clone())
            .collect()
    }

    /// A room's message enters the journal.
    fn record_in_room(&mut self, room: &str, said: &Said) {
        let seeing: Vec<&'static str> = self
            .agents
            .iter()
            .filter(|(_, agent)| agent.seeing.contains(room))
            .map(|(who, _)| *who)
            .collect();
        for who in seeing {
            self.record_for(who, room, said);
        }
    }

    fn record_for(&mut self, who: &'static str, channel: &str, said: &Said) {
        let agent = &self.agents[who];
        if agent.seeing.contains(channel) {
            let remote = said.by != Some(agent.life);
            let (text, sender) = (said.text.clone(), said.sender.clone());
            self.tell(
                who,
                What::Message {
                    channel: channel.to_owned(),
                    text,
                    sender,
                },
                remote,
            );
        }
    }

    fn say(&mut self, log: String, text: &str, sender: &str, by: Option<u64>) -> Said {
        self.said += 1;
        let said = Said {
            number: self.said,
            text: text.to_owned(),
            sender: sender.to_owned(),
            by,
        };
        self.logs.entry(log).or_default().push(said.clone());
        said
    }

    pub fn say_in_room(&mut self, room: &str, text: &str, sender: &str, by: Option<u64>) {
        let said = self.say(room.to_owned(), text, sender, by);
        if self
            .agents
            .values()
            .any(|agent| agent.joined.contains(room))
        {
            self.record_in_room(room, &said);
            self.resumes.insert((room.to_owned(), 0), said.number);
        }
    }

    /// Lene says something to whoever has that name now.
    pub fn whisper(&mut self, name: &str, text: &str) {
        let said = self.say(format!("talk {name}"), text, "loopback:lene", None);
        let hears = |agent: &AgentTruth| agent.name() == name && agent.joined.contains(CONTACT);
        let found = self
            .agents
            .iter()
            .find(|(_, agent)| hears(agent))
            .map(|(who, agent)| (*who, agent.life));
        if let Some((who, life)) = found {
            self.record_for(who, CONTACT, &said);
            self.resumes.insert((CONTACT.to_owned(), life), said.number);
        }
    }

    /// An agent posts in a channel that it is in.
    pub fn post(&mut self, who: &'static str, channel: &str, text: &str) {
        let agent = self.agents[who].clone();
        if channel == CONTACT {
            let said = self.say(
                Truth::log_name(&agent, channel),
                text,
                &agent.address,
                Some(agent.life),
            );
            self.record_for(who, channel, &said);
            self.resumes
                .insert((channel.to_owned(), agent.life), said.number);
        } else {
            self.say_in_room(channel, text, &agent.address, Some(agent.life));
        }
    }

    /// What the links do by themselves: join whatever is wanted and neither joined nor refused.
    pub fn join_all(&mut self) {
        for who in self.agents.keys().copied().collect::<Vec<_>>() {
            let agent = &self.agents[who];
            if !agent.online {
                continue;
            }
            self.known.insert(agent.name().to_owned());
            let missing = |channel: &&String| {
                !agent.joined.contains(*channel) && !agent.refused.contains(*channel)
            };
            for channel in agent
                .channels
                .iter()
                .filter(missing)
                .cloned()
                .collect::<Vec<_>>()
            {
                self.join(who, &channel);
            }
        }
    }

    fn join(&mut self, who: &'static str, channel: &str) {
        if channel != CONTACT && !ROOMS.contains(&channel) {
            self.put_out(who, channel);
            return;
        }
        let agent = &self.agents[who];
        let (conversation, log) = (
            Truth::conversation(agent, channel),
            Truth::log_name(agent, channel),
        );
        let first = channel == CONTACT
            || !self
                .agents
                .values()
                .any(|other| other.joined.contains(channel));
        if let Some(resume) = self.resumes.get(&conversation).copied().filter(|_| first) {
            let missed = self
                .logs
                .get(&log)
                .into_iter()
                .flatten()
                .filter(|said| said.number > resume);
            for said in missed.cloned().collect::<Vec<_>>() {
                if channel == CONTACT {
                    self.record_for(who, channel, &said)
                } else {
                    self.record_in_room(channel, &said)
                }
            }
        }
        self.resumes.insert(conversation, self.said);
        let agent = self.agents.get_mut(who).expect("it joins");
        agent.joined.insert(channel.to_owned());
        agent.seeing.insert(channel.to_owned());
        if agent.announced.insert(channel.to_owned()) {
            self.tell(
                who,
                What::State {
                    channel: channel.to_owned(),
                    active: true,
                },
                false,
            );
        }
    }

    /// Kicked, or refused: the stay ends until somebody asks again.
    pub fn put_out(&mut self, who: &'static str, channel: &str) {
        let agent = self.agents.get_mut(who).expect("it was there");
        agent.refused.insert(channel.to_owned());
        self.ends(who, channel);
    }

    fn ends(&mut self, who: &'static str, channel: &str) {
        let agent = self.agents.get_mut(who).expect("it was there");
        agent.joined.remove(channel);
        agent.seeing.remove(channel);
        if agent.announced.remove(channel) {
            self.tell(
                who,
                What::State {
                    channel: channel.to_owned(),
                    active: false,
                },
                false,
            );
        }
    }

    /// The connection of one agent is gone, its spans are not.
    pub fn cut(&mut self, who: &str) {
        if let Some(agent) = self.agents.get_mut(who) {
            agent.online = false;
            agent.joined.clear();
        }
    }

    /// Everything was lost for longer than `flap_delay`.
    pub fn announce_losses(&mut self) {
        for who in self.agents.keys().copied().collect::<Vec<_>>() {
            for channel in
                std::mem::take(&mut self.agents.get_mut(who).expect("it is there").announced)
            {
                self.tell(
                    who,
                    What::State {
                        channel,
                        active: false,
                    },
                    false,
                );
            }
        }
    }

    /// The engine starts anew on the same journal.
    pub fn restart(&mut self) {
        for agent in self.agents.values_mut() {
            (agent.online, agent.joined, agent.refused) = (true, BTreeSet::new(), BTreeSet::new());
            agent
                .readers
                .values_mut()
                .for_each(|reader| (reader.next, reader.given) = (reader.acknowledged, None));
        }
        self.join_all();
    }

    /// Whether the put changed something.
    pub fn put_agent(&mut self, who: &'static str, wanted: AgentTruth) -> bool {
        let Some(before) = self.agents.get(who).cloned() else {
            self.lives += 1;
            self.agents.insert(
                who,
                AgentTruth {
                    life: self.lives,
                    online: true,
                    ..wanted
                },
            );
            self.join_all();
            return true;
        };
        let lists = |agent: &AgentTruth| {
            (
                agent.address.clone(),
                agent.channels.clone(),
                agent.users.clone(),
                agent.metadata.clone(),
            )
        };
        let changed = lists(&before) != lists(&wanted);
        for channel in before
            .channels
            .iter()
            .filter(|channel| !wanted.channels.contains(channel))
        {
            self.ends(who, channel);
            self.agents
                .get_mut(who)
                .expect("it is there")
                .refused
                .remove(channel);
        }
        self.metadata_changes(who, &before.metadata, &wanted.metadata);
        let agent = self.agents.get_mut(who).expect("it is there");
        if before.address != wanted.address {
            (agent.joined, agent.refused) = (BTreeSet::new(), BTreeSet::new());
        }
        (agent.address, agent.channels, agent.users, agent.metadata) = lists(&wanted);
        agent.online = true;
        self.join_all();
        changed
    }

    fn metadata_changes(
        &mut self,
        who: &str,
        before: &[(String, String)],
        after: &[(String, String)],
    ) {
        let value = |list: &[(String, String)], key: &str| {
            list.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone())
        };
        for (key, _) in before.iter().filter(|(key, _)| value(after, key).is_none()) {
            self.tell(
                who,
                What::MetaData {
                    key: key.clone(),
                    value: None,
                },
                false,
            );
        }
        for (key, new) in after
            .iter()
            .filter(|(key, new)| value(before, key).as_ref() != Some(new))
        {
            self.tell(
                who,
                What::MetaData {
                    key: key.clone(),
                    value: Some(new.clone()),
                },
                false,
            );
        }
    }

    pub fn put_metadata(&mut self, who: &'static str, after: Vec<(String, String)>) -> bool {
        let agent = self.agents.get_mut(who).expect("it is there");
        let before = std::mem::replace(&mut agent.metadata, after.clone());
        self.metadata_changes(who, &before, &after);
        before != after
    }

    /// Whether the put asks for anything new: a channel that is joined stays as it is.
    pub fn put_channel(&mut self, who: &'static str, channel: &str) -> bool {
        let agent = self.agents.get_mut(who).expect("it is there");
        if agent.joined.contains(channel) {
            return false;
        }
        if !agent.channels.iter().any(|held| held == channel) {
            agent.channels.push(channel.to_owned());
        }
        agent.refused.remove(channel);
        agent.online = true;
        self.join_all();
        true
    }

    /// Whether it had the channel.
    pub fn delete_channel(&mut self, who: &'static str, channel: &str) -> bool {
        let agent = self.agents.get_mut(who).expect("it is there");
        let Some(at) = agent.channels.iter().position(|held| held == channel) else {
            return false;
        };
        agent.channels.remove(at);
        agent.refused.remove(channel);
        agent.online = true;
        self.ends(who, channel);
        self.join_all();
        true
    }
}
