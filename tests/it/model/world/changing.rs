//! Steps that change a message of a room, done to the engine and to the model.

use super::super::AGENTS;
use super::super::rules::{Done, Said};
use super::{Check, World, same};
use switchboard::{MessageId, NewMessage};

/// What there is to react with.
const SETS: [&str; 2] = ["\u{1F44D}", "\u{1F980}"];

impl World {
    /// Lene (0) or an agent does something to the message that is so many before the newest.
    pub(super) fn change(&mut self, by: usize, room: &'static str, back: u8, how: u8) -> Check {
        let Some(said) = self.truth.message_back(room, back) else {
            return Ok(());
        };
        let done = match how {
            0 => Done::Edited,
            1 => Done::Retracted,
            2 => Done::Reacted(None),
            how => Done::Reacted(SETS.get(usize::from(how) - 3).copied()),
        };
        match by.checked_sub(1) {
            None => self.lene_changes(room, &said, done),
            Some(agent) => self.agent_changes(AGENTS[agent], room, &said, done),
        }
    }

    fn lene_changes(&mut self, room: &str, said: &Said, done: Done) -> Check {
        let id = MessageId::parse(&said.id).expect("an id");
        let (text, lene) = (self.text(), "loopback:lene");
        let is_hers = said.sender == lene;
        let (answer, is_refused) = match done {
            Done::Edited => (
                self.lene.edit(room, &id, NewMessage::text(&*text)),
                !is_hers || said.retracted,
            ),
            Done::Retracted => (self.lene.retract(room, &id), !is_hers),
            Done::Reacted(set) => (self.lene.react(room, &id, set), false),
        };
        if is_refused {
            return same(&answer.err().map(|error| error.code()), &Some("rejected"));
        }
        answer.map_err(|error| error.to_string())?;
        let text = if done == Done::Edited { &*text } else { "" };
        self.truth
            .change_in_room(room, said, done, text, (lene, None));
        Ok(())
    }

    fn agent_changes(&mut self, who: &'static str, room: &str, said: &Said, done: Done) -> Check {
        let (Some(view), Some(agent)) = (self.view(who), self.truth.agents.get(who).cloned())
        else {
            return Ok(());
        };
        let is_own = said.by == Some(agent.life) && said.sender == agent.address;
        let is_reaction = matches!(done, Done::Reacted(_));
        let may = is_reaction || (is_own && !said.retracted && self.truth.has(said));
        if !agent.joined.contains(room) || !may {
            return Ok(());
        }
        let id = MessageId::parse(&said.id).expect("an id");
        let text = self.text();
        let answer = match done {
            Done::Edited => view.edit(room, &id, NewMessage::text(&*text)),
            Done::Retracted => view.retract(room, &id, None),
            Done::Reacted(set) => view.react(room, &id, Vec::from_iter(set.map(str::to_owned))),
        };
        let changed = answer.map_err(|error| format!("{done:?} of `{}`: {error}", said.text))?;
        same(&(changed.change.message, changed.repeated), &(id, false))?;
        let text = if done == Done::Edited { &*text } else { "" };
        let agent = (agent.address.as_str(), Some(agent.life));
        self.truth.change_in_room(room, said, done, text, agent);
        Ok(())
    }
}
