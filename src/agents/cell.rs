//! One agent in memory: its lifecycle, its link, what is under way for it, and who waits for a
//! change.
//!
//! A cell is the shell around the pure machine of `lifecycle`: it holds the lock, applies events
//! under it, and wakes those who watch.

use super::lifecycle::{Actions, AgentChannel, Event, Lifecycle, Now, Wrote, dice, step};
use super::link_handle::LinkHandle;
use crate::backend::Session;
use crate::model::{
    Address, AgentId, AgentKey, AgentState, AgentStatus, ChannelId, ChannelStatus, ContactTimes,
    JoinState, ManagementMode, ProvisioningMode,
};
use crate::waiting::wake;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A link whose agents are cells.
pub(crate) type CellLink = LinkHandle<Cell>;

/// One connection of a link: the link, and the generation of the dial.
pub(super) type Connection = (Arc<CellLink>, u64);

/// What may change of an agent.
pub(crate) struct CellState {
    life: Lifecycle,
    pub(super) address: Address,
    pub(crate) mode: ProvisioningMode,
    pub(crate) management: ManagementMode,
    pub(super) revision: u64,
    /// Posts in the chat system's hands whose callers wait.
    pub(crate) in_flight: u32,
    /// Posts whose callers were told that the outcome is unknown, and that may still arrive.
    pub(crate) pending: u32,
    /// Uploads under way.
    pub(crate) transfers: u32,
    pub(super) link: Option<Arc<CellLink>>,
    /// What looks like a mistake in how it was provisioned.
    pub(super) warning: Option<Box<str>>,
    /// Whether it waits in its link's list of agents to look at.
    pub(super) queued: bool,
    watchers: Vec<Waker>,
}

/// One agent.
pub(crate) struct Cell {
    pub(crate) key: AgentKey,
    pub(crate) id: AgentId,
    state: Mutex<CellState>,
}

impl Cell {
    pub(super) fn new(
        key: AgentKey,
        id: AgentId,
        address: Address,
        date: DateTime<Utc>,
    ) -> Arc<Cell> {
        let state = CellState {
            life: Lifecycle::new(date),
            address,
            mode: ProvisioningMode::None,
            management: ManagementMode::None,
            revision: 0,
            in_flight: 0,
            pending: 0,
            transfers: 0,
            link: None,
            warning: None,
            queued: false,
            watchers: Vec::new(),
        };
        Arc::new(Cell {
            key,
            id,
            state: Mutex::new(state),
        })
    }

    /// Looks at the state, under its lock.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&CellState) -> T) -> T {
        look(&self.state.lock())
    }

    /// Changes the state, then wakes those who watch it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut CellState) -> T) -> T {
        let mut state = self.state.lock();
        let changed = change(&mut state);
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        watchers.into_iter().for_each(wake);
        changed
    }

    /// Notes that the contact of an open channel and the agent wrote to each other at `now`
    /// (milliseconds since 1970). Nobody waits for that. Returns the times if the database is to have
    /// them.
    pub(super) fn wrote(&self, channel: &ChannelId, who: Wrote, now: i64) -> Option<ContactTimes> {
        self.state.lock().life.wrote(channel, who, now)
    }

    /// Applies an event, and returns what is to be done.
    pub(super) fn step(&self, event: Event<'_>, now: Now) -> Actions {
        self.change(|state| state.step(event, now))
    }

    /// As [`Cell::step`], for an event that comes from `link`: it is not applied if the agent was
    /// deleted or travels on another link by now. A session that comes too late is to be signed
    /// out.
    pub(super) fn step_on(&self, link: &Arc<CellLink>, event: Event<'_>, now: Now) -> Actions {
        self.change(|state| match event {
            event if state.is_on(link) => state.step(event, now),
            Event::SignedIn { session, .. } => Actions::sign_out(session),
            _ => Actions::default(),
        })
    }

    /// Whether the agent travels on `link`, and was not deleted.
    pub(super) fn is_on(&self, link: &Arc<CellLink>) -> bool {
        self.look(|state| state.is_on(link))
    }

    pub(super) fn link(&self) -> Option<Arc<CellLink>> {
        self.look(|state| state.link.clone())
    }

    /// The session of an agent that is signed in.
    pub(crate) fn session(&self) -> Option<Arc<dyn Session>> {
        self.look(|state| state.life.session().cloned())
    }

    /// Why the agent is not active, and when it is tried again (monotonic time); none if it is
    /// signing in.
    pub(crate) fn trouble(&self) -> Option<(String, Option<Duration>)> {
        self.look(|state| {
            let trouble = state.life.trouble()?;
            Some((trouble.reason.clone(), trouble.next.map(|(due, _)| due)))
        })
    }

    /// Ready when `found` finds something in the state.
    pub(crate) fn poll_state<T>(
        &self,
        cx: &mut Context<'_>,
        found: impl FnOnce(&CellState) -> Option<T>,
    ) -> Poll<T> {
        let mut state = self.state.lock();
        if let Some(found) = found(&state) {
            return Poll::Ready(found);
        }
        if !state
            .watchers
            .iter()
            .any(|watcher| watcher.will_wake(cx.waker()))
        {
            state.watchers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The agent and its channels as an administrator sees them.
    pub(crate) fn status(&self) -> AgentStatus {
        let state = self.state.lock();
        let life = &state.life;
        let mut status = AgentStatus::new(self.id.clone(), life.since());
        status.state = state.agent_state();
        status.warning = state.warning.as_deref().map(str::to_owned);
        if let Some(trouble) = life.trouble() {
            status.reason = Some(trouble.reason.clone());
            status.attempt = trouble.attempt;
            status.next_try = trouble.next.map(|(_, date)| date);
        }
        let of_channel = |channel: &AgentChannel| {
            ChannelStatus::new(
                channel.id.clone(),
                life.channel_state(channel),
                channel.reason().map(str::to_owned),
                channel.next_try(),
            )
        };
        let provisioned = life.channels().iter().filter(|channel| !channel.is_open());
        status.channels = provisioned.map(of_channel).collect();
        status.open_contacts = life.opened();
        status
    }
}

impl CellState {
    /// Where the agent and its channels stand.
    pub(crate) fn life(&self) -> &Lifecycle {
        &self.life
    }

    pub(crate) fn channel(&self, id: &ChannelId) -> Option<&AgentChannel> {
        self.life.channel(id)
    }

    /// Applies an event, and returns what is to be done.
    pub(super) fn step(&mut self, event: Event<'_>, now: Now) -> Actions {
        step(&mut self.life, event, now, dice)
    }

    /// The agent's state as it is shown.
    pub(crate) fn agent_state(&self) -> AgentState {
        let is_dialing = || self.link.as_ref().is_some_and(|link| link.is_dialing());
        self.life.agent_state(is_dialing)
    }

    /// A channel's state as it is shown.
    pub(crate) fn channel_state(&self, channel: &AgentChannel) -> JoinState {
        self.life.channel_state(channel)
    }

    /// The connection that `session` came with, unless the agent has lost it.
    pub(super) fn connection_of(&self, session: &Arc<dyn Session>) -> Option<Connection> {
        let held = self.life.session()?;
        let link = self.link.as_ref().filter(|_| Arc::ptr_eq(held, session))?;
        Some(link.connection())
    }

    /// Whether the agent travels on `link`, and was not deleted.
    pub(super) fn is_on(&self, link: &Arc<CellLink>) -> bool {
        !self.life.is_deleted()
            && self
                .link
                .as_ref()
                .is_some_and(|there| Arc::ptr_eq(there, link))
    }
}
