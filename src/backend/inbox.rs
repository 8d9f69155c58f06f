//! What comes up from a chat system: one [`Inbox`] per link, bounded in bytes, feeding a trait of
//! our own.

use super::error::BackendError;
use super::passing::Received;
use crate::model::{AgentKey, ChannelId, OriginId, PresenceState, ResumePoint};
use crate::runtime::start_task_here;
use crate::waiting::{Busy, panic_text};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Who sees a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SeenBy {
    /// Everybody in the room, under the room's own message id.
    Room,
    /// One agent.
    Agent(AgentKey),
}

/// One thing that came in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Inbound {
    /// A message. Copies of one message (same place, same id) may come any number of times.
    Message {
        /// Who sees it.
        seen_by: SeenBy,
        /// Where it was said.
        channel: ChannelId,
        /// The message.
        message: Box<Received>,
        /// The point to resume from after this message; stored in the same commit.
        resume: Option<ResumePoint>,
    },
    /// An agent that is joining a channel is in: it hears every message that comes after this. A
    /// connector sends it before the first such message, if that comes before the answer to the
    /// join; without it, the agent hears what comes after the answer. What a catch-up brings comes
    /// before it.
    Entered {
        /// The agent.
        agent: AgentKey,
        /// The channel.
        channel: ChannelId,
    },
    /// Somebody whose channel is not joined wrote to an agent. The connector keeps what they wrote:
    /// if the agent's contacts are open, [`Session::admit`](super::Session::admit) follows, and a
    /// join if they are provisioned. It may be said for each of their messages.
    Stranger {
        /// The agent.
        agent: AgentKey,
        /// The channel, as [`Session::admit`](super::Session::admit) is to be given it.
        channel: ChannelId,
    },
    /// The chat system put an agent out of a channel, or the channel ended.
    Inactive {
        /// The agent.
        agent: AgentKey,
        /// The channel.
        channel: ChannelId,
        /// Why.
        reason: String,
        /// Whether to join again with back-off; a kick is not (§channels/retry).
        may_retry: bool,
    },
    /// The chat system did not take a post that was sent ([`Posted::Sent`](super::Posted::Sent)),
    /// so it will not come back. After the post came back, and for an origin that was not sent, it
    /// means nothing.
    PostRefused {
        /// The origin that the post carries.
        origin: OriginId,
        /// Why.
        error: BackendError,
    },
    /// The chat system signed this agent out; the link stays up.
    SignedOut {
        /// The agent.
        agent: AgentKey,
        /// Why.
        error: BackendError,
    },
}

impl Inbound {
    /// A message in a channel, of a chat system that has no resume points.
    pub fn message(seen_by: SeenBy, channel: ChannelId, message: Received) -> Inbound {
        Inbound::Message {
            seen_by,
            channel,
            message: Box::new(message),
            resume: None,
        }
    }

    /// Somebody put an agent out of a channel: it is not joined again before an administrator puts
    /// the channel again (§channels/retry).
    pub fn kicked(agent: AgentKey, channel: ChannelId, reason: impl Into<String>) -> Inbound {
        Inbound::Inactive {
            agent,
            channel,
            reason: reason.into(),
            may_retry: false,
        }
    }
}

/// Something that is not journaled: the latest wins, and nobody waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateChange {
    /// A contact's presence.
    Presence {
        /// Who sees it.
        seen_by: SeenBy,
        /// The contact.
        channel: ChannelId,
        /// The state.
        presence: PresenceState,
        /// The words beside it.
        text: Option<String>,
    },
    /// A room's subject.
    Subject {
        /// Who sees it.
        seen_by: SeenBy,
        /// The room.
        channel: ChannelId,
        /// The subject.
        subject: Option<String>,
    },
    /// A contact began or stopped typing to an agent.
    Composing {
        /// The agent.
        agent: AgentKey,
        /// The contact.
        channel: ChannelId,
        /// Whether they are typing.
        composing: bool,
    },
}

impl StateChange {
    /// Whether a contact is there, of a chat system that says no more than that: it is available or
    /// offline.
    pub fn is_there(seen_by: SeenBy, contact: ChannelId, is_there: bool) -> StateChange {
        StateChange::Presence {
            seen_by,
            channel: contact,
            presence: match is_there {
                true => PresenceState::Available,
                false => PresenceState::Offline,
            },
            text: None,
        }
    }

    /// A room's subject; an empty one is none.
    pub fn subject(seen_by: SeenBy, channel: ChannelId, subject: impl Into<String>) -> StateChange {
        StateChange::Subject {
            seen_by,
            channel,
            subject: Some(subject.into()).filter(|subject| !subject.is_empty()),
        }
    }
}

/// The engine took its hands off this link: it was lost, superseded, or the engine is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine has closed this inbox")]
pub struct Closed;

/// The engine no longer wants the link: [`Unreachable`](super::BackendErrorKind::Unreachable).
impl From<Closed> for BackendError {
    fn from(closed: Closed) -> BackendError {
        BackendError::unreachable(closed.to_string())
    }
}

/// Why an item was not taken.
#[derive(Debug)]
pub enum Full {
    /// There is no room now; the item comes back.
    Full(Inbound),
    /// There never will be.
    Closed,
}

