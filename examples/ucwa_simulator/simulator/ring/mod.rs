//! An invitation that rings at every client of the person invited, until one accepts, all decline,
//! or its time is over.

mod connect;
mod ends;

use super::agenda::Deed;
use super::event::Reason;
use super::model::invitation::Invitation;
use super::model::ring::{Caller, Leg, Ring};
use super::person::Manner;
use super::timer::Moment;
use super::world::World;

impl World {
    /// Starts `ring` at the clients of the person called, or at the simulated person. If the person
    /// cannot be reached, the ring fails soon after. Returns the number of the ring.
    pub fn start_ring(&mut self, now: Moment, mut ring: Ring) -> u64 {
        let number = self.number();
        let step = self.switches.signalling;
        let caller_app = match &ring.caller {
            Caller::Client(app, _) => Some(app.clone()),
            Caller::Person => None,
        };
        let rings_at = |app: &&super::model::application::Application| {
            app.user == ring.to && app.takes_messages() && Some(&app.id) != caller_app.as_ref()
        };
        let apps: Vec<String> = self
            .applications
            .values()
            .filter(rings_at)
            .map(|app| app.id.clone())
            .collect();
        let person = self
            .people
            .get(&ring.to)
            .map(|person| (person.manner.clone(), person.presence.availability.clone()));
        let fails: Option<(&str, &str)> = match &person {
            None => Some(("NotFound", "DestinationNotFound")),
            Some((_, Some(availability)))
                if availability == "DoNotDisturb" && ring.meeting.is_none() =>
            {
                Some(("RemoteFailure", "DoNotDisturb"))
            }
            Some((Manner::Offline, _)) if apps.is_empty() => {
                Some(("RemoteFailure", "TemporarilyUnavailable"))
            }
            Some((Manner::Busy, _)) if apps.is_empty() => Some(("RemoteFailure", "Busy")),
            Some(_) => None,
        };
        if let Some((code, subcode)) = fails {
            self.agenda
                .after(now, step, Deed::RingFails(number, code, subcode));
        } else if apps.is_empty() {
            ring.legs.push(Leg::Person);
            let wait = match person {
                Some((Manner::Accept(wait) | Manner::Echo(wait) | Manner::Decline(wait), _)) => {
                    Some(wait)
                }
                _ => None,
            };
            if let Some(wait) = wait {
                self.agenda.after(now, step + wait, Deed::Answers(number));
            }
        }
        for app in apps {
            let leg = self.open_leg(now, number, &ring, &app);
            ring.legs.extend(leg);
        }
        let auto = self.switches.auto_accept && matches!(ring.legs.first(), Some(Leg::Client(..)));
        ring.taken = auto;
        self.rings.insert(number, ring);
        self.agenda
            .after(now, self.switches.ring, Deed::RingOut(number));
        if auto {
            self.agenda.after(now, step, Deed::Connect(number, 0));
        }
        number
    }

    /// Accepts an invitation at an application. Both sides are connected at once, because clients
    /// send a message right after it.
    pub fn accept(&mut self, now: Moment, app: &str, invitation: &Invitation) {
        let Some(number) = invitation.ring else {
            return;
        };
        let Some(ring) = self.rings.get_mut(&number).filter(|ring| !ring.taken) else {
            return;
        };
        let here = |leg: &Leg| matches!(leg, Leg::Client(own, id, _) if own == app && *id == invitation.id);
        let Some(leg) = ring.legs.iter().position(here) else {
            return;
        };
        ring.taken = true;
        self.close_invitation(app, &invitation.id, "Connecting");
        self.tell_invitation(now, app, &invitation.id, "updated", None);
        self.connect(now, number, leg);
    }

    /// Declines an invitation at an application. `global` declines it for the person's other
    /// clients too.
    pub fn decline(&mut self, now: Moment, app: &str, invitation: &Invitation, global: bool) {
        let Some(number) = invitation.ring else {
            return;
        };
        let Some(ring) = self.rings.get_mut(&number).filter(|ring| !ring.taken) else {
            return;
        };
        for leg in &mut ring.legs {
            if matches!(leg, Leg::Client(own, id, _) if own == app && *id == invitation.id) {
                *leg = Leg::Over;
            }
        }
        let over = global || ring.legs.iter().all(|leg| matches!(leg, Leg::Over));
        self.end_leg(
            now,
            app,
            &invitation.id,
            &invitation.conversation,
            &Reason::new("LocalFailure", "Declined"),
        );
        if over {
            self.ring_fails(now, number, "RemoteFailure", "Declined");
        }
    }

    /// Does what the person's manner says, unless the person has already answered.
    pub fn person_answers(&mut self, now: Moment, number: u64) {
        let Some(ring) = self.rings.get(&number).filter(|ring| !ring.taken) else {
            return;
        };
        match self.people.get(&ring.to).map(|person| &person.manner) {
            Some(Manner::Decline(_)) => self.ring_fails(now, number, "RemoteFailure", "Declined"),
            _ => self.person_accepts(now, number),
        }
    }

    /// Accepts as the person who is called.
    pub fn person_accepts(&mut self, now: Moment, number: u64) {
        let Some(ring) = self.rings.get_mut(&number).filter(|ring| !ring.taken) else {
            return;
        };
        if let Some(leg) = ring.legs.iter().position(|leg| matches!(leg, Leg::Person)) {
            ring.taken = true;
            let who = ring.to.clone();
            self.stir(now, &who);
            self.connect(now, number, leg);
        }
    }
}
