//! Who is in which channel: joins, ends, cuts and restarts.

use super::{CONTACT, ROOMS, Truth, What};
use std::collections::BTreeSet;

impl Truth {
    /// What links do by themselves: join every channel that is wanted and neither joined nor
    /// refused.
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

    pub(super) fn join(&mut self, who: &'static str, channel: &str) {
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

    pub(super) fn ends(&mut self, who: &'static str, channel: &str) {
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

    /// One agent loses its connection and keeps its spans.
    pub fn cut(&mut self, who: &str) {
        if let Some(agent) = self.agents.get_mut(who) {
            agent.online = false;
            agent.joined.clear();
        }
    }

    /// All connections were lost for longer than `flap_delay`.
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
}
