//! Typing notices of agents: shown to the contact until they end, by themselves after a while
//! (§channels/typing).

use super::outbox::Shared;
use super::session::LoopbackSession;
use crate::backend::Inbox;
use std::sync::Arc;
use std::time::Duration;

/// How long a contact sees an agent typing without a new notice.
const TYPING_SHOWN: Duration = Duration::from_secs(30);

impl LoopbackSession {
    /// Shows a contact that the agent types, or no longer. A new notice replaces the timer of the
    /// one before.
    pub(super) fn compose(&self, to: &Arc<str>, composing: bool) {
        let pair = (self.name.clone(), to.clone());
        if !composing {
            let (old, _) = self.act(|state| {
                let old = state.typing.remove(&pair);
                state.show_typing(&pair.0, &pair.1, false);
                old
            });
            old.into_iter().for_each(|(_, timer)| timer.abort());
            return;
        }
        let number = {
            let mut state = self.shared.0.lock();
            state.next_typing += 1;
            state.next_typing
        };
        let ends = typing_ends(
            self.shared.clone(),
            self.inbox.clone(),
            pair.clone(),
            number,
        );
        let timer = self.inbox.start(ends);
        let (old, _) = self.act(|state| {
            state.show_typing(&pair.0, &pair.1, true);
            state.typing.insert(pair, (number, timer))
        });
        old.into_iter().for_each(|(_, timer)| timer.abort());
    }
}

async fn typing_ends(shared: Arc<Shared>, inbox: Inbox, pair: (Arc<str>, Arc<str>), number: u64) {
    inbox.sleep(TYPING_SHOWN).await;
    shared.act_holding(Some(inbox.busy()), |state| {
        if state
            .typing
            .get(&pair)
            .is_some_and(|(shown, _)| *shown == number)
        {
            state.typing.remove(&pair);
            state.show_typing(&pair.0, &pair.1, false);
        }
    });
}
