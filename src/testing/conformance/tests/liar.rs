//! A backend that does one thing wrong, so that the suite can show that it notices.

use crate::backend::{
    Accepted, Address, AgentKey, Backend, BackendError, Capabilities, ChannelId, Found, Inbox,
    Joined, Link, LinkKey, Loopback, MessageId, NetworkId, OriginId, Outgoing, Posted, Received,
    Reply, ResumePoint, Session, Upload, reply,
};
use crate::model::ChangeKind;
use std::sync::Arc;

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// It finds a post under another id than the one it came back under.
    AnotherId,
    /// It answers a post that comes back as one that does not.
    AnswersEchoes,
    /// It says that a post is sent whose refusal it keeps to itself.
    SwallowsRefusals,
    /// It does not catch up.
    ForgetsTheResumePoint,
    /// It catches up twice.
    CatchesUpTwice,
    /// It never leaves.
    Stays,
    /// It answers history newest first.
    HistoryBackwards,
    /// It finds what never was.
    FindsAnything,
    /// It cuts texts off.
    CutsOff,
    /// It says of a closed room that it cannot be reached now.
    ClosedRoomsPass,
    /// It says an edit as a message.
    EditsAnew,
    /// It reacts with something else.
    ReactsOtherwise,
    /// It says that it takes a message back, and does not.
    KeepsWhatWasTakenBack,
    /// It does nothing when signing out.
    NeverSignsOut,
}

pub(super) struct Liar(pub(super) Loopback, pub(super) Lie);

struct LiarLink(Arc<dyn Link>, Lie);

struct LiarSession(Arc<dyn Session>, Lie);

impl Backend for Liar {
    fn network(&self) -> &NetworkId {
        self.0.network()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn link_key(&self, address: &Address) -> LinkKey {
        self.0.link_key(address)
    }

    fn dial(self: Arc<Self>, key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>> {
        let dialed = Arc::new(self.0.clone()).dial(key, inbox);
        reply(async move { Ok(Arc::new(LiarLink(dialed.await?, self.1)) as Arc<dyn Link>) })
    }
}

impl Link for LiarLink {
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>> {
        let signed_in = self.0.clone().sign_in(agent, address);
        reply(
            async move { Ok(Arc::new(LiarSession(signed_in.await?, self.1)) as Arc<dyn Session>) },
        )
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        self.0.clone().close()
    }
}

impl Session for LiarSession {
    fn join(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        let resume = resume.filter(|_| self.1 != Lie::ForgetsTheResumePoint);
        reply(async move {
            if self.1 == Lie::CatchesUpTwice {
                self.0.clone().join(channel.clone(), resume.clone()).await?;
            }
            let joined = self.0.clone().join(channel, resume).await;
            joined.map_err(|error| match self.1 {
                Lie::ClosedRoomsPass => BackendError::unreachable(error.reason),
                _ => error,
            })
        })
    }

    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()> {
        if self.1 == Lie::Stays {
            reply(async { Ok(()) })
        } else {
            self.0.clone().leave(channel)
        }
    }

    fn post(self: Arc<Self>, channel: ChannelId, mut message: Outgoing) -> Reply<Posted> {
        if self.1 == Lie::CutsOff {
            let cut = message.text.chars().take(100).collect::<String>();
            message.content.parts = vec![crate::model::Part::Text(cut.clone())];
            message.text = cut;
        }
        let posted = self.0.clone().post(channel, message);
        reply(async move {
            match posted.await {
                Ok(_) if self.1 == Lie::AnswersEchoes => Ok(Posted::Accepted(made_up())),
                Err(_) if self.1 == Lie::SwallowsRefusals => Ok(Posted::Sent),
                posted => posted,
            }
        })
    }

    fn change(self: Arc<Self>, channel: ChannelId, mut change: Outgoing) -> Reply<Posted> {
        let kind = change.changes.as_mut().map(|change| &mut change.kind);
        match (self.1, kind) {
            (Lie::EditsAnew, Some(ChangeKind::Edited)) => {
                change.changes = None;
                return self.0.clone().post(channel, change);
            }
            (Lie::ReactsOtherwise, Some(ChangeKind::Reactions(set))) => set.push("👎".into()),
            (Lie::KeepsWhatWasTakenBack, Some(ChangeKind::Retracted { .. })) => {
                return reply(async { Ok(Posted::Accepted(made_up())) });
            }
            _ => {}
        }
        self.0.clone().change(channel, change)
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        if self.1 == Lie::NeverSignsOut {
            std::mem::forget(self);
            return reply(async { Ok(()) });
        }
        self.0.clone().sign_out()
    }

    fn look_up(self: Arc<Self>, channel: ChannelId, origin: OriginId) -> Reply<Found> {
        reply(async move {
            if self.1 == Lie::FindsAnything {
                let newest = self
                    .0
                    .clone()
                    .history(channel, None, 1)
                    .await?
                    .into_iter()
                    .next();
                return Ok(newest.map_or(Found::Absent, |found| Found::Message(Box::new(found))));
            }
            let mut found = self.0.clone().look_up(channel, origin).await?;
            if self.1 == Lie::AnotherId
                && let Found::Message(message) = &mut found
            {
                message.id = MessageId::parse(&format!("{}!", message.id)).expect("still an id");
            }
            Ok(found)
        })
    }

    fn history(
        self: Arc<Self>,
        channel: ChannelId,
        before: Option<MessageId>,
        take: usize,
    ) -> Reply<Vec<Received>> {
        let page = self.0.clone().history(channel, before, take);
        reply(async move {
            let mut page = page.await?;
            if self.1 == Lie::HistoryBackwards {
                page.reverse();
            }
            Ok(page)
        })
    }

    fn upload(self: Arc<Self>, channel: ChannelId, upload: Upload) -> Reply<Posted> {
        self.0.clone().upload(channel, upload)
    }

    fn set_composing(self: Arc<Self>, channel: ChannelId, composing: bool) -> Reply<()> {
        self.0.clone().set_composing(channel, composing)
    }

    fn find_channels(self: Arc<Self>, query: String) -> Reply<Vec<(ChannelId, String)>> {
        self.0.clone().find_channels(query)
    }
}

/// An answer that no chat system gave.
fn made_up() -> Accepted {
    let id = MessageId::parse("made-up").expect("letters are an id");
    Accepted::new(id, "loopback:agent0")
}
