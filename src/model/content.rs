//! What a message says, in whichever direction it travels.
//!
//! Outgoing and received messages, rows of the journal and messages as they are read all hold one
//! [`Content`], so that a new kind of content is added here and nowhere else. Rejected: a `Deref`
//! from each of them to its content, which would hide which fields belong to the content.

use super::{DisplayMode, MessageId, Part, visible_text};
use sha2::{Digest, Sha256};

/// Bytes that a part takes beside its text.
const PART: usize = 96;

/// A classification marking; it is passed on unread (§messages/markings).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Classification {
    /// The opaque list of markings.
    pub token: String,
}

impl Classification {
    /// That marking.
    pub fn new(token: impl Into<String>) -> Classification {
        Classification {
            token: token.into(),
        }
    }
}

/// A security context, carried through unread.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SecurityContext {
    /// Its id.
    pub id: String,
    /// What people see.
    pub display_text: Option<String>,
}

impl SecurityContext {
    /// A context of that id, of which people see nothing.
    pub fn new(id: impl Into<String>) -> SecurityContext {
        SecurityContext {
            id: id.into(),
            display_text: None,
        }
    }

    /// Sets what people see. Default: nothing.
    #[must_use]
    pub fn display_text(mut self, text: impl Into<String>) -> SecurityContext {
        self.display_text = Some(text.into());
        self
    }
}

/// 128 bits of SHA-256 over a content: two posts with one key say the same if theirs are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentDigest(pub(crate) [u8; 16]);

/// What a message says: its parts, its subject and its markings.
///
/// ```
/// use switchboard::Content;
///
/// let content = Content::text("the pump is loud").alert().story("Pump 3");
/// assert_eq!(content.visible_text(), "the pump is loud");
/// assert_eq!(content.subject.as_deref(), Some("Pump 3"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Content {
    /// A story's subject; empty counts as none.
    pub subject: Option<String>,
    /// Whether it asks for attention.
    pub alert: bool,
    /// Whether a program wrote it by itself, as the chat system marks it: an IRC NOTICE, for
    /// example. A bot that answers such a message may talk to another bot for ever.
    pub automatic: bool,
    /// The text in parts; one plain part for a plain text.
    pub parts: Vec<Part>,
    /// Its classification.
    pub classification: Option<Classification>,
    /// Its security contexts.
    pub security_contexts: Vec<SecurityContext>,
    /// The message that it answers.
    pub in_reply_to: Option<MessageId>,
    /// The thread that it belongs to, as the chat system names it.
    pub thread: Option<String>,
}

impl Content {
    /// A plain text.
    pub fn text(text: impl Into<String>) -> Content {
        Content::parts(vec![Part::Text(text.into())])
    }

    /// Several parts.
    pub fn parts(parts: Vec<Part>) -> Content {
        Content {
            parts,
            ..Content::default()
        }
    }

    /// Makes it an alert (§messages/story).
    #[must_use]
    pub fn alert(mut self) -> Content {
        self.alert = true;
        self
    }

    /// Marks it as written by a program, where the chat system has such a mark.
    #[must_use]
    pub fn automatic(mut self) -> Content {
        self.automatic = true;
        self
    }

    /// Makes it a story with that subject (§messages/story).
    #[must_use]
    pub fn story(mut self, subject: impl Into<String>) -> Content {
        self.subject = Some(subject.into());
        self
    }

    /// Marks it with a classification.
    #[must_use]
    pub fn classification(mut self, token: impl Into<String>) -> Content {
        self.classification = Some(Classification::new(token));
        self
    }

    /// Marks it with security contexts.
    #[must_use]
    pub fn security_contexts(mut self, contexts: Vec<SecurityContext>) -> Content {
        self.security_contexts = contexts;
        self
    }

    /// The text a reader sees: that of all parts, in order.
    pub fn visible_text(&self) -> String {
        visible_text(&self.parts)
    }

