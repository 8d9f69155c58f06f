//! One link's task: dial, sign in, join, and do it again when something is lost.
//!
//! It compares what is wanted with what is so and starts what is missing; what it started lands here again. A call
//! that panics or hangs is that link's trouble, nobody else's.

mod intake;
mod joining;
mod leaving;
mod losing;
mod pace;
mod recent;
mod surroundings;

pub(crate) use surroundings::{LinkSettings, Surroundings};

use super::cell::{Cell, Phase, Trouble};
use super::lifecycle::{dice, pause_after};
use super::links::Links;
use super::roster::Roster;
use super::told::{Farewell, Flap, Told};
use crate::backend::{Backend, BackendError, BackendErrorKind, Inbox, Joined, Link, Session};
use crate::hub::Sleep;
use crate::model::{Address, AgentKey, AgentState, ChannelId, LinkKey};
use crate::waiting::panic_text;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use intake::{LinkIntake, pause};
use leaving::Leaving;
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
/// An inbox without room for that long gives its link up.
const STUCK_MAX: Duration = Duration::from_secs(20);
/// A link that was lost sooner goes on with the back-off where it was: one that dies right after each sign-in must not
/// be dialed twice a second for ever.
const STEADY: Duration = Duration::from_secs(60);

enum Dial {
    Down {
        attempt: u32,
        next: Duration,
    },
    Dialing {
        attempt: u32,
    },
    /// Up since then, after that many failures.
    Up {
        attempt: u32,
        since: Duration,
    },
}

/// A shared room on this link.
enum Room {
    /// Its first joiner is catching up; these wait for it.
    Catching(BTreeMap<AgentKey, Arc<Cell>>),
    /// So many are in.
    Ready(usize),
}

/// Something started, come home.
enum Landed {
    Dialed(Result<Arc<dyn Link>, BackendError>),
    SignedIn {
        cell: Arc<Cell>,
        epoch: u32,
        /// What it was signed in under, which the agent may have left since.
        address: Address,
        outcome: Result<Arc<dyn Session>, BackendError>,
    },
    Joined {
        cell: Arc<Cell>,
        epoch: u32,
        join: u64,
        channel: ChannelId,
        first: bool,
        outcome: Result<Joined, BackendError>,
    },
    Left {
        cell: Arc<Cell>,
        address: Address,
    },
    /// What became of a join is committed.
    Noted,
}

type Flight = Pin<Box<dyn Future<Output = Landed> + Send>>;

pub(super) struct LinkTask {
    around: Arc<Surroundings>,
    links: Weak<Links>,
    roster: Weak<Roster>,
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
    /// The one entry of an agent in `retries`.
    retry_of: HashMap<AgentKey, (Duration, u64)>,
    /// Losses to announce if they last, in the order of their time.
    flaps: VecDeque<(Duration, Vec<Flap>)>,
    /// What is in `flaps`, and how often.
    flapping: HashMap<(AgentKey, Option<ChannelId>), usize>,
    leaving: Leaving,
    sleep: Option<Sleep>,
}

