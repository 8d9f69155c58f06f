//! Whether the server has everything that was sent so far: it is asked something, and handles a
//! stream in order.

use super::core::Core;
use super::ns;
use super::state::LinkState;
use super::xml::Element;
use crate::backend::BackendError;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the server may take to confirm that it has what it was sent.
const FENCE_MAX: Duration = Duration::from_secs(60);
impl Core {
    /// Waits until the server has everything sent so far: what it refused of it has come back by
    /// then. At most a minute.
    pub(super) async fn fence(&self) -> Result<(), BackendError> {
        let late = || {
            Err(BackendError::unreachable(
                "the server does not confirm what it was sent",
            ))
        };
        self.inbox
            .within(FENCE_MAX, self.reach())
            .await
            .unwrap_or_else(late)
    }

    /// Like [`Core::fence`], but without a limit, for callers that have their own deadline.
    pub(super) async fn reach(&self) -> Result<(), BackendError> {
        let (reached, reaches) = oneshot::channel();
        let ask = {
            let mut state = self.state.lock();
            if let Some(error) = &state.over {
                return Err(error.clone());
            }
            if state.fence.asked.is_some() {
                state.fence.next.push(reached);
                None
            } else {
                state.fence.waiting.push(reached);
                Some(self.begin_fence(&mut state))
            }
        };
        if let Some(ask) = ask {
            self.send(&ask)?;
        }
        reaches.await.map_err(|_| self.why_over())
    }

    fn begin_fence(&self, state: &mut LinkState) -> Element {
        let (id, question) = self.question(state);
        state.fence.asked = Some(id);
        question
    }

    fn question(&self, state: &mut LinkState) -> (String, Element) {
        state.next += 1;
        let id = format!("{}-f{:x}", self.salt, state.next);
        // A component asks itself through the server; an account asks its server.
        let (from, to) = if self.is_component {
            (Some(self.jid.as_str()), self.jid.as_str())
        } else {
            (None, self.jid.domain())
        };
        let ping = Element::new("ping", ns::PING);
        let question = Element::stanza("iq")
            .with("type", "get")
            .with("id", id.as_str())
            .with_some("from", from)
            .with("to", to);
        (id, question.child(ping))
    }

    /// Asks once more beside a question that is long unanswered though other things come: a server
    /// handles a stream in order, so if the later one comes back first, the other went to somebody
    /// else or was lost.
    pub(super) fn ask_again(&self) {
        let mut state = self.state.lock();
        if state.fence.asked.is_none() {
            return;
        }
        let (id, question) = self.question(&mut state);
        state.fence.again = Some(id);
        drop(state);
        if let Err(error) = self.send(&question) {
            self.fail(error);
        }
    }

    /// Returns whether this is our own request that came back, or the answer to it.
    pub(super) fn came_round(&self, id: &str) -> bool {
        let state = self.state.lock();
        let (is_first, is_again) = (
            state.fence.asked.as_deref() == Some(id),
            state.fence.again.as_deref() == Some(id),
        );
        drop(state);
        if is_first {
            self.fence_reached();
        } else if is_again {
            self.fail(BackendError::unreachable(
                "the server answers only some requests",
            ));
        }
        is_first || is_again
    }

    fn fence_reached(&self) {
        let mut state = self.state.lock();
        let waiting = std::mem::take(&mut state.fence.waiting);
        (state.fence.asked, state.fence.again) = (None, None);
        let mut ask = None;
        if !state.fence.next.is_empty() {
            state.fence.waiting = std::mem::take(&mut state.fence.next);
            ask = Some(self.begin_fence(&mut state));
        }
        drop(state);
        for waiter in waiting {
            let _ = waiter.send(());
        }
        if let Some(ask) = ask
            && let Err(error) = self.send(&ask)
        {
            self.fail(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fuzz;
    use crate::backend::recorder::Recorder;
    use futures_util::FutureExt;

    #[test]
    fn a_question_that_is_overtaken_is_lost_and_ends_the_link() {
        let recorder = Recorder::by_hand();
        let (core, _line) = fuzz::core(&recorder);
        let again = |core: &super::Core| {
            core.ask_again();
            core.state.lock().fence.again.clone()
        };
        assert_eq!(again(&core), None, "nothing was asked");
        let mut fence = Box::pin(core.fence());
        assert!(fence.as_mut().now_or_never().is_none());
        let first = core.state.lock().fence.asked.clone().expect("asked");
        let second = again(&core).expect("asked again");
        assert!(
            core.came_round(&first) && fence.now_or_never().is_some_and(|reached| reached.is_ok())
        );
        assert!(
            !core.came_round(&second) && recorder.lost().is_none(),
            "late, and no harm"
        );

        let mut fence = Box::pin(core.fence());
        assert!(fence.as_mut().now_or_never().is_none());
        let second = again(&core).expect("asked again");
        assert!(core.came_round(&second));
        assert!(
            recorder
                .lost()
                .is_some_and(|error| error.reason.contains("only some requests"))
        );
        assert!(fence.now_or_never().is_some_and(|reached| reached.is_err()));
    }
}
