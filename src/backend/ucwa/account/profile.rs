//! What does not change while an account is signed in: who it is, its application, and where links
//! lead.

use crate::backend::ucwa::config::UcwaConfig;
use crate::backend::ucwa::protocol::address::last_segment;
use crate::backend::ucwa::protocol::application::Application;
use crate::backend::ucwa::protocol::follow::follow;
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind};
use crate::model::{Address, AgentKey, ChannelInfo, MessageId};
use std::sync::Arc;

/// What does not change while an account is signed in.
pub(crate) struct Profile {
    /// The agent that is signed in.
    pub(crate) agent: AgentKey,
    /// The agent's address as the host wrote it.
    pub(crate) address: Address,
    /// The application on the server.
    pub(crate) application: Application,
    /// The service as configured.
    pub(crate) config: Arc<UcwaConfig>,
    /// Random; makes the ids of operations different from those of other sign-ins.
    pub(crate) salt: u64,
}

impl Profile {
    /// The address that a link of the application leads to.
    ///
    /// # Errors
    /// As [`follow`].
    pub(crate) fn url(&self, href: &str) -> Result<Url, BackendError> {
        follow(&self.config, &self.application.url, href)
    }

    /// The address of the application's own link `rel`.
    ///
    /// # Errors
    /// `Rejected` if the server does not allow it; otherwise as [`Profile::url`].
    pub(crate) fn link(&self, rel: &str) -> Result<Url, BackendError> {
        let denied = || {
            BackendError::new(
                BackendErrorKind::Rejected,
                format!("the server does not allow this account `{rel}`"),
            )
        };
        self.url(self.application.link(rel).ok_or_else(denied)?)
    }

    /// The id of message `number` of a conversation; the application's id in it makes it unique.
    /// `None` if it would be too long.
    pub(crate) fn message_id(&self, conversation: &str, number: &str) -> Option<MessageId> {
        let application = &self.application.id;
        let conversation = last_segment(conversation);
        MessageId::parse(&format!("{application}/{conversation}/{number}")).ok()
    }

    /// What is said of a channel called `name`.
    pub(crate) fn channel_info(&self, name: String) -> ChannelInfo {
        let mut info = ChannelInfo::named(name);
        info.max_message_length = self.config.message_length_max;
        info.max_story_length = self.config.story_length_max;
        info
    }
}