/// What feeds on an inbox: the engine, or a test of a connector.
pub trait Intake: Send + Sync + 'static {
    /// Takes `item` if there is room.
    ///
    /// # Errors
    /// [`Full`] with the item, or that the inbox is closed.
    fn take(&self, item: Inbound) -> Result<(), Full>;
    /// Ready when there may be room again (or never will be).
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// Ready when everything taken so far is committed.
    fn flush(&self) -> Pin<Box<dyn Future<Output = Result<(), Closed>> + Send + 'static>>;
    /// Notes a change of state.
    fn state(&self, change: StateChange);
    /// Notes that the link is lost.
    fn lost(&self, error: BackendError);
    /// A token to hold while something is in a backend's hands.
    fn busy(&self) -> Busy;
    /// Ready when that much of the engine's time has passed.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>>;
    /// The engine's date and time.
    fn now(&self) -> DateTime<Utc>;
    /// 128 bits that are always the same for this database and `of`, and another's for any other.
    fn identity(&self, of: &str) -> [u8; 16];
    /// See [`Inbox::recorded_until`]. Default: none.
    fn recorded_until(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// One link's way to the engine. Cheap to clone.
#[derive(Clone)]
pub struct Inbox(Arc<dyn Intake>);

impl Inbox {
    /// An inbox that feeds `intake`.
    pub fn new(intake: Arc<dyn Intake>) -> Inbox {
        Inbox(intake)
    }

    /// Hands `item` to the engine, waiting while its queue is full, so that the server feels it.
    /// After 20 seconds without progress the engine gives the link up and catches up later.
    ///
    /// # Errors
    /// [`Closed`] if this link is no longer wanted.
    pub async fn send(&self, item: Inbound) -> Result<(), Closed> {
        let mut item = item;
        loop {
            match self.0.take(item) {
                Ok(()) => return Ok(()),
                Err(Full::Closed) => return Err(Closed),
                Err(Full::Full(back)) => item = back,
            }
            std::future::poll_fn(|cx| self.0.poll_room(cx)).await;
        }
    }

    /// Hands `item` to the engine if there is room now: for a connector that keeps its own line. It
    /// must then wait with [`Inbox::send`], not by asking again.
    ///
    /// # Errors
    /// [`Full`] with the item, or that the inbox is closed.
    pub fn offer(&self, item: Inbound) -> Result<(), Full> {
        self.0.take(item)
    }

    /// Waits until all sent so far is committed: now it may be acknowledged to the chat system.
    ///
    /// # Errors
    /// [`Closed`] if this link is no longer wanted.
    pub async fn flush(&self) -> Result<(), Closed> {
        self.0.flush().await
    }

    /// Notes a change that is not journaled: the latest wins, and it never waits.
    pub fn state(&self, change: StateChange) {
        self.0.state(change);
    }

    /// Says that the link is lost. Once is enough; dropping everything without it counts as lost
    /// only when the engine next calls.
    pub fn lost(&self, error: BackendError) {
        self.0.lost(error);
    }

    /// A token to hold while something is in this backend's hands, so that `Engine::settle` waits
    /// for it.
    pub fn busy(&self) -> Busy {
        self.0.busy()
    }

    /// Waits for that much of the engine's time: use it for every wait, so that a test can step it.
    pub async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    /// The engine's date and time.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    /// 128 bits that are the same for this database and `of` in every process, and nobody else's:
    /// for a chat system that knows its clients by an id, where a connector keeps nothing.
    pub fn identity(&self, of: &str) -> [u8; 16] {
        self.0.identity(of)
    }

    /// When this database was last written before this process opened it: what of ours it does not
    /// know can hardly have been said before. None if this process made the database, so that
    /// nothing of ours was said before at all.
    pub fn recorded_until(&self) -> Option<DateTime<Utc>> {
        self.0.recorded_until()
    }

    /// Waits for `task`, but not for longer than that much of the engine's time: none if it is not
    /// done by then.
    pub async fn within<T>(&self, most: Duration, task: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = task => Some(done),
            () = self.sleep(most) => None,
        }
    }

    /// As [`Inbox::within`], where a step that takes longer means that the chat system is
    /// unreachable.
    ///
    /// # Errors
    /// [`Unreachable`](super::BackendErrorKind::Unreachable).
    pub async fn step<T>(
        &self,
        most: Duration,
        task: impl Future<Output = T>,
    ) -> Result<T, BackendError> {
        let done = self.within(most, task).await;
        done.ok_or_else(|| BackendError::unreachable(format!("it took more than {most:?}")))
    }

    /// Runs `task` as [`Inbox::spawn`] does. If it ends with an error, the link is lost.
    pub fn drive(&self, task: impl Future<Output = Result<(), BackendError>> + Send + 'static) {
        let inbox = self.clone();
        self.spawn(async move {
            if let Err(error) = task.await {
                inbox.lost(error);
            }
        });
    }

    /// Runs `task` on the engine's runtime; from a wake until it waits again it counts as busy. If
    /// it panics, the link is lost, and nothing else.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.start(task));
    }

    /// As [`Inbox::spawn`]; what is returned aborts the task.
    pub(crate) fn start(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        let inbox = self.clone();
        // Chained, not awaited: an `async` block would hold the task twice, before and while it is
        // polled.
        let task = std::panic::AssertUnwindSafe(task)
            .catch_unwind()
            .map(move |ended| {
                if let Err(panic) = ended {
                    let reason = panic_text(&*panic);
                    tracing::error!(reason, "a backend's task panicked");
                    inbox.lost(BackendError::new(
                        super::BackendErrorKind::Protocol,
                        format!("the connector panicked: {reason}"),
                    ));
                }
            });
        start_task_here(self.busy().activity(), task).abort_handle()
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inbox")
    }
}
