//! One meeting that the agent is in, or comes into, as the events tell of it. Pure.
//!
//! A meeting's conversation goes its way (Connecting, Conferencing, perhaps the lobby, Conferenced) and has no messages
//! of its own accord: once it is Conferenced a `messaging` event brings the link that adds them, and before that link is
//! there every attempt is a conflict (§ucwa/meetings). What can be done is the links of the last event.

use super::contacts::Post;
use super::protocol::address::{MeetingUri, Sip};
use super::protocol::document::Document;
use super::protocol::failure;
use super::protocol::package::{Event, Kind};
use super::protocol::reason::Reason;
use super::reports::Reports;
use crate::backend::{BackendError, ChannelId};
use std::collections::{HashMap, HashSet, VecDeque};

/// Members whose names are kept; the server's own limit is 250.
const MEMBERS_MAX: usize = 1000;

/// How far the agent is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The server is bringing it in.
    Joining,
    /// Somebody has to let it in.
    InLobby,
    /// It is in, and sees who else is.
    Inside,
}

/// Why it is in no longer, or did not come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The server said so, with a reason or without.
    Told(Option<Reason>),
    /// The server has forgotten all conversations, because it had not heard of us for long.
    Forgotten,
}

impl End {
    /// What who wanted to join is told.
    pub(super) fn of_join(&self) -> BackendError {
        match self {
            End::Told(reason) => failure::of_join(reason.as_ref()),
            End::Forgotten => {
                BackendError::unreachable("the server forgot the meeting while it was joined")
            }
        }
    }

    /// What is told of a meeting that was joined, and whether to join it again.
    pub(super) fn of_removal(&self) -> (String, bool) {
        match self {
            End::Told(reason) => failure::of_removal(reason.as_ref()),
            End::Forgotten => ("the server forgot the agent's conversations".into(), true),
        }
    }
}

/// How an attempt to add messages stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Adding {
    /// None is made.
    No,
    /// It is made under that operation.
    Asked(String),
    /// It came to nothing.
    Failed(Option<Reason>),
}

/// Somebody in a meeting.
#[derive(Default)]
struct Member {
    name: Option<String>,
    /// The server was asked for the name.
    was_asked_for: bool,
}

/// A meeting whose channel is joined, or is being joined.
pub(super) struct Meeting {
    pub(super) channel: ChannelId,
    pub(super) uri: MeetingUri,
    /// Our operation that joins it.
    pub(super) operation: String,
    /// The conversation, as addresses are compared.
    pub(super) key: Option<String>,
    pub(super) stage: Stage,
    pub(super) end: Option<End>,
    /// The join was answered: from then on its end is an event.
    pub(super) is_joined: bool,
    /// Where messages are added, while they may.
    pub(super) add: Option<String>,
    pub(super) adding: Adding,
    /// Where messages go, while they may.
    pub(super) send: Option<String>,
    pub(super) takes_html: bool,
    pub(super) subject: Option<String>,
    pub(super) reports: Reports,
    /// Posts in order.
    pub(super) line: VecDeque<Post>,
    /// Somebody works on the line.
    pub(super) is_pumped: bool,
    /// The members were told of one by one since the agent came in.
    pub(super) is_roster_whole: bool,
    /// By the address of the participant.
    members: HashMap<String, Member>,
    /// Why messages ended: some servers give the reason there alone.
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
            add: None,
            adding: Adding::No,
            send: None,
            takes_html: false,
            subject: None,
            reports: Reports::default(),
            line: VecDeque::new(),
            is_pumped: false,
            is_roster_whole: true,
            members: HashMap::new(),
            hint: None,
        }
    }

    /// Whether messages may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Inside && self.end.is_none() && self.send.is_some()
    }

    /// It is over; the first reason counts.
    pub(super) fn end(&mut self, end: End) {
        self.end.get_or_insert(end);
        (self.send, self.add) = (None, None);
    }

    /// Learns from an event about our operation that joins it.
    pub(super) fn invitation(&mut self, event: &Event) {
        if event.kind == Kind::Completed && event.succeeded == Some(false) {
            self.end(End::Told(event.why()));
        }
        if let Some(subject) = event.text_of("subject") {
            self.note_subject(Some(subject));
        }
    }

    /// Learns from a `conversation` event.
    pub(super) fn conversation(&mut self, event: &Event) {
        if let Some(conversation) = &event.resource {
            self.stands(conversation);
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

    /// Learns from a `conversation` resource.
    pub(super) fn stands(&mut self, conversation: &Document) {
        match conversation.text("state") {
            Some("Conferenced") => self.stage = Stage::Inside,
            Some("InLobby") => self.stage = Stage::InLobby,
            _ => {}
        }
        if let Some(subject) = conversation.text("subject") {
            self.note_subject(Some(subject));
        }
    }

    /// Learns from a `messaging` resource, and from the reason beside it.
    pub(super) fn messaging(&mut self, messaging: &Document, reason: Option<Reason>) {
        let link = |rel| messaging.link(rel).map(str::to_owned);
        (self.send, self.add) = (link("sendMessage"), link("addMessaging"));
        self.takes_html = messaging
            .texts("negotiatedMessageFormats")
            .any(|format| format.eq_ignore_ascii_case("Html"));
        if self.send.is_some() {
            self.adding = Adding::No;
        }
        if messaging.text("state") == Some("Disconnected") {
            self.hint = reason.or_else(|| self.hint.take());
        }
    }

    /// Learns how our attempt to add messages ended; true if the event is about it.
    pub(super) fn added(&mut self, event: &Event) -> bool {
        let is_ours = matches!((&self.adding, event.text_of("operationId")), (Adding::Asked(ours), Some(its)) if ours == its);
        if is_ours && event.kind == Kind::Completed && event.succeeded == Some(false) {
            self.adding = Adding::Failed(event.why());
        }
        is_ours
    }

    /// Notes the subject; true if it is another.
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

    /// Learns who comes and goes, by the participant's address.
    pub(super) fn roster(&mut self, event: &Event, participant: &str) {
        match event.kind {
            Kind::Added | Kind::Updated => self.note_member(participant, event.link.title.clone()),
            Kind::Deleted => drop(self.members.remove(participant)),
            _ => {}
        }
    }

    /// Notes what a member is called; without a name, that nobody knows it.
    pub(super) fn note_member(&mut self, participant: &str, name: Option<String>) {
        if self.members.len() < MEMBERS_MAX || self.members.contains_key(participant) {
            let member = self.members.entry(participant.to_owned()).or_default();
            member.name = name.or_else(|| member.name.take());
        }
    }

    /// Whether the server is to be asked what a member is called: once.
    pub(super) fn ask_for(&mut self, participant: &str) -> bool {
        self.note_member(participant, None);
        self.members
            .get_mut(participant)
            .is_some_and(|member| !std::mem::replace(&mut member.was_asked_for, true))
    }

    /// What a member is called, as far as anybody said.
    pub(super) fn name_of(&self, participant: &str) -> Option<&str> {
        self.members.get(participant)?.name.as_deref()
    }

    /// Whom a message reached whose delivery is reported as failed: the report lists whom it missed, as addresses are
    /// compared. A meeting that was gone on with has members that nobody told us of.
    pub(super) fn reached(&self, missed: &HashSet<String>) -> Reached {
        let all_missed = self.members.keys().all(|member| missed.contains(member));
        match () {
            () if missed.is_empty() && self.members.len() > 1 => Reached::Unclear,
            () if !missed.is_empty() && !all_missed => Reached::Some,
            () if self.is_roster_whole && !self.members.is_empty() => Reached::Nobody,
            () => Reached::Unclear,
        }
    }
}

/// Whom a message reached, of a meeting's members, where its delivery is reported as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// Some, and missed others: it was posted.
    Some,
    /// Nobody.
    Nobody,
    /// Perhaps somebody.
    Unclear,
}

