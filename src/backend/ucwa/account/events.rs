//! To whom an event belongs. An event that makes no sense is passed over.

use super::Known;
use super::effect::Purpose;
use super::meetings::uri_of;
use super::turn::Turn;
use crate::backend::ucwa::protocol::address::key_of;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::ucwa::protocol::request::Request;

/// Resources whose events mean nothing without them. A server sends most of them along.
const NEEDED: [&str; 4] = [
    "messagingInvitation",
    "onlineMeetingInvitation",
    "conversation",
    "messaging",
];

impl Known {
    /// Handles an event. The resource that it lacks is asked for first.
    pub(super) fn event(&mut self, turn: &mut Turn<'_>, event: Box<Event>) {
        let rel = event.link.rel.as_str();
        let tells_of_change = matches!(event.kind, Kind::Started | Kind::Updated | Kind::Added);
        let is_needed = rel == "message" || tells_of_change && NEEDED.contains(&rel);
        if event.resource.is_none()
            && is_needed
            && let Ok(url) = turn.profile.url(&event.link.href)
        {
            return turn.ask(Purpose::Resource(event), Request::get(url));
        }
        self.handle(turn, event);
    }

    /// Handles an event that is as complete as it can be.
    pub(super) fn handle(&mut self, turn: &mut Turn<'_>, event: Box<Event>) {
        match event.link.rel.as_str() {
            "messagingInvitation" => self.invitation(turn, &event),
            "onlineMeetingInvitation" => self.meetings.invitation(turn, &event),
            "onlineMeeting" => self.meetings.about(turn, &event),
            "conversation" => {
                let key = key_of(&event.link.href);
                if !self.meetings.conversation(turn, &key, &event) {
                    self.people.conversation(turn, &key, &event);
                }
            }
            "messaging" => {
                let key = key_of(&event.sender.href);
                if !self.meetings.messaging(turn, &key, &event) {
                    self.people.messaging(turn, &key, &event);
                }
            }
            "message" => self.message(turn, event),
            "participant" if event.is_within("typingParticipants") => {
                self.people.types(turn, &key_of(&event.sender.href), &event);
            }
            "participant" => self.meetings.participant(&event),
            "contactPresence" if event.kind != Kind::Deleted => {
                self.presences.changed(turn, &event.link.href, false)
            }
            "contactNote" if event.kind != Kind::Deleted => {
                self.presences.changed(turn, &event.link.href, true)
            }
            "presenceSubscription" if event.kind == Kind::Deleted => {
                self.presences.subscription_changed(turn, true)
            }
            "presenceSubscription" if event.kind == Kind::Updated => {
                self.presences.subscription_changed(turn, false)
            }
            _ => {}
        }
    }

    fn invitation(&mut self, turn: &mut Turn<'_>, event: &Event) {
        let is_meetings = |href: &str| self.meetings.is_known(&key_of(href));
        match event.text_of("direction") {
            // Messages of a meeting are added by ourselves.
            Some("Incoming") if event.link_of("conversation").is_some_and(is_meetings) => {}
            Some("Incoming") => self.people.call(turn, event),
            _ if self.meetings.adding(turn, event) => {}
            _ => self.people.own_invitation(turn, event),
        }
    }

    /// A message. If its conversation is not known, the application was found again: then the
    /// server is asked whether it is a meeting's.
    fn message(&mut self, turn: &mut Turn<'_>, event: Box<Event>) {
        let key = key_of(&event.sender.href);
        if event.resource.is_none() {
            return;
        }
        if self.people.knows(&key) {
            return self.people.message(turn, event);
        }
        if self.meetings.is_known(&key) {
            return self.meetings.message(turn, event);
        }
        match turn.profile.url(&event.sender.href) {
            Ok(url) => turn.ask(Purpose::Conversation(event), Request::get(url)),
            Err(_) => self.people.message(turn, event),
        }
    }

    /// The conversation of a message: it may belong to a meeting.
    pub(super) fn conversation_of(
        &mut self,
        turn: &mut Turn<'_>,
        event: Box<Event>,
        conversation: Option<Document>,
    ) {
        let meeting = conversation.and_then(|conversation| {
            let meeting = conversation.link("onlineMeeting")?;
            turn.profile.url(meeting).ok()
        });
        match meeting {
            Some(url) => turn.ask(Purpose::MeetingBehind(event), Request::get(url)),
            None => self.people.message(turn, event),
        }
    }

    /// The meeting that the conversation of a message belongs to.
    pub(super) fn meeting_of(
        &mut self,
        turn: &mut Turn<'_>,
        event: Box<Event>,
        meeting: Option<&Document>,
    ) {
        match meeting.and_then(uri_of) {
            Some(uri) => {
                let key = key_of(&event.sender.href);
                self.meetings.note_found(key, uri);
                self.meetings.message(turn, event);
            }
            None => self.people.message(turn, event),
        }
    }
}
