//! Presence subscriptions: the people an application watches, for how long, and the events about
//! them.

use super::address::Address;
use super::agenda::{Deed, later};
use super::answer::{Answer, Fault};
use super::event::{Event, Priority};
use super::model::paths::href;
use super::model::subscription::Subscription;
use super::request::Input;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long before the end of a subscription its application is warned.
const WARNING: Duration = Duration::from_secs(120);
/// The most people in one subscription.
const CONTACTS_MAX: usize = 1_000;

/// The resources that a watcher is told of at first: rel, and path below the contact.
const WATCHED: [(&str, &str); 4] = [
    ("contactPresence", "presence"),
    ("contactNote", "note"),
    ("contactLocation", "location"),
    ("contactSupportedModalities", "supportedMedia"),
];

impl World {
    /// Answers requests under `{A}/people/presenceSubscriptions`.
    pub fn presence_subscriptions(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        match (rest, method) {
            ([], "POST") => self.subscribe(now, app, input),
            ([], "GET") => {
                let own = self.existing(app)?;
                let all: Vec<Value> = own
                    .subscriptions
                    .keys()
                    .map(|id| subscription_json(app, id))
                    .collect();
                let base = format!("{}/people/presenceSubscriptions", href(app));
                Ok(Answer::ok(
                    json!({"rel": "presenceSubscriptions", "_links": {"self": {"href": base}}, "_embedded": {"presenceSubscription": all}}),
                ))
            }
            ([id], "GET" | "POST" | "DELETE") => {
                let own = self.existing_mut(app)?;
                let Some(subscription) = own.subscriptions.get_mut(*id) else {
                    return Err(Fault::not_found("ResourceNotFound").into());
                };
                match method {
                    "GET" => Ok(Answer::ok(subscription_json(app, id))),
                    "DELETE" => {
                        own.subscriptions.remove(*id);
                        self.tell_subscription(now, app, id, "deleted");
                        Ok(Answer::done())
                    }
                    _ => {
                        let more = duration(input)?;
                        subscription.until = later(subscription.until, more)
                            .min(later(now, Duration::from_secs(1800)));
                        subscription.warned = false;
                        let until = subscription.until;
                        self.agenda.at(
                            until - chrono::TimeDelta::from_std(WARNING).unwrap_or_default(),
                            Deed::Subscription(app.to_owned(), (*id).to_owned()),
                        );
                        Ok(Answer::created_with(subscription_json(app, id)))
                    }
                }
            }
            _ => Err(Fault::method().into()),
        }
    }

    fn subscribe(&mut self, now: Moment, app: &str, input: &Input) -> Result<Answer, Answer> {
        let contacts = match input.text("groupId") {
            Some(group) => self
                .group_of(app, &group)
                .ok_or_else(|| Fault::not_found("ResourceNotFound"))?,
            None => contacts(input, "uris")?,
        };
        let lasts = duration(input)?;
        let max = self.switches.max_subscriptions as usize;
        let id = self.ids.short();
        let own = self.existing_mut(app)?;
        if own.subscriptions.len() >= max {
            return Err(
                Fault::forbidden("LimitExceeded", "There are too many subscriptions.").into(),
            );
        }
        let until = later(now, lasts);
        own.subscriptions.insert(
            id.clone(),
            Subscription {
                contacts: BTreeSet::new(),
                until,
                warned: false,
            },
        );
        let warning = until - chrono::TimeDelta::from_std(WARNING).unwrap_or_default();
        self.agenda
            .at(warning, Deed::Subscription(app.to_owned(), id.clone()));
        self.watch_contacts(now, app, &id, &contacts);
        self.tell_subscription(now, app, &id, "added");
        self.first_look(now, app, &contacts);
        Ok(Answer::created_with(subscription_json(app, &id)))
    }

    /// Answers requests under `{A}/people/presenceSubscriptionMemberships`.
    pub fn memberships(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        let base = format!("{}/people/presenceSubscriptionMemberships", href(app));
        let of = input.text("presenceSubscriptionId");
        let own = self.existing_mut(app)?;
        match (rest, method) {
            ([], "POST") => {
                let contacts =
                    contacts(input, "contactUris").or_else(|_| contacts(input, "uris"))?;
                let id = of
                    .or_else(|| own.subscriptions.keys().next().cloned())
                    .unwrap_or_default();
                if !own.subscriptions.contains_key(&id) {
                    return Err(Fault::not_found("ResourceNotFound").into());
                }
                self.watch_contacts(now, app, &id, &contacts);
                self.first_look(now, app, &contacts);
                Ok(Answer::created_with(subscription_json(app, &id)))
            }
            ([], "GET") => {
                let all = own
                    .subscriptions
                    .iter()
                    .filter(|(id, _)| of.as_ref().is_none_or(|of| of == *id));
                let members = all.flat_map(|(id, subscription)| {
                    subscription
                        .contacts
                        .iter()
                        .map(move |who| membership_json(app, id, who))
                });
                let members: Vec<Value> = members.collect();
                Ok(Answer::ok(
                    json!({"rel": "presenceSubscriptionMemberships", "_links": {"self": {"href": base}},
                    "_embedded": {"presenceSubscriptionMembership": members}}),
                ))
            }
            ([key], "GET" | "DELETE") => {
                let (id, who) = key
                    .split_once(',')
                    .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                let who =
                    Address::parse(who).ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                let found = own
                    .subscriptions
                    .get_mut(id)
                    .filter(|subscription| subscription.contacts.contains(&who));
                let subscription = found.ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                if method == "GET" {
                    return Ok(Answer::ok(membership_json(app, id, &who)));
                }
                subscription.contacts.remove(&who);
                self.tell_contact(now, app, &who, "deleted");
                Ok(Answer::done())
            }
            _ => Err(Fault::method().into()),
        }
    }

