//! A text that becomes several messages (§messages/split).
//!
//! Each piece is a post of its own, sent once the one before is recorded, so they stay in order.
//! The first has the key of the whole, the others keys made from it: a repeat finds the pieces that
//! went out and sends the rest. Throttles count the whole once. Rejected: one post that a connector
//! cuts, because each connector would need the cuts, and none could repeat a part.

use super::Collaboration;
use super::posting::{Wanted, posted};
use crate::error::{Error, Result};
use crate::model::{Content, NewMessage, Posted};
use std::time::Duration;

impl Collaboration {
    /// Posts the pieces of `message`, whose first is `first`, and returns the first. What was
    /// posted before is not posted again.
    pub(super) async fn post_pieces(
        &self,
        first: Wanted,
        message: NewMessage,
        pieces: Vec<Content>,
        due: Duration,
    ) -> Result<Posted> {
        let key = message.key.as_ref();
        let digest = key.map(|_| message.content.digest());
        // An answer that was given is neither a conflict nor completed with other words.
        let is_answer = key.is_some() && message.digest().is_none();
        if is_answer
            && let Some((row, said)) = self.row_of(&first.conversation, &first.origin).await?
            && said != digest
        {
            return posted(row, true);
        }
        let (place, capabilities) = (first.conversation.clone(), first.capabilities);
        let total = pieces.len();
        let mut pieces = pieces.into_iter();
        let content = pieces.next().expect("a text has a piece at least");
        let begin = Wanted { digest, ..first };
        let (row, repeated) = self.say(begin, content, due).await?;
        let mut whole = posted(row, repeated)?;
        for (content, n) in pieces.zip(1..) {
            let key = key.map(|key| key.of_piece(n));
            let sent = async {
                let wanted = Wanted {
                    origin: self.origin(&place.channel, key.as_ref()),
                    is_keyed: key.is_some(),
                    is_free: true,
                    digest,
                    conversation: place.clone(),
                    capabilities,
                    joined: self.joined(&place.channel, due).await?,
                    answers: None,
                    changes: None,
                };
                self.say(wanted, content, due).await
            };
            let sent = sent.await.map_err(|error| incomplete(n, total, &error))?;
            whole.repeated &= sent.1;
        }
        Ok(whole)
    }
}

/// The error of a text of which only the first `sent` pieces are posted for certain.
fn incomplete(sent: usize, total: usize, error: &Error) -> Error {
    Error::OutcomeUnknown(format!(
        "{sent} of {total} messages are posted, the next one failed: {error}"
    ))
}
