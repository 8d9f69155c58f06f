//! One link's heart: what it knows of agents and rooms, what it has asked and not been answered.
//!
//! Everything is data under one lock, stepped by the task that reads and by calls of sessions; the lock is never
//! held across a wait. There is no task per agent: a component carries tens of thousands.

use super::config::XmppConfig;
use super::disco::RoomInfo;
use super::errors::StanzaError;
use super::held::{Held, Recent};
use super::jid::Jid;
use super::ns;
use super::outbox::Outbox;
use super::presence::Resources;
use super::shared::Shared;
use super::strays::Strays;
use super::upload::Service;
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind, ChannelId, Inbox, ResumePoint};
use crate::model::{Address, AgentKey};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// A request that takes longer counts as lost.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// How long the server may take to say that it has what it was sent.
const FENCE_MAX: Duration = Duration::from_secs(60);
/// Results kept of one query of an archive.
const RESULTS_MAX: usize = 1000;
/// People who asked for an agent's presence that are kept.
pub(super) const WATCHERS_MAX: usize = 10_000;

/// What a request was answered.
pub(super) type Answered = Result<Element, StanzaError>;

pub(super) struct Request {
    to: Option<String>,
    answer: oneshot::Sender<Answered>,
}

/// How an agent's join stands.
pub(super) enum Phase {
    Joining(Option<oneshot::Sender<Result<bool, StanzaError>>>),
    In,
    Leaving(Option<oneshot::Sender<()>>),
}

/// An agent's place in a room.
pub(super) struct Seat {
    pub(super) nick: String,
    pub(super) phase: Phase,
}

/// A contact of one agent.
pub(super) struct Contact {
    pub(super) channel: ChannelId,
    /// Who of its resources spoke last: it is answered there.
    pub(super) spoke: Option<Jid>,
    pub(super) resources: Resources,
    pub(super) held: Option<Held>,
    /// Something is missing before what comes live: it is no point to go on from.
    pub(super) has_gap: bool,
    /// The server says that there is nobody.
    pub(super) refused: Option<StanzaError>,
    pub(super) composing: bool,
}

/// An agent signed in.
pub(super) struct Agent {
    pub(super) key: AgentKey,
    pub(super) address: Address,
    pub(super) jid: Jid,
    pub(super) session: u64,
    pub(super) seats: HashMap<String, Seat>,
    pub(super) contacts: HashMap<String, Contact>,
    /// Who else was shown the agent's presence: people who asked. On an account the server knows them.
    pub(super) watchers: HashSet<String>,
    /// How people of an account's roster are who are not joined.
    pub(super) early: HashMap<String, Resources>,
    /// When it signed in.
    pub(super) since: DateTime<Utc>,
    /// Messages of people who are not joined yet.
    pub(super) strays: Strays,
}

/// A room on this link.
pub(super) struct Room {
    pub(super) channel: ChannelId,
    pub(super) info: Option<RoomInfo>,
    pub(super) subject: Option<String>,
    pub(super) recent: Recent,
    pub(super) held: Option<Held>,
    /// Something is missing before what comes live: it is no point to go on from.
    pub(super) has_gap: bool,
    /// Nicknames and who they are, where the room tells.
    pub(super) real: HashMap<String, String>,
    /// Where the room stands.
    pub(super) last: Option<ResumePoint>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) over: Option<BackendError>,
    pub(super) agents: HashMap<String, Agent>,
    pub(super) rooms: HashMap<String, Room>,
    /// Files' service, once it was looked for.
    pub(super) upload: Option<Option<Service>>,
    /// Messages for agents of the component that have not signed in.
    pub(super) strays: Strays,
    /// Whether archives can be asked for an origin, by the host of their rooms; the account's own has no name.
    pub(super) knows_origins: HashMap<String, bool>,
    /// The account's contacts, and whether it sees them.
    pub(super) roster: HashMap<String, (Option<String>, bool)>,
    requests: HashMap<String, Request>,
    results: HashMap<String, (Option<String>, Vec<Element>)>,
    fence: Fence,
    next: u64,
}

/// Who waits until the server has everything sent so far: one question is under way at a time.
#[derive(Default)]
struct Fence {
    asked: Option<String>,
    /// Asked beside it when it was long unanswered.
    again: Option<String>,
    waiting: Vec<oneshot::Sender<()>>,
    next: Vec<oneshot::Sender<()>>,
}

