//! Presence, note and location of a person, and the activity that keeps presence from turning idle.

use super::address::Address;
use super::answer::Fault;
use super::event::{Event, Priority};
use super::model::application::Application;
use super::timer::Moment;
use super::world::World;

/// The availabilities that a user may prefer, `Offwork` apart.
const SETTABLE: [&str; 6] = [
    "Online",
    "Busy",
    "DoNotDisturb",
    "BeRightBack",
    "Away",
    "Offline",
];

impl World {
    /// Records the user's activity (reportMyActivity). A user who was idle is no longer so.
    pub fn user_is_active(&mut self, now: Moment, app: &str) {
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

    /// Records that the user has just done something.
    pub fn touch(&mut self, now: Moment, app: &str) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        own.active_at = now;
        let user = own.user.clone();
        if let Some(person) = self.people.get_mut(&user) {
            person.presence.last_active = now;
        }
        self.watch_idle(now, app);
    }

    /// Records that a simulated person has just done something.
    pub fn stir(&mut self, now: Moment, who: &Address) {
        if let Some(person) = self.people.get_mut(who) {
            person.presence.last_active = now;
        }
    }

    /// Turns the presence of a user without activity to idle.
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

    /// Sets a user's presence and tells all who watch it, including the user's own applications.
    pub fn set_availability(
        &mut self,
        now: Moment,
        user: &Address,
        availability: &str,
        activity: &str,
    ) {
        self.set_availability_quietly(now, user, availability, activity, None);
    }

    /// Like [`World::set_availability`], but the application `except` is not told.
    pub fn set_availability_quietly(
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

    /// Sets the personal note, and tells all who watch it.
    pub fn set_note(&mut self, now: Moment, user: &Address, text: &str) {
        if let Some(person) = self.people.get_mut(user) {
            person.presence.note = text.to_owned();
            self.tell_own(now, user, "note", None);
            self.tell_watchers(now, user, "contactNote", "note");
        }
    }

    /// Sets the location, and tells all who watch it.
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

/// Returns the availability and the activity that others see of a preferred availability:
/// `Offwork` is Away with an activity.
///
/// # Errors
/// The parameter `name` is not a preferred availability.
pub fn preferred<'a>(name: &str, wanted: &'a str) -> Result<(&'a str, &'a str), Fault> {
    match wanted {
        "Offwork" => Ok(("Away", "off-work")),
        other if SETTABLE.contains(&other) => Ok((other, "")),
        _ => Err(Fault::parameter(name, "Not one of PreferredAvailability.")),
    }
}
