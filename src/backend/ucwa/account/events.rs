//! To whom an event belongs. An event that makes no sense is passed over.

use super::Known;
use super::effect::Purpose;
use super::meetings::uri_of;
use super::turn::Turn;
use crate::backend::ucwa::protocol::address::key_of;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};

/// Resources whose events mean nothing without them. A server sends most of them along.
const NEEDED: [&str; 4] = [
    "messagingInvitation",
    "onlineMeetingInvitation",
    "conversation",
    "messaging",
];

impl Known {
    /// Whether the event lacks the resource without which it means nothing.
    pub(super) fn lacks_resource(event: &Event) -> bool {
        let rel = event.link.rel.as_str();
        let tells_of_change = matches!(event.kind, Kind::Started | Kind::Updated | Kind::Added);
        event.resource.is_none() && (rel == "message" || tells_of_change && NEEDED.contains(&rel))
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
            "participant" => {
                self.meetings.participant(&event);
                let key = key_of(&event.sender.href);
                self.people.takes_part(turn, &key, &event);
            }
            "contactPresence" if event.kind != Kind::Deleted => {
                self.presences.changed(turn, &event.link.href, false)
            }
            "contactNote" if event.kind != Kind::Deleted => {
                self.presences.changed(turn, &event.link.href, true)
            }
            "missedItems" if event.kind != Kind::Deleted => self.logs.news(turn),
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
            // An outgoing message means a report that will not come; its post waits in vain.
            let (address, message) = (&turn.profile.address, &event.link.href);
            tracing::warn!(%address, message, "a message could not be fetched");
            return;
        }
        if self.people.knows(&key) {
            return self.people.message(turn, event);
        }
        if self.meetings.is_known(&key) {
            return self.meetings.message(turn, event);
        }
        match turn.profile.url(&event.sender.href) {
            Ok(url) => turn.fetch(Purpose::Conversation(event), url),
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
            Some(url) => turn.fetch(Purpose::MeetingBehind(event), url),
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
