//! One link's heart: what it knows of agents and rooms ([`LinkState`]), its line to the server, and
//! its end.
//!
//! Everything is data under one lock, stepped by the task that reads and by calls of sessions; the
//! lock is never held across a wait. There is no task per agent: a component carries tens of
//! thousands.

use super::config::XmppConfig;
use super::jid::Jid;
use super::outbox::Outbox;
use super::shared::Shared;
use super::state::{Agent, LinkState};
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind, Inbox};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// The largest stanza that is sent, in bytes. Servers end the stream of an account for one of 256
/// KiB, and Prosody the stream of a whole component for one of 512 KiB.
const STANZA_MAX: usize = 255 * 1024;

/// The shared state of one link.
pub(super) struct Core {
    pub(super) inbox: Inbox,
    pub(super) config: Arc<XmppConfig>,
    pub(super) shared: Arc<Shared>,
    /// The component's domain, or the account's address with its resource.
    pub(super) jid: Jid,
    pub(super) is_component: bool,
    /// True if the account has an archive.
    pub(super) has_archive: AtomicBool,
    pub(super) state: Mutex<LinkState>,
    pub(super) outbox: Outbox,
    /// True if something has come since this was last cleared.
    pub(super) heard: AtomicBool,
    /// True while the reader waits for the engine, so that the silence is not the server's.
    pub(super) stalled: AtomicBool,
    ended: watch::Sender<bool>,
    /// The prefix of ids, which nobody can guess.
    pub(super) salt: String,
}

/// Returns random text, with which ids begin so that nobody can guess one.
pub(super) fn salt() -> Result<String, BackendError> {
    let mut salt = [0; 6];
    getrandom::fill(&mut salt)
        .map_err(|error| BackendError::unreachable(format!("no random bytes: {error}")))?;
    Ok(salt.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Core {
    pub(super) fn new(
        inbox: Inbox,
        config: Arc<XmppConfig>,
        shared: Arc<Shared>,
        jid: Jid,
        is_component: bool,
        outbox: Outbox,
    ) -> Result<Core, BackendError> {
        let salt = salt()?;
        Ok(Core {
            inbox,
            config,
            shared,
            jid,
            is_component,
            has_archive: AtomicBool::new(false),
            state: Mutex::default(),
            outbox,
            heard: AtomicBool::new(true),
            stalled: AtomicBool::new(false),
            ended: watch::Sender::new(false),
            salt,
        })
    }

    /// Returns an id that nobody can guess and that no earlier link has used.
    pub(super) fn fresh_id(&self) -> String {
        let mut state = self.state.lock();
        state.next += 1;
        format!("{}-{:x}", self.salt, state.next)
    }

    /// Puts a stanza into the line to the server. One that is too large is refused: it would end the
    /// stream, and with it every agent.
    pub(super) fn send(&self, stanza: &Element) -> Result<(), BackendError> {
        let text = stanza.to_xml();
        if text.len() > STANZA_MAX {
            let kind = BackendErrorKind::TooLarge(STANZA_MAX as u64);
            return Err(BackendError::new(
                kind,
                "the stanza is too large for the server",
            ));
        }
        self.outbox.put(text)
    }

    /// Adds the agent as the sender of a stanza: on a component we do, on an account the server
    /// does.
    pub(super) fn from(&self, agent: &Jid, stanza: Element) -> Element {
        if self.is_component {
            stanza.with("from", agent.as_str())
        } else {
            stanza
        }
    }

    /// Ends the link with that reason. Only the first reason counts.
    pub(super) fn fail(&self, error: BackendError) {
        if self.finish(&error) {
            self.inbox.lost(error);
        }
    }

    /// Tells everything that waits that the link has ended. Returns true on the first call.
    pub(super) fn finish(&self, error: &BackendError) -> bool {
        let mut state = self.state.lock();
        if state.over.is_some() {
            return false;
        }
        state.over = Some(error.clone());
        let requests = std::mem::take(&mut state.requests);
        let fence = std::mem::take(&mut state.fence);
        let agents = std::mem::take(&mut state.agents);
        let rooms = std::mem::take(&mut state.rooms);
        drop(state);
        for agent in agents.values() {
            for (room, seat) in &agent.seats {
                self.shared.vacate(room, &seat.nick, agent.session);
            }
        }
        drop((requests, fence, agents, rooms));
        self.outbox.close();
        self.ended.send_replace(true);
        true
    }

    /// Returns the reason why the link has ended.
    pub(super) fn why_over(&self) -> BackendError {
        let over = self.state.lock().over.clone();
        over.unwrap_or_else(|| {
            BackendError::new(BackendErrorKind::Unreachable, "the connection is closed")
        })
    }

    /// Waits until the link has ended.
    pub(super) async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Hands an item to the engine. Meanwhile silence does not count against the server.
    pub(super) async fn hand_over(&self, item: crate::backend::Inbound) {
        self.stalled.store(true, Ordering::Relaxed);
        let sent = self.inbox.send(item).await;
        self.stalled.store(false, Ordering::Relaxed);
        if sent.is_err() {
            self.fail(BackendError::unreachable("the engine has closed this link"));
        }
    }

    /// Calls `look` with an agent that is signed in with that session.
    pub(super) fn with_agent<T>(
        &self,
        bare: &str,
        session: u64,
        look: impl FnOnce(&mut Agent) -> T,
    ) -> Result<T, BackendError> {
        let mut state = self.state.lock();
        match state
            .agents
            .get_mut(bare)
            .filter(|agent| agent.session == session)
        {
            Some(agent) => Ok(look(agent)),
            None => Err(state
                .over
                .clone()
                .unwrap_or_else(|| BackendError::unreachable("the agent is no longer signed in"))),
        }
    }
}
