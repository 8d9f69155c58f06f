//! Comparing the engine with the model: what is provisioned, what each agent is told, and what its
//! readers are given.

use super::READERS;
use super::rules::What;
use super::world::{Check, World, same};
use std::collections::BTreeMap;
use std::time::Duration;
use switchboard::{
    AgentState, ChangeKind, Collaboration, Cursor, Event, EventBatch, EventBody, EventId,
    EventQuery, JoinState,
};

impl World {
    pub(super) fn compare_provisioned(&self) -> Check {
        let found = self.admin().agents().map_err(|error| error.to_string())?;
        same(&found.len(), &self.truth.agents.len())?;
        for there in found {
            let Some((_, truth)) = self
                .truth
                .agents
                .iter()
                .find(|(who, _)| **who == there.id.as_str())
            else {
                return Err(format!("`{}` is a ghost", there.id));
            };
            let state = if truth.online {
                AgentState::Active
            } else {
                AgentState::Idle
            };
            let joined = |channel| {
                if truth.joined.contains(channel) {
                    JoinState::Active
                } else {
                    JoinState::Idle
                }
            };
            let channels: Vec<(&str, JoinState)> = there
                .channels
                .iter()
                .map(|channel| (channel.id.as_str(), channel.state))
                .collect();
            let wanted: Vec<(&str, JoinState)> = truth
                .channels
                .iter()
                .map(|channel| (channel.as_str(), joined(channel)))
                .collect();
            same(&channels, &wanted)?;
            let users: Vec<&str> = there.users.iter().map(|user| user.as_str()).collect();
            same(
                &users,
                &truth.users.iter().map(String::as_str).collect::<Vec<_>>(),
            )?;
            same(
                &(there.address.as_str(), &there.metadata, there.state),
                &(truth.address.as_str(), &truth.metadata, state),
            )?;
        }
        let users = self.admin().users().map_err(|error| error.to_string())?;
        let users: BTreeMap<String, String> = users
            .into_iter()
            .map(|user| (user.id.to_string(), user.username))
            .collect();
        same(&users, &self.truth.users)
    }

    /// Reads everybody's new events, each from its last cursor.
    pub(super) fn compare_events(&mut self) -> Check {
        for who in self.truth.agents.keys().copied().collect::<Vec<_>>() {
            let Some(view) = self.view(who) else {
                return Err(format!("no `{who}`"));
            };
            let truth = self.truth.agents.get_mut(who).expect("it is there");
            let cursor = self.cursors.entry((who, truth.life)).or_insert(EventId(0));
            loop {
                let batch = page(&view, Cursor::after_id(*cursor))?;
                for event in &batch.events {
                    let what = what(event);
                    truth
                        .received(event.id, &what)
                        .map_err(|why| format!("`{who}`: {why}"))?;
                }
                if batch.events.is_empty() {
                    break;
                }
                further(*cursor, batch.last)?;
                *cursor = batch.last;
            }
            truth
                .all_received()
                .map_err(|why| format!("`{who}`: {why}"))?;
        }
        Ok(())
    }

    /// Reads again from an earlier id and within the window: memory and disk must return the same
    /// events as before.
    pub(super) fn look_back(&mut self, who: &'static str, back: u8) -> Check {
        let (Some(view), Some(truth)) = (self.view(who), self.truth.agents.get(who)) else {
            return Ok(());
        };
        let at = truth.history.len() * usize::from(back) / 255;
        let after = at.checked_sub(1).map(|before| truth.history[before].0);
        if let Some(after) = after {
            same(
                &all_after(&view, Cursor::after_id(after))?,
                &ids(&truth.history[at..]),
            )?;
        }
        let recent = &truth.history[truth.before_window(self.truth.now)..];
        let batch = page(&view, Cursor::window())?;
        let most = recent.len().min(100);
        same(
            &batch
                .events
                .iter()
                .map(|event| event.id)
                .collect::<Vec<_>>(),
            &ids(&recent[..most]),
        )
        .map_err(|why| format!("the window: {why}"))
    }

