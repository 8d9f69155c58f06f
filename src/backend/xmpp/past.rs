//! A page of an archive as a history: what changed a message is applied to it, if it is on the page.
//! Pure.
//!
//! What the journal knows of the rest is laid over it by the engine. Rejected: reading on for the
//! messages of changes that are on no page (a correction of last year's message would read the
//! year).

use crate::backend::Received;
use crate::model::{ChangeKind, Content};

/// Returns the newest `take` messages of `newest_first`, oldest first, as they are after the changes
/// among them.
pub(super) fn past(newest_first: Vec<Received>, take: usize) -> Vec<Received> {
    let (changes, mut messages): (Vec<Received>, Vec<Received>) = newest_first
        .into_iter()
        .partition(|received| received.changes.is_some());
    messages.truncate(take);
    messages.reverse();
    for change in changes.into_iter().rev() {
        apply(&mut messages, change);
    }
    messages
}

fn said_by(received: &Received) -> &str {
    received.author.as_deref().unwrap_or(&received.sender)
}

fn apply(messages: &mut [Received], mut change: Received) {
    let Some(changes) = change.changes.take() else {
        return;
    };
    let id = changes.target.as_str();
    let is_its_id = |message: &Received| {
        let own = message.sender_id.as_deref();
        let origin = message.origin.as_ref().map(|origin| origin.as_str());
        let is_own = own == Some(id) || origin == Some(id);
        is_own || (!changes.is_own_id && message.id.as_str() == id)
    };
    let is_authors = |message: &Received| said_by(message) == said_by(&change);
    let is_allowed = |message: &Received| match &changes.kind {
        ChangeKind::Retracted { by_moderator, .. } => *by_moderator || is_authors(message),
        _ => is_authors(message),
    };
    let found = messages
        .iter_mut()
        .rev()
        .find(|message| is_its_id(message) && is_allowed(message));
    match (found, &changes.kind) {
        // Nothing comes after a retraction.
        (Some(message), _) if message.content.parts.is_empty() => {}
        (Some(message), ChangeKind::Edited) => {
            let answered = message.content.in_reply_to.take();
            message.content = change.content;
            let content = &mut message.content;
            content.in_reply_to = content.in_reply_to.take().or(answered);
            message.unquoted = change.unquoted;
        }
        (Some(message), ChangeKind::Retracted { .. }) => {
            message.content = Content::default();
            message.unquoted = None;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Changes;
    use crate::model::MessageId;

    fn id(text: &str) -> MessageId {
        MessageId::parse(text).expect("an id")
    }

    fn said(at: &str, own: &str, who: &str, text: &str) -> Received {
        Received::text(id(at), who, text).with_sender_id(Some(own.to_owned()))
    }

    #[test]
    fn a_page_shows_each_message_after_the_changes_on_it() {
        let retracted = |by_moderator| ChangeKind::Retracted {
            by_moderator,
            reason: None,
        };
        let oldest_first = vec![
            said("1", "a", "lene", "helo"),
            said("2", "b", "bob", "spam"),
            said("3", "c", "lene", "hello").changing(Changes::of_own(id("a"), ChangeKind::Edited)),
            said("4", "d", "eve", "evil").changing(Changes::of_own(id("a"), ChangeKind::Edited)),
            said("5", "e", "eve", "").changing(Changes::new(id("1"), retracted(false))),
            said("6", "f", "room", "").changing(Changes::new(id("2"), retracted(true))),
            said("7", "g", "bob", "again").changing(Changes::of_own(id("b"), ChangeKind::Edited)),
            said("8", "h", "lene", "bye"),
        ];
        let newest_first: Vec<_> = oldest_first.into_iter().rev().collect();
        let texts = |take| {
            let past = past(newest_first.clone(), take);
            past.iter()
                .map(|it| it.content.visible_text())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(10), ["hello", "", "bye"]);
        assert_eq!(texts(2), ["", "bye"]);
    }
}
