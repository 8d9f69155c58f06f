//! Steps of people, of the chat system and of time, done to the engine and to the model.

use super::super::AGENTS;
use super::super::rules::ROOMS;
use super::{Check, SOON, World, beside, name, not_found, same};
use std::time::Duration;
use switchboard::{AgentState, NewMessage};

impl World {
    // ------------------------------------------------------------ the chat system

    pub(super) fn say(&mut self, room: &str) -> Check {
        let text = self.text();
        let id = self.lene.say(room, &*text);
        let id = id.map_err(|error| error.to_string())?;
        let lene = ("loopback:lene", None);
        self.truth.say_in_room(room, &text, lene, id.as_str());
        Ok(())
    }

    pub(super) fn whisper(&mut self, to: &str, alias: bool) -> Check {
        let (text, name) = (self.text(), name(to, alias));
        let answer = self.lene.say(&*format!("contact:{name}"), &*text);
        if !self.truth.known.contains(&name) {
            return not_found(&answer);
        }
        self.truth.whisper(&name, &text);
        answer.map(drop).map_err(|error| error.to_string())
    }

    pub(super) fn post(&mut self, who: &'static str, channel: &str, key: Option<u8>) -> Check {
        let Some(view) = self.view(who) else {
            return Ok(());
        };
        let text = self.text();
        let message = NewMessage::text(&*text);
        let message = match key {
            Some(key) => message.key(format!("k{key}")),
            None => message,
        };
        let answer = view.post(channel, message);
        let agent = self.truth.agents[who].clone();
        if !agent.joined.contains(channel) {
            let code = match () {
                () if !agent.channels.iter().any(|held| held == channel) => "forbidden",
                () if !agent.online => "agent_inactive",
                () => "channel_inactive",
            };
            return same(&answer.err().map(|error| error.code()), &Some(code));
        }
        let first = key.map(|key| (agent.life, channel.to_owned(), format!("k{key}")));
        if let Some(earlier) = first.as_ref().and_then(|first| self.truth.keyed.get(first)) {
            let (other, key) = (answer, key.unwrap_or_default());
            let again = NewMessage::text(&*earlier.1).key(format!("k{key}"));
            let again = view.post(channel, again);
            let again = again.map_err(|error| format!("`{}` again: {error}", earlier.1))?;
            let now = self.truth.text_of(channel, &earlier.0);
            let now = (earlier.0.clone(), now.unwrap_or(earlier.1.clone()));
            same(&(again.id.to_string(), again.text.clone()), &now)?;
            same(&again.repeated, &true)?;
            return same(&other.err().map(|error| error.code()), &Some("conflict"));
        }
        let message = answer.map_err(|error| format!("`{text}`: {error}"))?;
        let made = (message.id.to_string(), message.text.clone());
        if let Some(first) = first {
            self.truth.keyed.insert(first, made);
        }
        same(
            &(message.text.clone(), message.sender.clone()),
            &(text.clone(), agent.address),
        )?;
        self.truth.post(who, channel, &text, message.id.as_str());
        Ok(())
    }

    pub(super) fn kick(&mut self, who: &'static str, channel: &str) -> Check {
        let Some(agent) = self.truth.agents.get(who) else {
            return Ok(());
        };
        let (name, there) = (agent.name().to_owned(), agent.joined.contains(channel));
        same(&self.chat.kick(channel, &name, "out with you"), &there)?;
        if there {
            self.truth.put_out(who, channel);
        }
        Ok(())
    }

    pub(super) fn cut(&mut self, who: &'static str) -> Check {
        let Some(agent) = self.truth.agents.get(who) else {
            return Ok(());
        };
        same(&self.chat.cut(agent.name()), &agent.online)?;
        self.truth.cut(who);
        self.engine()
            .settle(SOON)
            .map_err(|error| error.to_string())?;
        // The pause before the next try is random and can be zero.
        if self
            .engine()
            .agent_status(who)
            .is_ok_and(|status| status.state == AgentState::Active)
        {
            self.bring_back();
        }
        Ok(())
    }

    pub(super) fn bring_back(&mut self) {
        self.truth
            .agents
            .values_mut()
            .for_each(|agent| agent.online = true);
        self.truth.join_all();
    }

    // ------------------------------------------------------------ time

    pub(super) fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        // An agent whose connection was cut is back within the first second.
        self.bring_back();
        self.truth.now += by.as_millis() as i64;
    }

    pub(super) fn outage(&mut self, long: bool, said: u8) -> Check {
        self.chat.go_down("a cable was pulled");
        self.engine()
            .settle(SOON)
            .map_err(|error| error.to_string())?;
        AGENTS.iter().for_each(|who| self.truth.cut(who));
        self.say_to_all(said)?;
        if long && self.truth.agents.values().next().is_some() {
            self.clock.advance(Duration::from_secs(30));
            self.truth.announce_losses();
        } else if long {
            self.clock.advance(Duration::from_secs(30));
        }
        self.chat.come_up();
        self.clock.advance(Duration::from_secs(130));
        self.bring_back();
        self.truth.now += if long { 160_000 } else { 130_000 };
        Ok(())
    }

    pub(super) fn say_to_all(&mut self, said: u8) -> Check {
        for n in 0..said {
            self.say(ROOMS[usize::from(n) % 2])?;
            self.whisper(AGENTS[usize::from(n) % 3], false)?;
        }
        Ok(())
    }

    /// Ends the engine, in good order or as if killed, and opens the database again.
    pub(super) fn restart(&mut self, killed: bool, said: u8) -> Check {
        let mut saved = Vec::new();
        for end in ["", "-wal", "-lock"].into_iter().filter(|_| killed) {
            let file = beside(&self.path, end);
            let bytes = std::fs::read(&file).map_err(|error| error.to_string())?;
            saved.push((file, bytes));
        }
        let engine = self.engine.take().expect("it is open");
        engine.shutdown(SOON).map_err(|error| error.to_string())?;
        drop(engine);
        self.readers.clear();
        AGENTS.iter().for_each(|who| self.truth.cut(who));
        self.say_to_all(said)?;
        // Into the same files: others would be a copy, which is another instance.
        for (file, bytes) in saved {
            std::fs::write(file, bytes).map_err(|error| error.to_string())?;
        }
        self.open();
        self.truth.restart();
        Ok(())
    }
}
