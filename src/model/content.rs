//! What a message says, in whichever direction it travels.
//!
//! Outgoing and received messages, rows of the journal and messages as they are read all hold one
//! [`Content`], so that a new kind of content is added here and nowhere else. Rejected: a `Deref`
//! from each of them to its content, which would hide which fields belong to the content.

use super::{Part, visible_text};

/// Bytes that a part takes beside its text.
const PART: usize = 96;

/// A classification marking; it is passed on unread (§messages/markings).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Classification {
    /// The opaque list of markings.
    pub token: String,
}

/// A security context, carried through unread.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecurityContext {
    /// Its id.
    pub id: String,
    /// What people see.
    pub display_text: Option<String>,
}

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
    /// The text in parts; one plain part for a plain text.
    pub parts: Vec<Part>,
    /// Its classification.
    pub classification: Option<Classification>,
    /// Its security contexts.
    pub security_contexts: Vec<SecurityContext>,
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

    /// Makes it a story with that subject (§messages/story).
    #[must_use]
    pub fn story(mut self, subject: impl Into<String>) -> Content {
        self.subject = Some(subject.into());
        self
    }

    /// Marks it with a classification.
    #[must_use]
    pub fn classification(mut self, token: impl Into<String>) -> Content {
        self.classification = Some(Classification {
            token: token.into(),
        });
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
    }
}
