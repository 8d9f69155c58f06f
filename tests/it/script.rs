//! A chat system made for one test: everybody gets in everywhere, and what becomes of a post is the
//! test's decision.
//!
//! Written from outside, on the public seam, as a foreign connector would be.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use switchboard::backend::{
    Accepted, Address, AgentKey, Backend, BackendError, Capabilities, ChannelId, ChannelInfo,
    Found, Inbox, Joined, Link, LinkKey, Manage, Managed, MessageId, NetworkId, OriginId, Outgoing,
    Posted, Received, Reply, ResumePoint, Session, Upload, reply,
};
use switchboard::chrono::Utc;

type Act = dyn Fn(Outgoing, Inbox) -> Reply<Posted> + Send + Sync;
type LookUp = dyn Fn(Inbox) -> Reply<Found> + Send + Sync;
type Enter = dyn Fn(AgentKey, ChannelId, Inbox) -> Reply<Joined> + Send + Sync;

/// Takes the addresses `script:…`.
pub(crate) struct Script {
    network: NetworkId,
    act: Arc<Act>,
    enter: Arc<Enter>,
    look_up: Option<Arc<LookUp>>,
    /// It claims every capability, and answers only sign-ins, joins and posts.
    is_deaf: bool,
    /// Its rooms send posts back.
    echoes: bool,
}

impl Script {
    pub(crate) fn new(
        act: impl Fn(Outgoing, Inbox) -> Reply<Accepted> + Send + Sync + 'static,
    ) -> Script {
        Script::acting(move |message, inbox| {
            let accepted = act(message, inbox);
            reply(async move { accepted.await.map(Posted::Accepted) })
        })
    }

    /// A chat system whose rooms echo a post when the test sends it back.
    pub(crate) fn echoing(
        act: impl Fn(Outgoing, Inbox) -> Reply<Posted> + Send + Sync + 'static,
    ) -> Script {
        let mut script = Script::acting(act);
        script.echoes = true;
        script
    }

    fn acting(act: impl Fn(Outgoing, Inbox) -> Reply<Posted> + Send + Sync + 'static) -> Script {
        let enter = |_, channel: ChannelId, _| reply(ready(Ok(joined(&channel))));
        Script {
            network: NetworkId::parse("script:test").unwrap(),
            act: Arc::new(act),
            enter: Arc::new(enter),
            look_up: None,
            is_deaf: false,
            echoes: false,
        }
    }

    /// The same, with this answer to joins.
    pub(crate) fn entering(
        mut self,
        enter: impl Fn(AgentKey, ChannelId, Inbox) -> Reply<Joined> + Send + Sync + 'static,
    ) -> Script {
        self.enter = Arc::new(enter);
        self
    }

    /// The same, with this answer to whoever looks for an earlier post.
    pub(crate) fn looking_up(
        mut self,
        look_up: impl Fn(Inbox) -> Reply<Found> + Send + Sync + 'static,
    ) -> Script {
        self.look_up = Some(Arc::new(look_up));
        self
    }

    /// The same, but requests and uploads are never answered.
    pub(crate) fn deaf(mut self) -> Script {
        self.is_deaf = true;
        self
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
    Accepted::new(id, "script:echo").with_time(Utc::now())
}

/// The answer to a join.
pub(crate) fn joined(channel: &ChannelId) -> Joined {
    let mut info = ChannelInfo::named(channel.name());
    info.can_accept_files = true;
    Joined::new(info)
}

impl Backend for Script {
    fn network(&self) -> &NetworkId {
        &self.network
    }

    fn capabilities(&self) -> Capabilities {
        let mut plain = Capabilities::PLAIN.sharing_rooms();
        plain.echoes_rooms = self.echoes;
        if self.is_deaf {
            plain
                .with_history()
                .with_look_up()
                .with_uploads()
                .with_find_channels()
                .with_composing()
        } else if self.look_up.is_some() {
            plain.with_look_up()
        } else {
            plain
        }
    }

    fn link_key(&self, _address: &Address) -> LinkKey {
        LinkKey::parse("script").unwrap()
    }

    fn dial(self: Arc<Self>, _key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>> {
        let link: Arc<dyn Link> = Arc::new(ScriptLink {
            script: self,
            inbox,
        });
        reply(ready(Ok(link)))
    }
}

struct ScriptLink {
    script: Arc<Script>,
    inbox: Inbox,
}

impl Link for ScriptLink {
    fn sign_in(self: Arc<Self>, agent: AgentKey, _address: Address) -> Reply<Arc<dyn Session>> {
        let session: Arc<dyn Session> = Arc::new(ScriptSession {
            script: self.script.clone(),
            inbox: self.inbox.clone(),
            agent,
        });
        reply(ready(Ok(session)))
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        reply(ready(Ok(())))
    }
}

struct ScriptSession {
    script: Arc<Script>,
    inbox: Inbox,
    agent: AgentKey,
}

impl ScriptSession {
    /// Keeps `held` and never answers, if the script is deaf; otherwise the call is unsupported.
    fn silence<T: Send + 'static>(&self, held: impl Send + 'static) -> Reply<T> {
        if !self.script.is_deaf {
            return reply(ready(Err(BackendError::unsupported("such thing"))));
        }
        reply(async move {
            let _held = held;
            std::future::pending().await
        })
    }
}

impl Session for ScriptSession {
    fn join(self: Arc<Self>, channel: ChannelId, _resume: Option<ResumePoint>) -> Reply<Joined> {
        (self.script.enter)(self.agent, channel, self.inbox.clone())
    }

    fn leave(self: Arc<Self>, _channel: ChannelId) -> Reply<()> {
        reply(ready(Ok(())))
    }

    fn post(self: Arc<Self>, _channel: ChannelId, message: Outgoing) -> Reply<Posted> {
        (self.script.act)(message, self.inbox.clone())
    }

    fn look_up(self: Arc<Self>, _channel: ChannelId, _origin: OriginId) -> Reply<Found> {
        match &self.script.look_up {
            Some(look_up) => look_up(self.inbox.clone()),
            None => self.silence(()),
        }
    }

    fn history(
        self: Arc<Self>,
        _channel: ChannelId,
        _before: Option<MessageId>,
        _take: usize,
    ) -> Reply<Vec<Received>> {
        self.silence(())
    }

    fn upload(self: Arc<Self>, _channel: ChannelId, upload: Upload) -> Reply<Posted> {
        self.silence(upload)
    }

    fn set_composing(self: Arc<Self>, _channel: ChannelId, _composing: bool) -> Reply<()> {
        self.silence(())
    }

    fn find_channels(self: Arc<Self>, _query: String) -> Reply<Vec<(ChannelId, String)>> {
        self.silence(())
    }

    fn manage(self: Arc<Self>, _request: Manage) -> Reply<Managed> {
        self.silence(())
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        reply(ready(Ok(())))
    }
}
