//! How an accepted ring connects the caller with the person who accepted.

use super::super::event::Reason;
use super::super::model::ring::{Caller, Leg, Ring};
use super::super::model::talk::{Member, Seat, Sender};
use super::super::text::Text;
use super::super::timer::Moment;
use super::super::world::World;

impl World {
    /// Connects the caller with the leg that has accepted, and ends the other legs.
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
        talk.members.push(Member::new(&ring.to, seat, true));
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

    /// Delivers a text of the invitation as a message.
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
