//! People as contacts: cards, presence, search, the contact list and its groups, photos, policies.

use super::address::Address;
use super::agenda::{Deed, later};
use super::answer::{Answer, Body, Fault};
use super::event::{Event, Priority};
use super::model::paths::href;
use super::person::Person;
use super::request::Input;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Contacts and groups one may have.
pub const CONTACTS_MAX: usize = 250;
/// A grey square of one pixel.
const PHOTO: &str = "/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AKp//2Q==";

impl World {
    /// What lies under `{A}/people`, subscriptions apart.
    pub fn contacts(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        let user = self
            .applications
            .get(app)
            .map(|own| own.user.clone())
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        let base = format!("{}/people", href(app));
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(super::application::people_json(&href(app)))),
            (["search"], "GET") => self.search(app, input),
            (["contacts"], "GET") => {
                let all: Vec<Value> = self
                    .list_of(&user)
                    .iter()
                    .map(|who| self.contact_json(app, who))
                    .collect();
                Ok(Answer::ok(
                    json!({"rel": "myContacts", "_links": {"self": {"href": format!("{base}/contacts")}}, "_embedded": {"contact": all}}),
                ))
            }
            (["contacts"], "POST") => {
                let who = one(input, "contactUri")?;
                let max = self.list_of(&user).len() >= CONTACTS_MAX;
                let person = self
                    .people
                    .get_mut(&user)
                    .ok_or_else(|| Fault::not_found(""))?;
                if max {
                    return Err(
                        Fault::conflict("TooManyContacts", "There are too many contacts.").into(),
                    );
                }
                person.contacts.insert(who.clone());
                if let Some((_, members)) = input
                    .text("groupId")
                    .and_then(|group| person.groups.get_mut(&group))
                {
                    members.insert(who.clone());
                }
                self.tell_contact_list(now, &user, &who, "added");
                Ok(Answer::done())
            }
            (["contacts", who], "DELETE") => {
                let who =
                    Address::parse(who).ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                let person = self
                    .people
                    .get_mut(&user)
                    .ok_or_else(|| Fault::not_found(""))?;
                if !person.contacts.remove(&who) {
                    return Err(Fault::not_found("ResourceNotFound").into());
                }
                person
                    .groups
                    .values_mut()
                    .for_each(|(_, members)| members.retain(|other| *other != who));
                self.tell_contact_list(now, &user, &who, "deleted");
                Ok(Answer::done())
            }
            (["groups", rest @ ..], _) => self.groups(app, &user, method, rest, input),
            (["groupmemberships", rest @ ..], _) => {
                self.group_memberships(now, app, &user, method, rest, input)
            }
            (["privacyrelationships"], "GET") => Ok(Answer::ok(
                json!({"rel": "myPrivacyRelationships", "_links": {"self": {"href": format!("{base}/privacyRelationships")}}}),
            )),
            (["subscribedcontacts"], "GET") => {
                let own = self
                    .applications
                    .get(app)
                    .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
                let watched: BTreeSet<&Address> = own
                    .subscriptions
                    .values()
                    .flat_map(|subscription| &subscription.contacts)
                    .collect();
                let all: Vec<Value> = watched
                    .into_iter()
                    .map(|who| self.contact_json(app, who))
                    .collect();
                Ok(Answer::ok(
                    json!({"rel": "subscribedContacts", "_links": {"self": {"href": format!("{base}/subscribedContacts")}},
                    "_embedded": {"contact": all}}),
                ))
            }
            (["contactsandgroupssubscription", rest @ ..], _) => {
                self.contacts_subscription(now, app, method, rest, input)
            }
            ([who], "GET") => {
                let who = self.known(who)?;
                Ok(Answer::ok(self.contact_json(app, &who)))
            }
            ([who, part], "GET") => self.contact_part(app, &self.known(who)?, part),
            _ => Err(Fault::method().into()),
        }
    }

    fn known(&self, who: &str) -> Result<Address, Answer> {
        let who = Address::parse(who).ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        if self.people.contains_key(&who) {
            Ok(who)
        } else {
            Err(Fault::not_found("ResourceNotFound").into())
        }
    }

    /// The contact list: as kept, or everybody else, if it was never kept.
    pub fn list_of(&self, user: &Address) -> Vec<Address> {
        let kept = self
            .people
            .get(user)
            .map(|person| &person.contacts)
            .filter(|contacts| !contacts.is_empty());
        match kept {
            Some(contacts) => contacts.iter().cloned().collect(),
            None => self
                .people
                .keys()
                .filter(|who| *who != user)
                .take(CONTACTS_MAX)
                .cloned()
                .collect(),
        }
    }

    /// The resource `contact`.
    pub fn contact_json(&self, app: &str, who: &Address) -> Value {
        let base = href(app);
        let own = format!("{base}/people/{}", who.bare());
        let mut out = json!({
            "uri": who.uri(), "name": self.name_of(who), "sourceNetwork": "SameEnterprise", "type": "User", "rel": "contact",
            "_links": {
                "self": {"href": own}, "contactPhoto": {"href": format!("{base}/photos/{}", who.bare())},
                "contactPresence": {"href": format!("{own}/presence")}, "contactLocation": {"href": format!("{own}/location")},
                "contactNote": {"href": format!("{own}/note")}, "contactSupportedModalities": {"href": format!("{own}/supportedMedia")},
                "contactPrivacyRelationship": {"href": format!("{own}/privacyRelationship")},
            },
        });
        if let Some(person) = self.people.get(who) {
            out["emailAddresses"] = json!([who.bare()]);
            let card = &person.card;
            for (name, value) in [
                ("company", &card.company),
                ("department", &card.department),
                ("office", &card.office),
                ("title", &card.title),
                ("workPhoneNumber", &card.phone),
            ] {
                if !value.is_empty() {
                    out[name] = json!(value);
                }
            }
            out["etag"] = json!(etag(person).to_string());
        }
        out
    }

    fn contact_part(&self, app: &str, who: &Address, part: &str) -> Result<Answer, Answer> {
        let own = format!("{}/people/{}", href(app), who.bare());
        let person = self
            .people
            .get(who)
            .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        let presence = &person.presence;
        let links = |path: &str| json!({"self": {"href": format!("{own}/{path}")}});
        Ok(Answer::ok(match part {
            "presence" => presence.contact_json(&format!("{own}/presence")),
            "note" => {
                json!({"rel": "contactNote", "message": presence.note, "type": presence.note_kind, "_links": links("note")})
            }
            "location" => {
                json!({"rel": "contactLocation", "location": presence.location, "_links": links("location")})
            }
            "supportedmedia" => {
                json!({"rel": "contactSupportedModalities", "modalities": ["Messaging"], "_links": links("supportedMedia")})
            }
            "privacyrelationship" => {
                json!({"rel": "contactPrivacyRelationship", "relationshipLevel": "Colleagues", "_links": links("privacyRelationship")})
            }
            _ => return Err(Fault::not_found("ResourceNotFound").into()),
        }))
    }

    fn search(&self, app: &str, input: &Input) -> Result<Answer, Answer> {
        let mail = input.optional("mail", 256)?;
        let query = match mail {
            Some(mail) => mail,
            None => input.required("query", 256)?,
        };
        let limit = match input.number("limit") {
            None => 100,
            Some(limit @ 1..=100) => usize::try_from(limit).unwrap_or(100),
            Some(_) => return Err(Fault::parameter("limit", "1 to 100.").into()),
        };
        let words = query.to_lowercase();
        let fits = |(who, person): &(&Address, &Person)| {
            !who.is_guest()
                && (person.name.to_lowercase().contains(&words)
                    || who.uri().contains(&words)
                    || person.card.phone.contains(&words))
        };
        let mut found = self.people.iter().filter(fits).map(|(who, _)| who);
        let contacts: Vec<Value> = found
            .by_ref()
            .take(limit)
            .map(|who| self.contact_json(app, who))
            .collect();
        let more = found.next().is_some();
        let escaped: String = query
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02x}")
                }
            })
            .collect();
        Ok(Answer::ok(
            json!({"rel": "search", "moreResultsAvailable": more, "_embedded": {"contact": contacts},
            "_links": {"self": {"href": format!("{}/people/search?query={escaped}&limit={limit}", href(app))}}}),
        ))
    }

    fn contacts_subscription(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        let here = format!("{}/people/contactsAndGroupsSubscription", href(app));
        let own = self
            .applications
            .get_mut(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        match (rest, method) {
            ([], "GET") => {
                let state = if own.contacts_until.is_some_and(|until| until > now) {
                    "Connected"
                } else {
                    "Disconnected"
                };
                let mut links = json!({"self": {"href": here},
                    "startOrRefreshSubscriptionToContactsAndGroups": {"href": format!("{here}/startOrRefreshSubscriptionToContactsAndGroups")}});
                if state == "Connected" {
                    links["stopSubscriptionToContactsAndGroups"] =
                        json!({"href": format!("{here}/stopSubscriptionToContactsAndGroups")});
                }
                Ok(Answer::ok(
                    json!({"rel": "myContactsAndGroupsSubscription", "state": state, "_links": links}),
                ))
            }
            (["startorrefreshsubscriptiontocontactsandgroups"], "POST") => {
                let minutes = input.number("duration").unwrap_or(10);
                if !(10..=60).contains(&minutes) {
                    return Err(Fault::parameter("duration", "10 to 60 minutes.").into());
                }
                let until = later(now, Duration::from_secs(minutes.unsigned_abs() * 60));
                own.contacts_until = Some(until);
                self.agenda
                    .at(until, Deed::ContactsSubscription(app.to_owned()));
                let people = format!("{}/people", href(app));
                let event = Event::new(
                    ("people", people),
                    "updated",
                    "myContactsAndGroupsSubscription",
                    &here,
                )
                .priority(Priority::Medium);
                self.push(now, app, event);
                Ok(Answer::done())
            }
            (["stopsubscriptiontocontactsandgroups"], "POST") => {
                own.contacts_until = None;
                Ok(Answer::done())
            }
            _ => Err(Fault::method().into()),
        }
    }

    pub fn tell_contact_list(&mut self, now: Moment, user: &Address, who: &Address, kind: &str) {
        let subscribed = |app: &&super::model::application::Application| {
            app.user == *user && app.contacts_until.is_some_and(|until| until > now)
        };
        let apps: Vec<String> = self
            .applications
            .values()
            .filter(subscribed)
            .map(|app| app.id.clone())
            .collect();
        for app in apps {
            let people = format!("{}/people", href(&app));
            let event = Event::new(
                ("people", people.clone()),
                kind,
                "contact",
                &format!("{people}/{}", who.bare()),
            );
            self.push(
                now,
                &app,
                event
                    .within("myContacts", &format!("{people}/contacts"))
                    .priority(Priority::Medium),
            );
        }
    }

    /// `{A}/photos/<address>`.
    pub fn photo(&self, who: &str) -> Result<Answer, Answer> {
        use base64::Engine;
        self.known(who)?;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(PHOTO)
            .unwrap_or_default();
        Ok(Answer {
            status: 200,
            headers: Vec::new(),
            body: Body::Bytes("image/jpeg".to_owned(), bytes),
        })
    }

    /// `{A}/policies` and `{A}/mediaPolicies`.
    pub fn policies(&self, app: &str, rel: &str) -> Answer {
        let links = json!({"self": {"href": format!("{}/{rel}", href(app))}});
        let on = |yes: bool| if yes { "Enabled" } else { "Disabled" };
        Answer::ok(match rel {
            "policies" => {
                json!({"rel": rel, "callLogArchiving": "Disabled", "customerExperienceImprovementProgram": "Disabled",
                "emergencyDialMask": "", "emergencyDialString": "", "emergencyNumbers": [], "exchangeUnifiedMessaging": "Disabled",
                "htmlMessaging": on(self.switches.html), "logging": "None", "loggingLevel": "Off", "messageArchiving": "Disabled",
                "messagingUrls": "Enabled", "multiViewJoin": "Enabled", "onlineFeedback": "Disabled", "photos": "Enabled",
                "saveCallLogs": "Disabled", "saveCredentials": "Disabled", "saveMessagingHistory": "Disabled", "sharingOnlyOnWifi": "Disabled",
                "telephonyMode": "None", "videoOnlyOnWifi": "Disabled", "voicemailUri": "", "_links": links})
            }
            _ => json!({"rel": rel, "_links": links}),
        })
    }
}

/// Changes with what a card says.
fn etag(person: &Person) -> u32 {
    let all = format!("{}{:?}", person.name, person.card);
    all.bytes().fold(2_166_136_261, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    })
}

/// A SIP address that must be there.
pub fn one(input: &Input, name: &str) -> Result<Address, Answer> {
    let given = input.required(name, 1000)?;
    Address::parse(&given).ok_or_else(|| Fault::parameter(name, "Not a SIP address.").into())
}
