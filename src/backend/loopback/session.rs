//! One agent signed in: joining, and the rest of what an agent asks of a chat system. Posts are in
//! [`super::posting`].

use super::line::Ticket;
use super::names::fold;
use super::outbox::Shared;
use super::state::ChatState;
use crate::backend::{
    BackendError, Capabilities, Found, Inbox, Joined, Manage, Managed, Outgoing, Posted, Received,
    Reply, Session, Upload, reply,
};
use crate::model::{ChangeKind, ChannelId, ChannelKind, MessageId, OriginId, ResumePoint};
use std::future::ready;
use std::sync::Arc;

/// The session of one agent. Dropping it signs the agent out.
pub(super) struct LoopbackSession {
    pub(super) shared: Arc<Shared>,
    pub(super) inbox: Inbox,
    pub(super) capabilities: Capabilities,
    pub(super) number: u64,
    pub(super) name: Arc<str>,
}

impl Drop for LoopbackSession {
    fn drop(&mut self) {
        self.shared.act_apart(|state| {
            state.sign_out(self.number);
        });
    }
}

impl Session for LoopbackSession {
    fn join(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        let delay = self.shared.0.lock().faults.delay;
        if delay.is_zero() {
            let joined = self.join_now(&channel, resume.as_ref());
            return reply(async move { self.after_the_line(joined).await });
        }
        reply(async move {
            self.inbox.sleep(delay).await;
            let joined = self.join_now(&channel, resume.as_ref());
            self.after_the_line(joined).await
        })
    }

    fn admit(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        let unread = || self.shared.0.lock().unread_since(&self.name, &channel);
        let resume = resume.or_else(unread);
        self.join(channel, resume)
    }

    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()> {
        self.shared.0.lock().leave(self.number, &channel);
        reply(ready(Ok(())))
    }

    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Posted> {
        self.send(channel, message)
    }

    fn change(self: Arc<Self>, channel: ChannelId, change: Outgoing) -> Reply<Posted> {
        let can = &self.capabilities;
        let can = change.changes.as_deref().map(|change| match change.kind {
            ChangeKind::Edited => can.edits,
            ChangeKind::Retracted { .. } => can.retractions,
            ChangeKind::Reactions(_) => can.reactions,
            ChangeKind::Receipt(_) => can.receipts,
            ChangeKind::Other(_) => false,
        });
        if can == Some(false) {
            return reply(ready(Err(BackendError::unsupported("that change"))));
        }
        self.send(channel, change)
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        self.act(|state| state.sign_out(self.number));
        reply(ready(Ok(())))
    }

    fn look_up(self: Arc<Self>, channel: ChannelId, origin: OriginId) -> Reply<Found> {
        reply(ready(
            self.shared.0.lock().look_up(&self.name, &channel, &origin),
        ))
    }

    fn history(
        self: Arc<Self>,
        channel: ChannelId,
        before: Option<MessageId>,
        take: usize,
    ) -> Reply<Vec<Received>> {
        if !self.capabilities.history {
            return reply(ready(Err(BackendError::unsupported("history"))));
        }
        reply(ready(self.shared.0.lock().history(
            &self.name,
            &channel,
            before.as_ref(),
            take,
        )))
    }

    fn upload(self: Arc<Self>, channel: ChannelId, upload: Upload) -> Reply<Posted> {
        reply(self.receive(channel, upload))
    }

    fn set_composing(self: Arc<Self>, channel: ChannelId, composing: bool) -> Reply<()> {
        if channel.kind() == ChannelKind::Contact {
            self.compose(&fold(channel.name()), composing);
        }
        reply(ready(Ok(())))
    }

    fn find_channels(self: Arc<Self>, query: String) -> Reply<Vec<(ChannelId, String)>> {
        reply(ready(Ok(self.shared.0.lock().find_channels(
            self.number,
            &query,
            self.capabilities,
        ))))
    }

    fn manage(self: Arc<Self>, request: Manage) -> Reply<Managed> {
        let (answer, ticket) = self.act(|state| state.manage(self.number, request));
        reply(async move {
            // Agents that were put out know it before the manager has the result.
            let _ = self.shared.clone().pumped(ticket).await;
            answer
        })
    }
}

impl LoopbackSession {
    pub(super) fn act<T>(&self, change: impl FnOnce(&mut ChatState) -> T) -> (T, Option<Ticket>) {
        self.shared.act_holding(Some(self.inbox.busy()), change)
    }

    fn join_now(
        &self,
        channel: &ChannelId,
        resume: Option<&ResumePoint>,
    ) -> (Result<Joined, BackendError>, Option<Ticket>) {
        if !self.capabilities.has(channel.kind()) {
            let what = if channel.kind() == ChannelKind::Room {
                "rooms"
            } else {
                "contacts"
            };
            return (Err(BackendError::unsupported(what)), None);
        }
        self.act(|state| state.join(self.number, channel, resume))
    }

    /// Waits until what was said meanwhile has entered the inbox, then returns the answer to the
    /// join.
    async fn after_the_line(
        &self,
        joined: (Result<Joined, BackendError>, Option<Ticket>),
    ) -> Result<Joined, BackendError> {
        let (joined, ticket) = joined;
        let joined = joined?;
        let pumped = self.shared.clone().pumped(ticket).await;
        pumped.map_err(|_| {
            BackendError::unreachable("the connection was closed while catching up")
        })?;
        Ok(joined)
    }
}
