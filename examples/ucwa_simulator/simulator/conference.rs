//! The conference of a meeting: how an application joins it.
//!
//! A member who joins has no messaging at first: `messaging` is Disconnected, with a link
//! addMessaging, and no message arrives before the client has used that link. Simulated people
//! always take part in messaging.

use super::agenda::Deed;
use super::answer::{Answer, Fault};
use super::event::{Event, Reason};
use super::model::invitation::Invitation;
use super::model::paths::conversation_href;
use super::model::talk::{Member, Seat, Talk};
use super::person::Person;
use super::request::Input;
use super::timer::Moment;
use super::wish::Wish;
use super::world::World;

/// The most members of one conference.
const MEMBERS_MAX: usize = 1_000;

impl World {
    /// Answers `POST {A}/communication/onlineMeetingInvitations`.
    pub fn join_meeting(
        &mut self,
        now: Moment,
        app: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let user = self.existing(app)?.user.clone();
        let uri = input.required("onlineMeetingUri", 1000)?;
        let wish = Wish::read(input)?;
        self.may_converse(app, None)?;
        let id = self.meeting_to_join(now, app, &uri, &wish.subject)?;
        let mut views = self.existing(app)?.conversations.values();
        if views.any(|view| view.meeting.as_ref() == Some(&id)) {
            return Err(Fault::conflict("AlreadyExists", "The meeting was joined already.").into());
        }
        let name = input.optional("anonymousDisplayName", 256)?;
        if let Some(name) = name.filter(|_| user.is_guest()) {
            self.people
                .entry(user.clone())
                .or_insert_with(|| Person::new(now, &user, None))
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

    /// Returns the id of the meeting with the URI that a client asks for. The URI `adhoc` makes a
    /// new meeting.
    fn meeting_to_join(
        &mut self,
        now: Moment,
        app: &str,
        uri: &str,
        subject: &str,
    ) -> Result<String, Answer> {
        let own = self.existing(app)?;
        let refused = |why: &str| Fault::forbidden("AnonymousNotAllowed", why);
        if !uri.eq_ignore_ascii_case("adhoc") {
            let meeting = self
                .meeting_by_uri(now, uri)
                .ok_or_else(|| Fault::not_found("DestinationNotFound"))?;
            let is_it = |only: &String| only.eq_ignore_ascii_case(&meeting.uri);
            if !own.guest_of.as_ref().is_none_or(is_it) {
                return Err(refused("The token is for another meeting.").into());
            }
            return Ok(meeting.id.clone());
        }
        if own.guest_of.is_some() {
            return Err(refused("Guests can't start meetings.").into());
        }
        let user = own.user.clone();
        let meeting = self.new_meeting(now, &user, subject, false);
        let id = meeting.id.clone();
        self.meetings.insert(id.clone(), meeting);
        Ok(id)
    }

    /// Returns the talk of a meeting, and begins it if there is none. Returns `None` if there is no
    /// such meeting.
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

    /// Lets an application into the room or into the lobby, as the meeting's access level says.
    pub fn join(&mut self, now: Moment, app: &str, conversation: &str, invitation: &str) {
        let Some(own) = self.applications.get(app) else {
            return;
        };
        let Some(view) = own.conversations.get(conversation) else {
            return;
        };
        let (user, talk) = (own.user.clone(), view.talk);
        let found = view.meeting.as_ref().and_then(|id| self.meetings.get(id));
        let Some(meeting) = found else {
            return;
        };
        let (lobby, leader) = (!meeting.admits(&user), meeting.makes_leader(&user));
        self.set_view(app, conversation, "Conferencing", "Disconnected", &[]);
        self.tell_conversation(now, app, conversation, "updated", None);
        let Some(shared) = self.talks.get_mut(&talk) else {
            return;
        };
        if shared.members.len() >= MEMBERS_MAX {
            let reason = Reason::new("RemoteFailure", "TooManyParticipants");
            return self.turned_away(now, app, conversation, invitation, &reason);
        }
        shared.members.push(Member {
            leader,
            lobby,
            ..Member::new(&user, Seat::client(app, conversation), false)
        });
        if lobby {
            self.set_view(app, conversation, "InLobby", "Disconnected", &[]);
            self.tell_conversation(now, app, conversation, "updated", None);
            self.tell_lobby(now, talk, &user, "added");
        } else {
            self.enter(now, app, conversation, Some(invitation));
        }
    }

    /// Ends an attempt to join: the invitation fails, and its conversation ends.
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

    /// Puts an application's conversation into the room. The application is told of the other
    /// members, and they are told of its user.
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
        let members = self.members_of(talk);
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

    /// Sends `onlineMeeting added`, with the resource.
    pub fn tell_online_meeting(&mut self, now: Moment, app: &str, conversation: &str) {
        let at = conversation_href(app, conversation);
        let view = self.view(app, conversation);
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
}
