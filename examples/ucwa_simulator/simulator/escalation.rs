//! Adding a person to a conversation: a talk of two becomes a conference, and the person is rung.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::model::invitation::Invitation;
use super::model::ring::{Caller, Leg, Ring};
use super::model::talk::{Member, Seat};
use super::request::Input;
use super::timer::Moment;
use super::wish::Wish;
use super::world::World;

impl World {
    /// Answers `POST addParticipant`: makes a conference of the talk and rings the person.
    pub fn add_participant(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let to = input.required("to", 1000)?;
        let to = Address::parse(&to).ok_or_else(|| Fault::parameter("to", "Not a SIP address."))?;
        let wish = Wish::read(input)?;
        let id = self.ids.hex();
        let own = self.existing(app)?;
        let user = own.user.clone();
        let view = own
            .conversations
            .get(conversation)
            .ok_or_else(|| Fault::not_found("ConversationNotFound"))?;
        if !["Conferenced", "Connected"].contains(&view.state) {
            return Err(Fault::conflict("", "Nobody can be added now.").into());
        }
        let invitation = Invitation {
            operation: wish.operation,
            subject: view.subject.clone(),
            importance: wish.importance,
            thread: view.thread.clone(),
            ring: Some(0),
            ..Invitation::sent(
                &id,
                "participantInvitation",
                user.clone(),
                to.clone(),
                conversation,
            )
        };
        let (talk, location) = (view.talk, invitation.href(app));
        if let Some(own) = self.applications.get_mut(app) {
            own.invitations.insert(id.clone(), invitation);
        }
        self.tell_invitation(now, app, &id, "started", None);
        let meeting = self.escalate(now, talk, &user);
        let caller = Caller::Client(app.to_owned(), id.clone());
        let ring = Ring {
            meeting,
            ..Ring::new(talk, caller, user, to)
        };
        let ring = self.start_ring(now, ring);
        if let Some(own) = self.invitation_mut(app, &id) {
            own.ring = Some(ring);
        }
        Ok(Answer::created(&location))
    }

    /// Turns a talk into the conference of a new meeting, unless it is one. Returns the meeting.
    /// The conversations keep their paths.
    fn escalate(&mut self, now: Moment, talk: u64, organizer: &Address) -> Option<String> {
        if let Some(meeting) = self.talks.get(&talk).and_then(|talk| talk.meeting.clone()) {
            return Some(meeting);
        }
        let subject = self.talks.get(&talk)?.subject.clone();
        let mut meeting = self.new_meeting(now, organizer, &subject, false);
        let id = meeting.id.clone();
        meeting.talk = Some(talk);
        self.meetings.insert(id.clone(), meeting);
        let shared = self.talks.get_mut(&talk)?;
        shared.meeting = Some(id.clone());
        for member in &mut shared.members {
            member.leader = member.address == *organizer;
        }
        for member in shared.members.clone() {
            let Seat::Client { app, conversation } = &member.seat else {
                continue;
            };
            for state in ["Conferencing", "Conferenced"] {
                if let Some(view) = self.view_mut(app, conversation) {
                    view.meeting = Some(id.clone());
                    view.state = state;
                }
                self.tell_conversation(now, app, conversation, "updated", None);
            }
            self.tell_online_meeting(now, app, conversation);
        }
        Some(id)
    }

    /// Completes an accepted invitation into a meeting.
    pub fn connect_to_meeting(&mut self, now: Moment, ring: &Ring, taken: &Leg, meeting: &str) {
        if let Caller::Client(app, invitation) = &ring.caller {
            self.complete(now, app, invitation, &ring.to);
        }
        let Some(talk) = self.conference(now, meeting) else {
            return;
        };
        let leader = self
            .meetings
            .get(meeting)
            .is_some_and(|meeting| meeting.makes_leader(&ring.to));
        let new = |seat: Seat, im: bool| Member {
            leader,
            ..Member::new(&ring.to, seat, im)
        };
        match taken {
            Leg::Client(app, invitation, conversation) => {
                let seat = Seat::client(app, conversation);
                if let Some(talk) = self.talks.get_mut(&talk) {
                    talk.members.push(new(seat, false));
                }
                self.set_view(app, conversation, "Conferencing", "Disconnected", &[]);
                self.tell_conversation(now, app, conversation, "updated", None);
                self.enter(now, app, conversation, Some(invitation));
            }
            _ => {
                if let Some(talk) = self.talks.get_mut(&talk) {
                    talk.members.push(new(Seat::Person, true));
                }
                self.tell_entry(now, talk, &ring.to);
            }
        }
    }
}
