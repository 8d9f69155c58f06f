//! The conference of a meeting: joining, the lobby, messaging that is added later, the roster, and every way out.
//!
//! A conference has no messages of its own accord: whoever joins sees `messaging` Disconnected with a link addMessaging,
//! and hears nothing before it was used. Simulated people always take part in the messages.

use super::address::Address;
use super::agenda::Deed;
use super::answer::{Answer, Fault};
use super::event::{Event, Reason};
use super::messaging::Wish;
use super::model::invitation::Invitation;
use super::model::paths::conversation_href;
use super::model::ring::{Caller, Leg, Ring};
use super::model::talk::{Member, Seat, Talk};
use super::request::Input;
use super::timer::Moment;
use super::world::World;

/// Members of one conference.
const MEMBERS_MAX: usize = 1_000;

impl World {
    /// `POST {A}/communication/onlineMeetingInvitations`.
    pub fn join_meeting(
        &mut self,
        now: Moment,
        app: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        let (user, guest_of) = (own.user.clone(), own.guest_of.clone());
        let uri = input.required("onlineMeetingUri", 1000)?;
        let wish = Wish::read(input)?;
        self.may_converse(app, None)?;
        let id = if uri.eq_ignore_ascii_case("adhoc") {
            if guest_of.is_some() {
                return Err(Fault::forbidden(
                    "AnonymousNotAllowed",
                    "Guests can't start meetings.",
                )
                .into());
            }
            let meeting = self.new_meeting(now, &user, &wish.subject, false);
            let id = meeting.id.clone();
            self.meetings.insert(id.clone(), meeting);
            id
        } else {
            let meeting = self
                .meeting_by_uri(now, &uri)
                .ok_or_else(|| Fault::not_found("DestinationNotFound"))?;
            if guest_of.is_some_and(|only| !only.eq_ignore_ascii_case(&meeting.uri)) {
                return Err(Fault::forbidden(
                    "AnonymousNotAllowed",
                    "The token is for another meeting.",
                )
                .into());
            }
            meeting.id.clone()
        };
        if self.applications.get(app).is_some_and(|own| {
            own.conversations
                .values()
                .any(|view| view.meeting.as_ref() == Some(&id))
        }) {
            return Err(Fault::conflict("AlreadyExists", "The meeting was joined already.").into());
        }
        if let (Some(name), true) = (
            input.optional("anonymousDisplayName", 256)?,
            user.is_guest(),
        ) {
            self.people
                .entry(user.clone())
                .or_insert_with(|| super::person::Person::new(&user, None))
                .name = name;
        }
        let talk = self
            .conference(now, &id)
            .ok_or_else(|| Fault::not_found("DestinationNotFound"))?;
        let conversation = self.new_view(now, app, talk, "Connecting", "Disconnected");
        let number = self.ids.hex();
        let invitation = Invitation {
            operation: wish.operation,
            subject: wish.subject,
            importance: wish.importance,
            thread: wish.thread.unwrap_or_else(|| self.ids.hex()),
            meeting_uri: self.meetings.get(&id).map(|meeting| meeting.uri.clone()),
            ..Invitation::sent(
                &number,
                "onlineMeetingInvitation",
                user.clone(),
                user,
                &conversation,
            )
        };
        let location = invitation.href(app);
        if let Some(own) = self.applications.get_mut(app) {
            own.invitations.insert(number.clone(), invitation);
        }
        self.tell_invitation(now, app, &number, "started", None);
        self.tell_conversation(now, app, &conversation, "added", None);
        self.agenda.after(
            now,
            self.switches.signalling,
            Deed::Join(app.to_owned(), conversation, number),
        );
        Ok(Answer::created(&location))
    }

    /// The talk of a meeting, begun if nobody is there.
    pub fn conference(&mut self, now: Moment, id: &str) -> Option<u64> {
        let meeting = self.meetings.get(id)?;
        if let Some(talk) = meeting.talk.filter(|talk| self.talks.contains_key(talk)) {
            return Some(talk);
        }
        let subject = meeting.subject.clone();
        let talk = self.number();
        let shared = Talk {
            thread: self.ids.hex(),
            subject,
            importance: "Normal".to_owned(),
            meeting: Some(id.to_owned()),
            members: Vec::new(),
            quiet_since: now,
            watched: true,
        };
        self.talks.insert(talk, shared);
        self.meetings.get_mut(id)?.talk = Some(talk);
        Some(talk)
    }

