//! `me`: makeMeAvailable, presence, note, location, reportMyActivity, and the small things beside them.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::event::{Event, Priority};
use super::model::application::{Application, Available};
use super::request::Input;
use super::switches::Shape;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::time::Duration;

const SETTABLE: [&str; 7] = [
    "Online",
    "Busy",
    "DoNotDisturb",
    "BeRightBack",
    "Away",
    "Offwork",
    "Offline",
];
const NAMES: [&str; 7] = [
    "makeMeAvailable",
    "phones",
    "callForwardingSettings",
    "presence",
    "note",
    "location",
    "reportMyActivity",
];
const NEEDED: &str = "Make the user available first.";

impl World {
    /// The resource `me` of an application.
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

    /// What lies under `{A}/me`.
    pub fn me(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        rest: &[&str],
        input: &Input,
    ) -> Result<Answer, Answer> {
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        let base = own.href();
        let user = own.user.clone();
        let name = rest.first().map_or("", |name| {
            NAMES
                .into_iter()
                .find(|own| own.eq_ignore_ascii_case(name))
                .unwrap_or(name)
        });
        let href = format!("{base}/me/{name}");
        match (rest, method) {
            ([], "GET") => return Ok(Answer::ok(self.me_json(own))),
            (["makemeavailable"], "POST") => return self.make_me_available(now, app, input),
            (["phones"], "GET") => {
                let number = self
                    .people
                    .get(&user)
                    .map(|person| person.card.phone.clone())
                    .filter(|number| !number.is_empty());
                let links = json!({"self": {"href": format!("{href}/work")}, "changeNumber": {"href": format!("{href}/work/changeNumber")}});
                let phones: Vec<Value> = number
                    .into_iter()
                    .map(|number| json!({"rel": "phone", "number": number, "type": "work", "includeInContactCard": true, "_links": links}))
                    .collect();
                let links = json!({"self": {"href": href}});
                return Ok(Answer::ok(
                    json!({"rel": "phones", "_links": links, "_embedded": {"phone": phones}}),
                ));
            }
            (["callforwardingsettings"], "GET") => {
                let links = json!({"self": {"href": href}});
                return Ok(Answer::ok(
                    json!({"rel": "callForwardingSettings", "activePeriod": "Always",
                    "unansweredCallHandling": "Disabled", "_links": links}),
                ));
            }
            (["presence" | "note" | "location" | "reportmyactivity"], "GET" | "POST") => {}
            (
                []
                | [
                    "makemeavailable"
                    | "phones"
                    | "callforwardingsettings"
                    | "presence"
                    | "note"
                    | "location"
                    | "reportmyactivity",
                ],
                _,
            ) => {
                return Err(Fault::method().into());
            }
            _ => return Err(Fault::not_found("").into()),
        }
        if own.available.is_none() {
            return Err(Fault::conflict("MakeMeAvailableRequired", NEEDED).into());
        }
        let presence = self
            .people
            .get(&user)
            .map(|person| person.presence.clone())
            .ok_or_else(|| Fault::not_found(""))?;
        let links = json!({"self": {"href": href}});
        match (rest[0], method) {
            ("reportmyactivity", "POST") => self.user_is_active(now, app),
            ("presence", "GET") => {
                return Ok(Answer::ok(
                    json!({"rel": "presence", "availability": presence.availability,
                    "activity": presence.shown_activity(), "_links": links}),
                ));
            }
            ("presence", _) => {
                let wanted = input
                    .text("availability")
                    .unwrap_or_else(|| "Online".to_owned());
                if !SETTABLE.contains(&wanted.as_str()) {
                    return Err(Fault::parameter(
                        "availability",
                        "Not one of PreferredAvailability.",
                    )
                    .into());
                }
                let (shown, activity) = shown(&wanted);
                self.touch(now, app);
                self.set_availability(now, &user, shown, activity);
            }
            ("note", "GET") => {
                return Ok(Answer::ok(
                    json!({"rel": "note", "message": presence.note, "type": presence.note_kind, "_links": links}),
                ));
            }
            ("note", _) => {
                let text = input.optional("message", 500)?.unwrap_or_default();
                self.set_note(now, &user, &text);
            }
            ("location", "GET") => {
                return Ok(Answer::ok(
                    json!({"rel": "location", "location": presence.location, "_links": links}),
                ));
            }
            ("location", _) => {
                let text = input.optional("location", 60)?.unwrap_or_default();
                self.set_location(now, &user, &text);
            }
            _ => return Err(Fault::method().into()),
        }
        Ok(Answer::done())
    }

