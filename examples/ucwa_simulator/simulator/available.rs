//! makeMeAvailable. After it invitations ring at the application, and its user has presence.

use super::answer::{Answer, Fault};
use super::event::{Event, Priority};
use super::model::application::Available;
use super::presence::preferred;
use super::request::Input;
use super::timer::Moment;
use super::world::World;
use std::time::Duration;

const FORMATS: &[&str] = &["Plain", "Html"];
const MODALITIES: &[&str] = &[
    "Messaging",
    "PhoneAudio",
    "Audio",
    "Video",
    "ApplicationSharing",
    "PanoramicVideo",
    "DataCollaboration",
];

impl World {
    /// Answers `POST {A}/me/makeMeAvailable`.
    pub fn make_me_available(
        &mut self,
        now: Moment,
        app: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let default = self.switches.inactive;
        let own = self.existing(app)?;
        if own.guest_of.is_some() {
            return Err(
                Fault::forbidden("AnonymousNotAllowed", "Guests can't be made available.").into(),
            );
        }
        let wanted = input
            .optional("signInAs", 50)?
            .unwrap_or_else(|| "Online".to_owned());
        let (availability, activity) = preferred("signInAs", &wanted)?;
        let formats = known(input, "supportedMessageFormats", "MessageFormat", FORMATS)?
            .unwrap_or_else(|| vec!["Plain".to_owned()]);
        let modalities =
            known(input, "supportedModalities", "ModalityType", MODALITIES)?.unwrap_or_default();
        let inactive = input
            .text("inactiveTimeout")
            .and_then(|text| time_span(&text))
            .unwrap_or(default);
        let user = own.user.clone();
        let etag = self.ids.etag();
        let own = self.existing_mut(app)?;
        own.available = Some(Available {
            formats,
            modalities,
            inactive,
        });
        own.communication.0 = etag;
        self.tell_available(now, app);
        self.set_availability_quietly(now, &user, availability, activity, Some(app));
        self.touch(now, app);
        Ok(Answer::done())
    }

    /// Sends the events that follow makeMeAvailable.
    fn tell_available(&mut self, now: Moment, app: &str) {
        let Some(own) = self.applications.get(app) else {
            return;
        };
        let me = format!("{}/me", own.href());
        let event = |kind: &str, rel: &str, href: &str| {
            Event::new(("me", me.clone()), kind, rel, href).priority(Priority::Medium)
        };
        self.push(now, app, event("updated", "me", &me));
        for rel in ["presence", "note", "location"] {
            self.push(now, app, event("added", rel, &format!("{me}/{rel}")));
        }
        self.tell_communication(now, app);
    }
}

/// Returns the list `name` of a request, if it is there.
///
/// # Errors
/// 400 for a value that is not one of `allowed`, the values of the documented type `kind`.
fn known(
    input: &Input,
    name: &str,
    kind: &str,
    allowed: &[&str],
) -> Result<Option<Vec<String>>, Answer> {
    let given = input.list(name);
    let mut values = given.iter().flatten();
    match values.find(|value| !allowed.contains(&value.as_str())) {
        Some(wrong) => {
            Err(Fault::parameter(name, &format!("{wrong} is not one of {kind}.")).into())
        }
        None => Ok(given),
    }
}

/// Reads a TimeSpan such as `00:05:00` or `PT5M`, or a number of seconds.
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
