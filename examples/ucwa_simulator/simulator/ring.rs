//! An invitation that rings: at every client of the person invited until one accepts, all decline,
//! or its time is over.

use super::agenda::Deed;
use super::event::Reason;
use super::model::invitation::Invitation;
use super::model::ring::{Caller, Leg, Ring};
use super::model::talk::{Member, Seat, Sender};
use super::person::{Manner, Report};
use super::switches::EndOrder;
use super::text::Text;
use super::timer::Moment;
use super::world::World;

impl World {
    /// Starts `ring`: at the clients of the person called or at the simulated person; otherwise it
    /// will fail.
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

    /// `accept`: removes the links to answer and connects both sides, because clients send a
    /// message right after it.
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

    /// `decline`: at this client, or everywhere.
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
            self.connect(now, number, leg);
        }
    }

    /// Ends a ring that nobody answered in time.
    pub fn ring_out(&mut self, now: Moment, number: u64) {
        if self.rings.get(&number).is_some_and(|ring| !ring.taken) {
            let subcode = self.switches.ring_subcode.clone();
            self.fail(now, number, &Reason::new("RemoteFailure", &subcode));
        }
    }

    /// Fails the ring at the caller and ends it wherever it still rings.
    pub fn ring_fails(&mut self, now: Moment, number: u64, code: &str, subcode: &str) {
        self.fail(now, number, &Reason::new(code, subcode));
    }

    fn fail(&mut self, now: Moment, number: u64, reason: &Reason) {
        let Some(ring) = self.rings.remove(&number) else {
            return;
        };
        let missed = match reason.subcode.as_str() {
            "Canceled" => "Canceled",
            "Declined" => "Declined",
            _ => &self.switches.missed_subcode,
        };
        let missed = Reason::new("LocalFailure", missed);
        for leg in ring.legs {
            if let Leg::Client(app, invitation, conversation) = leg {
                self.end_leg(now, &app, &invitation, &conversation, &missed);
            }
        }
        match ring.caller {
            Caller::Client(app, invitation) => {
                self.outgoing_failed(now, &app, &invitation, ring.talk, reason)
            }
            Caller::Person => {
                if ring.meeting.is_none() {
                    self.talks.remove(&ring.talk);
                }
                let text = ring.text.map(|text| text.text).unwrap_or_default();
                let report = Report {
                    to: ring.to.uri().to_owned(),
                    text,
                    delivered: false,
                    why: reason.subcode.clone(),
                };
                if let Some(person) = self.people.get_mut(&ring.from) {
                    person.report(report);
                }
            }
        }
    }

    /// Fails an outgoing invitation: the invitation and its conversation end in the order that the
    /// switch says.
    fn outgoing_failed(
        &mut self,
        now: Moment,
        app: &str,
        invitation: &str,
        talk: u64,
        reason: &Reason,
    ) {
        self.close_invitation(app, invitation, "Failed");
        let found = self
            .applications
            .get(app)
            .and_then(|own| own.invitations.get(invitation));
        let Some((conversation, rel)) = found.map(|own| (own.conversation.clone(), own.rel)) else {
            return;
        };
        let invites_only = rel == "participantInvitation"
            || self
                .talks
                .get(&talk)
                .is_some_and(|talk| talk.meeting.is_some());
        if !invites_only {
            self.talks.remove(&talk);
        }
        match self.switches.end_order {
            _ if invites_only => {
                self.tell_invitation(now, app, invitation, "completed", Some(reason))
            }
            EndOrder::Invitation => {
                self.tell_invitation(now, app, invitation, "completed", Some(reason));
                self.end_view(now, app, &conversation, Some(reason));
            }
            EndOrder::Messaging | EndOrder::Conversation => {
                self.end_view_ordered(
                    now,
                    app,
                    &conversation,
                    Some(reason),
                    self.switches.end_order,
                );
                self.tell_invitation(now, app, invitation, "completed", Some(reason));
            }
        }
    }

    /// Ends an incoming invitation that was not answered here.
    fn end_leg(
        &mut self,
        now: Moment,
        app: &str,
        invitation: &str,
        conversation: &str,
        reason: &Reason,
    ) {
        self.close_invitation(
            app,
            invitation,
            if reason.subcode == "Declined" {
                "Declined"
            } else {
                "Failed"
            },
        );
        self.tell_invitation(now, app, invitation, "completed", Some(reason));
        self.end_view(now, app, conversation, Some(reason));
    }

    /// Stops the ring at an application that ends.
    pub fn drop_legs(&mut self, now: Moment, app: &str) {
        let mut over = Vec::new();
        for (number, ring) in &mut self.rings {
            let mut hit = false;
            for leg in &mut ring.legs {
                if matches!(leg, Leg::Client(own, ..) if own == app) {
                    *leg = Leg::Over;
                    hit = true;
                }
            }
            if hit && ring.legs.iter().all(|leg| matches!(leg, Leg::Over)) {
                over.push(*number);
            }
        }
        for number in over {
            self.ring_fails(now, number, "RemoteFailure", "Unreachable");
        }
    }

    /// Connects a leg and the caller.
    pub fn connect(&mut self, now: Moment, number: u64, leg: usize) {
        let Some(mut ring) = self.rings.remove(&number) else {
            return;
        };
        let Some(taken) = ring
            .legs
            .get_mut(leg)
            .map(|leg| std::mem::replace(leg, Leg::Over))
        else {
            return;
        };
        for other in std::mem::take(&mut ring.legs) {
            if let Leg::Client(app, invitation, conversation) = other {
                self.end_leg(
                    now,
                    &app,
                    &invitation,
                    &conversation,
                    &Reason::new("Informational", "ConnectedElsewhere"),
                );
            }
        }
        if let Some(meeting) = ring.meeting.clone() {
            return self.connect_to_meeting(now, &ring, &taken, &meeting);
        }
        let seat = match &taken {
            Leg::Client(app, _, conversation) => Seat::client(app, conversation),
            _ => Seat::Person,
        };
        let Some(talk) = self.talks.get_mut(&ring.talk) else {
            return;
        };
        for member in &mut talk.members {
            member.im = true;
        }
        talk.members.push(Member {
            address: ring.to.clone(),
            seat: seat.clone(),
            im: true,
            leader: false,
            lobby: false,
            typing_until: None,
        });
        talk.quiet_since = now;
        let formats = self.negotiate(&ring, &taken);
        if let Caller::Client(app, invitation) = &ring.caller {
            self.connected_outgoing(now, app, invitation, &ring.to, &formats);
        }
        if let Leg::Client(app, invitation, conversation) = &taken {
            self.connected_incoming(now, app, invitation, conversation, &ring.from, &formats);
        }
        self.watch_talk(now, ring.talk);
        if let Some(text) = ring.text.take() {
            self.first_text(now, &ring, text);
        }
        for text in std::mem::take(&mut ring.more) {
            self.first_text(now, &ring, text);
        }
    }

    /// Delivers the text of the invitation as a message too.
    fn first_text(&mut self, now: Moment, ring: &Ring, text: Text) {
        let caller = self.talks.get(&ring.talk).and_then(|talk| {
            talk.members
                .iter()
                .find(|member| member.address == ring.from)
        });
        let Some(seat) = caller.map(|member| member.seat.clone()) else {
            return;
        };
        let sender = match &seat {
            Seat::Client { app, conversation } => {
                let report = self
                    .switches
                    .first_message_report
                    .then(|| self.take_message_number(app, conversation));
                Sender::Client(
                    app.clone(),
                    conversation.clone(),
                    report.map(|number| (number, None)),
                )
            }
            Seat::Person => Sender::Person(
                ring.from.clone(),
                ring.to.uri().to_owned(),
                text.text.clone(),
            ),
        };
        self.say(now, ring.talk, &ring.from, &seat, &text, sender);
    }

    /// Returns the formats that both sides can show; simulated people can show all.
    fn negotiate(&self, ring: &Ring, taken: &Leg) -> Vec<String> {
        let of = |app: &str| self.applications.get(app).map(|own| own.formats());
        let caller = match &ring.caller {
            Caller::Client(app, _) => of(app),
            Caller::Person => None,
        };
        let callee = match taken {
            Leg::Client(app, ..) => of(app),
            _ => None,
        };
        let shows = |formats: &Option<Vec<String>>, format: &str| {
            formats
                .as_ref()
                .is_none_or(|all| all.iter().any(|own| own == format))
        };
        let all = ["Plain", "Html"]
            .into_iter()
            .filter(|format| *format == "Plain" || self.switches.html);
        all.filter(|format| shows(&caller, format) && shows(&callee, format))
            .map(str::to_owned)
            .collect()
    }
}
