//! Applications: creation here; their resources in `documents`; their end in `ends`.

mod documents;
mod ends;

use super::address::Address;
use super::answer::{Answer, Fault};
use super::channel::Channel;
use super::model::application::Application;
use super::model::paths::href;
use super::model::token::Token;
use super::request::Request;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl World {
    /// Answers `POST /ucwa/oauth/v1/applications`.
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
        let existing = self.applications.values().find(same);
        if let Some(id) = existing.map(|app| app.id.clone()) {
            let mut answer = self.application_answer(&id);
            answer.status = if self.switches.resend_status == 201 {
                201
            } else {
                200
            };
            return Ok(answer);
        }
        self.may_create_application(&token.user)?;
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

    /// Checks that the user may have one more application.
    fn may_create_application(&self, user: &Address) -> Result<(), Answer> {
        let all = self.applications.values();
        if all.filter(|app| app.user == *user).count() < self.switches.max_applications as usize {
            return Ok(());
        }
        Err(Fault::gone("TooManyApplications", "The user has too many applications.").into())
    }
}

/// Returns the resource `people`. `base` is `{A}`.
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