    /// The focus has looked at who wants to come in: lobby or room.
    pub fn join(&mut self, now: Moment, app: &str, conversation: &str, invitation: &str) {
        let Some(own) = self.applications.get(app) else {
            return;
        };
        let Some(view) = own.conversations.get(conversation) else {
            return;
        };
        let (user, talk) = (own.user.clone(), view.talk);
        let Some(meeting) = view
            .meeting
            .as_ref()
            .and_then(|id| self.meetings.get(id))
            .cloned()
        else {
            return;
        };
        self.set_view(app, conversation, "Conferencing", "Disconnected", &[]);
        self.tell_conversation(now, app, conversation, "updated", None);
        let lobby = !meeting.admits(&user);
        let Some(shared) = self.talks.get_mut(&talk) else {
            return;
        };
        if shared.members.len() >= MEMBERS_MAX {
            return self.turned_away(
                now,
                app,
                conversation,
                invitation,
                &Reason::new("RemoteFailure", "TooManyParticipants"),
            );
        }
        let seat = Seat::client(app, conversation);
        shared.members.push(Member {
            address: user.clone(),
            seat,
            im: false,
            leader: meeting.makes_leader(&user),
            lobby,
            typing_until: None,
        });
        if lobby {
            self.set_view(app, conversation, "InLobby", "Disconnected", &[]);
            self.tell_conversation(now, app, conversation, "updated", None);
            self.tell_lobby(now, talk, &user, "added");
        } else {
            self.enter(now, app, conversation, Some(invitation));
        }
    }

    pub fn turned_away(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        invitation: &str,
        reason: &Reason,
    ) {
        self.close_invitation(app, invitation, "Failed");
        self.tell_invitation(now, app, invitation, "completed", Some(reason));
        self.end_view(now, app, conversation, Some(reason));
    }

    /// An application's conversation is in the room: it sees the roster, the roster sees it.
    pub fn enter(&mut self, now: Moment, app: &str, conversation: &str, invitation: Option<&str>) {
        let formats: Vec<String> = ["Plain", "Html"]
            .iter()
            .filter(|format| **format == "Plain" || self.switches.html)
            .map(|format| (*format).to_owned())
            .collect();
        self.set_view(app, conversation, "Conferenced", "Disconnected", &formats);
        self.tell_conversation(now, app, conversation, "updated", None);
        self.tell_online_meeting(now, app, conversation);
        self.tell_local(now, app, conversation);
        let Some((user, talk)) = self
            .applications
            .get(app)
            .and_then(|own| Some((own.user.clone(), own.conversations.get(conversation)?.talk)))
        else {
            return;
        };
        let members = self
            .talks
            .get(&talk)
            .map(|talk| talk.members.clone())
            .unwrap_or_default();
        for member in members
            .iter()
            .filter(|member| member.address != user && !member.lobby)
        {
            self.tell_member(now, app, conversation, member);
        }
        self.tell_messaging(now, app, conversation, None);
        if let Some(invitation) = invitation {
            self.complete(now, app, invitation, &user);
        }
        self.tell_entry(now, talk, &user);
    }

    fn tell_online_meeting(&mut self, now: Moment, app: &str, conversation: &str) {
        let at = conversation_href(app, conversation);
        let view = self
            .applications
            .get(app)
            .and_then(|own| own.conversations.get(conversation));
        let Some(meeting) = view.and_then(|view| self.meetings.get(view.meeting.as_ref()?)) else {
            return;
        };
        let resource = self.conference_json(&at, meeting);
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(
                sender,
                "added",
                "onlineMeeting",
                &format!("{at}/onlineMeeting"),
            )
            .within("conversation", &at)
            .embed("onlineMeeting", resource)
        });
    }

    /// `POST addParticipant`: a talk of two becomes a conference, and somebody is rung.
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
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
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
            talk,
            caller,
            from: user,
            to,
            legs: Vec::new(),
            taken: false,
            text: None,
            more: Vec::new(),
            meeting,
        };
        let ring = self.start_ring(now, ring);
        if let Some(own) = self
            .applications
            .get_mut(app)
            .and_then(|own| own.invitations.get_mut(&id))
        {
            own.ring = Some(ring);
        }
        Ok(Answer::created(&location))
    }

    /// Makes a conference of a talk, if it is none; the conversations keep their hrefs.
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
                if let Some(view) = self
                    .applications
                    .get_mut(app)
                    .and_then(|own| own.conversations.get_mut(conversation))
                {
                    view.meeting = Some(id.clone());
                    view.state = state;
                }
                self.tell_conversation(now, app, conversation, "updated", None);
            }
            self.tell_online_meeting(now, app, conversation);
        }
        Some(id)
    }

    /// An invitation into a meeting was accepted.
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
            address: ring.to.clone(),
            seat,
            im,
            leader,
            lobby: false,
            typing_until: None,
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
