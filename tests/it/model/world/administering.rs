//! Steps of an administrator, done to the engine and to the model.

use super::super::rules::AgentTruth;
use super::super::{AGENTS, CHANNELS, READERS};
use super::{Check, World, address, not_found, pairs, same};
use std::time::Duration;
use switchboard::{Change, NewAgent, NewUser};

impl World {
    // ------------------------------------------------------------ the administrator

    pub(super) fn put_agent(
        &mut self,
        who: usize,
        alias: bool,
        channels: &[usize],
        users: &[usize],
        metadata: &[(usize, u8)],
    ) -> Check {
        let who = AGENTS[who];
        let mut new = NewAgent::new(who, &*address(who, alias)).expect("it is one");
        for channel in channels {
            new = new.channel(CHANNELS[*channel]).expect("it is one");
        }
        for user in users {
            new = new.user(&*format!("user{user}")).expect("it is one");
        }
        let pairs = pairs(metadata);
        for (key, value) in &pairs {
            new = new.metadata(key, value);
        }
        let answer = self.admin().put_agent(new);
        if !distinct(&pairs) {
            return same(&answer.err().map(|error| error.code()), &Some("invalid"));
        }
        let wanted = AgentTruth {
            address: address(who, alias),
            channels: once(channels.iter().map(|channel| CHANNELS[*channel].to_owned())),
            users: once(users.iter().map(|user| format!("user{user}"))),
            metadata: pairs,
            ..AgentTruth::default()
        };
        same(&answer, &Ok(change(self.truth.put_agent(who, wanted))))
    }

    pub(super) fn delete_agent(&mut self, who: &'static str) -> Check {
        let answer = self.admin().delete_agent(who);
        if self.truth.agents.remove(who).is_none() {
            return not_found(&answer);
        }
        for name in READERS {
            if let Some(mut reader) = self.readers.remove(&(who, name)) {
                let next = reader
                    .next_timeout(Duration::ZERO)
                    .err()
                    .map(|error| error.code());
                same(&next, &Some("unauthorized"))
                    .map_err(|why| format!("a reader of a deleted agent: {why}"))?;
            }
        }
        same(&answer, &Ok(()))
    }

    pub(super) fn put_channel(&mut self, who: &'static str, channel: &str) -> Check {
        let answer = self.admin().put_channel(who, channel);
        if !self.truth.agents.contains_key(who) {
            return not_found(&answer);
        }
        same(&answer, &Ok(change(self.truth.put_channel(who, channel))))
    }

    pub(super) fn delete_channel(&mut self, who: &'static str, channel: &str) -> Check {
        let answer = self.admin().delete_channel(who, channel);
        if !self.truth.agents.contains_key(who) || !self.truth.delete_channel(who, channel) {
            return not_found(&answer);
        }
        same(&answer, &Ok(()))
    }

    pub(super) fn put_metadata(&mut self, who: &'static str, metadata: &[(usize, u8)]) -> Check {
        let pairs = pairs(metadata);
        let answer = self.admin().put_metadata(who, pairs.clone());
        if !distinct(&pairs) {
            return same(&answer.err().map(|error| error.code()), &Some("invalid"));
        }
        if !self.truth.agents.contains_key(who) {
            return not_found(&answer);
        }
        same(&answer, &Ok(change(self.truth.put_metadata(who, pairs))))
    }

    pub(super) fn put_value(&mut self, who: &'static str, key: &str, value: u8) -> Check {
        let answer = self
            .admin()
            .put_metadata_value(who, key, &format!("v{value}"));
        let Some(agent) = self.truth.agents.get(who) else {
            return not_found(&answer);
        };
        let mut after = agent.metadata.clone();
        match after.iter_mut().find(|(held, _)| held == key) {
            Some((_, held)) => *held = format!("v{value}"),
            None => after.push((key.to_owned(), format!("v{value}"))),
        }
        same(&answer, &Ok(change(self.truth.put_metadata(who, after))))
    }

    pub(super) fn delete_value(&mut self, who: &'static str, key: &str) -> Check {
        let answer = self.admin().delete_metadata_value(who, key);
        let Some(agent) = self.truth.agents.get(who) else {
            return not_found(&answer);
        };
        let mut after = agent.metadata.clone();
        after.retain(|(held, _)| held != key);
        if !self.truth.put_metadata(who, after) {
            return not_found(&answer);
        }
        same(&answer, &Ok(()))
    }

    pub(super) fn put_user(&mut self, user: usize, renamed: bool) -> Check {
        let (id, name) = (format!("user{user}"), if renamed { "Other" } else { "One" });
        let answer = self
            .admin()
            .put_user(NewUser::new(&*id, name).expect("it is one"));
        let before = self.truth.users.insert(id, name.to_owned());
        same(&answer, &Ok(change(before.as_deref() != Some(name))))
    }

    pub(super) fn delete_user(&mut self, user: usize) -> Check {
        let id = format!("user{user}");
        let answer = self.admin().delete_user(&*id);
        if self.truth.users.remove(&id).is_none() {
            return not_found(&answer);
        }
        same(&answer, &Ok(()))
    }
}

fn change(changed: bool) -> Change {
    if changed {
        Change::Applied
    } else {
        Change::Unchanged
    }
}

fn distinct(pairs: &[(String, String)]) -> bool {
    pairs
        .iter()
        .enumerate()
        .all(|(at, (key, _))| pairs[..at].iter().all(|(earlier, _)| earlier != key))
}

fn once(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all = Vec::new();
    names.for_each(|name| {
        if !all.contains(&name) {
            all.push(name)
        }
    });
    all
}
