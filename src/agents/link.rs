//! One link's task: dial, sign in, join, and do it again when something is lost.
//!
//! It compares what is wanted with what is so and starts what is missing; what it started lands here again. A call
//! that panics or hangs is that link's trouble, nobody else's.

use super::cell::{Cell, CellState, ChannelPhase, Phase, Trouble};
use super::ground::Ground;
use super::intake::{LinkIntake, pause};
use super::lifecycle::{after_join, dice, pause_after};
use super::posting::call;
use super::registry::Registry;
use super::told::{Farewell, Told};
use crate::backend::{Backend, BackendError, BackendErrorKind, Inbox, Joined, Link, Reply, Session};
use crate::hub::Sleep;
use crate::journal::{self, EntryKind};
use crate::model::{AgentKey, AgentState, ChannelId, ChannelKind, LinkKey, Place};
use crate::waiting::panic_text;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Sign-ins and joins under way on one link at most.
const IN_FLIGHT: usize = 64;
/// A dial that takes longer counts as failed.
const DIAL_MAX: Duration = Duration::from_secs(60);
/// A sign-in that takes longer counts as failed.
const SIGN_IN_MAX: Duration = Duration::from_secs(60);
/// A join, its catch-up included, that takes longer counts as failed.
const JOIN_MAX: Duration = Duration::from_secs(600);
/// An inbox without room for that long gives its link up.
const STUCK_MAX: Duration = Duration::from_secs(20);
/// How long posts in flight may take once their agent is deleted or moved.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

enum Dial {
    Down { attempt: u32, next: Duration },
    Dialing { attempt: u32 },
    Up,
}

/// A shared room on this link.
enum Room {
    /// Its first joiner is catching up; these wait for it.
    Catching(Vec<Arc<Cell>>),
    /// So many are in.
    Ready(usize),
}

/// Something started, come home.
enum Landed {
    Dialed(Result<Arc<dyn Link>, BackendError>),
    SignedIn { cell: Arc<Cell>, epoch: u32, outcome: Result<Arc<dyn Session>, BackendError> },
    Joined { cell: Arc<Cell>, epoch: u32, channel: ChannelId, first: bool, outcome: Result<Joined, BackendError> },
    Done,
}

type Flight = Pin<Box<dyn Future<Output = Landed> + Send>>;

pub(super) struct LinkTask {
    ground: Arc<Ground>,
    registry: Weak<Registry>,
    backend: Arc<dyn Backend>,
    key: LinkKey,
    told: Arc<Told>,
    agents: HashMap<AgentKey, Arc<Cell>>,
    todo: VecDeque<Arc<Cell>>,
    dial: Dial,
    link: Option<Arc<dyn Link>>,
    intake: Option<Arc<LinkIntake>>,
    flights: FuturesUnordered<Flight>,
    rooms: HashMap<ChannelId, Room>,
    /// Agents to look at again, by time.
    retries: BTreeMap<(Duration, u64), Arc<Cell>>,
    next_retry: u64,
    /// Losses to announce if they last, in the order of their time.
    flaps: VecDeque<(Duration, Vec<Arc<Cell>>)>,
    sleep: Option<Sleep>,
}

