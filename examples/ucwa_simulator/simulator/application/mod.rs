//! The application: created, shown, deleted; and how it dies when nobody cares for it.

mod documents;
mod ends;

use super::address::Address;
use super::answer::{Answer, Fault};
use super::channel::Channel;
use super::conversation::Conversation;
use super::invitation::Invitation;
use super::request::Request;
use super::subscription::Subscription;
use super::timer::Moment;
use super::token::Token;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where applications live.
pub const APPLICATIONS: &str = "/ucwa/oauth/v1/applications";

/// One application of a user: one endpoint.
#[derive(Debug)]
pub struct Application {
    /// Three to twelve digits.
    pub id: String,
    /// Whose it is.
    pub user: Address,
    /// What it was created with.
    pub agent: String,
    /// Unique among the user's applications.
    pub endpoint: String,
    /// As given.
    pub culture: String,
    /// `instanceId`, if given.
    pub instance: Option<String>,
    /// `type`, if given.
    pub kind: Option<String>,
    /// Its etag.
    pub etag: String,
    /// A guest's name and the only meeting it may join.
    pub guest_of: Option<String>,
    /// After makeMeAvailable.
    pub available: Option<Available>,
    /// Events.
    pub channel: Channel,
    /// By id.
    pub conversations: BTreeMap<String, Conversation>,
    /// By id.
    pub invitations: BTreeMap<String, Invitation>,
    /// Presence subscriptions by id.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Until when changes of contacts and groups are told.
    pub contacts_until: Option<Moment>,
    /// Etag and guid property of `communication`.
    pub communication: (String, String),
    /// When the user last did something, by reportMyActivity or makeMeAvailable.
    pub active_at: Moment,
    /// When the next release stands in the agenda.
    pub release_at: Option<Moment>,
    /// When the next idle check stands in the agenda.
    watched: Option<Moment>,
}

/// What makeMeAvailable was told.
#[derive(Debug, Clone)]
pub struct Available {
    /// `Plain`, `Html`.
    pub formats: Vec<String>,
    /// `Messaging`, …
    pub modalities: Vec<String>,
    /// Until presence turns idle.
    pub inactive: Duration,
}

impl Application {
    /// `{A}`.
    pub fn href(&self) -> String {
        href(&self.id)
    }

    /// Whether incoming messages ring here.
    pub fn takes_messages(&self) -> bool {
        self.available.as_ref().is_some_and(|available| {
            available
                .modalities
                .iter()
                .any(|modality| modality == "Messaging")
        })
    }

    /// Formats it can show.
    pub fn formats(&self) -> Vec<String> {
        self.available.as_ref().map_or_else(
            || vec!["Plain".to_owned()],
            |available| available.formats.clone(),
        )
    }
}

/// `{A}` of an application id.
pub fn href(app: &str) -> String {
    format!("{APPLICATIONS}/{app}")
}

impl World {
    /// `POST /ucwa/oauth/v1/applications`.
    pub fn create_application(
        &mut self,
        now: Moment,
        request: &Request,
        token: &Token,
    ) -> Result<Answer, Answer> {
        if request.method != "POST" {
            return Err(Fault::method().into());
        }
        let input = request.input()?;
        let agent = input.required("userAgent", 100)?;
        let endpoint = input.required("endpointId", 100)?;
        let culture = input.required("culture", 100)?;
        let same = |app: &&Application| {
            app.user == token.user
                && app.endpoint == endpoint
                && app.agent == agent
                && app.culture == culture
        };
        if let Some(id) = self
            .applications
            .values()
            .find(same)
            .map(|app| app.id.clone())
        {
            let mut answer = self.application_answer(&id);
            answer.status = if self.switches.resend_status == 201 {
                201
            } else {
                200
            };
            return Ok(answer);
        }
        let own = self
            .applications
            .values()
            .filter(|app| app.user == token.user)
            .count();
        if own >= self.switches.max_applications as usize {
            return Err(
                Fault::gone("TooManyApplications", "The user has too many applications.").into(),
            );
        }
        let app = Application {
            id: self.ids.application(),
            user: token.user.clone(),
            agent,
            endpoint,
            culture,
            instance: input.optional("instanceId", 100)?,
            kind: input.optional("type", 100)?,
            etag: self.ids.etag(),
            guest_of: token.guest_of.clone(),
            available: None,
            channel: Channel::new(now),
            conversations: BTreeMap::new(),
            invitations: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            contacts_until: None,
            communication: (self.ids.etag(), self.ids.guid()),
            active_at: now,
            release_at: None,
            watched: None,
        };
        let id = app.id.clone();
        self.applications.insert(id.clone(), app);
        self.watch_idle(now, &id);
        let mut answer = self.application_answer(&id);
        answer.status = 201;
        Ok(answer.with("Location", &href(&id)))
    }
}

/// `people` of an application.
pub fn people_json(base: &str) -> Value {
    let mut links = serde_json::Map::new();
    for (rel, path) in [
        ("self", ""),
        ("presenceSubscriptions", "/presenceSubscriptions"),
        ("subscribedContacts", "/subscribedContacts"),
        (
            "presenceSubscriptionMemberships",
            "/presenceSubscriptionMemberships",
        ),
        ("myGroups", "/groups"),
        ("myGroupMemberships", "/groupMemberships"),
        ("myContacts", "/contacts"),
        ("myPrivacyRelationships", "/privacyRelationships"),
        (
            "myContactsAndGroupsSubscription",
            "/contactsAndGroupsSubscription",
        ),
        ("search", "/search"),
    ] {
        links.insert(
            rel.to_owned(),
            json!({"href": format!("{base}/people{path}")}),
        );
    }
    json!({"rel": "people", "_links": links})
}
