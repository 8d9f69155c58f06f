//! What goes wrong on purpose: cuts, refusals, delays, outages, a panic.
//!
//! Each call returns when the engine has been told.

use super::Loopback;
use super::line::{Item, Ticket};
use super::names::fold;
use super::outbox::{Shared, wake};
use super::record::Record;
use crate::backend::{BackendError, Inbound};
use crate::error::Result;
use crate::model::{ChannelId, Id};
use crate::waiting::park;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

impl Loopback {
    /// Cuts the connection of the agent whose address has that name: it is signed out as
    /// unreachable, others stay. False if no such agent is signed in.
    pub fn cut(&self, name: &str) -> bool {
        let (cut, ticket) = self.shared.act(|state| {
            let sessions = state
                .known(name)
                .and_then(|name| state.people.get(&name))
                .map(|one| one.sessions.clone());
            let mut cut = false;
            for session in sessions.unwrap_or_default() {
                let Some(agent) = state.sign_out(session) else {
                    continue;
                };
                let error = BackendError::unreachable("the connection was cut");
                state.queue(Item::Inbound(Inbound::SignedOut { agent, error }));
                cut = true;
            }
            cut
        });
        self.wait_for(ticket);
        cut
    }

    /// Puts an agent out of a channel; it is not to come back by itself (§channels/retry). False if
    /// it was not there.
    ///
    /// # Panics
    /// If `channel` is no channel id.
    pub fn kick(&self, channel: impl Id<ChannelId>, agent_name: &str, reason: &str) -> bool {
        let channel = channel.into_id().unwrap_or_else(|error| panic!("{error}"));
        let (kicked, ticket) = self.shared.act(|state| {
            let sessions = state
                .known(agent_name)
                .and_then(|name| state.people.get(&name))
                .map(|one| one.sessions.clone());
            let mut kicked = false;
            for session in sessions.unwrap_or_default() {
                kicked |= state.put_out(session, &channel, reason);
            }
            kicked
        });
        self.wait_for(ticket);
        kicked
    }

    /// Refuses every sign-in under that name from now on. Agents that are signed in stay.
    pub fn refuse(&self, name: &str, reason: &str) {
        self.shared
            .0
            .lock()
            .faults
            .refused
            .insert(fold(name), reason.to_owned());
    }

    /// Ends a refusal of [`Loopback::refuse`].
    pub fn accept(&self, name: &str) {
        self.shared.0.lock().faults.refused.remove(&fold(name));
    }

    /// Refuses every join of that channel from now on; agents that are in it stay.
    ///
    /// # Panics
    /// If `channel` is no channel id.
    pub fn refuse_channel(&self, channel: impl Id<ChannelId>, reason: &str) {
        let channel = channel.into_id().unwrap_or_else(|error| panic!("{error}"));
        self.shared
            .0
            .lock()
            .faults
            .refused_channels
            .insert(channel, reason.to_owned());
    }

    /// Ends a refusal of [`Loopback::refuse_channel`].
    ///
    /// # Panics
    /// If `channel` is no channel id.
    pub fn accept_channel(&self, channel: impl Id<ChannelId>) {
        let channel = channel.into_id().unwrap_or_else(|error| panic!("{error}"));
        self.shared
            .0
            .lock()
            .faults
            .refused_channels
            .remove(&channel);
    }

    /// Lets every sign-in, join and post from now on take that long, in the engine's time, before
    /// it happens and is answered; what is posted after another post stays after it. Default:
    /// nothing takes any time.
    pub fn delay(&self, delay: Duration) {
        self.shared.0.lock().faults.delay = delay;
    }

    /// Returns how many posts wait for their delay.
    pub fn delayed(&self) -> usize {
        self.shared.0.lock().faults.delayed.len()
    }

    /// Takes the whole chat system down: the connection is lost, and cannot be opened until
    /// [`Loopback::come_up`]. People can still talk; what they say is caught up later.
    pub fn go_down(&self, reason: &str) {
        let mut state = self.shared.0.lock();
        state.faults.down = Some(reason.to_owned());
        let number = state
            .connection
            .as_ref()
            .map(|connection| connection.number);
        let ended = number.and_then(|number| state.end_connection(number));
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        wake(listeners);
        if let Some(connection) = ended {
            connection.inbox.lost(BackendError::unreachable(reason));
            wake(connection.into_wakers());
        }
    }

    /// Makes the chat system reachable again.
    pub fn come_up(&self) {
        self.shared.0.lock().faults.down = None;
    }

    /// Panics inside the connector whenever an agent posts that text: to see that a panic in a
    /// backend never reaches the host.
    pub fn panic_on(&self, text: &str) {
        self.shared
            .0
            .lock()
            .faults
            .panics_on
            .insert(text.to_owned());
    }

    /// Appends each message an agent posts to a file, before the engine hears of it: what a trial
    /// that kills the process compares the journal with. One line a message: origin, channel and
    /// text, then id, sender and time in milliseconds, separated by tabs; backslash, tab and line
    /// ends in a text are escaped. A message that an earlier process recorded there is found by its
    /// origin.
    ///
    /// # Errors
    /// [`Error::Storage`](crate::Error::Storage) if the file cannot be opened.
    pub fn record_to(&self, path: impl AsRef<Path>) -> Result<()> {
        let record = Record::open(path.as_ref())?;
        self.shared.0.lock().record = Some(record);
        Ok(())
    }

    fn wait_for(&self, ticket: Option<Ticket>) {
        wait_for(&self.shared, ticket);
    }
}

/// Waits until the engine has taken what was queued. If the connection ends, or this is one of the
/// engine's own threads, which cannot wait, there is nothing to wait for.
pub(super) fn wait_for(shared: &Arc<Shared>, ticket: Option<Ticket>) {
    if ticket.is_some() {
        let pumped = shared.clone().pumped(ticket);
        let _ = park(async { Ok(pumped.await) });
    }
}