impl LinkTask {
    pub(super) fn new(
        around: Arc<Surroundings>,
        (links, roster): (&Arc<Links>, &Arc<Roster>),
        backend: Arc<dyn Backend>,
        key: LinkKey,
        told: Arc<Told>,
    ) -> LinkTask {
        LinkTask {
            around,
            links: Arc::downgrade(links),
            roster: Arc::downgrade(roster),
            backend,
            key,
            told,
            agents: HashMap::new(),
            todo: VecDeque::new(),
            dial: Dial::Down {
                attempt: 0,
                next: Duration::ZERO,
            },
            link: None,
            intake: None,
            flights: FuturesUnordered::new(),
            rooms: HashMap::new(),
            retries: BTreeMap::new(),
            next_retry: 0,
            retry_of: HashMap::new(),
            flaps: VecDeque::new(),
            flapping: HashMap::new(),
            leaving: Leaving::default(),
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
                    self.lost(BackendError::new(
                        BackendErrorKind::Protocol,
                        format!("the link's task panicked: {text}"),
                    ));
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
        for cell in mail.look {
            cell.change(|state| state.queued = false);
            self.todo.push_back(cell);
        }
        for channel in mail.left {
            self.left(&channel);
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
        if self.agents.is_empty()
            && self.flights.is_empty()
            && self.todo.is_empty()
            && self.end().await
        {
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
            self.sleep = next.map(|due| self.around.timer().sleep_until(due));
        }
    }

    /// Does what has become due.
    fn due(&mut self) {
        let now = self.around.timer().now();
        while let Some(entry) = self.retries.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let cell = entry.remove();
            self.retry_of.remove(&cell.key);
            self.todo.push_back(cell);
        }
        while self.flaps.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, lost)) = self.flaps.pop_front() {
                self.announce(lost);
            }
        }
        if self
            .told
            .stuck_since()
            .is_some_and(|since| now >= since + STUCK_MAX)
        {
            self.told.set_flowing();
            self.lost(BackendError::unreachable(
                "the journal took nothing for 20 seconds; this link will catch up later",
            ));
        }
    }

    /// Starts what is missing.
    fn advance(&mut self) {
        match self.dial {
            Dial::Down { attempt, next } => {
                self.take_in();
                if !self.agents.is_empty() && self.around.timer().now() >= next {
                    self.begin_dial(attempt);
                }
            }
            Dial::Dialing { .. } => self.take_in(),
            Dial::Up { .. } => {
                while self.flights.len() < IN_FLIGHT {
                    let Some(cell) = self.todo.pop_front() else {
                        return;
                    };
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
        cell.look(|state| {
            !state.deleted
                && state
                    .link
                    .as_ref()
                    .is_some_and(|link| Arc::ptr_eq(link, &self.told))
        })
    }

    fn begin_dial(&mut self, attempt: u32) {
        let generation = self.told.generation.fetch_add(1, Ordering::AcqRel) + 1;
        let network = self.backend.network().clone();
        let intake = LinkIntake::new(
            self.around.clone(),
            self.roster.clone(),
            self.told.clone(),
            (network, self.backend.capabilities().shared_rooms),
            generation,
        );
        let inbox = Inbox::new(intake.clone());
        self.intake = Some(intake);
        self.dial = Dial::Dialing { attempt };
        self.told.set_dialing();
        let (around, backend, key) = (self.around.clone(), self.backend.clone(), self.key.clone());
        self.flights.push(Box::pin(async move {
            let wait = around.pace.wait_at(around.timer().now());
            if !wait.is_zero() {
                around.timer().sleep(wait).await;
            }
            Landed::Dialed(
                around
                    .calls
                    .ask(DIAL_MAX, "the dial", move || backend.dial(key, inbox))
                    .await,
            )
        }));
    }

    /// Looks at one agent and starts what it lacks.
    fn step(&mut self, cell: Arc<Cell>) {
        if !self.is_here(&cell) {
            self.agents.remove(&cell.key);
            return;
        }
        self.agents.insert(cell.key, cell.clone());
        if cell.look(|state| self.leaving.holds(cell.key, &state.address)) {
            self.leaving.blocked.push_back(cell);
            return;
        }
        let now = self.around.timer().now();
        let (phase, epoch, wait) = cell.look(|state| {
            let wait = state
                .trouble
                .as_ref()
                .and_then(|trouble| trouble.next)
                .map(|(due, _)| due)
                .filter(|due| *due > now);
            (state.phase, state.epoch, wait)
        });
        match (phase, wait) {
            (Phase::Out, Some(due)) => self.retry(due, cell),
            (Phase::Out, None) => self.sign_in(cell),
            (Phase::SigningIn, _) => {}
            (Phase::In, _) => self.join_all(cell, epoch),
        }
    }

    /// Looks at an agent again at `due`, or sooner. An agent has one retry, the soonest: with one for each channel that
    /// failed, and another for each look at them, 40,000 failures never came to rest.
    fn retry(&mut self, due: Duration, cell: Arc<Cell>) {
        if let Some(known) = self.retry_of.get(&cell.key) {
            if known.0 <= due {
                return;
            }
            self.retries.remove(known);
        }
        self.next_retry += 1;
        self.retry_of.insert(cell.key, (due, self.next_retry));
        self.retries.insert((due, self.next_retry), cell);
    }

    fn sign_in(&mut self, cell: Arc<Cell>) {
        let Some(link) = self.link.clone() else {
            return;
        };
        let date = self.around.timer().wall();
        let (epoch, address) = cell.change(|state| {
            state.epoch += 1;
            state.phase = Phase::SigningIn;
            state.since = date;
            (state.epoch, state.address.clone())
        });
        let (around, key, under) = (self.around.clone(), cell.key, address.clone());
        let signing_in = around
            .calls
            .ask(SIGN_IN_MAX, "the sign-in", move || link.sign_in(key, under));
        self.flights.push(Box::pin(async move {
            let outcome = signing_in.await;
            Landed::SignedIn {
                cell,
                epoch,
                address,
                outcome,
            }
        }));
    }

    fn landed(&mut self, landed: Landed) {
        match landed {
            Landed::Dialed(outcome) => self.dialed(outcome),
            Landed::SignedIn {
                cell,
                epoch,
                address,
                outcome,
            } => self.signed_in(cell, epoch, address, outcome),
            Landed::Joined {
                cell,
                epoch,
                join,
                channel,
                first,
                outcome,
            } => {
                self.joined(&cell, (epoch, join), channel, first, outcome);
            }
            Landed::Left { cell, address } => self.gone(cell, &address),
            Landed::Noted => {}
        }
    }

    fn dialed(&mut self, outcome: Result<Arc<dyn Link>, BackendError>) {
        let Dial::Dialing { attempt } = self.dial else {
            return;
        };
        match outcome {
            Ok(link) => {
                self.link = Some(link);
                self.dial = Dial::Up {
                    attempt,
                    since: self.around.timer().now(),
                };
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

    fn signed_in(
        &mut self,
        cell: Arc<Cell>,
        epoch: u32,
        address: Address,
        outcome: Result<Arc<dyn Session>, BackendError>,
    ) {
        let (now, date) = (self.around.timer().now(), self.around.timer().wall());
        let current = self.is_here(&cell)
            && cell.look(|state| state.epoch == epoch && state.phase == Phase::SigningIn);
        match outcome {
            Ok(session) if !current => {
                self.farewell(Farewell {
                    cell,
                    session,
                    address,
                    channels: Vec::new(),
                    for_good: true,
                });
            }
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
                self.around.show(&cell, AgentState::Active, None);
                self.todo.push_back(cell);
            }
            Err(error) => {
                let next = cell.change(|state| {
                    let attempt = state.trouble.as_ref().map_or(0, |trouble| trouble.attempt) + 1;
                    let next = pause(now, date, pause_after(&error, attempt, dice()));
                    let out = state.sign_out(date);
                    drop(out);
                    state.trouble = Some(Box::new(Trouble {
                        reason: error.reason.clone(),
                        attempt,
                        next: Some(next),
                    }));
                    next.0
                });
                self.around
                    .show(&cell, AgentState::Idle, Some(error.reason));
                self.retry(next, cell);
            }
        }
    }
}

async fn asleep(sleep: &mut Option<Sleep>) {
    match sleep {
        Some(sleep) => Pin::new(sleep).await,
        None => std::future::pending().await,
    }
}
