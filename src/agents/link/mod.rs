//! One link's task: dial, sign in, join, and do it again when something is lost.
//!
//! It reconciles desired and actual state: it looks at its agents, starts what their lifecycle asks
//! for, at most 64 things at once, and tells their lifecycle what came of it. A call that panics or
//! hangs is that link's trouble, nobody else's.

mod dialing;
mod flaps;
mod intake;
mod joining;
mod leaving;
mod pace;
mod recent;
mod retries;
mod rooms;
mod signing_in;
mod surroundings;

pub(crate) use surroundings::{LinkSettings, Surroundings};

use super::cell::{Cell, CellLink};
use super::links::Links;
use super::roster::Roster;
use crate::backend::{Backend, BackendError, BackendErrorKind, Joined, Link, Session};
use crate::hub::Sleep;
use crate::model::{Address, AgentKey, ChannelId, LinkKey};
use crate::waiting::panic_text;
use dialing::Dial;
use flaps::Flaps;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use intake::LinkIntake;
use leaving::Leaving;
use retries::Retries;
use rooms::Rooms;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Sign-ins and joins under way on one link at most.
const IN_FLIGHT: usize = 64;
/// An inbox without room for that long gives its link up.
const STUCK_MAX: Duration = Duration::from_secs(20);

/// Something that was started has ended.
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
    handle: Arc<CellLink>,
    agents: HashMap<AgentKey, Arc<Cell>>,
    /// Agents to look at.
    todo: VecDeque<Arc<Cell>>,
    dial: Dial,
    link: Option<Arc<dyn Link>>,
    intake: Option<Arc<LinkIntake>>,
    flights: FuturesUnordered<Flight>,
    rooms: Rooms,
    retries: Retries,
    flaps: Flaps,
    leaving: Leaving,
    sleep: Option<Sleep>,
    /// Logins that were refused since the link was last up.
    refusals: u32,
    /// Ready when the secret of a refused login has changed.
    secret_changes: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl LinkTask {
    pub(super) fn new(
        around: Arc<Surroundings>,
        (links, roster): (&Arc<Links>, &Arc<Roster>),
        backend: Arc<dyn Backend>,
        key: LinkKey,
        handle: Arc<CellLink>,
    ) -> LinkTask {
        LinkTask {
            around,
            links: Arc::downgrade(links),
            roster: Arc::downgrade(roster),
            backend,
            key,
            handle,
            agents: HashMap::new(),
            todo: VecDeque::new(),
            dial: Dial::default(),
            link: None,
            intake: None,
            flights: FuturesUnordered::new(),
            rooms: Rooms::default(),
            retries: Retries::default(),
            flaps: Flaps::default(),
            leaving: Leaving::default(),
            sleep: None,
            refusals: 0,
            secret_changes: None,
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

    /// One turn: reads the mail, starts what is missing, waits for the next thing. False: the task
    /// is over.
    async fn turn(&mut self) -> bool {
        let (mail, busy) = self.handle.take();
        if let Some((generation, error)) = mail.lost
            && self.handle.is_newest(generation)
        {
            self.lost(error);
        }
        if mail.stop {
            self.stop().await;
            return false;
        }
        if mail.hurry {
            self.dial.hurry();
        }
        for cell in mail.look {
            cell.change(|state| state.queued = false);
            self.todo.push_back(cell);
        }
        for channel in mail.left {
            self.rooms.left(&channel);
        }
        for farewell in mail.farewells {
            self.farewell(farewell);
        }
        self.flap(mail.flaps);
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
            () = self.handle.woken() => {}
            Some(landed) = self.flights.next(), if !self.flights.is_empty() => self.landed(landed),
            () = asleep(&mut self.sleep) => self.sleep = None,
            () = changed(&mut self.secret_changes) => {
                self.secret_changes = None;
                self.dial.hurry();
            }
        }
        true
    }

    /// Has the sleeper sleep to the next thing that is due.
    fn arm(&mut self) {
        let dial = self.dial.next().filter(|_| !self.agents.is_empty());
        let stuck = self.handle.stuck_since().map(|since| since + STUCK_MAX);
        let next = [dial, self.retries.next_due(), self.flaps.next_due(), stuck];
        let next = next.into_iter().flatten().min();
        if self.sleep.as_ref().map(Sleep::due) != next {
            self.sleep = next.map(|due| self.around.timer().sleep_until(due));
        }
    }

    /// Does what has become due.
    fn due(&mut self) {
        let now = self.around.timer().now();
        while let Some(cell) = self.retries.take_due(now) {
            self.todo.push_back(cell);
        }
        while let Some(lost) = self.flaps.take_due(now) {
            self.announce(lost);
        }
        if self
            .handle
            .stuck_since()
            .is_some_and(|since| now >= since + STUCK_MAX)
        {
            self.handle.set_flowing();
            self.lost(BackendError::unreachable(
                "the journal accepted nothing for 20 seconds; this link will catch up later",
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
                    self.look(cell);
                }
            }
        }
    }

    /// While the link is down, agents are only counted.
    fn take_in(&mut self) {
        while let Some(cell) = self.todo.pop_front() {
            self.count(&cell);
        }
    }

    /// Counts an agent among those of this link, or no longer; true if it is one.
    fn count(&mut self, cell: &Arc<Cell>) -> bool {
        let is_here = cell.is_on(&self.handle);
        if is_here {
            self.agents.insert(cell.key, cell.clone());
        } else {
            self.agents.remove(&cell.key);
        }
        is_here
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
}

async fn asleep(sleep: &mut Option<Sleep>) {
    match sleep {
        Some(sleep) => Pin::new(sleep).await,
        None => std::future::pending().await,
    }
}

async fn changed(changes: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    match changes {
        Some(changes) => changes.await,
        None => std::future::pending().await,
    }
}
