//! The subscription to contacts and groups. While it runs, changes of the contact list are sent.

use super::address::Address;
use super::agenda::{Deed, later};
use super::answer::{Answer, Fault};
use super::event::{Event, Priority};
use super::model::application::Application;
use super::model::paths::href;
use super::request::Input;
use super::timer::Moment;
use super::world::World;
use serde_json::json;
use std::time::Duration;

impl World {
    /// Answers requests under `{A}/people/contactsAndGroupsSubscription`.
    pub fn contacts_subscription(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        let here = format!("{}/people/contactsAndGroupsSubscription", href(app));
        let own = self.existing_mut(app)?;
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

    /// Sends `contact added` or `deleted` to all applications of `user` that subscribe.
    pub fn tell_contact_list(&mut self, now: Moment, user: &Address, who: &Address, kind: &str) {
        let subscribed = |app: &&Application| {
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
}
