//! The three traits a chat system implements.

use super::capabilities::Capabilities;
use super::error::BackendError;
use super::inbox::Inbox;
use super::manage::{Manage, Managed};
use super::passing::{Found, Joined, Outgoing, Posted, Received, Upload};
use crate::model::{
    Address, AgentKey, ChannelId, LinkKey, MessageId, NetworkId, OriginId, ResumePoint,
};
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

/// One chat system as configured. Opens nothing until asked.
pub trait Backend: Send + Sync + 'static {
    /// The space in which channel and message ids mean one thing. Stored with each conversation;
    /// the part before its colon is the scheme of the addresses it takes.
    fn network(&self) -> &NetworkId;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Which connection an agent travels on: constant where one carries all. Default: the address
    /// itself, so that each agent has a connection of its own.
    fn link_key(&self, address: &Address) -> LinkKey {
        LinkKey::parse(address.as_str()).expect("an address is an id")
    }

    /// Opens one connection. Called once per try; the engine paces and retries.
    fn dial(self: Arc<Self>, key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>>;

    /// A number that changes with the secret that a dial of `key` would use now, see
    /// [`secret_mark`](super::secret_mark). After a refused login the engine asks for it every ten
    /// seconds, and dials at once when it has changed. Default: `None`, and the engine dials after
    /// its pause.
    fn secret_mark(self: Arc<Self>, key: LinkKey) -> Reply<Option<u64>> {
        let _ = key;
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// One connection, carrying one agent or thousands. Dropping it hangs up.
pub trait Link: Send + Sync + 'static {
    /// Signs an agent in; others then see it as available (§agents/sign-in).
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>>;

    /// Hangs up in an orderly way. Default: nothing, because dropping it hangs up.
    fn close(self: Arc<Self>) -> Reply<()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// One agent signed in.
pub trait Session: Send + Sync + 'static {
    /// Joins a room, or subscribes to a contact. The answer comes when it is joined and, given a
    /// `resume`, caught up: what was said meanwhile enters the inbox first, live messages after
    /// that.
    fn join(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined>;

    /// Joins a contact whom nobody provisioned and who wrote first
    /// ([`Inbound::Stranger`](super::Inbound::Stranger)): what they wrote enters the inbox, and the
    /// agent can post to them.
    /// Nothing is asked of them, such as to see their presence. Default: [`Session::join`].
    fn admit(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        self.join(channel, resume)
    }

    /// Leaves a channel.
    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()>;

    /// Posts a message. Where the channel sends it back ([`Capabilities::echoes`]) the answer is
    /// [`Posted::Sent`], as soon as it is sent; what the chat system refuses after that comes as
    /// [`Inbound::PostRefused`](super::Inbound::PostRefused). Where nothing comes back the answer
    /// is [`Posted::Accepted`], once the chat system has it.
    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Posted>;

    /// Changes an earlier message: what `change` says in [`Outgoing::changes`]. The answer is that of
    /// [`Session::post`]; where the chat system sends it back, it comes as a message with
    /// [`Received::changes`]. Only what the [`Capabilities`] say is asked for.
    fn change(self: Arc<Self>, channel: ChannelId, change: Outgoing) -> Reply<Posted> {
        let _ = (channel, change);
        unsupported("changes of messages")
    }

    /// Signs the agent out; others then see it as offline.
    fn sign_out(self: Arc<Self>) -> Reply<()>;

    /// Looks for a message of ours by the id it carried when it left.
    fn look_up(self: Arc<Self>, channel: ChannelId, origin: OriginId) -> Reply<Found> {
        let _ = (channel, origin);
        unsupported("look-up by origin")
    }

    /// The newest `take` messages (older than `before`, which is exclusive), oldest of them first.
    /// A `before` that this channel never issued finds none. Once they hold
    /// [`HISTORY_BYTES`](super::HISTORY_BYTES) it need not go on to older ones: what is answered is
    /// cut there, and a connector that read all that was asked for held it in memory first.
    fn history(
        self: Arc<Self>,
        channel: ChannelId,
        before: Option<MessageId>,
        take: usize,
    ) -> Reply<Vec<Received>> {
        let _ = (channel, before, take);
        unsupported("history")
    }

    /// Uploads a file and posts the link to it; the answer is that of [`Session::post`].
    fn upload(self: Arc<Self>, channel: ChannelId, upload: Upload) -> Reply<Posted> {
        let _ = (channel, upload);
        unsupported("uploads")
    }

    /// Shows the contact that the agent is typing, or no longer (§channels/typing).
    fn set_composing(self: Arc<Self>, channel: ChannelId, composing: bool) -> Reply<()> {
        let _ = (channel, composing);
        unsupported("typing notices")
    }

    /// Rooms and people whose display name contains `query`, case aside (§channels/find).
    fn find_channels(self: Arc<Self>, query: String) -> Reply<Vec<(ChannelId, String)>> {
        let _ = query;
        unsupported("channel search")
    }

    /// Manages rooms (§management/calls). A room that is not there, or not this agent's to manage,
    /// is [`ChannelGone`](super::BackendErrorKind::ChannelGone).
    fn manage(self: Arc<Self>, request: Manage) -> Reply<Managed> {
        let _ = request;
        unsupported("management of rooms")
    }
}

fn unsupported<T: Send + 'static>(what: &'static str) -> Reply<T> {
    Box::pin(std::future::ready(Err(BackendError::unsupported(what))))
}
