//! Requests of a link (XMPP's `iq`), and the results of an archive's query.

use super::core::Core;
use super::errors::StanzaError;
use super::jid::Jid;
use super::state::{Answered, Request};
use super::xml::Element;
use crate::backend::BackendError;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a request may take until it counts as lost.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// The most results kept of one query of an archive.
const RESULTS_MAX: usize = 1000;
/// How long to wait before a request is repeated that was refused for the moment only.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
];

impl Core {
    /// Sends a request to `to` and waits for the answer.
    pub(super) async fn ask(
        &self,
        agent: &Jid,
        to: Option<&str>,
        kind: &'static str,
        payload: Element,
    ) -> Result<Answered, BackendError> {
        let id = self.fresh_id();
        let (answer, answered) = oneshot::channel();
        let request = Request {
            to: to.and_then(Jid::parse).map(|to| to.as_str().to_owned()),
            answer,
        };
        {
            let mut state = self.state.lock();
            if let Some(error) = &state.over {
                return Err(error.clone());
            }
            state.requests.insert(id.clone(), request);
        }
        let _forget = Forget {
            core: self,
            id: &id,
        };
        let iq = Element::stanza("iq")
            .with("type", kind)
            .with("id", id.as_str())
            .with_some("to", to)
            .child(payload);
        self.send(&self.from(agent, iq))?;
        tokio::select! {
            biased;
            answered = answered => answered.map_err(|_| self.why_over()),
            () = self.inbox.sleep(REQUEST_MAX) => {
                Err(BackendError::unreachable(format!("{} did not answer", to.unwrap_or("the server"))))
            }
        }
    }

    /// Asks again, after a pause, while the answer is a refusal for the moment only. What is decided
    /// once by the answer, as whether a room has an archive, must not hang on such a moment.
    pub(super) async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> F::Output
    where
        F: Future<Output = Result<Result<T, StanzaError>, BackendError>>,
    {
        for pause in PAUSES {
            match ask().await? {
                Err(refused) if refused.is_passing() => self.inbox.sleep(pause).await,
                answer => return Ok(answer),
            }
        }
        ask().await
    }

    /// Takes an answer. Returns false if it belongs to no request of this link.
    pub(super) fn answer(&self, stanza: Element) -> bool {
        let Some(id) = stanza.attribute("id") else {
            return false;
        };
        if self.came_round(id) {
            return true;
        }
        let mut state = self.state.lock();
        let from = stanza.attribute("from").and_then(Jid::parse);
        let own = self.jid.bare();
        // Only the entity that was asked may answer. Our own server may leave its name out.
        let is_asked = state
            .requests
            .get(id)
            .is_some_and(|request| match (&request.to, &from) {
                (Some(to), Some(from)) => to == from.as_str() || to == from.bare(),
                (None, Some(from)) => from.bare() == own || from.as_str() == self.jid.domain(),
                (None, None) => true,
                (Some(to), None) => to == own || to == self.jid.domain(),
            });
        let request = if is_asked {
            state.requests.remove(id)
        } else {
            None
        };
        drop(state);
        let Some(request) = request else { return false };
        let answer = if stanza.attribute("type") == Some("error") {
            Err(StanzaError::of(&stanza))
        } else {
            Ok(stanza)
        };
        let _ = request.answer.send(answer);
        true
    }

    /// Results of a query are collected from now on, from that archive (our own: `None`), until
    /// this is dropped.
    pub(super) fn collect<'a>(&'a self, query: &'a str, archive: Option<&str>) -> Collecting<'a> {
        self.state
            .lock()
            .results
            .insert(query.to_owned(), (archive.map(str::to_owned), Vec::new()));
        Collecting { core: self, query }
    }

    /// Takes a message from an archive.
    pub(super) fn found(&self, result: &Element, from: Option<&Jid>) {
        let Some(query) = result.attribute("queryid") else {
            return;
        };
        let mut state = self.state.lock();
        let Some((archive, found)) = state.results.get_mut(query) else {
            return;
        };
        let is_its = match (archive.as_deref(), from) {
            (None, None) => true,
            (None, Some(from)) => from.bare() == self.jid.bare(),
            (Some(archive), Some(from)) => archive == from.bare(),
            (Some(_), None) => false,
        };
        if is_its && found.len() < RESULTS_MAX {
            found.push(result.clone());
        }
    }
}

/// Forgets a request when its caller no longer waits.
struct Forget<'a> {
    core: &'a Core,
    id: &'a str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.core.state.lock().requests.remove(self.id);
    }
}

/// The results of a query under way.
pub(super) struct Collecting<'a> {
    core: &'a Core,
    query: &'a str,
}

impl Collecting<'_> {
    /// Takes the results that have come so far.
    pub(super) fn take(&self) -> Vec<Element> {
        let mut state = self.core.state.lock();
        state
            .results
            .get_mut(self.query)
            .map(|(_, found)| std::mem::take(found))
            .unwrap_or_default()
    }
}

impl Drop for Collecting<'_> {
    fn drop(&mut self) {
        self.core.state.lock().results.remove(self.query);
    }
}
