//! The application: created, shown, deleted; and how it dies when nobody cares for it.

use super::address::Address;
use super::agenda::{Deed, later};
use super::answer::{Answer, Fault};
use super::channel::Channel;
use super::conversation::Conversation;
use super::event::Event;
use super::invitation::Invitation;
use super::request::{Input, Request};
use super::subscription::Subscription;
use super::switches::Shape;
use super::timer::Moment;
use super::token::Token;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where applications live.
pub const APPLICATIONS: &str = "/ucwa/oauth/v1/applications";
/// Expired applications that still answer 410.
const GONE_MAX: usize = 10_000;

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

    /// `{A}` itself.
    pub fn application(&mut self, now: Moment, app: &str, method: &str) -> Result<Answer, Answer> {
        match method {
            "GET" => Ok(self.application_answer(app)),
            "DELETE" => {
                self.end_application(now, app);
                Ok(Answer::done())
            }
            _ => Err(Fault::method().into()),
        }
    }

    fn application_answer(&self, app: &str) -> Answer {
        let cookie = format!(
            "cwt_ucwa={}; path={}/photos; secure; HttpOnly",
            "AAEB",
            href(app)
        );
        Answer::ok(self.application_json(app)).with("Set-Cookie", &cookie)
    }

    fn application_json(&self, id: &str) -> Value {
        let Some(app) = self.applications.get(id) else {
            return Value::Null;
        };
        let base = app.href();
        let mut out = json!({
            "culture": app.culture, "userAgent": app.agent, "rel": "application",
            "_links": {
                "self": {"href": base}, "policies": {"href": format!("{base}/policies")},
                "batch": {"href": format!("{base}/batch")},
                "events": {"href": format!("{base}/events?ack={}", app.channel.ack())},
            },
            "_embedded": {
                "me": self.me_json(app), "people": people_json(&base), "onlineMeetings": self.online_meetings_json(app),
                "communication": self.communication_json(app),
            },
        });
        if self.switches.shape == Shape::Sfb2015 {
            out["id"] = json!(app.id);
            out["endpointId"] = json!(app.endpoint);
            out["etag"] = json!(app.etag);
            out["type"] = json!(app.kind.as_deref().unwrap_or("Default"));
            if let Some(instance) = &app.instance {
                out["instanceId"] = json!(instance);
            }
            out["_links"]["mediaPolicies"] = json!({"href": format!("{base}/mediaPolicies")});
            for rel in ["myGroups", "myGroupMemberships", "search"] {
                out["_embedded"]["people"]["_links"][rel]["revision"] = json!("2");
            }
        }
        out
    }

    /// `{A}/communication`.
    pub fn communication_json(&self, app: &Application) -> Value {
        let base = app.href();
        let (etag, guid) = &app.communication;
        let modalities = app
            .available
            .as_ref()
            .map_or_else(Vec::new, |available| available.modalities.clone());
        let mut out = json!({
            "rel": "communication", "supportedModalities": modalities, "supportedMessageFormats": app.formats(), "etag": etag,
            "audioPreference": "PhoneAudio",
            "_links": {
                "self": {"href": format!("{base}/communication")},
                "conversations": {"href": format!("{base}/communication/conversations?filter=active")},
                "startMessaging": {"href": format!("{base}/communication/messagingInvitations")},
                "startOnlineMeeting": {"href": format!("{base}/communication/onlineMeetingInvitations?onlineMeetingUri=adhoc")},
                "joinOnlineMeeting": {"href": format!("{base}/communication/onlineMeetingInvitations")},
            },
        });
        out[guid] = json!("please pass this in a PUT request");
        if app.guest_of.is_some()
            && let Some(links) = out["_links"].as_object_mut()
        {
            links.remove("startMessaging");
            links.remove("startOnlineMeeting");
        }
        if self.switches.shape == Shape::Sfb2015 {
            out["conversationHistory"] = json!("Disabled");
            if app.guest_of.is_none() {
                out["_links"]["startMessaging"]["revision"] = json!("2");
            }
            out["_links"]["missedItems"] =
                json!({"href": format!("{base}/communication/missedItems")});
            out["_links"]["conversationLogs"] =
                json!({"href": format!("{base}/communication/conversationLogs")});
        }
        out
    }

    /// `{A}/communication`: GET and the PUT rule.
    pub fn communication(
        &mut self,
        now: Moment,
        app: &str,
        request: &Request,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        match request.method.as_str() {
            "GET" => Ok(Answer::ok(self.communication_json(own))),
            "PUT" => {
                super::put::check(request, input, &own.communication.0, &own.communication.1)?;
                let formats = input.list("supportedMessageFormats");
                let modalities = input.list("supportedModalities");
                let etag = self.ids.etag();
                if let Some(own) = self.applications.get_mut(app) {
                    own.communication.0 = etag;
                    if let Some(available) = &mut own.available {
                        available.formats = formats.unwrap_or_else(|| available.formats.clone());
                        available.modalities =
                            modalities.unwrap_or_else(|| available.modalities.clone());
                    }
                }
                self.tell_communication(now, app);
                if self.switches.put_status == 204 {
                    return Ok(Answer::done());
                }
                let own = self
                    .applications
                    .get(app)
                    .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
                Ok(Answer::ok(self.communication_json(own)))
            }
            _ => Err(Fault::method().into()),
        }
    }

    /// The event `communication updated`, with the resource.
    pub fn tell_communication(&mut self, now: Moment, app: &str) {
        let Some(own) = self.applications.get(app) else {
            return;
        };
        let at = format!("{}/communication", own.href());
        let event = Event::new(
            ("communication", at.clone()),
            "updated",
            "communication",
            &at,
        )
        .priority(super::event::Priority::Medium)
        .embed("communication", self.communication_json(own));
        self.push(now, app, event);
    }

    /// Deletes an application: its conversations end, its user may be gone with it.
    pub fn end_application(&mut self, now: Moment, app: &str) {
        let conversations: Vec<String> = self
            .applications
            .get(app)
            .into_iter()
            .flat_map(|own| own.conversations.keys().cloned())
            .collect();
        for conversation in conversations {
            self.leave(now, app, &conversation, None);
        }
        self.drop_legs(now, app);
        let Some(mut own) = self.applications.remove(app) else {
            return;
        };
        own.channel
            .interrupt(now, Some(Fault::not_found("ApplicationNotFound").into()));
        let still = self
            .applications
            .values()
            .any(|other| other.user == own.user && other.available.is_some());
        if own.available.is_some() && !still {
            self.set_availability(now, &own.user, "Offline", "");
        }
    }

    /// Ends it for idleness: for a while it answers 410.
    pub fn expire(&mut self, now: Moment, app: &str) {
        if let Some(own) = self.applications.get_mut(app) {
            own.channel.interrupt(
                now,
                Some(Fault::gone("InactiveApplicationExpired", EXPIRED).into()),
            );
        }
        self.end_application(now, app);
        self.gone
            .insert(app.to_owned(), later(now, self.switches.tombstone));
        if self.gone.len() > GONE_MAX {
            self.gone.pop_first();
        }
    }

    /// The application that a request names, or the answer that tells why there is none.
    pub fn find_application(
        &mut self,
        now: Moment,
        app: &str,
        token: &Token,
    ) -> Result<(), Answer> {
        self.gone.retain(|_, until| *until > now);
        match self.applications.get(app) {
            Some(own) if own.user == token.user => Ok(()),
            Some(_) => Err(Fault::forbidden("", "The application is another user's.").into()),
            None if self.gone.contains_key(app) => {
                Err(Fault::gone("InactiveApplicationExpired", EXPIRED).into())
            }
            None => Err(Fault::not_found("ApplicationNotFound").into()),
        }
    }

    /// Puts the next idle check into the agenda.
    pub fn watch_idle(&mut self, now: Moment, app: &str) {
        let switches = &self.switches;
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        let quiet = own.channel.quiet_since(now);
        let mut due: Vec<Moment> = Vec::new();
        for limit in [switches.idle_channel, switches.silence] {
            if let (Some(since), false) = (quiet, limit.is_zero()) {
                due.push(later(since, limit));
            }
        }
        if let Some(available) = &own.available {
            due.push(later(own.active_at, available.inactive));
            if !switches.idle_activity.is_zero() {
                due.push(later(own.active_at, switches.idle_activity));
            }
        }
        due.retain(|at| *at > now);
        let sooner = |at: &Moment| own.watched.is_none_or(|stands| *at < stands);
        if let Some(at) = due.into_iter().min().filter(sooner) {
            own.watched = Some(at);
            self.agenda.at(at, Deed::Idle(app.to_owned()));
        }
    }

    /// The idle check itself.
    pub fn check_idle(&mut self, now: Moment, app: &str) {
        let switches = self.switches.clone();
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        own.watched = own.watched.filter(|stands| *stands > now);
        let passed =
            |since: Moment, limit: Duration| !limit.is_zero() && now >= later(since, limit);
        let quiet = own.channel.quiet_since(now);
        let unheard = quiet.is_some_and(|since| passed(since, switches.idle_channel));
        let inactive = own
            .available
            .as_ref()
            .is_some_and(|_| passed(own.active_at, switches.idle_activity));
        if unheard || inactive {
            return self.expire(now, app);
        }
        if quiet.is_some_and(|since| passed(since, switches.silence)) {
            self.close_after_silence(now, app, false);
        }
        if let Some(own) = self.applications.get(app)
            && own
                .available
                .as_ref()
                .is_some_and(|available| passed(own.active_at, available.inactive))
        {
            let user = own.user.clone();
            self.turn_idle(now, &user);
        }
        self.watch_idle(now, app);
    }

    /// After a long silence: conversations and subscriptions are closed, and the client is told so by `resume`.
    /// With nothing to close it is not told, unless `always`.
    pub fn close_after_silence(&mut self, now: Moment, app: &str, always: bool) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        if !always
            && own.conversations.is_empty()
            && own.subscriptions.is_empty()
            && own.invitations.is_empty()
        {
            return;
        }
        let conversations: Vec<String> = own.conversations.keys().cloned().collect();
        for conversation in conversations {
            self.leave(now, app, &conversation, None);
        }
        self.drop_legs(now, app);
        if let Some(own) = self.applications.get_mut(app) {
            own.subscriptions.clear();
            own.conversations.clear();
            own.invitations.clear();
            own.channel.close_all();
        }
    }
}

const EXPIRED: &str = "An error occurred. Please try again.";

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