/// Whom an address of a participant names; guests have none that anybody could write to.
pub(super) fn sender_of(participant: &str, uri: Option<&str>) -> String {
    let known = uri
        .and_then(Sip::parse)
        .or_else(|| Sip::of_href(participant));
    known.map_or_else(
        || super::protocol::address::last_segment(participant).to_owned(),
        |sip| sip.uri(),
    )
}

#[cfg(test)]
mod tests {
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
                "participant" if event.within.is_none() => meeting.roster(&event, &event.link.href),
                _ => {}
            }
        }
    }

    #[test]
    fn a_meeting_is_entered_and_somebody_ends_it() {
        let mut meeting = meeting();
        play(
            &mut meeting,
            include_bytes!("../../../tests/fuzz/corpus/ucwa_package/conferenced.json"),
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
            (meeting.name_of(lene), meeting.members.len()),
            (Some("Lene Aaling"), 1)
        );
        assert_eq!(sender_of(lene, None), "sip:lenea@contoso.com");
        assert_eq!(sender_of("/participants/guest7", None), "guest7");
        play(
            &mut meeting,
            include_bytes!("../../../tests/fuzz/corpus/ucwa_package/connected.json"),
        );
        assert!(meeting.is_open() && meeting.add.is_none());
        play(
            &mut meeting,
            include_bytes!("../../../tests/fuzz/corpus/ucwa_package/ejected.json"),
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

    #[test]
    fn a_message_that_missed_some_was_posted() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<HashSet<String>>()
        };
        for (members, missed, is_whole, reached) in [
            (&["lene", "olaf"][..], &["lene"][..], true, Reached::Some),
            (&["lene"], &["olaf"], true, Reached::Some),
            (&["lene", "olaf"], &["lene", "olaf"], true, Reached::Nobody),
            (&["lene"], &[], true, Reached::Nobody),
            (&["lene", "olaf"], &[], true, Reached::Unclear),
            (&[], &["lene"], true, Reached::Unclear),
            (&["lene"], &["lene"], false, Reached::Unclear),
        ] {
            let mut meeting = meeting();
            members
                .iter()
                .for_each(|name| meeting.note_member(name, None));
            meeting.is_roster_whole = is_whole;
            assert_eq!(
                meeting.reached(&names(missed)),
                reached,
                "{missed:?} of {members:?}"
            );
        }
    }
}
