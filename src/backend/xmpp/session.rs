//! The session of one agent, which passes each call on to the file that does it.

use super::core::Core;
use super::jid::Jid;
use super::talk::Talk;
use super::{contacts, disco, manage, posting, rooms};
use super::{ns, xml::Element};
use crate::backend::{
    BackendError, ChannelId, ChannelKind, Found, Joined, Manage, Managed, OriginId, Outgoing,
    Posted, Received, Reply, Session, Upload, reply,
};
use crate::model::{AgentKey, MessageId, ResumePoint};
use std::future::ready;
use std::sync::Arc;

/// The session of one agent. Dropping it signs the agent out.
pub(super) struct XmppSession {
    pub(super) core: Arc<Core>,
    pub(super) jid: Jid,
    pub(super) key: AgentKey,
    pub(super) session: u64,
}

impl Drop for XmppSession {
    fn drop(&mut self) {
        self.leave_all();
    }
}

impl XmppSession {
    /// Sends unavailable presence, unless that was done or another session has the name.
    fn leave_all(&self) {
        let mut state = self.core.state.lock();
        if state
            .agents
            .get(self.jid.bare())
            .is_none_or(|agent| agent.session != self.session)
        {
            return;
        }
        let agent = state.agents.remove(self.jid.bare());
        drop(state);
        if let Some(agent) = agent {
            let _ = contacts::farewell(&self.core, &agent);
        }
    }

    fn talk(&self, channel: &ChannelId) -> Result<Talk, BackendError> {
        let is_room = channel.kind() == ChannelKind::Room;
        let name = channel.name();
        let jid = if is_room && !name.contains('@') {
            Jid::parse(&format!("{name}@{}", self.core.config.rooms_host))
        } else {
            Jid::parse(name.strip_prefix("xmpp:").unwrap_or(name))
        };
        let jid = jid.filter(|jid| jid.local().is_some() || !is_room);
        let jid =
            jid.ok_or_else(|| BackendError::refused(format!("`{name}` is not an XMPP address")))?;
        Ok(Talk {
            key: self.key,
            agent: self.jid.clone(),
            jid: jid.bare().to_owned(),
            channel: channel.clone(),
            is_room,
        })
    }
}

impl Session for XmppSession {
    fn join(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        reply(async move {
            let talk = self.talk(&channel)?;
            if talk.is_room {
                rooms::join(&self.core, &talk, self.session, resume).await
            } else {
                contacts::join(&self.core, &talk, self.session, resume).await
            }
        })
    }

    fn admit(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        reply(async move {
            let talk = self.talk(&channel)?;
            contacts::admit(&self.core, &talk, self.session, resume).await
        })
    }

    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()> {
        reply(async move {
            let talk = self.talk(&channel)?;
            if talk.is_room {
                rooms::leave(&self.core, &talk, self.session).await
            } else {
                contacts::leave(&self.core, &talk, self.session)
            }
        })
    }

    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Posted> {
        let sent = self.talk(&channel).and_then(|talk| {
            let sent = posting::send(&self.core, &talk, self.session, message)?;
            Ok((talk, sent))
        });
        match sent {
            Ok((talk, Some(sent))) => {
                reply(async move { posting::arrive(&self.core, &talk, sent).await })
            }
            Ok((_, None)) => reply(ready(Ok(Posted::Sent))),
            Err(error) => reply(ready(Err(error))),
        }
    }

    fn change(self: Arc<Self>, channel: ChannelId, change: Outgoing) -> Reply<Posted> {
        reply(async move {
            posting::change(&self.core, &self.talk(&channel)?, self.session, change).await
        })
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        self.leave_all();
        reply(async move { self.core.fence().await })
    }

    fn look_up(self: Arc<Self>, channel: ChannelId, origin: OriginId) -> Reply<Found> {
        reply(async move { self.talk(&channel)?.look_up(&self.core, &origin).await })
    }

    fn history(
        self: Arc<Self>,
        channel: ChannelId,
        before: Option<MessageId>,
        take: usize,
    ) -> Reply<Vec<Received>> {
        reply(async move { self.talk(&channel)?.history(&self.core, before, take).await })
    }

    fn upload(self: Arc<Self>, channel: ChannelId, upload: Upload) -> Reply<Posted> {
        reply(async move {
            posting::file(&self.core, &self.talk(&channel)?, self.session, upload).await
        })
    }

    fn set_composing(self: Arc<Self>, channel: ChannelId, composing: bool) -> Reply<()> {
        let done = self.compose(&channel, composing);
        reply(ready(done))
    }

    fn find_channels(self: Arc<Self>, query: String) -> Reply<Vec<(ChannelId, String)>> {
        reply(async move { disco::find(&self.core, &self.jid, self.session, &query).await })
    }

    fn manage(self: Arc<Self>, request: Manage) -> Reply<Managed> {
        reply(async move { manage::answer(&self.core, &self.jid, self.session, request).await })
    }
}

impl XmppSession {
    fn compose(&self, channel: &ChannelId, composing: bool) -> Result<(), BackendError> {
        let talk = self.talk(channel)?;
        if talk.is_room {
            return Ok(());
        }
        let Some(to) = contacts::address(&self.core, &talk, self.session)? else {
            return Ok(());
        };
        let state = Element::new(
            if composing { "composing" } else { "paused" },
            ns::CHAT_STATES,
        );
        let message = Element::stanza("message")
            .with("type", "chat")
            .with("to", to)
            .child(state);
        self.core.send(&self.core.from(&self.jid, message))
    }
}
