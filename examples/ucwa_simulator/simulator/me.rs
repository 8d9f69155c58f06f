//! `me`: the user's own presence, note and location, and reportMyActivity.

use super::answer::{Answer, Fault};
use super::model::application::Application;
use super::presence::preferred;
use super::request::Input;
use super::switches::Shape;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};

/// The resources below `me`, in lower case for comparison.
const NAMES: [&str; 6] = [
    "makemeavailable",
    "callforwardingsettings",
    "presence",
    "note",
    "location",
    "reportmyactivity",
];
const NEEDED: &str = "Make the user available first.";

impl World {
    /// Returns the resource `me`.
    pub fn me_json(&self, app: &Application) -> Value {
        let base = app.href();
        let name = self.name_of(&app.user);
        let mut out = json!({
            "rel": "me", "name": name, "uri": app.user.uri(),
            "_links": {
                "self": {"href": format!("{base}/me")},
                "callForwardingSettings": {"href": format!("{base}/me/callForwardingSettings")},
                "phones": {"href": format!("{base}/me/phones")},
                "photo": {"href": format!("{base}/photos/{}", app.user.bare())},
            },
        });
        if self.switches.shape == Shape::Sfb2015
            && let Some(person) = self.people.get(&app.user)
        {
            out["emailAddresses"] = json!([app.user.bare()]);
            out["company"] = json!(person.card.company);
            out["department"] = json!(person.card.department);
            out["title"] = json!(person.card.title);
            out["endpointUri"] = json!(format!(
                "{};opaque=user:epid:{};gruu",
                app.user, app.endpoint
            ));
        }
        let links: &[&str] = match (&app.available, &app.guest_of) {
            (_, Some(_)) => &[],
            (Some(_), None) => &["note", "presence", "location", "reportMyActivity"],
            (None, None) => &["makeMeAvailable"],
        };
        for rel in links {
            out["_links"][rel] = json!({"href": format!("{base}/me/{rel}")});
        }
        out
    }

    /// Answers requests under `{A}/me`.
    pub fn me(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        let own = self.existing(app)?;
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(self.me_json(own))),
            (["makemeavailable"], "POST") => self.make_me_available(now, app, input),
            (["callforwardingsettings"], "GET") => {
                let here = format!("{}/me/callForwardingSettings", own.href());
                Ok(Answer::ok(
                    json!({"rel": "callForwardingSettings", "activePeriod": "Always",
                    "unansweredCallHandling": "Disabled", "_links": {"self": {"href": here}}}),
                ))
            }
            ([name @ ("presence" | "note" | "location" | "reportmyactivity")], "GET" | "POST") => {
                if own.available.is_none() {
                    return Err(Fault::conflict("MakeMeAvailableRequired", NEEDED).into());
                }
                if method == "GET" {
                    return self.own_presence(own, name);
                }
                self.change_own_presence(now, app, name, input)?;
                Ok(Answer::done())
            }
            ([], _) => Err(Fault::method().into()),
            ([name], _) if NAMES.contains(name) => Err(Fault::method().into()),
            _ => Err(Fault::not_found("").into()),
        }
    }

    /// Returns `presence`, `note` or `location` of the application's user.
    fn own_presence(&self, app: &Application, name: &str) -> Result<Answer, Answer> {
        let presence = self
            .people
            .get(&app.user)
            .map(|person| &person.presence)
            .ok_or_else(|| Fault::not_found(""))?;
        let links = json!({"self": {"href": format!("{}/me/{name}", app.href())}});
        Ok(Answer::ok(match name {
            "presence" => {
                json!({"rel": "presence", "availability": presence.availability,
                    "activity": presence.shown_activity(), "_links": links})
            }
            "note" => {
                json!({"rel": "note", "message": presence.note, "type": presence.note_kind, "_links": links})
            }
            "location" => {
                json!({"rel": "location", "location": presence.location, "_links": links})
            }
            _ => return Err(Fault::method().into()),
        }))
    }

    /// Sets `presence`, `note` or `location`, or reports the user's activity.
    fn change_own_presence(
        &mut self,
        now: Moment,
        app: &str,
        name: &str,
        input: &Input,
    ) -> Result<(), Answer> {
        let user = self.existing(app)?.user.clone();
        if !self.people.contains_key(&user) {
            return Err(Fault::not_found("").into());
        }
        match name {
            "presence" => {
                let wanted = input
                    .text("availability")
                    .unwrap_or_else(|| "Online".to_owned());
                let (availability, activity) = preferred("availability", &wanted)?;
                self.touch(now, app);
                self.set_availability(now, &user, availability, activity);
            }
            "note" => {
                let text = input.optional("message", 500)?.unwrap_or_default();
                self.set_note(now, &user, &text);
            }
            "location" => {
                let text = input.optional("location", 60)?.unwrap_or_default();
                self.set_location(now, &user, &text);
            }
            _ => self.user_is_active(now, app),
        }
        Ok(())
    }
}
