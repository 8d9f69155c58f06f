//! What a link's task is told: a mailbox that cannot overflow, because it holds sets, not histories.

use super::cell::Cell;
use crate::backend::{BackendError, Session};
use crate::model::{Address, ChannelId};
use crate::waiting::{Activity, Busy};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// A session to be wound up: sign the agent out, or leave these channels.
pub(super) struct Farewell {
    pub(super) cell: Arc<Cell>,
    pub(super) session: Arc<dyn Session>,
    /// The address it was signed in under.
    pub(super) address: Address,
    /// The channels it was in and is to leave.
    pub(super) channels: Vec<ChannelId>,
    /// Whether to sign out altogether.
    pub(super) for_good: bool,
}

/// An agent that lost one channel, or all of them.
pub(super) type Flap = (Arc<Cell>, Option<ChannelId>);

#[derive(Default)]
pub(super) struct Mail {
    /// Agents to look at.
    pub(super) look: Vec<Arc<Cell>>,
    pub(super) farewells: Vec<Farewell>,
    /// Channels that an agent of this link is no longer in, once for each agent.
    pub(super) left: Vec<ChannelId>,
    /// What was lost, to be announced if it lasts: one channel of an agent, or all of them.
    pub(super) flaps: Vec<Flap>,
    /// The link of that generation is lost.
    pub(super) lost: Option<(u64, BackendError)>,
    /// An administrator changed something: try at once.
    pub(super) hurry: bool,
    pub(super) stop: bool,
    /// The task has ended; nothing told here is heard.
    pub(super) ended: bool,
    busy: Option<Busy>,
}

const DOWN: u8 = 0;
const DIALING: u8 = 1;
const UP: u8 = 2;

/// One link's mailbox and what is to be seen of it from outside.
pub(crate) struct Told {
    mail: Mutex<Mail>,
    wake: Notify,
    activity: Activity,
    phase: AtomicU8,
    /// Whether a dial has ended, well or not.
    tried: AtomicBool,
    /// Counts dials: what an earlier connection brings is not this one's.
    pub(super) generation: AtomicU64,
    /// Since when the inbox waits for room without progress: monotonic milliseconds plus one, 0 if it does not.
    stuck: AtomicU64,
    /// Which of the backends it belongs to.
    pub(crate) backend: usize,
}

impl Told {
    pub(super) fn new(backend: usize, activity: Activity) -> Arc<Told> {
        Arc::new(Told {
            mail: Mutex::default(),
            wake: Notify::new(),
            activity,
            phase: AtomicU8::new(DOWN),
            tried: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            stuck: AtomicU64::new(0),
            backend,
        })
    }

    /// Puts something into the mailbox; false if the task has ended.
    pub(super) fn tell(&self, tell: impl FnOnce(&mut Mail)) -> bool {
        let mut mail = self.mail.lock();
        if mail.ended {
            return false;
        }
        if mail.busy.is_none() {
            mail.busy = Some(self.activity.busy());
        }
        tell(&mut mail);
        drop(mail);
        self.wake.notify_one();
        true
    }

    /// Takes everything out. The token covers it until the task has dealt with it.
    pub(super) fn take(&self) -> (Mail, Option<Busy>) {
        let mut mail = self.mail.lock();
        let mut taken = std::mem::take(&mut *mail);
        mail.stop = taken.stop;
        mail.ended = taken.ended;
        let busy = taken.busy.take();
        (taken, busy)
    }

    /// Ends the mailbox if nothing is in it; then the task may end.
    pub(super) fn end(&self) -> bool {
        let mut mail = self.mail.lock();
        let empty = mail.look.is_empty()
            && mail.farewells.is_empty()
            && mail.left.is_empty()
            && mail.flaps.is_empty();
        if empty {
            mail.ended = true;
            mail.busy = None;
        }
        empty
    }

    pub(super) async fn told(&self) {
        self.wake.notified().await;
    }

    pub(super) fn set_down(&self) {
        self.phase.store(DOWN, Ordering::Release);
    }

    pub(super) fn set_dialing(&self) {
        self.phase.store(DIALING, Ordering::Release);
    }

    pub(super) fn set_up(&self) {
        self.phase.store(UP, Ordering::Release);
    }

    pub(super) fn set_tried(&self) {
        self.tried.store(true, Ordering::Release);
    }

    /// The inbox found no room. The task looks after it in time.
    pub(super) fn set_stuck(&self, now: Duration) {
        let since = now.as_millis() as u64 + 1;
        if self
            .stuck
            .compare_exchange(0, since, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            self.wake.notify_one();
        }
    }

    /// The inbox found room again.
    pub(super) fn set_flowing(&self) {
        if self.stuck.load(Ordering::Relaxed) != 0 {
            self.stuck.store(0, Ordering::Release);
        }
    }

    /// Since when the inbox is stuck.
    pub(super) fn stuck_since(&self) -> Option<Duration> {
        match self.stuck.load(Ordering::Acquire) {
            0 => None,
            since => Some(Duration::from_millis(since - 1)),
        }
    }

    pub(crate) fn is_dialing(&self) -> bool {
        self.phase.load(Ordering::Acquire) == DIALING
    }

    pub(crate) fn was_tried(&self) -> bool {
        self.tried.load(Ordering::Acquire)
    }
}
