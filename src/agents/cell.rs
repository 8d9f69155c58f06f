//! One agent in memory: what is wanted of it, how far it has come, and who waits for that to change.

use super::channel_list::ChannelList;
use super::infos::InfoSlot;
use super::told::Told;
use crate::backend::Session;
use crate::model::{
    Address, AgentId, AgentKey, AgentState, AgentStatus, ChannelId, ChannelStatus, ManagementMode,
    ProvisioningMode,
};
use crate::waiting::wake;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How far an agent has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// Not signed in, and nothing under way.
    #[default]
    Out,
    /// Signing in.
    SigningIn,
    /// Signed in.
    In,
}

/// How far a channel has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ChannelPhase {
    /// Not joined, to be joined as soon as the agent is in (and its pause is over).
    #[default]
    Out,
    /// Joining.
    Joining,
    /// Joined.
    In,
    /// Refused or kicked: not tried again before a put.
    Refused,
}

/// Why something is not as wanted, and what comes next.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) reason: String,
    pub(crate) attempt: u32,
    /// When the next try is due: monotonic, and as a date.
    pub(crate) next: Option<(Duration, DateTime<Utc>)>,
}

/// One channel of an agent.
pub(crate) struct ChannelCell {
    pub(crate) id: ChannelId,
    /// The revision of the put that wants it.
    pub(crate) put: u64,
    /// Rises along the list.
    pub(super) number: u64,
    pub(crate) phase: ChannelPhase,
    /// Which of its agent's joins it is in, or was in last: what an earlier one brings home late is not this one's.
    pub(crate) join: u64,
    pub(crate) info: Option<Arc<InfoSlot>>,
    pub(crate) trouble: Option<Box<Trouble>>,
}

/// What may change of an agent.
pub(crate) struct CellState {
    pub(crate) address: Address,
    pub(crate) mode: ProvisioningMode,
    pub(crate) management: ManagementMode,
    pub(crate) revision: u64,
    pub(crate) deleted: bool,
    /// Counts changes of address and sign-ins: what an earlier sign-in brings home is not this one's.
    pub(crate) epoch: u32,
    /// Counts joins.
    pub(super) joins: u64,
    pub(crate) phase: Phase,
    pub(crate) since: DateTime<Utc>,
    pub(crate) trouble: Option<Box<Trouble>>,
    pub(crate) session: Option<Arc<dyn Session>>,
    pub(crate) channels: ChannelList,
    /// Posts in the chat system's hands whose callers wait.
    pub(crate) in_flight: u32,
    /// Posts whose callers were answered that nobody knows, and that may still be said.
    pub(crate) pending: u32,
    /// Uploads under way.
    pub(crate) transfers: u32,
    pub(crate) link: Option<Arc<Told>>,
    /// Whether it waits in its link's list of agents to look at.
    pub(crate) queued: bool,
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
        now: DateTime<Utc>,
    ) -> Arc<Cell> {
        let state = CellState {
            address,
            mode: ProvisioningMode::None,
            management: ManagementMode::None,
            revision: 0,
            deleted: false,
            epoch: 0,
            joins: 0,
            phase: Phase::Out,
            since: now,
            trouble: None,
            session: None,
            channels: ChannelList::default(),
            in_flight: 0,
            pending: 0,
            transfers: 0,
            link: None,
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

    /// Changes the state, then wakes whoever watches it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut CellState) -> T) -> T {
        let mut state = self.state.lock();
        let answer = change(&mut state);
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        watchers.into_iter().for_each(wake);
        answer
    }

    /// Ready when `found` finds something in the state.
    pub(crate) fn poll_state<T>(
        &self,
        cx: &mut Context<'_>,
        found: impl FnOnce(&CellState) -> Option<T>,
    ) -> Poll<T> {
        let mut state = self.state.lock();
        if let Some(answer) = found(&state) {
            return Poll::Ready(answer);
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

    /// How the agent stands, for an administrator.
    pub(crate) fn status(&self) -> AgentStatus {
        let state = self.state.lock();
        let mut status = AgentStatus::new(self.id.clone(), state.since);
        status.state = state.shown();
        if let Some(trouble) = &state.trouble {
            status.reason = Some(trouble.reason.clone());
            status.attempt = trouble.attempt;
            status.next_try = trouble.next.map(|(_, date)| date);
        }
        status.channels = state
            .channels
            .iter()
            .map(|channel| {
                let reason = channel
                    .trouble
                    .as_ref()
                    .map(|trouble| trouble.reason.clone());
                let next = channel
                    .trouble
                    .as_ref()
                    .and_then(|trouble| trouble.next)
                    .map(|(_, date)| date);
                ChannelStatus::new(
                    channel.id.clone(),
                    state.shown_channel(channel),
                    reason,
                    next,
                )
            })
            .collect();
        status
    }
}

impl CellState {
    /// The state as shown: waiting for the next try is Idle, dialing or signing in is Activating.
    pub(crate) fn shown(&self) -> AgentState {
        match self.phase {
            Phase::In => AgentState::Active,
            Phase::SigningIn => AgentState::Activating,
            Phase::Out
                if self.trouble.is_none()
                    && self.link.as_ref().is_some_and(|link| link.is_dialing()) =>
            {
                AgentState::Activating
            }
            Phase::Out => AgentState::Idle,
        }
    }

    /// A channel's state as shown; of an agent that is not Active it is Idle.
    pub(crate) fn shown_channel(&self, channel: &ChannelCell) -> AgentState {
        match (self.phase, channel.phase) {
            (Phase::In, ChannelPhase::In) => AgentState::Active,
            (Phase::In, ChannelPhase::Joining) => AgentState::Activating,
            (Phase::In, ChannelPhase::Out) if channel.trouble.is_none() => AgentState::Activating,
            _ => AgentState::Idle,
        }
    }

    pub(crate) fn channel(&self, id: &ChannelId) -> Option<&ChannelCell> {
        self.channels.find(id)
    }

    pub(crate) fn change_channel<T>(
        &mut self,
        id: &ChannelId,
        change: impl FnOnce(&mut ChannelCell) -> T,
    ) -> Option<T> {
        self.channels.change(id, change)
    }

    /// A join begins; returns its number.
    pub(super) fn begin_join(&mut self, id: &ChannelId) -> u64 {
        self.joins += 1;
        let join = self.joins;
        let _ = self.change_channel(id, |channel| {
            (channel.phase, channel.join) = (ChannelPhase::Joining, join)
        });
        join
    }

    /// Whether the channel is being joined, or joined, by that join.
    pub(super) fn is_of(&self, id: &ChannelId, join: u64) -> bool {
        let of = |channel: &ChannelCell| {
            channel.join == join
                && matches!(channel.phase, ChannelPhase::Joining | ChannelPhase::In)
        };
        self.channel(id).is_some_and(of)
    }

    /// The session is over: everything is to be done again. Answers the session, and the channels it was in.
    pub(crate) fn sign_out(
        &mut self,
        now: DateTime<Utc>,
    ) -> (Option<Arc<dyn Session>>, Vec<ChannelId>) {
        if self.phase != Phase::Out {
            self.since = now;
        }
        self.phase = Phase::Out;
        let mut left = Vec::new();
        self.channels.change_all(|channel| {
            if channel.phase == ChannelPhase::In {
                left.push(channel.id.clone());
            }
            if channel.phase != ChannelPhase::Refused {
                channel.phase = ChannelPhase::Out;
                channel.trouble = None;
            }
            channel.info = None;
        });
        (self.session.take(), left)
    }
}