impl LinkTask {
    pub(super) fn new(
        ground: Arc<Ground>,
        registry: Weak<Registry>,
        backend: Arc<dyn Backend>,
        key: LinkKey,
        told: Arc<Told>,
    ) -> LinkTask {
        LinkTask {
            ground,
            registry,
            backend,
            key,
            told,
            agents: HashMap::new(),
            todo: VecDeque::new(),
            dial: Dial::Down { attempt: 0, next: Duration::ZERO },
            link: None,
            intake: None,
            flights: FuturesUnordered::new(),
            rooms: HashMap::new(),
            retries: BTreeMap::new(),
            next_retry: 0,
            flaps: VecDeque::new(),
            sleep: None,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            match AssertUnwindSafe(self.turn()).catch_unwind().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(panic) => {
                    let text = panic_text(&*panic);
                    tracing::error!(link = %self.key, text, "a link's task panicked");
                    self.lost(BackendError::new(BackendErrorKind::Protocol, format!("the link's task panicked: {text}")));
                }
            }
        }
    }

    /// One turn: read the mail, start what is missing, wait for the next thing. False: the task is over.
    async fn turn(&mut self) -> bool {
        let (mail, busy) = self.told.take();
        if let Some((generation, error)) = mail.lost
            && generation == self.told.generation.load(Ordering::Acquire)
        {
            self.lost(error);
        }
        if mail.stop {
            self.stop().await;
            return false;
        }
        if mail.hurry
            && let Dial::Down { next, .. } = &mut self.dial
        {
            *next = Duration::ZERO;
        }
        for channel in &mail.left {
            self.left(channel);
        }
        for cell in mail.look {
            cell.change(|state| state.queued = false);
            self.todo.push_back(cell);
        }
        for farewell in mail.farewells {
            self.farewell(farewell);
        }
        if !mail.flaps.is_empty() {
            self.flap(mail.flaps);
        }
        self.due();
        self.advance();
        drop(busy);
        if self.agents.is_empty() && self.flights.is_empty() && self.todo.is_empty() && self.end().await {
            return false;
        }
        self.arm();
        tokio::select! {
            biased;
            () = self.told.told() => {}
            Some(landed) = self.flights.next(), if !self.flights.is_empty() => self.landed(landed),
            () = asleep(&mut self.sleep) => self.sleep = None,
        }
        true
    }

    /// Has the sleeper sleep to the next thing that is due.
    fn arm(&mut self) {
        let dial = match self.dial {
            Dial::Down { next, .. } if !self.agents.is_empty() => Some(next),
            _ => None,
        };
        let retry = self.retries.keys().next().map(|(due, _)| *due);
        let flap = self.flaps.front().map(|(due, _)| *due);
        let stuck = self.told.stuck_since().map(|since| since + STUCK_MAX);
        let next = [dial, retry, flap, stuck].into_iter().flatten().min();
        if self.sleep.as_ref().map(Sleep::due) != next {
            self.sleep = next.map(|due| self.ground.timer.sleep_until(due));
        }
    }

    /// Does what has become due.
    fn due(&mut self) {
        let now = self.ground.timer.now();
        while let Some(entry) = self.retries.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let cell = entry.remove();
            self.todo.push_back(cell);
        }
        while self.flaps.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, cells)) = self.flaps.pop_front() {
                self.announce(&cells);
            }
        }
        if self.told.stuck_since().is_some_and(|since| now >= since + STUCK_MAX) {
            self.told.set_flowing();
            self.lost(BackendError::unreachable("the journal took nothing for 20 seconds; this link will catch up later"));
        }
    }

    /// Starts what is missing.
    fn advance(&mut self) {
        match self.dial {
            Dial::Down { attempt, next } => {
                self.take_in();
                if !self.agents.is_empty() && self.ground.timer.now() >= next {
                    self.begin_dial(attempt);
                }
            }
            Dial::Dialing { .. } => self.take_in(),
            Dial::Up => {
                while self.flights.len() < IN_FLIGHT {
                    let Some(cell) = self.todo.pop_front() else { return };
                    self.step(cell);
                }
            }
        }
    }

    /// While the link is down, agents are only counted.
    fn take_in(&mut self) {
        while let Some(cell) = self.todo.pop_front() {
            if self.is_here(&cell) {
                self.agents.insert(cell.key, cell);
            } else {
                self.agents.remove(&cell.key);
            }
        }
    }

    fn is_here(&self, cell: &Cell) -> bool {
        cell.look(|state| !state.deleted && state.link.as_ref().is_some_and(|link| Arc::ptr_eq(link, &self.told)))
    }

    fn begin_dial(&mut self, attempt: u32) {
        let generation = self.told.generation.fetch_add(1, Ordering::AcqRel) + 1;
        let network = self.backend.network().clone();
        let intake = LinkIntake::new(self.ground.clone(), self.registry.clone(), self.told.clone(), network, generation);
        let inbox = Inbox::new(intake.clone());
        self.intake = Some(intake);
        self.dial = Dial::Dialing { attempt };
        self.told.set_dialing();
        let (ground, backend, key) = (self.ground.clone(), self.backend.clone(), self.key.clone());
        self.flights.push(Box::pin(async move {
            let wait = ground.pace.wait_at(ground.timer.now());
            if !wait.is_zero() {
                ground.timer.sleep(wait).await;
            }
            let reply = call(&ground, move || backend.dial(key, inbox));
            Landed::Dialed(within(&ground, DIAL_MAX, "the dial", reply).await)
        }));
    }

    /// Looks at one agent and starts what it lacks.
    fn step(&mut self, cell: Arc<Cell>) {
        if !self.is_here(&cell) {
            self.agents.remove(&cell.key);
            return;
        }
        self.agents.insert(cell.key, cell.clone());
        let now = self.ground.timer.now();
        let (phase, epoch, wait) = cell.look(|state| {
            let wait = state.trouble.as_ref().and_then(|trouble| trouble.next).map(|(due, _)| due).filter(|due| *due > now);
            (state.phase, state.epoch, wait)
        });
        match (phase, wait) {
            (Phase::Out, Some(due)) => self.retry(due, cell),
            (Phase::Out, None) => self.sign_in(cell, epoch),
            (Phase::SigningIn, _) => {}
            (Phase::In, _) => self.join_all(cell, epoch),
        }
    }

    fn retry(&mut self, due: Duration, cell: Arc<Cell>) {
        self.next_retry += 1;
        self.retries.insert((due, self.next_retry), cell);
    }

    fn sign_in(&mut self, cell: Arc<Cell>, epoch: u32) {
        let Some(link) = self.link.clone() else { return };
        let date = self.ground.clock.wall();
        let address = cell.change(|state| {
            state.phase = Phase::SigningIn;
            state.since = date;
            state.address.clone()
        });
        let (ground, key) = (self.ground.clone(), cell.key);
        let reply = call(&ground, move || link.sign_in(key, address));
        self.flights.push(Box::pin(async move {
            let outcome = within(&ground, SIGN_IN_MAX, "the sign-in", reply).await;
            Landed::SignedIn { cell, epoch, outcome }
        }));
    }

    /// Starts the joins that are missing and due, as far as there is room for them.
    fn join_all(&mut self, cell: Arc<Cell>, epoch: u32) {
        let now = self.ground.timer.now();
        let capabilities = self.backend.capabilities();
        let room = IN_FLIGHT.saturating_sub(self.flights.len());
        let mut later: Option<Duration> = None;
        let mut wanted: Vec<ChannelId> = Vec::new();
        let (session, more) = cell.change(|state| {
            let mut more = false;
            for channel in state.channels.iter_mut().filter(|channel| channel.phase == ChannelPhase::Out) {
                if !capabilities.has(channel.id.kind()) {
                    let kind = if channel.id.kind() == ChannelKind::Room { "rooms" } else { "contacts" };
                    let reason = format!("this chat system has no {kind}");
                    channel.phase = ChannelPhase::Refused;
                    channel.trouble = Some(Box::new(Trouble { reason, attempt: 0, next: None }));
                    continue;
                }
                let due = channel.trouble.as_ref().and_then(|trouble| trouble.next).map(|(due, _)| due);
                if let Some(due) = due.filter(|due| *due > now) {
                    later = Some(later.map_or(due, |earlier| earlier.min(due)));
                } else if wanted.len() < room {
                    wanted.push(channel.id.clone());
                } else {
                    more = true;
                }
            }
            (state.session.clone(), more)
        });
        if let Some(due) = later {
            self.retry(due, cell.clone());
        }
        let Some(session) = session else { return };
        for channel in wanted {
            self.join(&cell, epoch, session.clone(), channel);
        }
        if more {
            self.todo.push_back(cell);
        }
    }

    fn place(&self, channel: &ChannelId, agent: AgentKey) -> Place {
        let shared = channel.kind() == ChannelKind::Room && self.backend.capabilities().shared_rooms;
        Place { network: self.backend.network().clone(), channel: channel.clone(), agent: (!shared).then_some(agent) }
    }

    fn join(&mut self, cell: &Arc<Cell>, epoch: u32, session: Arc<dyn Session>, channel: ChannelId) {
        let place = self.place(&channel, cell.key);
        let mut first = true;
        if place.agent.is_none() {
            match self.rooms.get_mut(&channel) {
                Some(Room::Catching(waiting)) => {
                    if !waiting.iter().any(|other| other.key == cell.key) {
                        waiting.push(cell.clone());
                    }
                    return;
                }
                Some(Room::Ready(_)) => first = false,
                None => {
                    self.rooms.insert(channel.clone(), Room::Catching(Vec::new()));
                }
            }
        }
        cell.change(|state| {
            if let Some(channel) = state.channel_mut(&channel) {
                channel.phase = ChannelPhase::Joining;
            }
        });
        let (ground, cell) = (self.ground.clone(), cell.clone());
        self.flights.push(Box::pin(async move {
            let outcome = join_through(&ground, &cell, session, place, first).await;
            Landed::Joined { cell, epoch, channel, first, outcome }
        }));
    }

    fn landed(&mut self, landed: Landed) {
        match landed {
            Landed::Dialed(outcome) => self.dialed(outcome),
            Landed::SignedIn { cell, epoch, outcome } => self.signed_in(cell, epoch, outcome),
            Landed::Joined { cell, epoch, channel, first, outcome } => self.joined(&cell, epoch, channel, first, outcome),
            Landed::Done => {}
        }
    }

    fn dialed(&mut self, outcome: Result<Arc<dyn Link>, BackendError>) {
        let Dial::Dialing { attempt } = self.dial else { return };
        match outcome {
            Ok(link) => {
                self.link = Some(link);
                self.dial = Dial::Up;
                self.told.set_up();
                self.told.set_tried();
                tracing::info!(link = %self.key, "link up");
                self.todo = self.agents.values().cloned().collect();
                for cell in &self.todo {
                    cell.change(|state| state.trouble = None);
                }
            }
            Err(error) => {
                self.link_down(error, attempt + 1);
                self.told.set_tried();
            }
        }
    }

    /// The connection is gone, or never came: every agent on it is told, and the next dial is set.
    fn link_down(&mut self, error: BackendError, attempt: u32) {
        let (now, date) = (self.ground.timer.now(), self.ground.clock.wall());
        let next = pause(now, date, pause_after(&error, attempt, dice()));
        self.dial = Dial::Down { attempt, next: next.0 };
        self.told.set_down();
        if let Some(intake) = self.intake.take() {
            intake.close();
        }
        tracing::warn!(link = %self.key, reason = error.reason, attempt, "link down");
        self.rooms.clear();
        self.retries.clear();
        let mut lost = Vec::new();
        for cell in self.agents.values() {
            let (was, session) = cell.change(|state| {
                let was = state.phase;
                let session = state.sign_out(date);
                state.trouble = Some(Box::new(Trouble { reason: error.reason.clone(), attempt, next: Some(next) }));
                (was, session)
            });
            drop(session);
            if was == Phase::In {
                lost.push(cell.clone());
                self.ground.show(cell, AgentState::Idle, Some(error.reason.clone()));
            }
        }
        if !lost.is_empty() {
            self.flap(lost);
        }
    }

    fn lost(&mut self, error: BackendError) {
        if matches!(self.dial, Dial::Down { .. }) {
            return;
        }
        self.link = None;
        self.flights = FuturesUnordered::new();
        self.todo.clear();
        self.link_down(error, 1);
    }

    fn flap(&mut self, cells: Vec<Arc<Cell>>) {
        let due = self.ground.timer.now() + self.ground.flap_delay;
        self.flaps.push_back((due, cells));
    }

    /// A loss has lasted: what is still not joined is announced. The writer knows what was announced before.
    fn announce(&self, cells: &[Arc<Cell>]) {
        for cell in cells {
            let down: Vec<ChannelId> = cell.look(|state| {
                let gone = |phase| matches!(phase, ChannelPhase::Out);
                state.channels.iter().filter(|channel| gone(channel.phase)).map(|channel| channel.id.clone()).collect()
            });
            for channel in down {
                self.ground.write(EntryKind::Down { agent: cell.key, channel });
            }
        }
    }

    fn is_flapping(&self, cell: &Cell) -> bool {
        self.flaps.iter().any(|(_, cells)| cells.iter().any(|other| other.key == cell.key))
    }

    fn signed_in(&mut self, cell: Arc<Cell>, epoch: u32, outcome: Result<Arc<dyn Session>, BackendError>) {
        let (now, date) = (self.ground.timer.now(), self.ground.clock.wall());
        let current = self.is_here(&cell) && cell.look(|state| state.epoch == epoch && state.phase == Phase::SigningIn);
        match outcome {
            Ok(session) if !current => self.farewell(Farewell { cell, session, channels: None }),
            Err(_) if !current => {}
            Ok(session) => {
                let kept = session.clone();
                cell.change(|state| {
                    state.phase = Phase::In;
                    state.since = date;
                    state.trouble = None;
                    state.session = Some(kept);
                });
                drop(session);
                self.ground.show(&cell, AgentState::Active, None);
                self.todo.push_back(cell);
            }
            Err(error) => {
                let next = cell.change(|state| {
                    let attempt = state.trouble.as_ref().map_or(0, |trouble| trouble.attempt) + 1;
                    let next = pause(now, date, pause_after(&error, attempt, dice()));
                    drop(state.sign_out(date));
                    state.trouble = Some(Box::new(Trouble { reason: error.reason.clone(), attempt, next: Some(next) }));
                    next.0
                });
                self.ground.show(&cell, AgentState::Idle, Some(error.reason));
                self.retry(next, cell);
            }
        }
    }

    fn joined(&mut self, cell: &Arc<Cell>, epoch: u32, channel: ChannelId, first: bool, outcome: Result<Joined, BackendError>) {
        let place = self.place(&channel, cell.key);
        if place.agent.is_none() {
            self.room_joined(&channel, first, outcome.is_ok());
        }
        let current = self.is_here(cell) && cell.look(|state| is_joining(state, epoch, &channel));
        match outcome {
            Ok(_) if !current => {
                if let Some(session) = cell.look(|state| state.session.clone().filter(|_| state.epoch == epoch))
                    && cell.look(|state| state.channel(&channel).is_none())
                {
                    self.farewell(Farewell { cell: cell.clone(), session, channels: Some(vec![channel]) });
                } else {
                    self.left(&channel);
                }
            }
            Err(_) if !current => {}
            Ok(joined) => {
                let slot = self.ground.infos.joined(place, joined.info);
                cell.change(|state| {
                    if let Some(channel) = state.channel_mut(&channel) {
                        channel.phase = ChannelPhase::In;
                        channel.info = Some(slot);
                        channel.trouble = None;
                    }
                });
            }
            Err(error) => self.join_failed(cell, &channel, place, error),
        }
    }

    fn join_failed(&mut self, cell: &Arc<Cell>, channel: &ChannelId, place: Place, error: BackendError) {
        let (now, date) = (self.ground.timer.now(), self.ground.clock.wall());
        let next = cell.change(|state| {
            let channel = state.channel_mut(channel)?;
            let attempt = channel.trouble.as_ref().map_or(0, |trouble| trouble.attempt) + 1;
            let next = after_join(&error, attempt, dice()).map(|wait| pause(now, date, wait));
            channel.phase = if next.is_some() { ChannelPhase::Out } else { ChannelPhase::Refused };
            channel.trouble = Some(Box::new(Trouble { reason: error.reason.clone(), attempt, next }));
            next
        });
        tracing::info!(agent = %cell.id, %channel, reason = error.reason, "join failed");
        match next {
            Some((due, _)) => {
                if !self.is_flapping(cell) {
                    self.ground.write(EntryKind::Down { agent: cell.key, channel: channel.clone() });
                }
                self.retry(due, cell.clone());
            }
            None => self.ground.write(EntryKind::Left { agent: cell.key, place }),
        }
    }

    fn room_joined(&mut self, channel: &ChannelId, first: bool, ok: bool) {
        match self.rooms.get_mut(channel) {
            Some(Room::Ready(inside)) if ok => *inside += 1,
            Some(Room::Catching(waiting)) if first => {
                self.todo.extend(waiting.drain(..));
                if ok {
                    self.rooms.insert(channel.clone(), Room::Ready(1));
                } else {
                    self.rooms.remove(channel);
                }
            }
            _ => {}
        }
    }

    /// Winds a session up, or leaves some of its channels, once its posts in flight have been answered.
    fn farewell(&mut self, farewell: Farewell) {
        let Farewell { cell, session, channels } = farewell;
        let left: &[ChannelId] = channels.as_deref().unwrap_or(&[]);
        for channel in left {
            self.left(channel);
        }
        let ground = self.ground.clone();
        self.flights.push(Box::pin(async move {
            match channels {
                Some(channels) => {
                    for channel in channels {
                        let session = session.clone();
                        let reply = call(&ground, move || session.leave(channel));
                        let _ = within(&ground, FAREWELL_MAX, "leaving", reply).await;
                    }
                }
                None => {
                    posts_done(&ground, &cell).await;
                    let reply = call(&ground, move || session.sign_out());
                    let _ = within(&ground, FAREWELL_MAX, "the sign-out", reply).await;
                }
            }
            Landed::Done
        }));
    }

    /// One agent less is in a room; who joins an empty one has to catch up again.
    fn left(&mut self, channel: &ChannelId) {
        if let Some(Room::Ready(inside)) = self.rooms.get_mut(channel) {
            *inside -= 1;
            if *inside == 0 {
                self.rooms.remove(channel);
            }
        }
    }

    /// The engine stops: everybody out, then the link.
    async fn stop(&mut self) {
        if let Some(link) = self.link.take() {
            let date = self.ground.clock.wall();
            let sessions: Vec<Arc<dyn Session>> =
                self.agents.values().filter_map(|cell| cell.change(|state| state.sign_out(date))).collect();
            let ground = &self.ground;
            futures_util::stream::iter(sessions)
                .for_each_concurrent(IN_FLIGHT, |session| async move {
                    let reply = call(ground, move || session.sign_out());
                    let _ = reply.await;
                })
                .await;
            let reply = call(&self.ground, move || link.close());
            let _ = reply.await;
        }
        if let Some(intake) = self.intake.take() {
            intake.close();
        }
        self.told.end();
    }

    /// Nobody travels here any more: hang up and end, unless somebody came meanwhile.
    async fn end(&mut self) -> bool {
        let Some(registry) = self.registry.upgrade() else { return true };
        if !registry.end_link(self.told.backend, &self.key, &self.told) {
            return false;
        }
        if let Some(link) = self.link.take() {
            let reply = call(&self.ground, move || link.close());
            let _ = within(&self.ground, FAREWELL_MAX, "closing", reply).await;
        }
        if let Some(intake) = self.intake.take() {
            intake.close();
        }
        true
    }
}

