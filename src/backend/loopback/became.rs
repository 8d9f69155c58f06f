//! What became of one message: its edits, reactions and receipts, without the log it lies in.

use crate::backend::Received;
use crate::model::{ChangeKind, Content, Receipt};
use std::sync::Arc;

/// What became of a message.
#[derive(Default)]
pub(super) struct Became {
    /// Its content, if it was edited.
    pub(super) edited: Option<Content>,
    pub(super) retracted: bool,
    /// By folded name, in the order of the first reactions.
    pub(super) reactions: Vec<(Arc<str>, Vec<String>)>,
    /// Who has read it, and who has received it, by folded name.
    pub(super) receipts: Vec<(Arc<str>, Receipt)>,
}

impl Became {
    pub(super) fn apply(&mut self, who: &Arc<str>, kind: &ChangeKind, content: &Content) {
        match kind {
            ChangeKind::Edited => self.edited = Some(content.clone()),
            ChangeKind::Retracted { .. } => {
                self.retracted = true;
                self.reactions.clear();
            }
            ChangeKind::Reactions(set) => {
                self.reactions
                    .retain(|(known, _)| known != who || !set.is_empty());
                match self.reactions.iter_mut().find(|(known, _)| known == who) {
                    Some((_, known)) => known.clone_from(set),
                    None if set.is_empty() => {}
                    None => self.reactions.push((who.clone(), set.clone())),
                }
            }
            ChangeKind::Receipt(receipt) => {
                match self.receipts.iter_mut().find(|(known, _)| known == who) {
                    Some((_, known)) => *known = (*known).max(*receipt),
                    None => self.receipts.push((who.clone(), *receipt)),
                }
            }
            ChangeKind::Other(_) => {}
        }
    }
}

/// `received` as it stands after what became of it.
pub(super) fn as_it_is_now(received: &Received, became: Option<&Became>) -> Received {
    let mut now = received.clone();
    match became {
        Some(became) if became.retracted => now.content = Content::default(),
        Some(Became {
            edited: Some(content),
            ..
        }) => {
            let answered = now.content.in_reply_to.take();
            now.content = content.clone();
            now.content.in_reply_to = now.content.in_reply_to.take().or(answered);
        }
        _ => {}
    }
    now
}
