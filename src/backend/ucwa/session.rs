//! One agent signed in: each call goes to where it is done.

use super::core::{Core, Stage};
use super::protocol::search;
use super::{contacts, entering, meetings, posting, speaking};
use crate::backend::{
    ChannelId, ChannelKind, Joined, Outgoing, Posted, Reply, ResumePoint, Session, reply,
};
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

impl Session for UcwaSession {
    fn join(self: Arc<Self>, channel: ChannelId, _resume: Option<ResumePoint>) -> Reply<Joined> {
        reply(async move {
            match channel.kind() {
                ChannelKind::Contact => contacts::join(&self.core, channel).await,
                ChannelKind::Room => entering::join(&self.core, channel).await,
            }
        })
    }

    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()> {
        reply(async move {
            match channel.kind() {
                ChannelKind::Contact => contacts::leave(&self.core, &channel).await,
                ChannelKind::Room => meetings::leave(&self.core, &channel).await,
            }
        })
    }

    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Posted> {
        let left = match channel.kind() {
            ChannelKind::Contact => contacts::person(&channel)
                .and_then(|with| posting::leave(&self.core, &with, message)),
            ChannelKind::Room => speaking::post(&self.core, &channel, message),
        };
        match left {
            Ok(left) => {
                let core = self.core.clone();
                reply(async move { posting::arrive(core, left).await.map(Posted::Accepted) })
            }
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
            // Nobody sees it there.
            ChannelKind::Room => Ok(()),
        };
        reply(ready(done))
    }

    fn find_channels(self: Arc<Self>, query: String) -> Reply<Vec<(ChannelId, String)>> {
        reply(async move {
            let query = search::query_of(&query);
            let url = search::address_of(&self.core.link("search")?, &query);
            let mut found = search::people(&self.core.get(url).await?);
            // An account that may hold no meetings has no such list.
            if let Ok(mine) = self.core.link("myOnlineMeetings")
                && let Ok(listed) = self.core.get(mine).await
            {
                found.extend(search::meetings(&listed, &query));
            }
            Ok(found)
        })
    }
}