    fn make_me_available(
        &mut self,
        now: Moment,
        app: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let default = self.switches.inactive;
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        if own.guest_of.is_some() {
            return Err(
                Fault::forbidden("AnonymousNotAllowed", "Guests can't be made available.").into(),
            );
        }
        let wanted = input
            .optional("signInAs", 50)?
            .unwrap_or_else(|| "Online".to_owned());
        if !SETTABLE.contains(&wanted.as_str()) {
            return Err(Fault::parameter("signInAs", "Not one of PreferredAvailability.").into());
        }
        let formats = input
            .list("supportedMessageFormats")
            .unwrap_or_else(|| vec!["Plain".to_owned()]);
        if let Some(wrong) = formats
            .iter()
            .find(|format| !["Plain", "Html"].contains(&format.as_str()))
        {
            return Err(Fault::parameter(
                "supportedMessageFormats",
                &format!("{wrong} is not one of MessageFormat."),
            )
            .into());
        }
        let known = [
            "Messaging",
            "PhoneAudio",
            "Audio",
            "Video",
            "ApplicationSharing",
            "PanoramicVideo",
            "DataCollaboration",
        ];
        let modalities = input.list("supportedModalities").unwrap_or_default();
        if let Some(wrong) = modalities
            .iter()
            .find(|modality| !known.contains(&modality.as_str()))
        {
            return Err(Fault::parameter(
                "supportedModalities",
                &format!("{wrong} is not one of ModalityType."),
            )
            .into());
        }
        let inactive = input
            .text("inactiveTimeout")
            .and_then(|text| time_span(&text))
            .unwrap_or(default);
        let etag = self.ids.etag();
        let (user, base) = (own.user.clone(), own.href());
        let Some(own) = self.applications.get_mut(app) else {
            return Err(Fault::not_found("ApplicationNotFound").into());
        };
        own.available = Some(Available {
            formats,
            modalities,
            inactive,
        });
        own.active_at = now;
        own.communication.0 = etag;
        let me = ("me", format!("{base}/me"));
        let event = |kind: &str, rel: &str, href: String| {
            Event::new(me.clone(), kind, rel, &href).priority(Priority::Medium)
        };
        self.push(now, app, event("updated", "me", format!("{base}/me")));
        for rel in ["presence", "note", "location"] {
            self.push(now, app, event("added", rel, format!("{base}/me/{rel}")));
        }
        self.tell_communication(now, app);
        let (shown, activity) = shown(&wanted);
        self.set_availability_quietly(now, &user, shown, activity, Some(app));
        self.watch_idle(now, app);
        Ok(Answer::done())
    }

    /// reportMyActivity: an idle user is back.
    fn user_is_active(&mut self, now: Moment, app: &str) {
        self.touch(now, app);
        let Some(user) = self.applications.get(app).map(|own| own.user.clone()) else {
            return;
        };
        match self
            .people
            .get(&user)
            .and_then(|person| person.presence.availability.as_deref())
        {
            Some("IdleOnline") => self.set_availability(now, &user, "Online", ""),
            Some("IdleBusy") => self.set_availability(now, &user, "Busy", ""),
            _ => {}
        }
    }