    /// The digest of everything it says. It is stored, so what goes into it never changes.
    pub(crate) fn digest(&self) -> ContentDigest {
        let mut hash = Sha256::new();
        // Each text with its length, so that no two contents give the same bytes.
        let mut text = |text: Option<&str>| match text {
            Some(text) => {
                hash.update(((text.len() as u64) << 1 | 1).to_be_bytes());
                hash.update(text);
            }
            None => hash.update(0u64.to_be_bytes()),
        };
        text(self.subject.as_deref());
        text(match (self.alert, self.automatic) {
            (false, false) => None,
            (true, false) => Some("alert"),
            (false, true) => Some("automatic"),
            (true, true) => Some("automatic alert"),
        });
        for part in &self.parts {
            let (kind, first, second) = match part {
                Part::Text(said) => ("text", said, None),
                Part::Hyperlink { text, url } => ("link", text, Some(url)),
                Part::ChannelLink { channel, name } => ("channel", channel, Some(name)),
                Part::Hashtag(tag) => ("hashtag", tag, None),
                Part::CodeBlock {
                    code,
                    language,
                    display: DisplayMode::Inline,
                } => ("code", code, language.as_ref()),
                Part::CodeBlock { code, language, .. } => ("block", code, language.as_ref()),
                Part::Emoji(emoji) => ("emoji", emoji, None),
                Part::Mention { address, name } => ("mention", address, Some(name)),
                Part::Attachment(file) => ("attachment", &file.url, Some(&file.name)),
                Part::Unreadable { method } => ("unreadable", method, None),
            };
            text(Some(kind));
            text(Some(first));
            text(second.map(String::as_str));
        }
        text(None);
        let classification = self.classification.as_ref();
        text(classification.map(|classification| classification.token.as_str()));
        for context in &self.security_contexts {
            text(Some(&context.id));
            text(context.display_text.as_deref());
        }
        // Added later: what has neither keeps its digest.
        if let Some(answered) = &self.in_reply_to {
            text(Some("reply"));
            text(Some(answered.as_str()));
        }
        if let Some(thread) = &self.thread {
            text(Some("thread"));
            text(Some(thread));
        }
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        ContentDigest(digest)
    }

    /// Bytes of the whole content: every part with its address and language, subject, markings and
    /// contexts.
    ///
    /// Every limit on size, memory and storage uses these bytes and never the visible text alone: a
    /// link shows one character and may carry an address of 900 KB.
    pub(crate) fn bytes(&self) -> usize {
        let context = |context: &SecurityContext| {
            16 + context.id.len() + context.display_text.as_ref().map_or(0, String::len)
        };
        self.parts
            .iter()
            .map(|part| PART + part.bytes())
            .sum::<usize>()
            + self.subject.as_ref().map_or(0, String::len)
            + self
                .classification
                .as_ref()
                .map_or(0, |classification| classification.token.len())
            + self.security_contexts.iter().map(context).sum::<usize>()
            + self.in_reply_to.as_ref().map_or(0, |id| id.as_str().len())
            + self.thread.as_ref().map_or(0, String::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_that_differ_have_different_digests_and_the_stored_ones_stay() {
        let link = |text: &str, url: &str| Part::Hyperlink {
            text: text.into(),
            url: url.into(),
        };
        let code = |language: Option<&str>, display| Part::CodeBlock {
            code: "a".into(),
            language: language.map(Into::into),
            display,
        };
        let context = |display: Option<&str>| SecurityContext {
            id: "a".into(),
            display_text: display.map(Into::into),
        };
        let contents = [
            Content::text(""),
            Content::text("a"),
            Content::text("ab"),
            Content::text("a").alert(),
            Content::text("a").automatic(),
            Content::text("a").alert().automatic(),
            Content::text("a").story(""),
            Content::text("a").story("a"),
            Content::text("a").classification("a"),
            Content::text("a").security_contexts(vec![context(None)]),
            Content::text("a").security_contexts(vec![context(Some(""))]),
            Content {
                in_reply_to: MessageId::parse("a").ok(),
                ..Content::text("a")
            },
            Content {
                thread: Some("a".into()),
                ..Content::text("a")
            },
            Content::parts(vec![]),
            Content::parts(vec![Part::Text("a".into()), Part::Text("b".into())]),
            Content::parts(vec![Part::Hashtag("a".into())]),
            Content::parts(vec![Part::Emoji("a".into())]),
            Content::parts(vec![link("a", "b")]),
            Content::parts(vec![link("ab", "")]),
            Content::parts(vec![code(None, DisplayMode::Inline)]),
            Content::parts(vec![code(None, DisplayMode::Block)]),
            Content::parts(vec![code(Some(""), DisplayMode::Block)]),
        ];
        for (n, one) in contents.iter().enumerate() {
            for (m, other) in contents.iter().enumerate() {
                assert_eq!(one.digest() == other.digest(), n == m, "{one:?} {other:?}");
            }
        }
        let stored = u128::from_be_bytes(Content::text("a").digest().0);
        assert_eq!(format!("{stored:032x}"), "eec70027005f7e275cf7c26aaa490e78");
    }
}