    pub(super) fn history(&mut self, who: &'static str, channel: &str, take: u8) -> Check {
        let (Some(view), Some(truth)) = (self.view(who), self.truth.agents.get(who)) else {
            return Ok(());
        };
        if !truth.joined.contains(channel) {
            return Ok(());
        }
        let found = view
            .messages(channel, u32::from(take), None)
            .map_err(|error| error.to_string())?;
        let texts: Vec<String> = found.into_iter().map(|message| message.text).collect();
        let log = self.truth.log(who, channel);
        same(
            &texts,
            &log[log.len().saturating_sub(usize::from(take))..].to_vec(),
        )
    }

    pub(super) fn open_reader(&mut self, who: &'static str, name: &'static str) -> Check {
        let Some(view) = self.view(who) else {
            return Ok(());
        };
        let query = if name == READERS[0] {
            EventQuery::all().changes()
        } else {
            EventQuery::messages().remote()
        };
        let reader = view
            .reader(name, query)
            .map_err(|error| error.to_string())?;
        let now = self.truth.now;
        self.truth
            .agents
            .get_mut(who)
            .expect("it is there")
            .open_reader(name, now);
        if let Some(mut older) = self.readers.insert((who, name), reader) {
            let answer = older.next_timeout(Duration::ZERO);
            same(&answer.err().map(|error| error.code()), &Some("superseded"))?;
        }
        Ok(())
    }

    pub(super) fn read_next(&mut self, who: &'static str, name: &'static str) -> Check {
        let Some(reader) = self.readers.get_mut(&(who, name)) else {
            return Ok(());
        };
        let truth = self.truth.agents.get_mut(who).expect("it is there");
        let event = reader
            .next_timeout(Duration::ZERO)
            .map_err(|error| error.to_string())?;
        let wanted = truth.reader_next(name, |happened| name == READERS[0] || happened.remote);
        same(&event.map(|event| event.id), &wanted).map_err(|why| format!("reader `{name}`: {why}"))
    }
}

fn page(view: &Collaboration, cursor: Cursor) -> Result<EventBatch, String> {
    let batch = view
        .events(cursor, &EventQuery::all().changes())
        .map_err(|error| error.to_string())?;
    if batch.gap {
        Err("a gap is told, and nothing was dropped".into())
    } else {
        Ok(batch)
    }
}

fn all_after(view: &Collaboration, mut cursor: Cursor) -> Result<Vec<EventId>, String> {
    let mut all = Vec::new();
    loop {
        let batch = page(view, cursor.clone())?;
        if batch.events.is_empty() {
            return Ok(all);
        }
        further(cursor.last, batch.last)?;
        all.extend(batch.events.iter().map(|event| event.id));
        cursor = Cursor::after_id(batch.last);
    }
}

/// Each page must end after the page before, or reading would never end.
fn further(before: EventId, after: EventId) -> Check {
    if after > before {
        Ok(())
    } else {
        Err(format!("a page after {} ends at {}", before.0, after.0))
    }
}

fn ids<T>(history: &[(EventId, T)]) -> Vec<EventId> {
    history.iter().map(|(id, _)| *id).collect()
}

fn what(event: &Event) -> What {
    match &event.body {
        EventBody::Message(message) => What::Message {
            channel: message.channel.to_string(),
            text: message.text.clone(),
            sender: message.sender.clone(),
        },
        EventBody::Change(change) => {
            let (kind, text) = match &change.kind {
                ChangeKind::Edited => ("edited", change.text.clone()),
                ChangeKind::Retracted { .. } => ("retracted", String::new()),
                ChangeKind::Reactions(set) => ("reacted", set.concat()),
                _ => ("something else", String::new()),
            };
            What::Change {
                channel: change.channel.to_string(),
                kind,
                text,
                sender: change.sender.clone(),
            }
        }
        EventBody::MetaData { key, value } => What::MetaData {
            key: key.clone(),
            value: value.clone(),
        },
        EventBody::ChannelState { channel, active } => What::State {
            channel: channel.to_string(),
            active: *active,
        },
        _ => What::MetaData {
            key: "a gap".into(),
            value: None,
        },
    }
}