    fn watch_contacts(&mut self, now: Moment, app: &str, id: &str, contacts: &[Address]) {
        for who in contacts {
            let Some(own) = self.applications.get_mut(app) else {
                return;
            };
            let known = own
                .subscriptions
                .values()
                .any(|subscription| subscription.contacts.contains(who));
            let Some(subscription) = own.subscriptions.get_mut(id) else {
                return;
            };
            if subscription.contacts.len() < CONTACTS_MAX
                && subscription.contacts.insert(who.clone())
                && !known
            {
                self.tell_contact(now, app, who, "added");
            }
        }
    }

    /// Sends `contact added` or `deleted` in subscribedContacts.
    fn tell_contact(&mut self, now: Moment, app: &str, who: &Address, kind: &str) {
        let people = format!("{}/people", href(app));
        let event = Event::new(
            ("people", people.clone()),
            kind,
            "contact",
            &format!("{people}/{}", who.bare()),
        )
        .within(
            "subscribedContacts",
            &format!("{people}/subscribedContacts"),
        )
        .priority(Priority::Medium);
        self.push(now, app, event);
    }

    fn first_look(&mut self, now: Moment, app: &str, contacts: &[Address]) {
        for who in contacts
            .iter()
            .filter(|who| self.people.contains_key(who))
            .cloned()
            .collect::<Vec<_>>()
        {
            for (rel, path) in WATCHED {
                self.tell_watcher(now, app, &who, rel, path);
            }
        }
    }

    fn tell_subscription(&mut self, now: Moment, app: &str, id: &str, kind: &str) {
        let people = format!("{}/people", href(app));
        let at = format!("{people}/presenceSubscriptions/{id}");
        let mut event = Event::new(("people", people), kind, "presenceSubscription", &at)
            .priority(Priority::Medium);
        if kind != "deleted" && self.switches.embed_subscription {
            event = event.embed("presenceSubscription", subscription_json(app, id));
        }
        self.push(now, app, event);
    }

    /// Warns that a subscription ends soon, or ends it.
    pub fn subscription_due(&mut self, now: Moment, app: &str, id: &str) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        let Some(subscription) = own.subscriptions.get_mut(id) else {
            return;
        };
        let warning = subscription.until - chrono::TimeDelta::from_std(WARNING).unwrap_or_default();
        if now >= subscription.until {
            own.subscriptions.remove(id);
            self.tell_subscription(now, app, id, "deleted");
        } else if now >= warning && !subscription.warned {
            subscription.warned = true;
            let until = subscription.until;
            self.agenda
                .at(until, Deed::Subscription(app.to_owned(), id.to_owned()));
            self.tell_subscription(now, app, id, "updated");
        }
    }

    /// Tells all applications that watch `who` that the resource `rel` of the contact has changed.
    pub fn tell_watchers(&mut self, now: Moment, who: &Address, rel: &str, path: &str) {
        let watches = |app: &&super::model::application::Application| {
            app.subscriptions
                .values()
                .any(|subscription| subscription.contacts.contains(who))
        };
        let apps: Vec<String> = self
            .applications
            .values()
            .filter(watches)
            .map(|app| app.id.clone())
            .collect();
        for app in apps {
            self.tell_watcher(now, &app, who, rel, path);
        }
    }

    /// Tells one application of a change. The event has only a link; the client fetches the rest.
    fn tell_watcher(&mut self, now: Moment, app: &str, who: &Address, rel: &str, path: &str) {
        let people = format!("{}/people", href(app));
        let contact = format!("{people}/{}", who.bare());
        let event = Event::new(
            ("people", people),
            "updated",
            rel,
            &format!("{contact}/{path}"),
        )
        .within("contact", &contact);
        self.push(now, app, event.priority(Priority::Medium));
    }
}

fn subscription_json(app: &str, id: &str) -> Value {
    let people = format!("{}/people", href(app));
    let members = json!({"href": format!("{people}/presenceSubscriptionMemberships?presenceSubscriptionId={id}")});
    json!({"id": id, "rel": "presenceSubscription", "_links": {
        "self": {"href": format!("{people}/presenceSubscriptions/{id}")}, "memberships": members, "addToPresenceSubscription": members}})
}

fn membership_json(app: &str, id: &str, who: &Address) -> Value {
    let people = format!("{}/people", href(app));
    json!({"rel": "presenceSubscriptionMembership", "_links": {
        "self": {"href": format!("{people}/presenceSubscriptionMemberships/{id},{}", who.bare())},
        "contact": {"href": format!("{people}/{}", who.bare())},
        "presenceSubscription": {"href": format!("{people}/presenceSubscriptions/{id}")}}})
}

/// Reads a duration in minutes: 10 to 30; 10 if there is none.
fn duration(input: &Input) -> Result<Duration, Answer> {
    match input.number("duration") {
        None => Ok(Duration::from_secs(600)),
        Some(minutes @ 10..=30) => Ok(Duration::from_secs(minutes.unsigned_abs() * 60)),
        Some(_) => Err(Fault::parameter("duration", "10 to 30 minutes.").into()),
    }
}

fn contacts(input: &Input, name: &str) -> Result<Vec<Address>, Answer> {
    let given = input
        .list(name)
        .filter(|list| !list.is_empty())
        .ok_or_else(|| Fault::parameter(name, "A list of SIP addresses."))?;
    if given.len() > CONTACTS_MAX {
        return Err(Fault::forbidden("LimitExceeded", "There are too many contacts.").into());
    }
    given
        .iter()
        .map(|uri| {
            Address::parse(uri).ok_or_else(|| Fault::parameter(name, "Not a SIP address.").into())
        })
        .collect()
}
