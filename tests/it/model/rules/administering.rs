//! What an administrator changes.

use super::{AgentTruth, Truth, What};
use std::collections::BTreeSet;

impl Truth {
    /// Returns whether the put changed anything: a refused channel that it names is tried again.
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
        let refused = std::mem::take(&mut agent.refused);
        if before.address != wanted.address {
            agent.joined = BTreeSet::new();
        }
        (agent.address, agent.channels, agent.users, agent.metadata) = lists(&wanted);
        agent.online = true;
        self.join_all();
        changed || !refused.is_empty()
    }

    pub(super) fn metadata_changes(
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

    /// Returns whether the agent had the channel.
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
