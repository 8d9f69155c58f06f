//! The three traits a chat system implements, and what passes through them.

use super::error::BackendError;
use super::inbox::Inbox;
use super::manage::{Manage, Managed};
use crate::model::{
    Address, AgentKey, ChannelId, ChannelInfo, ChannelKind, Classification, LinkKey, MessageId,
    NetworkId, OriginId, Part, ResumePoint, SecurityContext, content_bytes,
};
use crate::waiting::PipeReader;
use chrono::{DateTime, Utc};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// An answer to come from a chat system.
pub type Reply<T> = Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send + 'static>>;

/// Boxes a future into a [`Reply`].
pub fn reply<T>(
    future: impl Future<Output = Result<T, BackendError>> + Send + 'static,
) -> Reply<T> {
    Box::pin(future)
}

/// What a chat system can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// It has rooms.
    pub rooms: bool,
    /// It has contacts.
    pub contacts: bool,
    /// Its rooms are seen alike by all agents, with one message id for all: messages come as [`super::SeenBy::Room`].
    pub shared_rooms: bool,
    /// A room sends an agent's post back to it: that copy is the row.
    pub echoes_rooms: bool,
    /// A contact's conversation sends an agent's post back to it.
    pub echoes_contacts: bool,
    /// [`Session::history`] answers.
    pub history: bool,
    /// [`Session::look_up`] answers.
    pub look_up: bool,
    /// [`Session::upload`] answers.
    pub uploads: bool,
    /// [`Session::find_channels`] answers.
    pub find_channels: bool,
    /// [`Session::set_composing`] answers.
    pub composing: bool,
}

impl Capabilities {
    /// Rooms and contacts, and nothing else.
    pub const PLAIN: Capabilities = Capabilities {
        rooms: true,
        contacts: true,
        shared_rooms: true,
        echoes_rooms: false,
        echoes_contacts: false,
        history: false,
        look_up: false,
        uploads: false,
        find_channels: false,
        composing: false,
    };

    /// Whether a post into a channel of that kind comes back.
    pub fn echoes(&self, kind: ChannelKind) -> bool {
        match kind {
            ChannelKind::Room => self.echoes_rooms,
            ChannelKind::Contact => self.echoes_contacts,
        }
    }

    /// Whether a channel of that kind can be joined at all.
    pub fn has(&self, kind: ChannelKind) -> bool {
        match kind {
            ChannelKind::Room => self.rooms,
            ChannelKind::Contact => self.contacts,
        }
    }
}

/// One chat system as configured. Opens nothing until asked.
pub trait Backend: Send + Sync + 'static {
    /// The space in which channel and message ids mean one thing. Stored with each conversation; what stands before
    /// its colon is the scheme of the addresses it takes.
    fn network(&self) -> &NetworkId;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Which connection an agent travels on: constant where one carries all, the address itself for accounts.
    fn link_key(&self, address: &Address) -> LinkKey;

    /// Opens one connection. Called once per try; the engine paces and retries.
    fn dial(self: Arc<Self>, key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>>;
}

/// One connection, carrying one agent or thousands. Dropping it hangs up.
pub trait Link: Send + Sync + 'static {
    /// Signs an agent in; others then see it as available (reference 6.1).
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>>;

    /// Hangs up in an orderly way.
    fn close(self: Arc<Self>) -> Reply<()>;
}

