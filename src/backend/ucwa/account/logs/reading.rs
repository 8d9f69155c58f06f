//! The server's logs of conversations, as documents (§ucwa/logs). Pure.

use super::heard::digest;
use crate::backend::Received;
use crate::backend::ucwa::account::message::text_of;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::{data_uri, markup};
use crate::model::{Content, MessageId};
use sha2::{Digest, Sha256};

/// One logged conversation.
pub(super) struct Log {
    /// Where its messages are.
    pub(super) transcripts: String,
    /// With whom it was, if it was with one person.
    with: Option<Sip>,
}

impl Log {
    /// Reads a log; `None` if it has no messages, or is a meeting's.
    pub(super) fn of(log: &Document) -> Option<Log> {
        let is_meeting = log
            .text("onlineMeetingUri")
            .is_some_and(|uri| !uri.is_empty());
        let mut modalities = log.texts("modalities").peekable();
        let has_messages = modalities.peek().is_none()
            || modalities.any(|modality| modality.eq_ignore_ascii_case("Messaging"));
        if is_meeting || !has_messages {
            return None;
        }
        let mut recipients = log.all_embedded("conversationLogRecipient");
        let with = recipients.next().and_then(|recipient| {
            let uri = recipient.text("sipUri").and_then(Sip::parse);
            uri.or_else(|| recipient.link("contact").and_then(Sip::of_href))
        });
        Some(Log {
            transcripts: log.link("conversationLogTranscripts")?.to_owned(),
            with: with.filter(|_| recipients.next().is_none()),
        })
    }

    /// Reads a page of messages: what others said, with whose each is.
    pub(super) fn said(&self, page: &Document) -> Vec<(Sip, Received)> {
        let transcripts = page.all_embedded("conversationLogTranscript");
        transcripts.filter_map(|one| self.message(one)).collect()
    }

    fn message(&self, transcript: &Document) -> Option<(Sip, Received)> {
        // A link to `me` says that the agent said it.
        if transcript.link("me").is_some() {
            return None;
        }
        let from = transcript.link("contact").and_then(Sip::of_href);
        let from = from.or_else(|| self.with.clone())?;
        let time = transcript.time("timeStamp")?;
        let href = text_of(transcript.embedded("messageTranscript")?)?;
        let (format, text) = data_uri::decode(href)?;
        let content = Content::parts(markup::read(format, &text)?);
        // What identifies it must be the same in the next application, so it is no address.
        let mut hash = Sha256::new();
        hash.update(from.as_str());
        hash.update(time.timestamp_millis().to_be_bytes());
        hash.update(digest(&content.visible_text()).to_be_bytes());
        let short: String = hash.finalize()[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let id = MessageId::parse(&format!("log/{short}")).ok()?;
        let message = Received::new(id, from.uri(), content).with_time(time);
        Some((from, message))
    }
}
