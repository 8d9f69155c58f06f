//! One agent signed in: each call goes to where it is done.

use super::contacts;
use super::core::{Core, Stage};
use super::posting;
use crate::backend::{Accepted, BackendError, ChannelId, ChannelKind, Joined, Outgoing, Reply, ResumePoint, Session, reply};
use std::future::ready;
use std::sync::Arc;

/// One agent signed in; dropping it signs it out.
pub(super) struct UcwaSession {
    pub(super) core: Arc<Core>,
}

impl Drop for UcwaSession {
    fn drop(&mut self) {
        self.core.close();
    }
}

fn no_rooms<T>() -> Result<T, BackendError> {
    Err(BackendError::unsupported("rooms"))
}

impl Session for UcwaSession {
    fn join(self: Arc<Self>, channel: ChannelId, _resume: Option<ResumePoint>) -> Reply<Joined> {
        reply(async move {
            match channel.kind() {
                ChannelKind::Contact => contacts::join(&self.core, channel).await,
                ChannelKind::Room => no_rooms(),
            }
        })
    }

    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()> {
        reply(async move {
            match channel.kind() {
                ChannelKind::Contact => contacts::leave(&self.core, &channel).await,
                ChannelKind::Room => no_rooms(),
            }
        })
    }

    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Accepted> {
        let left = match channel.kind() {
            ChannelKind::Contact => contacts::person(&channel).and_then(|with| posting::leave(&self.core, &with, message)),
            ChannelKind::Room => no_rooms(),
        };
        match left {
            Ok(left) => reply(posting::arrive(self.core.clone(), left)),
            Err(error) => reply(ready(Err(error))),
        }
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        self.core.close();
        reply(async move {
            if self.core.stage() != Stage::Over {
                self.core.ended().await;
            }
            Ok(())
        })
    }

    fn set_composing(self: Arc<Self>, channel: ChannelId, composing: bool) -> Reply<()> {
        let done = match channel.kind() {
            ChannelKind::Contact => contacts::compose(&self.core, &channel, composing),
            ChannelKind::Room => Ok(()),
        };
        reply(ready(done))
    }
}
