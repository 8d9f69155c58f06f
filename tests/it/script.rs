//! A chat system made for one test: everybody gets in everywhere, and what becomes of a post is the test's decision.
//!
//! Written from outside, on the public seam, as a foreign connector would be.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use switchboard::backend::{
    Accepted, Address, AgentKey, Backend, BackendError, Capabilities, ChannelId, ChannelInfo, Inbox, Joined, Link, LinkKey,
    MessageId, NetworkId, Outgoing, Reply, ResumePoint, Session, reply,
};
use switchboard::chrono::Utc;

type Act = dyn Fn(Outgoing, Inbox) -> Reply<Accepted> + Send + Sync;

/// Takes the addresses `script:…`.
pub(crate) struct Script {
    network: NetworkId,
    act: Arc<Act>,
}

impl Script {
    pub(crate) fn new(act: impl Fn(Outgoing, Inbox) -> Reply<Accepted> + Send + Sync + 'static) -> Script {
        Script { network: NetworkId::parse("script:test").unwrap(), act: Arc::new(act) }
    }

    /// One that answers every post with that error.
    pub(crate) fn failing(error: BackendError) -> Script {
        Script::new(move |_, _| reply(ready(Err(error.clone()))))
    }

    /// One that never answers a post.
    pub(crate) fn silent() -> Script {
        Script::new(|_, _| reply(std::future::pending()))
    }
}

/// The answer of a chat system that has the message.
pub(crate) fn accepted() -> Accepted {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = MessageId::parse(&format!("script-{}", NEXT.fetch_add(1, Ordering::Relaxed))).unwrap();
    Accepted { id, sender: "script:echo".to_owned(), sender_alias: None, time: Utc::now(), parts: None, resume: None }
}

impl Backend for Script {
    fn network(&self) -> &NetworkId {
        &self.network
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::PLAIN
    }

    fn link_key(&self, _address: &Address) -> LinkKey {
        LinkKey::parse("script").unwrap()
    }

    fn dial(self: Arc<Self>, _key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>> {
        let link: Arc<dyn Link> = Arc::new(ScriptLink { act: self.act.clone(), inbox });
        reply(ready(Ok(link)))
    }
}

struct ScriptLink {
    act: Arc<Act>,
    inbox: Inbox,
}

impl Link for ScriptLink {
    fn sign_in(self: Arc<Self>, _agent: AgentKey, _address: Address) -> Reply<Arc<dyn Session>> {
        let session: Arc<dyn Session> = Arc::new(ScriptSession { act: self.act.clone(), inbox: self.inbox.clone() });
        reply(ready(Ok(session)))
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        reply(ready(Ok(())))
    }
}

struct ScriptSession {
    act: Arc<Act>,
    inbox: Inbox,
}

impl Session for ScriptSession {
    fn join(self: Arc<Self>, channel: ChannelId, _resume: Option<ResumePoint>) -> Reply<Joined> {
        reply(ready(Ok(Joined { info: ChannelInfo::named(channel.name()), resume: None })))
    }

    fn leave(self: Arc<Self>, _channel: ChannelId) -> Reply<()> {
        reply(ready(Ok(())))
    }

    fn post(self: Arc<Self>, _channel: ChannelId, message: Outgoing) -> Reply<Accepted> {
        (self.act)(message, self.inbox.clone())
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        reply(ready(Ok(())))
    }
}
