//! What the hub knows of one agent and of one conversation.

use super::spans::Span;
use crate::model::{AgentId, AgentKey, ConversationKey, Record, Seq};
use std::collections::VecDeque;
use std::sync::Arc;

/// One conversation in memory.
#[derive(Default)]
pub(super) struct Conversation {
    /// The seq of its newest message or change.
    pub(super) last: Seq,
    /// Its messages and their changes within the window.
    pub(super) recent: VecDeque<Arc<Record>>,
    /// The agents whose stay in it lasts.
    pub(super) members: Vec<AgentKey>,
}

/// One agent as its readers see it.
pub(super) struct Agent {
    pub(super) id: AgentId,
    /// Sorted by conversation and start, so that one of 40,000 is found without a walk.
    pub(super) spans: Vec<Span>,
    /// Its notices within the window; an agent without any has no allocation.
    pub(super) notices: VecDeque<Arc<Record>>,
    /// The seq of its newest notice.
    pub(super) last_notice: Seq,
}

impl Agent {
    /// Drops ended spans below `floor`, but only when the list is about to grow: each of 40,000
    /// joins walked it otherwise.
    pub(super) fn make_room(&mut self, floor: Seq) {
        if self.spans.len() == self.spans.capacity() {
            self.spans.retain(|old| old.is_open() || old.until > floor);
            if self.spans.len() > self.spans.capacity() / 2 {
                self.spans.reserve(self.spans.len());
            }
        }
    }

    /// The index of the first span in a conversation.
    fn from(&self, conversation: ConversationKey) -> usize {
        self.spans
            .partition_point(|span| span.conversation < conversation)
    }

    /// Its spans in a conversation.
    pub(super) fn stays(
        &mut self,
        conversation: ConversationKey,
    ) -> impl Iterator<Item = &mut Span> {
        let from = self.from(conversation);
        self.spans[from..]
            .iter_mut()
            .take_while(move |span| span.conversation == conversation)
    }

    /// Whether a stay in that conversation lasts.
    pub(super) fn is_inside(&self, conversation: ConversationKey) -> bool {
        let stays = &self.spans[self.from(conversation)..];
        stays
            .iter()
            .take_while(|span| span.conversation == conversation)
            .any(Span::is_open)
    }
}
