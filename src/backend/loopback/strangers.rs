//! People whom an agent has not joined write to it: the engine is told, and hears what they wrote if
//! it lets them in.

use super::line::Item;
use super::names::{contact, fold};
use super::state::ChatState;
use crate::backend::Inbound;
use crate::model::{AgentKey, ChannelId, ResumePoint};
use std::sync::Arc;

impl ChatState {
    /// Somebody said something to an agent of the name `to` that has not joined them. `listeners`
    /// are its sessions; with none it is away.
    pub(super) fn not_heard(
        &mut self,
        to: &Arc<str>,
        from: &Arc<str>,
        number: u64,
        listeners: &[u64],
    ) {
        let Some(channel) = self.contact_of(from) else {
            return;
        };
        if let Some(somebody) = self.people.get_mut(to) {
            somebody.unread.keep(from, number);
        }
        let agents: Vec<AgentKey> = listeners
            .iter()
            .filter_map(|listener| Some(self.sessions.get(listener)?.agent))
            .collect();
        for agent in agents {
            let channel = channel.clone();
            self.queue(Item::Inbound(Inbound::Stranger { agent, channel }));
        }
    }

    /// An agent signs in: who wrote while it was away is told.
    pub(super) fn tell_unread(&mut self, agent: AgentKey, name: &Arc<str>) {
        let Some(somebody) = self.people.get(name) else {
            return;
        };
        let unread = somebody.unread.people();
        let channels: Vec<ChannelId> = unread.filter_map(|from| self.contact_of(from)).collect();
        for channel in channels {
            self.queue(Item::Inbound(Inbound::Stranger { agent, channel }));
        }
    }

    /// Returns the point before the first words of a contact that an agent of that name has not
    /// heard.
    pub(super) fn unread_since(&self, name: &Arc<str>, channel: &ChannelId) -> Option<ResumePoint> {
        let from = fold(channel.name());
        let number = self.people.get(name)?.unread.first_of(&from)?;
        Some(self.prefix.resume(number.saturating_sub(1)))
    }

    /// An agent of that name has joined a contact.
    pub(super) fn has_read(&mut self, name: &Arc<str>, from: &Arc<str>) {
        if let Some(somebody) = self.people.get_mut(name) {
            somebody.unread.forget(from);
        }
    }

    fn contact_of(&self, name: &Arc<str>) -> Option<ChannelId> {
        contact(&self.people.get(name)?.name)
    }
}
