//! An application: one endpoint of a user, with its channel, conversations and invitations.

use super::super::address::Address;
use super::super::channel::Channel;
use super::super::timer::Moment;
use super::conversation::Conversation;
use super::invitation::Invitation;
use super::paths::href;
use super::subscription::Subscription;
use std::collections::BTreeMap;
use std::time::Duration;

/// One application of a user: one endpoint.
#[derive(Debug)]
pub struct Application {
    /// Three to twelve digits.
    pub id: String,
    /// The user who owns the application.
    pub user: Address,
    /// The `userAgent` of its creation.
    pub agent: String,
    /// The `endpointId` of its creation, unique among the user's applications.
    pub endpoint: String,
    /// The `culture` of its creation.
    pub culture: String,
    /// `instanceId`, if the client gave one.
    pub instance: Option<String>,
    /// `type`, if the client gave one.
    pub kind: Option<String>,
    /// The etag of the resource.
    pub etag: String,
    /// The URI of the only meeting that a guest's application may join.
    pub guest_of: Option<String>,
    /// Set by makeMeAvailable.
    pub available: Option<Available>,
    /// The event channel.
    pub channel: Channel,
    /// Conversations by id.
    pub conversations: BTreeMap<String, Conversation>,
    /// Invitations by id.
    pub invitations: BTreeMap<String, Invitation>,
    /// Presence subscriptions by id.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// The moment until which the client is told of changes of contacts and groups.
    pub contacts_until: Option<Moment>,
    /// Etag and guid property of `communication`.
    pub communication: (String, String),
    /// When the user last did something, by reportMyActivity or makeMeAvailable.
    pub active_at: Moment,
    /// The moment of the next release in the agenda.
    pub release_at: Option<Moment>,
    /// The moment of the next idle check in the agenda.
    pub watched: Option<Moment>,
}

/// The parameters of makeMeAvailable.
#[derive(Debug, Clone)]
pub struct Available {
    /// Message formats: `Plain`, `Html`.
    pub formats: Vec<String>,
    /// Modalities: `Messaging`, …
    pub modalities: Vec<String>,
    /// How long without activity until presence turns idle.
    pub inactive: Duration,
}

impl Application {
    /// Returns the application's path, `{A}` in these comments.
    pub fn href(&self) -> String {
        href(&self.id)
    }

    /// Returns whether incoming messages ring at this application.
    pub fn takes_messages(&self) -> bool {
        self.available.as_ref().is_some_and(|available| {
            available
                .modalities
                .iter()
                .any(|modality| modality == "Messaging")
        })
    }

    /// Returns the message formats that the application can show.
    pub fn formats(&self) -> Vec<String> {
        self.available.as_ref().map_or_else(
            || vec!["Plain".to_owned()],
            |available| available.formats.clone(),
        )
    }
}
