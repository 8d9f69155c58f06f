//! What happens to an agent, and what is to be done about it.

use super::super::infos::InfoSlot;
use crate::backend::{BackendError, Session};
use crate::hub::Timer;
use crate::model::{AgentState, ChannelId, ContactTimes};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// One moment in both times: monotonic, for pauses, and the date, to be shown.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Now {
    pub(in super::super) monotonic: Duration,
    pub(in super::super) date: DateTime<Utc>,
}

impl Now {
    /// The moment that `timer` shows.
    pub(in super::super) fn of(timer: &Timer) -> Now {
        Now {
            monotonic: timer.now(),
            date: timer.wall(),
        }
    }

    /// The moment when a pause that begins now is over.
    pub(in super::super) fn after(self, pause: Duration) -> (Duration, DateTime<Utc>) {
        let date = self.date + chrono::Duration::from_std(pause).unwrap_or_default();
        (self.monotonic + pause, date)
    }
}

/// What happens to an agent. Channels and reasons are borrowed: most events change nothing that
/// would keep them.
pub(in super::super) enum Event<'a> {
    /// An administrator's wish was committed: the agent's channels, each with the revision of its
    /// put.
    Wanted {
        /// Whether the agent is new or has another address.
        moved: bool,
        /// Whether an administrator waits, so that a pause ends.
        hurry: bool,
        channels: &'a [(ChannelId, u64)],
        open: OpenWanted<'a>,
    },
    /// The agent was deleted.
    Deleted,
    /// No chat system takes the agent's address.
    Homeless { reason: &'a str },
    /// The link is up.
    LinkUp,
    /// The link is lost, or could not be dialed; the next dial comes at `next`.
    LinkDown {
        reason: &'a str,
        attempt: u32,
        next: (Duration, DateTime<Utc>),
    },
    /// The link is up and has room to begin something.
    Look,
    /// A sign-in went well.
    SignedIn {
        epoch: u32,
        session: Arc<dyn Session>,
    },
    /// A sign-in failed.
    SignInFailed { epoch: u32, error: &'a BackendError },
    /// The chat system signed the agent out.
    SignedOut { error: &'a BackendError },
    /// The engine stops.
    Stopped,
    /// The host has refused channels tried again from time to time.
    RetryRefused,
    /// There is room for one more join.
    NextJoin,
    /// Something happens to one of its channels.
    Channel {
        channel: &'a ChannelId,
        event: ChannelEvent<'a>,
    },
}

/// What happens to one channel of an agent.
pub(in super::super) enum ChannelEvent<'a> {
    /// An administrator put the channel; `put` is the revision.
    Wanted { put: u64 },
    /// An administrator took the channel from the agent.
    Unwanted,
    /// The channel that was taken by `NextJoin` is joined now.
    JoinBegins,
    /// The channel that was taken had to wait for another agent's join, which has ended.
    JoinPossible,
    /// The channel that was taken is of a kind that the chat system does not have.
    JoinImpossible { reason: &'a str },
    /// A join is committed.
    Joined { join: u64, info: Arc<InfoSlot> },
    /// A join has ended well, whether it counts or came too late.
    JoinAnswered { epoch: u32 },
    /// A join failed.
    JoinFailed { join: u64, error: &'a BackendError },
    /// The chat system put the agent out of the channel.
    PutOut { reason: String, may_retry: bool },
    /// The chat system refused a post, because its channel is no more.
    Gone { join: u64, reason: &'a str },
    /// Somebody who is not provisioned wrote to the agent, at that time in milliseconds since 1970.
    Stranger { heard: i64 },
}

/// What is wanted of an agent's open contacts.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct OpenWanted<'a> {
    /// So many at most; 0: none.
    pub(in super::super) most: u32,
    /// Those that the database has, when the engine opens.
    pub(in super::super) stored: &'a [(ChannelId, ContactTimes)],
}

impl<'a> ChannelEvent<'a> {
    /// The event of that channel.
    pub(in super::super) fn of(self, channel: &'a ChannelId) -> Event<'a> {
        Event::Channel {
            channel,
            event: self,
        }
    }
}

/// What is to be done after an event.
#[derive(Default)]
#[must_use]
pub(in super::super) struct Actions {
    /// What the link's task does next for the agent.
    pub(in super::super) next: Next,
    /// Show this as the agent's state, with the reason of the event.
    pub(in super::super) show: Option<AgentState>,
    /// Announce the loss: of the event's channel, or of the whole agent.
    pub(in super::super) announce: Announce,
    /// Sign this session out.
    pub(in super::super) sign_out: Option<Arc<dyn Session>>,
    /// Have this session leave the channels in `left`; after `JoinAnswered`, the event's channel.
    pub(in super::super) leave: Option<Arc<dyn Session>>,
    /// Channels that the agent was in and is no longer.
    pub(in super::super) left: Vec<ChannelId>,
    /// Open contacts that made room for others: their spans end.
    pub(in super::super) forgotten: Vec<ChannelId>,
}

/// What the link's task does next for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) enum Next {
    /// Nothing.
    #[default]
    Rest,
    /// Look at the agent as soon as there is room.
    Look,
    /// Look at the agent again at that monotonic time.
    LookAt(Duration),
    /// Sign the agent in.
    SignIn { epoch: u32 },
    /// Ask with `NextJoin` for channels to join, as long as there is room.
    JoinChannels { epoch: u32 },
    /// Join this channel, or have it wait.
    Join { channel: ChannelId },
    /// Join under this number.
    Joining { join: u64 },
}

/// How a loss is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) enum Announce {
    /// It is not.
    #[default]
    No,
    /// Once it has lasted for the flap delay.
    IfItLasts,
    /// At once, unless its announcement is under way already.
    Down,
    /// As the end of the agent's stay in the channel.
    Left,
}

impl Actions {
    /// Only the next thing for the link's task.
    pub(super) fn next(next: Next) -> Actions {
        Actions {
            next,
            ..Actions::default()
        }
    }

    /// Only that announcement.
    pub(super) fn announce(announce: Announce) -> Actions {
        Actions {
            announce,
            ..Actions::default()
        }
    }

    /// The agent is looked at as soon as there is room.
    pub(super) fn look() -> Actions {
        Actions::next(Next::Look)
    }

    /// A session that nobody wants any more is signed out.
    pub(in super::super) fn sign_out(session: Arc<dyn Session>) -> Actions {
        Actions {
            sign_out: Some(session),
            ..Actions::default()
        }
    }
}
