//! What simulated people do: say, type, accept, decline, leave, show presence, hold meetings. Rust
//! reaches it through [`super::control::Driven`], other programs over HTTP.

use super::address::Address;
use super::event::Reason;
use super::model::ring::{Caller, Leg, Ring};
use super::model::talk::{Member, Seat, Talk};
use super::person::Report;
use super::text::Text;
use super::timer::Moment;
use super::world::World;

/// The most texts that wait for an invitation to be accepted.
const MORE_MAX: usize = 100;

/// The parameters of a person's invitation.
#[derive(Debug, Clone, Default)]
pub struct Invite {
    /// The subject.
    pub subject: String,
    /// `Urgent` and so on; empty means `Normal`.
    pub importance: String,
    /// The thread of an earlier conversation that this one continues.
    pub thread: Option<String>,
}

impl World {
    /// Returns the talk of two that the simulated person `who` has with `other`.
    fn talk_with(&self, who: &Address, other: &Address) -> Option<u64> {
        let sits = |talk: &Talk| {
            talk.members
                .iter()
                .any(|member| member.address == *who && member.seat == Seat::Person)
        };
        let found = |talk: &Talk| {
            talk.meeting.is_none()
                && sits(talk)
                && talk.members.iter().any(|member| member.address == *other)
        };
        self.talks
            .iter()
            .find(|(_, talk)| found(talk))
            .map(|(number, _)| *number)
    }

    fn connected_with(&self, who: &Address, other: &Address) -> Option<u64> {
        self.talk_with(who, other).filter(|talk| {
            self.talks
                .get(talk)
                .is_some_and(|talk| talk.members.len() == 2)
        })
    }

    /// Says a text: in the conversation they have, or after the invitation that rings, or in a new
    /// invitation.
    pub fn person_says_to(
        &mut self,
        now: Moment,
        who: &Address,
        to: &Address,
        text: Text,
        invite: &Invite,
    ) {
        if let Some(talk) = self.connected_with(who, to) {
            return self.person_says(now, talk, who, &text);
        }
        let calling = |ring: &&mut Ring| {
            ring.caller == Caller::Person
                && ring.from == *who
                && ring.to == *to
                && ring.meeting.is_none()
        };
        if let Some(ring) = self.rings.values_mut().find(calling) {
            if ring.more.len() < MORE_MAX {
                ring.more.push(text);
            } else if let Some(person) = self.people.get_mut(who) {
                person.report(Report {
                    to: to.uri().to_owned(),
                    text: text.text,
                    delivered: false,
                    why: "too many".to_owned(),
                });
            }
            return;
        }
        let talk = self.number();
        let importance = if invite.importance.is_empty() {
            "Normal"
        } else {
            &invite.importance
        };
        let shared = Talk {
            thread: invite.thread.clone().unwrap_or_else(|| self.ids.hex()),
            subject: invite.subject.clone(),
            importance: importance.to_owned(),
            meeting: None,
            members: vec![seated(who)],
            quiet_since: now,
            watched: false,
        };
        self.talks.insert(talk, shared);
        let ring = Ring {
            text: Some(text),
            ..Ring::new(talk, Caller::Person, who.clone(), to.clone())
        };
        self.start_ring(now, ring);
    }

    /// Starts or stops typing to somebody. Returns false if there is no conversation.
    pub fn person_types(&mut self, now: Moment, who: &Address, to: &Address, typing: bool) -> bool {
        let Some(talk) = self.connected_with(who, to) else {
            return false;
        };
        self.person_types_in(now, talk, who, typing)
    }

    fn person_types_in(&mut self, now: Moment, talk: u64, who: &Address, typing: bool) -> bool {
        if typing {
            self.types(now, talk, who, &Seat::Person);
            return true;
        }
        let own = self.talks.get_mut(&talk).and_then(|talk| {
            talk.members
                .iter_mut()
                .find(|member| member.address == *who)
        });
        if own.is_some_and(|own| own.typing_until.take().is_some()) {
            self.tell_typing(now, talk, who, "deleted");
        }
        true
    }

    fn ringing_at(&self, who: &Address) -> Option<u64> {
        let rings = |ring: &Ring| {
            ring.to == *who && !ring.taken && ring.legs.iter().any(|leg| matches!(leg, Leg::Person))
        };
        self.rings
            .iter()
            .find(|(_, ring)| rings(ring))
            .map(|(number, _)| *number)
    }

    /// Accepts the oldest invitation that rings. Returns false if none rings.
    pub fn person_takes(&mut self, now: Moment, who: &Address) -> bool {
        let ring = self.ringing_at(who);
        ring.map(|ring| self.person_accepts(now, ring)).is_some()
    }

