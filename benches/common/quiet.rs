//! A chat system that keeps nothing, so that all measured memory is the engine's.

use parking_lot::Mutex;
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use switchboard::backend::{
    Accepted, Address, AgentKey, Backend, Capabilities, ChannelId, ChannelInfo, Inbox, Joined,
    Link, LinkKey, MessageId, NetworkId, Outgoing, Posted, Reply, ResumePoint, Session, reply,
};

/// The chat system. Everybody signs in at once and joins at once; nothing is echoed.
pub struct Quiet {
    network: NetworkId,
    answers: bool,
    inbox: Mutex<Option<Inbox>>,
    told: AtomicU64,
}

impl Quiet {
    pub fn new() -> Arc<Quiet> {
        Quiet::made(true)
    }

    /// One whose dial never ends.
    pub fn unreachable() -> Arc<Quiet> {
        Quiet::made(false)
    }

    fn made(answers: bool) -> Arc<Quiet> {
        let network = NetworkId::parse("loopback:loopback").expect("letters and a colon are an id");
        Arc::new(Quiet {
            network,
            answers,
            inbox: Mutex::new(None),
            told: AtomicU64::new(0),
        })
    }

    /// The engine's inbox, once the link is up.
    pub fn inbox(&self) -> Option<Inbox> {
        self.inbox.lock().clone()
    }
}

impl Backend for Quiet {
    fn network(&self) -> &NetworkId {
        &self.network
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::PLAIN.sharing_rooms()
    }

    fn link_key(&self, _address: &Address) -> LinkKey {
        LinkKey::parse("quiet").expect("a word is a key")
    }

    fn dial(self: Arc<Self>, _key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>> {
        if !self.answers {
            return reply(pending());
        }
        *self.inbox.lock() = Some(inbox);
        reply(ready(Ok(Arc::new(Line(self)) as Arc<dyn Link>)))
    }
}

struct Line(Arc<Quiet>);

impl Link for Line {
    fn sign_in(self: Arc<Self>, _agent: AgentKey, _address: Address) -> Reply<Arc<dyn Session>> {
        reply(ready(Ok(self as Arc<dyn Session>)))
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        *self.0.inbox.lock() = None;
        reply(ready(Ok(())))
    }
}

/// One session for all agents: one for each would be the connector's memory, not the engine's.
impl Session for Line {
    fn join(self: Arc<Self>, channel: ChannelId, _resume: Option<ResumePoint>) -> Reply<Joined> {
        reply(ready(Ok(Joined::new(ChannelInfo::named(channel.name())))))
    }

    fn leave(self: Arc<Self>, _channel: ChannelId) -> Reply<()> {
        reply(ready(Ok(())))
    }

    fn post(self: Arc<Self>, _channel: ChannelId, _message: Outgoing) -> Reply<Posted> {
        let number = self.0.told.fetch_add(1, Ordering::Relaxed);
        let id = MessageId::parse(&super::world::message_id(number)).expect("digits are an id");
        let accepted =
            Accepted::new(id, "loopback:agent").with_time(switchboard::chrono::Utc::now());
        reply(ready(Ok(accepted.into())))
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        reply(ready(Ok(())))
    }
}
