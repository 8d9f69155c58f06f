//! People as contacts: cards, presence, search, the contact list.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::application::people_json;
use super::model::paths::href;
use super::person::Person;
use super::request::Input;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most contacts, and the most groups, that a user may have.
pub const CONTACTS_MAX: usize = 250;
impl World {
    /// Answers requests under `{A}/people`, except those about presence subscriptions.
    pub fn contacts(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        let own = self.existing(app)?;
        let user = own.user.clone();
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(people_json(&href(app)))),
            (["search"], "GET") => self.search(app, &user, input),
            (["contacts"], "GET") => {
                let all = self.list_of(&user);
                Ok(self.contact_list(app, "myContacts", "contacts", all.iter()))
            }
            (["contacts"], "POST") => self.add_contact(now, &user, input),
            (["contacts", who], "DELETE") => self.delete_contact(now, &user, who),
            (["contacts", _], _) => Err(Fault::method().into()),
            (["groups", rest @ ..], _) => self.groups(app, &user, method, rest, input),
            (["groupmemberships", rest @ ..], _) => {
                self.group_memberships(now, app, &user, method, rest, input)
            }
            (["distributiongroups", rest @ ..], _) => {
                self.distribution_groups(app, &user, method, rest)
            }
            (["privacyrelationships"], "GET") => {
                let here = format!("{}/people/privacyRelationships", href(app));
                Ok(Answer::ok(
                    json!({"rel": "myPrivacyRelationships", "_links": {"self": {"href": here}}}),
                ))
            }
            (["subscribedcontacts"], "GET") => {
                let all = own.subscriptions.values();
                let all: BTreeSet<&Address> = all
                    .flat_map(|subscription| &subscription.contacts)
                    .collect();
                let name = "subscribedContacts";
                Ok(self.contact_list(app, name, name, all.into_iter()))
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

    fn contact_list<'a>(
        &self,
        app: &str,
        rel: &str,
        path: &str,
        all: impl Iterator<Item = &'a Address>,
    ) -> Answer {
        let here = format!("{}/people/{path}", href(app));
        let all: Vec<Value> = all.map(|who| self.contact_json(app, who)).collect();
        Answer::ok(
            json!({"rel": rel, "_links": {"self": {"href": here}}, "_embedded": {"contact": all}}),
        )
    }

    fn add_contact(
        &mut self,
        now: Moment,
        user: &Address,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let who = one(input, "contactUri")?;
        let is_full = self.list_of(user).len() >= CONTACTS_MAX;
        let person = self
            .people
            .get_mut(user)
            .ok_or_else(|| Fault::not_found(""))?;
        if is_full {
            return Err(Fault::conflict("TooManyContacts", "There are too many contacts.").into());
        }
        person.contacts.insert(who.clone());
        if let Some((_, members)) = input
            .text("groupId")
            .and_then(|group| person.groups.get_mut(&group))
        {
            members.insert(who.clone());
        }
        self.tell_contact_list(now, user, &who, "added");
        Ok(Answer::done())
    }

    fn delete_contact(&mut self, now: Moment, user: &Address, who: &str) -> Result<Answer, Answer> {
        let who = Address::parse(who).ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        let person = self
            .people
            .get_mut(user)
            .ok_or_else(|| Fault::not_found(""))?;
        if !person.contacts.remove(&who) {
            return Err(Fault::not_found("ResourceNotFound").into());
        }
        for (_, members) in person.groups.values_mut() {
            members.remove(&who);
        }
        self.tell_contact_list(now, user, &who, "deleted");
        Ok(Answer::done())
    }

    pub fn known(&self, who: &str) -> Result<Address, Answer> {
        let who = Address::parse(who).ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        if self.people.contains_key(&who) {
            Ok(who)
        } else {
            Err(Fault::not_found("ResourceNotFound").into())
        }
    }

    /// Returns the user's contact list. A user who never changed it has everybody else in it.
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

    /// Returns the resource `contact`.
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
            ] {
                if !value.is_empty() {
                    out[name] = json!(value);
                }
            }
            let seen = card.phones.iter();
            for (kind, phone) in
                seen.filter(|(_, phone)| phone.is_shown && !phone.number.is_empty())
            {
                out[format!("{kind}PhoneNumber")] = json!(phone.number);
            }
            let all = format!("{}{card:?}", person.name);
            out["etag"] = json!(fingerprint(&all).to_string());
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

    fn search(&self, app: &str, user: &Address, input: &Input) -> Result<Answer, Answer> {
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
        let has_number = |person: &Person| {
            let mut phones = person.card.phones.values();
            phones.any(|phone| phone.is_shown && phone.number.contains(&words))
        };
        let fits = |(who, person): &(&Address, &Person)| {
            !who.is_guest()
                && (person.name.to_lowercase().contains(&words)
                    || who.uri().contains(&words)
                    || has_number(person))
        };
        let mut found = self.people.iter().filter(fits).map(|(who, _)| who);
        let contacts: Vec<Value> = found
            .by_ref()
            .take(limit)
            .map(|who| self.contact_json(app, who))
            .collect();
        let groups = self.groups_found(app, user, &words, limit - contacts.len());
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
            json!({"rel": "search", "moreResultsAvailable": more, "_embedded": {"contact": contacts, "distributionGroup": groups},
            "_links": {"self": {"href": format!("{}/people/search?query={escaped}&limit={limit}", href(app))}}}),
        ))
    }
}

/// Returns a number that is another one for another text (FNV-1a).
pub fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(2_166_136_261, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    })
}

/// Returns the required parameter `name` as a SIP address.
pub fn one(input: &Input, name: &str) -> Result<Address, Answer> {
    let given = input.required(name, 1000)?;
    Address::parse(&given).ok_or_else(|| Fault::parameter(name, "Not a SIP address.").into())
}