fn is_joining(state: &CellState, epoch: u32, channel: &ChannelId) -> bool {
    state.epoch == epoch && state.channel(channel).is_some_and(|channel| channel.phase == ChannelPhase::Joining)
}

/// Joins, catches up, and has the span begin before the channel counts as joined.
async fn join_through(
    ground: &Arc<Ground>,
    cell: &Arc<Cell>,
    session: Arc<dyn Session>,
    place: Place,
    first: bool,
) -> Result<Joined, BackendError> {
    let failed = |error: crate::error::Error| BackendError::new(BackendErrorKind::Protocol, error.to_string());
    let mut resume = None;
    if first {
        let asked = place.clone();
        resume = ground
            .readers
            .read(move |connection| journal::resume(connection, &asked).map_err(crate::database::storage))
            .await
            .map_err(failed)?;
    }
    let channel = place.channel.clone();
    let reply = call(ground, move || session.join(channel, resume));
    let joined = within(ground, JOIN_MAX, "the join", reply).await?;
    let entered = EntryKind::Joined { agent: cell.key, place, resume: joined.resume.clone() };
    ground.write_through(entered).await.map_err(failed)?;
    Ok(joined)
}

/// Waits for a backend's reply, but not for ever.
async fn within<T>(ground: &Ground, most: Duration, what: &str, reply: Reply<T>) -> Result<T, BackendError> {
    tokio::select! {
        biased;
        outcome = reply => outcome,
        () = ground.timer.sleep(most) => {
            Err(BackendError::new(BackendErrorKind::Unreachable, format!("{what} took longer than {} s", most.as_secs())))
        }
    }
}

/// Waits until `cell` has nothing in flight, at most 5 s.
async fn posts_done(ground: &Ground, cell: &Arc<Cell>) {
    let done = std::future::poll_fn(|cx| cell.poll_state(cx, |state| (state.in_flight == 0).then_some(())));
    tokio::select! {
        biased;
        () = done => {}
        () = ground.timer.sleep(FAREWELL_MAX) => {}
    }
}

async fn asleep(sleep: &mut Option<Sleep>) {
    match sleep {
        Some(sleep) => Pin::new(sleep).await,
        None => std::future::pending().await,
    }
}
