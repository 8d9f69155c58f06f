//! The size of a message in an answer, roughly: JSON and XML write names around each part, and six
//! characters for one that must be escaped.
//!
//! Answers are bounded by this size and not by the size in the journal: 150 messages of empty parts
//! became 24 MiB of JSON, and the history of their room could no longer be read.

use super::{Message, Part, Reaction};

/// Names and punctuation around a message.
const MESSAGE: usize = 600;
/// Names and punctuation around a part or a context.
const PART: usize = 200;

impl Message {
    /// Bytes in an answer, roughly.
    pub(crate) fn encoded_bytes(&self) -> usize {
        let part = |part: &Part| match part {
            Part::Text(text) | Part::Hashtag(text) | Part::Emoji(text) => escaped(text),
            Part::Hyperlink { text, url } => escaped(text) + escaped(url),
            Part::ChannelLink { channel, name } => escaped(channel) + escaped(name),
            Part::CodeBlock { code, language, .. } => {
                escaped(code) + language.as_deref().map_or(0, escaped)
            }
            Part::Mention { address, name } => escaped(address) + escaped(name),
            Part::Attachment(file) => {
                escaped(&file.url)
                    + escaped(&file.name)
                    + file.media_type.as_deref().map_or(0, escaped)
            }
            Part::Unreadable { method } => escaped(method),
        };
        let content = &self.content;
        let said = [
            Some(&self.text),
            Some(&self.sender),
            self.sender_alias.as_ref(),
            content.subject.as_ref(),
        ];
        MESSAGE
            + said
                .into_iter()
                .flatten()
                .map(|text| escaped(text))
                .sum::<usize>()
            + content
                .parts
                .iter()
                .map(|it| PART + part(it))
                .sum::<usize>()
            + content
                .classification
                .as_ref()
                .map_or(0, |classification| escaped(&classification.token))
            + content
                .security_contexts
                .iter()
                .map(|it| PART + escaped(&it.id) + it.display_text.as_deref().map_or(0, escaped))
                .sum::<usize>()
            + self.reactions.iter().map(Reaction::bytes).sum::<usize>()
    }
}

/// The size of a text in JSON or XML, whichever is larger.
fn escaped(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            0..0x20 | 0x7f => 6,
            b'"' | b'&' | b'\'' => 6,
            b'<' | b'>' => 4,
            b'\\' => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelId, ConversationKey, MessageId, Record, What};
    use std::sync::Arc;

    /// A room full of people can react to one message.
    #[test]
    fn reactions_count_in_an_answer_and_in_memory() {
        let id = MessageId::parse("1").unwrap();
        let channel = ChannelId::parse("chat-room:a").unwrap();
        let time = chrono::DateTime::UNIX_EPOCH;
        let mut message = Message::plain(id, channel, "s", "v", time);
        let set = vec!["x".repeat(64); 20];
        message.reactions = vec![Reaction::new("s", set); 1000];
        let texts = 1000 * 20 * 64;
        assert!(message.encoded_bytes() > texts);
        let record = Record {
            seq: 1,
            committed: 0,
            what: What::Message {
                conversation: ConversationKey(1),
                sender_agent: None,
                message: Arc::new(message),
                revised: None,
            },
        };
        assert!(record.weight() > texts);
    }

    #[test]
    fn empty_parts_and_escapes_count_as_they_are_written() {
        let message = |parts: Vec<Part>| {
            let id = MessageId::parse("1").unwrap();
            let mut message = Message::plain(
                id,
                ChannelId::parse("chat-room:a").unwrap(),
                "s",
                "v",
                chrono::DateTime::UNIX_EPOCH,
            );
            message.content.parts = parts;
            message.encoded_bytes()
        };
        let empty = Part::Hyperlink {
            text: String::new(),
            url: String::new(),
        };
        assert!(message(vec![empty; 500]) >= 500 * 110);
        assert!(
            message(vec![Part::Hyperlink {
                text: "v".into(),
                url: "\u{1}".repeat(64_000)
            }]) >= 6 * 64_000
        );
        assert!(message(vec![Part::Text("v".into())]) < 1_000);
    }
}
