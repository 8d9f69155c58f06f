//! The state of one meeting that the agent is in or joins, as events tell it. Pure.
//!
//! A meeting's conversation goes through the states Connecting, Conferencing, perhaps InLobby, and
//! Conferenced. It has no messages by itself: once it is Conferenced, a `messaging` event brings
//! the link that adds them. Before that link is there, every attempt is a conflict
//! (§ucwa/meetings). The links of the last event say what can be done.

use super::end::End;
use super::roster::Roster;
use crate::backend::ucwa::account::line::Line;
use crate::backend::ucwa::account::post::Done;
use crate::backend::ucwa::account::reports::Reports;
use crate::backend::ucwa::protocol::address::MeetingUri;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::ucwa::protocol::reason::Reason;
use crate::backend::{ChannelId, Joined};

/// How far the agent is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The server is bringing it in.
    Joining,
    /// Somebody has to let it in.
    InLobby,
    /// It is in, and is told who else is.
    Inside,
}

/// A join that waits for its answer.
pub(super) struct Joining {
    pub(super) done: Done<Joined>,
    pub(super) step: Step,
}

/// How far a join is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The server was asked, or the conversation is looked for.
    Asking,
    /// The server brings the agent in.
    Entering { in_lobby: bool },
    /// The agent is in, and messages are added.
    Adding,
}

/// An attempt to add messages.
pub(super) struct Adder {
    pub(super) attempt: u32,
    /// Tells the timer of this phase from those of others.
    pub(super) number: u64,
    pub(super) phase: Phase,
    /// The operation that adds them.
    pub(super) operation: String,
    /// The link that it was asked with.
    pub(super) add: String,
    /// The server says that the operation failed.
    pub(super) failed: Option<Option<Reason>>,
}

/// How far an attempt to add messages is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is no link yet.
    WantsLink,
    /// The server was asked.
    Asking,
    /// The server has the request.
    Waiting,
    /// It failed, and the next attempt follows.
    Pausing,
}

/// A meeting whose channel is joined, or is being joined.
pub(super) struct Meeting {
    pub(super) channel: ChannelId,
    pub(super) uri: MeetingUri,
    /// The operation of ours that joins it.
    pub(super) operation: String,
    /// The conversation's key.
    pub(super) key: Option<String>,
    pub(super) stage: Stage,
    pub(super) end: Option<End>,
    /// The join was answered: from then on the engine is told of the meeting's end.
    pub(super) is_joined: bool,
    /// The join that waits for its answer.
    pub(super) joining: Option<Joining>,
    /// The link that adds messages, if it is allowed now.
    pub(super) add: Option<String>,
    pub(super) adder: Option<Adder>,
    /// The link that sends messages, if it is allowed now.
    pub(super) send: Option<String>,
    pub(super) takes_html: bool,
    pub(super) subject: Option<String>,
    pub(super) reports: Reports,
    pub(super) line: Line,
    pub(super) roster: Roster,
    /// Why messages ended: some servers give the reason of a meeting's end nowhere else.
    hint: Option<Reason>,
}

impl Meeting {
    pub(super) fn new(channel: ChannelId, uri: MeetingUri, operation: String) -> Meeting {
        Meeting {
            channel,
            uri,
            operation,
            key: None,
            stage: Stage::Joining,
            end: None,
            is_joined: false,
            joining: None,
            add: None,
            adder: None,
            send: None,
            takes_html: false,
            subject: None,
            reports: Reports::default(),
            line: Line::default(),
            roster: Roster::default(),
            hint: None,
        }
    }