/// One agent signed in.
pub trait Session: Send + Sync + 'static {
    /// Joins a room, or subscribes to a contact. Answers when joined and, given a `resume`, caught up from it: what
    /// was said meanwhile enters the inbox first, live messages after that.
    fn join(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined>;

    /// Leaves a channel.
    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()>;

    /// Posts a message; the answer says that the chat system has it.
    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Accepted>;

    /// Signs the agent out; others then see it as offline.
    fn sign_out(self: Arc<Self>) -> Reply<()>;

    /// Looks for a message of ours by the id it carried when it left.
    fn look_up(self: Arc<Self>, channel: ChannelId, origin: OriginId) -> Reply<Found> {
        let _ = (channel, origin);
        unsupported("look-up by origin")
    }

    /// The newest `take` messages (older than `before`, which is exclusive), oldest of them first. A `before` that
    /// this channel never issued answers none. Once they hold [`HISTORY_BYTES`] it need not go on to older ones: what is
    /// answered is cut there, and a connector that read all that was asked for held it in memory first.
    fn history(
        self: Arc<Self>,
        channel: ChannelId,
        before: Option<MessageId>,
        take: usize,
    ) -> Reply<Vec<Received>> {
        let _ = (channel, before, take);
        unsupported("history")
    }

    /// Uploads a file and posts the link to it.
    fn upload(self: Arc<Self>, channel: ChannelId, upload: Upload) -> Reply<Accepted> {
        let _ = (channel, upload);
        unsupported("uploads")
    }

    /// Shows the contact that the agent is typing, or no longer (reference 3.6).
    fn set_composing(self: Arc<Self>, channel: ChannelId, composing: bool) -> Reply<()> {
        let _ = (channel, composing);
        unsupported("typing notices")
    }

    /// Rooms and people whose display name contains `query`, case aside (reference 4.7).
    fn find_channels(self: Arc<Self>, query: String) -> Reply<Vec<(ChannelId, String)>> {
        let _ = query;
        unsupported("channel search")
    }

    /// Manages rooms (`mindlink-wire.md` 1.4). A room that is not there, or not this agent's to manage, is
    /// [`ChannelGone`](super::BackendErrorKind::ChannelGone).
    fn manage(self: Arc<Self>, request: Manage) -> Reply<Managed> {
        let _ = request;
        unsupported("management of rooms")
    }
}

fn unsupported<T: Send + 'static>(what: &'static str) -> Reply<T> {
    Box::pin(std::future::ready(Err(BackendError::unsupported(what))))
}

/// A message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Travels with it, so that it is recognised when it comes back.
    pub origin: OriginId,
    /// The visible text of the parts.
    pub text: String,
    /// The parts.
    pub parts: Vec<Part>,
    /// A story's subject, never empty.
    pub subject: Option<String>,
    /// Whether it asks for attention.
    pub alert: bool,
    /// Its classification.
    pub classification: Option<Classification>,
    /// Its security contexts.
    pub security_contexts: Vec<SecurityContext>,
}

/// The chat system has the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The id the chat system gave it; where a backend echoes, the id under which it comes back.
    pub id: MessageId,
    /// The agent's address as others see it.
    pub sender: String,
    /// The agent's display name.
    pub sender_alias: Option<String>,
    /// When the chat system took it.
    pub time: DateTime<Utc>,
    /// The text it became, if not the text that was sent (an upload's link, for example).
    pub parts: Option<Vec<Part>>,
    /// Where the conversation stands with it.
    pub resume: Option<ResumePoint>,
}

/// A message as it came from a chat system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id, unique in its conversation.
    pub id: MessageId,
    /// The origin id it carried, if the connector knows that its sender is one of our agents.
    pub origin: Option<OriginId>,
    /// The sender's address.
    pub sender: String,
    /// The sender's display name.
    pub sender_alias: Option<String>,
    /// A story's subject.
    pub subject: Option<String>,
    /// Whether it asks for attention.
    pub alert: bool,
    /// Its parts, at least one.
    pub parts: Vec<Part>,
    /// Its classification.
    pub classification: Option<Classification>,
    /// Its security contexts.
    pub security_contexts: Vec<SecurityContext>,
    /// When it was said.
    pub time: DateTime<Utc>,
}

impl Received {
    /// Bytes that it holds in memory and takes in the journal, roughly.
    pub(crate) fn weight(&self) -> usize {
        400 + self.sender.len()
            + self.sender_alias.as_ref().map_or(0, String::len)
            + content_bytes(
                &self.parts,
                self.subject.as_deref(),
                self.classification.as_ref(),
                &self.security_contexts,
            )
    }
}

/// Bytes that one answer of history holds: enough to stop at.
pub const HISTORY_BYTES: usize = 4 << 20;

/// A join that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// What the chat system says of the channel.
    pub info: ChannelInfo,
    /// Where the conversation stands now: stored, unless the catch-up stored a later point.
    pub resume: Option<ResumePoint>,
}

/// The answer to [`Session::look_up`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// It is there.
    Message(Box<Received>),
    /// It is not there and never was.
    Absent,
    /// The chat system cannot tell.
    CannotTell,
}

/// A file on its way out.
pub struct Upload {
    /// Travels with the message that carries the link.
    pub origin: OriginId,
    /// The file's name, as data: never a path.
    pub name: String,
    /// How many bytes it will have, if known.
    pub size: Option<u64>,
    /// The bytes, in chunks of at most 64 KiB; an early end means that the caller gave up.
    pub body: PipeReader,
}