    /// Declines the oldest invitation that rings, with a subcode. Returns false if none rings.
    pub fn person_refuses(&mut self, now: Moment, who: &Address, subcode: &str) -> bool {
        let ring = self.ringing_at(who);
        ring.map(|ring| self.ring_fails(now, ring, "RemoteFailure", subcode))
            .is_some()
    }

    /// Ends the conversation with somebody, or the invitation to it. Returns false if there is
    /// neither.
    pub fn person_leaves(&mut self, now: Moment, who: &Address, other: &Address) -> bool {
        let calling =
            |ring: &Ring| ring.caller == Caller::Person && ring.from == *who && ring.to == *other;
        if let Some(ring) = self
            .rings
            .iter()
            .find(|(_, ring)| calling(ring))
            .map(|(number, _)| *number)
        {
            self.ring_fails(now, ring, "LocalFailure", "Canceled");
            return true;
        }
        let talk = self.talk_with(who, other);
        talk.map(|talk| self.remove_member(now, talk, who, &Seat::Person))
            .is_some()
    }

    /// Creates a meeting, joins it, and returns its URI.
    pub fn person_holds(
        &mut self,
        now: Moment,
        who: &Address,
        subject: &str,
        access: &str,
    ) -> String {
        let mut meeting = self.new_meeting(now, who, subject, true);
        if !access.is_empty() {
            meeting.access = access.to_owned();
        }
        let (id, uri) = (meeting.id.clone(), meeting.uri.clone());
        self.meetings.insert(id, meeting);
        self.person_joins(now, who, &uri);
        uri
    }

    /// Joins a meeting. Returns false if there is none.
    pub fn person_joins(&mut self, now: Moment, who: &Address, uri: &str) -> bool {
        let Some((id, organizer)) = self
            .meeting_by_uri(now, uri)
            .map(|meeting| (meeting.id.clone(), meeting.organizer.clone()))
        else {
            return false;
        };
        let Some(talk) = self.conference(now, &id) else {
            return false;
        };
        let Some(own) = self.talks.get_mut(&talk) else {
            return false;
        };
        if !own.members.iter().any(|member| member.address == *who) {
            own.members.push(Member {
                leader: organizer == *who,
                ..seated(who)
            });
            self.tell_entry(now, talk, who);
        }
        true
    }

    fn conference_of(&self, now: Moment, uri: &str) -> Option<u64> {
        self.meeting_by_uri(now, uri)?.talk
    }

    /// Says something in a meeting. Returns false if there is none.
    pub fn person_says_in(&mut self, now: Moment, who: &Address, uri: &str, text: &Text) -> bool {
        let talk = self.conference_of(now, uri);
        talk.map(|talk| self.person_says(now, talk, who, text))
            .is_some()
    }

    /// Types in a meeting. Returns false if there is none.
    pub fn person_types_at(&mut self, now: Moment, who: &Address, uri: &str, typing: bool) -> bool {
        let talk = self.conference_of(now, uri);
        talk.is_some_and(|talk| self.person_types_in(now, talk, who, typing))
    }

    /// Leaves a meeting. Returns false if there is none.
    pub fn person_leaves_meeting(&mut self, now: Moment, who: &Address, uri: &str) -> bool {
        let talk = self.conference_of(now, uri);
        talk.map(|talk| self.remove_member(now, talk, who, &Seat::Person))
            .is_some()
    }

    /// Ejects, admits, rejects, promotes or demotes somebody. Returns false if that is not
    /// possible.
    pub fn person_rules(&mut self, now: Moment, uri: &str, whom: &Address, verb: &str) -> bool {
        let talk = self.conference_of(now, uri);
        talk.is_some_and(|talk| self.rule(now, talk, whom, verb).is_ok())
    }

    /// Ends a meeting for everybody. Returns false if there is none.
    pub fn person_ends(&mut self, now: Moment, uri: &str) -> bool {
        let id = self
            .meeting_by_uri(now, uri)
            .map(|meeting| meeting.id.clone());
        id.map(|id| self.end_meeting(now, &id, &Reason::new("Informational", "Ended")))
            .is_some()
    }

    /// Invites somebody into a meeting. Returns false if there is none.
    pub fn person_invites(
        &mut self,
        now: Moment,
        who: &Address,
        uri: &str,
        whom: &Address,
    ) -> bool {
        let Some(id) = self
            .meeting_by_uri(now, uri)
            .map(|meeting| meeting.id.clone())
        else {
            return false;
        };
        let Some(talk) = self.conference(now, &id) else {
            return false;
        };
        let ring = Ring {
            meeting: Some(id),
            ..Ring::new(talk, Caller::Person, who.clone(), whom.clone())
        };
        self.start_ring(now, ring);
        true
    }
}

fn seated(who: &Address) -> Member {
    Member::new(who, Seat::Person, true)
}
