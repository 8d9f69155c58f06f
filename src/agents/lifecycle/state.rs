//! Where an agent stands, its channels included. Others read it; only the transitions change it.

use super::channel::{AgentChannel, ChannelPhase, Trouble};
use super::channel_list::ChannelList;
use crate::backend::Session;
use crate::model::{AgentState, ChannelId, JoinState};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// How far an agent has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) enum Phase {
    /// No chat system takes its address.
    Homeless,
    /// Not signed in, and nothing under way.
    #[default]
    Out,
    /// Signing in.
    SigningIn,
    /// Signed in.
    In,
}

/// Where an agent and its channels stand.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Lifecycle {
    pub(super) phase: Phase,
    pub(super) deleted: bool,
    /// Counts changes of address and sign-ins: what an earlier sign-in brings is not applied.
    pub(super) epoch: u32,
    /// Counts joins.
    pub(super) joins: u64,
    /// When the phase changed last.
    pub(super) since: DateTime<Utc>,
    pub(super) trouble: Option<Box<Trouble>>,
    pub(super) session: Option<Arc<dyn Session>>,
    pub(super) channels: ChannelList,
    /// Open contacts at most; 0: whoever is not provisioned is not heard.
    pub(super) most_open: u32,
}

impl Lifecycle {
    pub(in super::super) fn new(date: DateTime<Utc>) -> Lifecycle {
        Lifecycle {
            phase: Phase::Out,
            deleted: false,
            epoch: 0,
            joins: 0,
            since: date,
            trouble: None,
            session: None,
            channels: ChannelList::default(),
            most_open: 0,
        }
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// When the agent's state changed last.
    pub(in super::super) fn since(&self) -> DateTime<Utc> {
        self.since
    }

    /// Why the agent is not as wanted.
    pub(in super::super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_deref()
    }

    /// The session of an agent that is signed in.
    pub(crate) fn session(&self) -> Option<&Arc<dyn Session>> {
        self.session.as_ref().filter(|_| self.phase == Phase::In)
    }

    /// Whether the agent is signed in.
    pub(crate) fn is_active(&self) -> bool {
        self.phase == Phase::In
    }

    /// Whether the agent is signed in and each channel is joined or refused.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_active() && self.channels.is_settled()
    }

    /// How many channels are provisioned for it.
    pub(crate) fn provisioned(&self) -> usize {
        self.channels.len() - self.channels.opened()
    }

    /// How many open contacts it has.
    pub(crate) fn opened(&self) -> usize {
        self.channels.opened()
    }

    /// Its channels in the order in which they were put, open contacts last.
    pub(crate) fn channels(&self) -> &[AgentChannel] {
        &self.channels
    }

    pub(crate) fn channel(&self, id: &ChannelId) -> Option<&AgentChannel> {
        self.channels.find(id)
    }

    /// The agent's state as it is shown; `is_dialing` says whether its link is being dialed.
    pub(in super::super) fn agent_state(&self, is_dialing: impl FnOnce() -> bool) -> AgentState {
        match self.phase {
            Phase::In => AgentState::Active,
            Phase::SigningIn => AgentState::Activating,
            Phase::Out if self.trouble.is_none() && is_dialing() => AgentState::Activating,
            Phase::Out | Phase::Homeless => AgentState::Idle,
        }
    }

    /// A channel's state as it is shown; Idle for every channel of an agent that is not Active.
    pub(in super::super) fn channel_state(&self, channel: &AgentChannel) -> JoinState {
        if self.phase != Phase::In {
            return JoinState::Idle;
        }
        match channel.phase {
            ChannelPhase::In => JoinState::Active,
            ChannelPhase::Joining => JoinState::Activating,
            ChannelPhase::Out | ChannelPhase::Waiting if channel.trouble.is_none() => {
                JoinState::Activating
            }
            _ => JoinState::Idle,
        }
    }

    /// Whether the channel is being joined, or joined, by that join.
    pub(in super::super) fn is_of(&self, id: &ChannelId, join: u64) -> bool {
        let is_of = |channel: &AgentChannel| {
            channel.join == join
                && matches!(channel.phase, ChannelPhase::Joining | ChannelPhase::In)
        };
        self.channel(id).is_some_and(is_of)
    }

    /// Whether the sign-in of that epoch is under way.
    pub(super) fn is_signing_in(&self, epoch: u32) -> bool {
        self.phase == Phase::SigningIn && self.epoch == epoch
    }

    /// The channels that the agent is in.
    pub(super) fn channels_in(&self) -> Vec<ChannelId> {
        let is_in = |channel: &&AgentChannel| channel.phase == ChannelPhase::In;
        let inside = self.channels.iter().filter(is_in);
        inside.map(|channel| channel.id.clone()).collect()
    }
}
