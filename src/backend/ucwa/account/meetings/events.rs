//! What events say of meetings' conversations.

use super::Meetings;
use super::meeting::Meeting;
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::{MeetingUri, key_of};
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::{SeenBy, StateChange};

impl Meetings {
    /// An event about a conversation; false if it is no meeting's.
    pub(crate) fn conversation(&mut self, turn: &mut Turn<'_>, key: &str, event: &Event) -> bool {
        if event.kind == Kind::Deleted {
            self.found.remove(key);
        }
        let Some(meeting) = self.with_key(key) else {
            return false;
        };
        let before = meeting.subject.clone();
        meeting.conversation(event);
        if before != meeting.subject {
            tell_subject(turn, meeting);
        }
        let uri = meeting.uri.clone();
        self.settle(turn, &uri);
        true
    }

    /// An event about a conversation's messages; false if it is no meeting's.
    pub(crate) fn messaging(&mut self, turn: &mut Turn<'_>, key: &str, event: &Event) -> bool {
        let (Some(meeting), Some(resource)) = (self.with_key(key), &event.resource) else {
            return false;
        };
        meeting.messaging(resource, event.why());
        // Somebody has ended the messages, and nobody the meeting.
        let is_silent = meeting.is_joined && meeting.add.is_some() && meeting.adder.is_none();
        let uri = meeting.uri.clone();
        if is_silent {
            self.add_messages(turn, &uri);
        }
        self.settle(turn, &uri);
        true
    }

    /// An event about an invitation to messages; false if it is not ours that adds them.
    pub(crate) fn adding(&mut self, turn: &mut Turn<'_>, event: &Event) -> bool {
        let added = |meeting: &mut Meeting| meeting.added(event).then(|| meeting.uri.clone());
        let Some(uri) = self.list.iter_mut().find_map(added) else {
            return false;
        };
        self.settle(turn, &uri);
        true
    }

    /// An event about somebody in a conversation.
    pub(crate) fn participant(&mut self, event: &Event) {
        if event.within.is_some() {
            return;
        }
        if let Some(meeting) = self.with_key(&key_of(&event.sender.href)) {
            meeting.roster.event(event, &key_of(&event.link.href));
        }
    }

    /// An event about the meeting that a conversation belongs to: its subject is there.
    pub(crate) fn about(&mut self, turn: &mut Turn<'_>, event: &Event) {
        let key = key_of(&event.sender.href);
        let uri = event
            .text_of("onlineMeetingUri")
            .and_then(MeetingUri::parse);
        if let Some(meeting) = uri.and_then(|uri| self.of(&uri)) {
            meeting.key.get_or_insert_with(|| key.clone());
        }
        if let Some(meeting) = self.with_key(&key)
            && meeting.note_subject(event.text_of("subject"))
        {
            tell_subject(turn, meeting);
        }
    }
}

/// Tells the engine of a joined meeting's new subject.
fn tell_subject(turn: &mut Turn<'_>, meeting: &Meeting) {
    if meeting.is_joined {
        turn.state(StateChange::Subject {
            seen_by: SeenBy::Agent(turn.profile.agent),
            channel: meeting.channel.clone(),
            subject: meeting.subject.clone(),
        });
    }
}
