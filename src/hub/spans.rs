//! Which messages an agent may see: spans of conversations, as the table `membership` has them.

use crate::model::{AgentKey, ConversationKey, Seq};

/// One stay of an agent in a conversation: it sees `since < seq <= until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) conversation: ConversationKey,
    pub(crate) since: Seq,
    /// `Seq::MAX` while it lasts.
    pub(crate) until: Seq,
}

impl Span {
    pub(crate) fn open(conversation: ConversationKey, since: Seq) -> Span {
        Span {
            conversation,
            since,
            until: Seq::MAX,
        }
    }

    /// What an agent's spans are sorted by.
    pub(super) fn order(&self) -> (ConversationKey, Seq) {
        (self.conversation, self.since)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.until == Seq::MAX
    }

    pub(crate) fn sees(&self, seq: Seq) -> bool {
        self.since < seq && seq <= self.until
    }
}

/// A committed change of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanChange {
    Opened {
        agent: AgentKey,
        span: Span,
    },
    Closed {
        agent: AgentKey,
        conversation: ConversationKey,
        until: Seq,
    },
}
