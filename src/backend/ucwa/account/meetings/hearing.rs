//! What is said in a meeting. Its messages have neither subject nor importance.

use super::Meetings;
use super::roster::{Reached, sender_of};
use crate::backend::Received;
use crate::backend::ucwa::account::effect::Purpose;
use crate::backend::ucwa::account::message::{is_outgoing, text_of};
use crate::backend::ucwa::account::reports::Report;
use crate::backend::ucwa::account::sending::answer_report;
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::{key_of, last_segment};
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::ucwa::protocol::{data_uri, markup};
use crate::model::{Content, MessageId, Part};

/// A message that was read, apart from the name of its sender.
struct Heard {
    id: MessageId,
    parts: Vec<Part>,
    /// The address of the participant who said it, as the server wrote it.
    href: String,
    /// The name that came with that address.
    title: Option<String>,
}

impl Meetings {
    /// A `message` event of a meeting's conversation.
    pub(crate) fn message(&mut self, turn: &mut Turn<'_>, event: Box<Event>) {
        let Some(message) = &event.resource else {
            return;
        };
        let key = key_of(&event.sender.href);
        if is_outgoing(message) {
            if event.kind == Kind::Completed {
                self.reported(turn, &key, &event, message);
            }
            return;
        }
        let Some(heard) = read(turn, &key, &event, message) else {
            return;
        };
        let participant = key_of(&heard.href);
        let mut name = heard.title.clone();
        let mut may_ask = true;
        if let Some(meeting) = self.with_key(&key) {
            if heard.title.is_some() {
                meeting
                    .roster
                    .note_member(&participant, heard.title.clone());
            }
            name = name.or_else(|| meeting.roster.name_of(&participant).map(str::to_owned));
            may_ask = meeting.roster.ask_for(&participant);
        }
        let sender = sender_of(&participant, None);
        let is_clear = name.is_some() && sender.starts_with("sip:");
        if !is_clear
            && may_ask
            && let Ok(url) = turn.profile.url(&heard.href)
        {
            return turn.fetch(Purpose::Participant(event), url);
        }
        self.hear(turn, &key, message, heard, (sender, name));
    }

    /// A message of somebody for whose name the server was asked.
    pub(crate) fn message_of(
        &mut self,
        turn: &mut Turn<'_>,
        event: &Event,
        found: Option<&Document>,
    ) {
        let key = key_of(&event.sender.href);
        let Some(message) = &event.resource else {
            return;
        };
        let Some(heard) = read(turn, &key, event, message) else {
            return;
        };
        let participant = key_of(&heard.href);
        let text = |name| found.and_then(|found: &Document| found.text(name));
        let sender = sender_of(&participant, text("uri"));
        let named = text("name").map(str::trim).filter(|name| !name.is_empty());
        let mut name = named.map(str::to_owned).or_else(|| heard.title.clone());
        if let Some(meeting) = self.with_key(&key) {
            name = name.or_else(|| meeting.roster.name_of(&participant).map(str::to_owned));
            meeting.roster.note_member(&participant, name.clone());
        }
        self.hear(turn, &key, message, heard, (sender, name));
    }

    fn hear(
        &mut self,
        turn: &mut Turn<'_>,
        key: &str,
        message: &Document,
        heard: Heard,
        (sender, name): (String, Option<String>),
    ) {
        let received = Received::new(heard.id, sender, Content::parts(heard.parts))
            .with_alias(name)
            .with_time(message.time("timeStamp").unwrap_or(turn.now));
        match self.with_key(key).map(|meeting| meeting.channel.clone()) {
            Some(channel) => turn.hand_over_message(channel, received, None),
            None => self.stray(key, received),
        }
    }

    /// The delivery of a message of ours was reported.
    fn reported(&mut self, turn: &mut Turn<'_>, key: &str, event: &Event, message: &Document) {
        let Some(meeting) = self.with_key(key) else {
            return;
        };
        let mut report = Report::of(event, key_of(&event.link.href));
        if report.failed.is_some() {
            let missed = message
                .anchors("failedDeliveryParticipant")
                .map(|anchor| key_of(&anchor.href))
                .collect();
            match meeting.roster.reached(&missed) {
                Reached::Some => report.failed = None,
                Reached::Nobody => {}
                Reached::Unclear => report.is_unclear = true,
            }
        }
        if let Some((done, report)) = meeting.reports.report(report) {
            answer_report(turn, key, done, &report);
        }
    }
}

/// Reads a message; `None` if it has no text, or nobody said it.
fn read(turn: &Turn<'_>, key: &str, event: &Event, message: &Document) -> Option<Heard> {
    let (format, text) = data_uri::decode(text_of(message)?)?;
    let participant = message
        .anchor("participant")
        .or_else(|| message.anchor("contact"));
    let participant = participant?;
    Some(Heard {
        parts: markup::read(format, &text)?,
        id: turn
            .profile
            .message_id(key, last_segment(&event.link.href))?,
        href: participant.href.clone(),
        title: participant.title.clone(),
    })
}