pub(super) struct Core {
    pub(super) inbox: Inbox,
    pub(super) config: Arc<XmppConfig>,
    pub(super) shared: Arc<Shared>,
    /// The component's domain, or the account's address with its resource.
    pub(super) jid: Jid,
    pub(super) is_component: bool,
    /// The account has an archive of its own.
    pub(super) has_archive: AtomicBool,
    pub(super) state: Mutex<State>,
    pub(super) outbox: Outbox,
    /// Something has come since this was last cleared.
    pub(super) heard: AtomicBool,
    /// The reader waits for the engine: silence is ours.
    pub(super) stalled: AtomicBool,
    ended: watch::Sender<bool>,
    salt: String,
}

/// What nobody can guess, to begin ids with.
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

    /// An id that nobody can guess and that no earlier link has used.
    pub(super) fn fresh_id(&self) -> String {
        let mut state = self.state.lock();
        state.next += 1;
        format!("{}-{:x}", self.salt, state.next)
    }

    /// Puts a stanza into the line.
    pub(super) fn send(&self, stanza: &Element) -> Result<(), BackendError> {
        self.outbox.put(stanza.to_xml())
    }

    /// A stanza as from an agent: a component says so, on an account the server does.
    pub(super) fn from(&self, agent: &Jid, stanza: Element) -> Element {
        if self.is_component {
            stanza.with("from", agent.as_str())
        } else {
            stanza
        }
    }

    /// Asks `to` and waits for the answer.
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

    /// An answer has come; false if nobody asked.
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
        // Only who was asked may answer; our own server may leave its name out.
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

    /// Results of a query are collected from now on, from that archive (our own: `None`), until this is dropped.
    pub(super) fn collect<'a>(&'a self, query: &'a str, archive: Option<&str>) -> Collecting<'a> {
        self.state
            .lock()
            .results
            .insert(query.to_owned(), (archive.map(str::to_owned), Vec::new()));
        Collecting { core: self, query }
    }

    /// A message of an archive has come.
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

    /// Waits until the server has everything sent so far: what it refused of it has come back by then. At most a minute.
    pub(super) async fn fence(&self) -> Result<(), BackendError> {
        let late = || {
            Err(BackendError::unreachable(
                "the server does not say whether it has what it was sent",
            ))
        };
        self.inbox
            .within(FENCE_MAX, self.reach())
            .await
            .unwrap_or_else(late)
    }

    /// As [`Core::fence`], however long it takes: for who has a deadline of their own.
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

    fn begin_fence(&self, state: &mut State) -> Element {
        let (id, question) = self.question(state);
        state.fence.asked = Some(id);
        question
    }

    fn question(&self, state: &mut State) -> (String, Element) {
        state.next += 1;
        let id = format!("{}-f{:x}", self.salt, state.next);
        // A component asks itself, by way of the server; an account asks its server.
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

    /// Asks once more beside a question that is long unanswered though other things come: a server handles a stream in
    /// order, so if the later one comes back first, the other went to somebody else or was lost.
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

    /// Whether this is a question of ours to the server, come back or answered.
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
                "the server answers only a part of what it is asked",
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

    /// The link is over, for that reason; the first one counts.
    pub(super) fn fail(&self, error: BackendError) {
        if self.finish(&error) {
            self.inbox.lost(error);
        }
    }

    /// Everything that waits is told; true the first time.
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

    /// Why nothing more is answered.
    pub(super) fn why_over(&self) -> BackendError {
        let over = self.state.lock().over.clone();
        over.unwrap_or_else(|| {
            BackendError::new(BackendErrorKind::Unreachable, "the connection is closed")
        })
    }

    /// Ready when the link is over.
    pub(super) async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Hands something to the engine, and says meanwhile that silence is not the server's.
    pub(super) async fn hand_over(&self, item: crate::backend::Inbound) {
        self.stalled.store(true, Ordering::Relaxed);
        let sent = self.inbox.send(item).await;
        self.stalled.store(false, Ordering::Relaxed);
        if sent.is_err() {
            self.fail(BackendError::unreachable("the engine has closed this link"));
        }
    }

    /// Looks at an agent that is signed in with that session.
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
            None => Err(state.over.clone().unwrap_or_else(|| {
                BackendError::unreachable("the agent is not signed in any more")
            })),
        }
    }
}

/// Forgets a request when whoever asked is gone.
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
    /// What has come so far.
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
                .is_some_and(|error| error.reason.contains("only a part"))
        );
        assert!(fence.now_or_never().is_some_and(|reached| reached.is_err()));
    }
}