    fn touch(&mut self, now: Moment, app: &str) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        own.active_at = now;
        let user = own.user.clone();
        if let Some(person) = self.people.get_mut(&user) {
            person.presence.last_active = Some(now);
        }
        self.watch_idle(now, app);
    }

    /// Without activity presence degrades.
    pub fn turn_idle(&mut self, now: Moment, user: &Address) {
        match self
            .people
            .get(user)
            .and_then(|person| person.presence.availability.as_deref())
        {
            Some("Online") => self.set_availability(now, user, "IdleOnline", ""),
            Some("Busy") => self.set_availability(now, user, "IdleBusy", ""),
            _ => {}
        }
    }

    /// Sets a user's presence and tells all who watch it, the user's own applications included.
    pub fn set_availability(
        &mut self,
        now: Moment,
        user: &Address,
        availability: &str,
        activity: &str,
    ) {
        self.set_availability_quietly(now, user, availability, activity, None);
    }

    /// The same, but `except` has been told already.
    fn set_availability_quietly(
        &mut self,
        now: Moment,
        user: &Address,
        availability: &str,
        activity: &str,
        except: Option<&str>,
    ) {
        let Some(person) = self.people.get_mut(user) else {
            return;
        };
        if person.presence.availability.as_deref() == Some(availability)
            && person.presence.activity == activity
        {
            return;
        }
        person.presence.availability = Some(availability.to_owned());
        person.presence.activity = activity.to_owned();
        self.tell_own(now, user, "presence", except);
        self.tell_watchers(now, user, "contactPresence", "presence");
    }

    /// Sets the personal note.
    pub fn set_note(&mut self, now: Moment, user: &Address, text: &str) {
        if let Some(person) = self.people.get_mut(user) {
            person.presence.note = text.to_owned();
            self.tell_own(now, user, "note", None);
            self.tell_watchers(now, user, "contactNote", "note");
        }
    }

    /// Sets the location.
    pub fn set_location(&mut self, now: Moment, user: &Address, text: &str) {
        if let Some(person) = self.people.get_mut(user) {
            person.presence.location = text.to_owned();
            self.tell_own(now, user, "location", None);
            self.tell_watchers(now, user, "contactLocation", "location");
        }
    }

    fn tell_own(&mut self, now: Moment, user: &Address, rel: &str, except: Option<&str>) {
        let own = |app: &&Application| {
            app.user == *user && app.available.is_some() && Some(app.id.as_str()) != except
        };
        let all: Vec<(String, String)> = self
            .applications
            .values()
            .filter(own)
            .map(|app| (app.id.clone(), app.href()))
            .collect();
        for (app, base) in all {
            let event = Event::new(
                ("me", format!("{base}/me")),
                "updated",
                rel,
                &format!("{base}/me/{rel}"),
            );
            self.push(now, &app, event.priority(Priority::Medium));
        }
    }
}

/// What others see of a preferred availability: `Offwork` is Away with an activity.
fn shown(wanted: &str) -> (&str, &str) {
    match wanted {
        "Offwork" => ("Away", "off-work"),
        other => (other, ""),
    }
}

/// A TimeSpan, `00:05:00` or `PT5M`, or seconds.
fn time_span(text: &str) -> Option<Duration> {
    let parts: Option<Vec<u64>> = text
        .split(':')
        .map(|part| part.split('.').next()?.parse().ok())
        .collect();
    if let Some(&[hours, minutes, seconds]) = parts.as_deref() {
        return Some(Duration::from_secs(
            hours.min(10_000) * 3600 + minutes * 60 + seconds,
        ));
    }
    let minutes = text
        .strip_prefix("PT")
        .and_then(|rest| rest.strip_suffix('M'));
    match minutes {
        Some(minutes) => minutes
            .parse::<u64>()
            .ok()
            .map(|minutes| Duration::from_secs(minutes.min(100_000) * 60)),
        None => text
            .parse::<u64>()
            .ok()
            .map(|seconds| Duration::from_secs(seconds.min(1_000_000))),
    }
}