    /// Whether messages may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Inside && self.end.is_none() && self.send.is_some()
    }

    /// Ends the meeting; the first reason counts.
    pub(super) fn end(&mut self, end: End) {
        self.end.get_or_insert(end);
        (self.send, self.add) = (None, None);
    }

    /// Applies an event about our operation that joins it.
    pub(super) fn invitation(&mut self, event: &Event) {
        if event.kind == Kind::Completed && event.succeeded == Some(false) {
            self.end(End::Told(event.why()));
        }
        if let Some(subject) = event.text_of("subject") {
            self.note_subject(Some(subject));
        }
    }

    /// Applies a `conversation` event.
    pub(super) fn conversation(&mut self, event: &Event) {
        if let Some(conversation) = &event.resource {
            self.exists_as(conversation);
            if conversation.text("state") == Some("Disconnected") {
                let why = event.why().or_else(|| self.hint.take());
                self.end(End::Told(why));
            }
        }
        if event.kind == Kind::Deleted {
            let hint = self.hint.take();
            self.end(End::Told(hint));
        }
    }

    /// Applies a `conversation` resource.
    pub(super) fn exists_as(&mut self, conversation: &Document) {
        match conversation.text("state") {
            Some("Conferenced") => self.stage = Stage::Inside,
            Some("InLobby") => self.stage = Stage::InLobby,
            _ => {}
        }
        if let Some(subject) = conversation.text("subject") {
            self.note_subject(Some(subject));
        }
    }

    /// Applies a `messaging` resource, and the reason beside it.
    pub(super) fn messaging(&mut self, messaging: &Document, reason: Option<Reason>) {
        let link = |rel| messaging.link(rel).map(str::to_owned);
        (self.send, self.add) = (link("sendMessage"), link("addMessaging"));
        self.takes_html = messaging
            .texts("negotiatedMessageFormats")
            .any(|format| format.eq_ignore_ascii_case("Html"));
        if messaging.text("state") == Some("Disconnected") {
            self.hint = reason.or_else(|| self.hint.take());
        }
    }

    /// Applies an event about the operation that adds messages; false if the event is about
    /// another.
    pub(super) fn added(&mut self, event: &Event) -> bool {
        let Some(adder) = &mut self.adder else {
            return false;
        };
        let is_ours = event.text_of("operationId") == Some(&adder.operation);
        if is_ours && event.kind == Kind::Completed && event.succeeded == Some(false) {
            adder.failed = Some(event.why());
        }
        is_ours
    }

    /// Notes the subject; true if it is a new one.
    pub(super) fn note_subject(&mut self, subject: Option<&str>) -> bool {
        let subject = subject
            .map(str::trim)
            .filter(|subject| !subject.is_empty())
            .map(str::to_owned);
        let is_new = subject.is_some() && subject != self.subject;
        if is_new {
            self.subject = subject;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::super::roster::sender_of;
    use super::*;
    use crate::backend::BackendErrorKind;
    use crate::backend::ucwa::protocol::package::Package;

    fn meeting() -> Meeting {
        let uri = MeetingUri::parse("sip:lenea@contoso.com;gruu;opaque=app:conf:focus:id:1XAW22CG")
            .expect("a meeting");
        let channel = ChannelId::parse(&format!("chat-room:{}", uri.as_str())).expect("a channel");
        Meeting::new(channel, uri, "77".into())
    }

    fn play(meeting: &mut Meeting, body: &[u8]) {
        for event in Package::read(body).expect("a package").events {
            match event.link.rel.as_str() {
                "onlineMeetingInvitation" => meeting.invitation(&event),
                "conversation" => meeting.conversation(&event),
                "messaging" => {
                    meeting.messaging(event.resource.as_ref().expect("sent along"), event.why())
                }
                "participant" if event.within.is_none() => {
                    meeting.roster.event(&event, &event.link.href)
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_meeting_is_entered_and_somebody_ends_it() {
        let mut meeting = meeting();
        play(
            &mut meeting,
            include_bytes!("../../../../../tests/fuzz/corpus/ucwa_package/conferenced.json"),
        );
        assert_eq!(
            (
                meeting.stage,
                meeting.end.clone(),
                meeting.subject.as_deref()
            ),
            (Stage::Inside, None, Some("Weekly talk"))
        );
        assert!(meeting.add.is_some() && !meeting.is_open());
        let lene = "/ucwa/oauth/v1/applications/105/communication/conversations/c3b7/participants/lenea@contoso.com";
        assert_eq!(
            (meeting.roster.name_of(lene), meeting.roster.len()),
            (Some("Lene Aaling"), 1)
        );
        assert_eq!(sender_of(lene, None), "sip:lenea@contoso.com");
        assert_eq!(sender_of("/participants/guest7", None), "guest7");
        play(
            &mut meeting,
            include_bytes!("../../../../../tests/fuzz/corpus/ucwa_package/connected.json"),
        );
        assert!(meeting.is_open() && meeting.add.is_none());
        play(
            &mut meeting,
            include_bytes!("../../../../../tests/fuzz/corpus/ucwa_package/ejected.json"),
        );
        assert!(!meeting.is_open());
        let (reason, may_retry) = meeting.end.expect("over").of_removal();
        assert!(reason.contains("Ejected") && !may_retry, "{reason}");
    }

    #[test]
    fn a_reason_may_stand_with_the_messages_alone() {
        let mut meeting = meeting();
        let body = br#"{"sender":[{"rel":"conversation","href":"/c","events":[
            {"link":{"rel":"messaging","href":"/c/m"},"type":"updated","reason":{"code":"Informational","subcode":"Ended"},
             "_embedded":{"messaging":{"state":"Disconnected"}}},
            {"link":{"rel":"conversation","href":"/c"},"type":"deleted"}]}]}"#;
        play(&mut meeting, body);
        assert_eq!(
            meeting.end.as_ref().map(|end| end.of_removal().1),
            Some(false)
        );
        assert_eq!(
            meeting.end.map(|end| end.of_join().kind),
            Some(BackendErrorKind::ChannelGone)
        );
        assert!(End::Forgotten.of_join().is_passing() && End::Told(None).of_join().is_passing());
    }
}
