//! An agent's open contacts.

use super::right::Need;
use super::{Provisioning, failed};
use crate::agents::AgentChannel;
use crate::error::{Error, Result};
use crate::model::{AgentId, Id, OpenContact};
use crate::services::AsyncResult;
use crate::waiting::park;
use chrono::DateTime;
use std::future::ready;

impl Provisioning {
    /// Who wrote to an agent and can be answered though nobody provisioned them
    /// ([`Contacts::Open`](crate::Contacts::Open)), in the order in which they came; from memory.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System, or Self and the agent its own.
    pub fn open_contacts(&self, agent: impl Id<AgentId>) -> Result<Vec<OpenContact>> {
        park(self.open_contacts_async(agent))
    }

    /// As [`Provisioning::open_contacts`], on any executor.
    pub fn open_contacts_async(&self, agent: impl Id<AgentId>) -> AsyncResult<Vec<OpenContact>> {
        let agent = match agent.into_id() {
            Ok(agent) => agent,
            Err(error) => return failed(error),
        };
        self.when(Need::Own(agent.clone()), |parts, _, _| {
            let cell = parts.registry.by_id(&agent);
            let cell = cell.ok_or_else(|| Error::unknown("agent", &agent));
            ready(cell.map(|cell| {
                cell.look(|state| {
                    let date = |time| DateTime::from_timestamp_millis(time).unwrap_or_default();
                    let contact = |channel: &AgentChannel| {
                        let times = channel.times()?;
                        Some(OpenContact::new(
                            channel.id.clone(),
                            state.channel_state(channel),
                            date(times.heard),
                            times.answered.map(date),
                        ))
                    };
                    let channels = state.life().channels().iter();
                    channels.filter_map(contact).collect()
                })
            }))
        })
    }
}
