//! What is said and posted, and of whom it becomes an event.

use super::changing::Recorded;
use super::{AgentTruth, CONTACT, Said, Truth, What};

impl Truth {
    /// A room's message enters the journal.
    pub(super) fn record_in_room(&mut self, room: &str, said: &Said) {
        match said.change {
            Some((target, done)) => self.record_change(room, said, target, done),
            None => self.record_message(room, said),
        }
    }

    pub(super) fn record_message(&mut self, room: &str, said: &Said) {
        self.recorded.insert(said.number, Recorded::default());
        let is_heard =
            |agent: &AgentTruth| agent.joined.contains(room) || agent.seeing.contains(room);
        if self.kept.contains(room) || self.agents.values().any(is_heard) {
            self.kept.insert(room.to_owned());
        } else {
            self.uncertain.insert(said.number);
        }
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

    pub(super) fn record_for(&mut self, who: &'static str, channel: &str, said: &Said) {
        let agent = &self.agents[who];
        if agent.seeing.contains(channel) {
            let remote = said.by != Some(agent.life);
            let (text, sender) = (said.text.clone(), said.sender.clone());
            let what = What::Message {
                channel: channel.to_owned(),
                text,
                sender,
            };
            self.tell_numbered(who, what, remote, Some(said.number));
        }
    }

    pub(super) fn say(
        &mut self,
        log: String,
        text: &str,
        sender: &str,
        by: Option<u64>,
        id: &str,
    ) -> Said {
        self.said += 1;
        let said = Said {
            number: self.said,
            id: id.to_owned(),
            text: text.to_owned(),
            sender: sender.to_owned(),
            by,
            retracted: false,
            change: None,
        };
        self.logs.entry(log).or_default().push(said.clone());
        said
    }

    pub fn say_in_room(
        &mut self,
        room: &str,
        text: &str,
        (sender, by): (&str, Option<u64>),
        id: &str,
    ) {
        let said = self.say(room.to_owned(), text, sender, by, id);
        self.heard_in_room(room, &said);
    }

    /// If one of our agents is there, it enters the journal.
    pub(super) fn heard_in_room(&mut self, room: &str, said: &Said) {
        if self
            .agents
            .values()
            .any(|agent| agent.joined.contains(room))
        {
            self.record_in_room(room, said);
            self.resumes.insert((room.to_owned(), 0), said.number);
        }
    }

    /// Lene says something to whoever has that name now.
    pub fn whisper(&mut self, name: &str, text: &str) {
        let said = self.say(format!("talk {name}"), text, "loopback:lene", None, "");
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
    pub fn post(&mut self, who: &'static str, channel: &str, text: &str, id: &str) {
        let agent = self.agents[who].clone();
        if channel == CONTACT {
            let said = self.say(
                Truth::log_name(&agent, channel),
                text,
                &agent.address,
                Some(agent.life),
                id,
            );
            self.record_for(who, channel, &said);
            self.resumes
                .insert((channel.to_owned(), agent.life), said.number);
        } else {
            self.say_in_room(channel, text, (&agent.address, Some(agent.life)), id);
        }
    }
}
