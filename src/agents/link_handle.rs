//! A link as the rest of the engine sees it: a mailbox for its task, and a few flags that its task
//! shows.

use super::mail::Mail;
use crate::waiting::{Activity, Busy};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

struct Mailbox<A> {
    mail: Mail<A>,
    /// Held from the first mail until the task takes it.
    busy: Option<Busy>,
    /// The task has ended and reads no more mail.
    ended: bool,
}

const DOWN: u8 = 0;
const DIALING: u8 = 1;
const UP: u8 = 2;

/// One link, whose agents are `A`.
pub(crate) struct LinkHandle<A> {
    mailbox: Mutex<Mailbox<A>>,
    wake: Notify,
    activity: Activity,
    phase: AtomicU8,
    /// Whether a dial has ended, well or not.
    tried: AtomicBool,
    /// Counts dials: what an earlier connection brings is not applied.
    generation: AtomicU64,
    /// Since when the inbox waits for room without progress: monotonic milliseconds plus one, 0 if
    /// it does not.
    stuck: AtomicU64,
    /// The number of its backend.
    backend: usize,
}

impl<A> LinkHandle<A> {
    pub(super) fn new(backend: usize, activity: Activity) -> Arc<LinkHandle<A>> {
        Arc::new(LinkHandle {
            mailbox: Mutex::new(Mailbox {
                mail: Mail::default(),
                busy: None,
                ended: false,
            }),
            wake: Notify::new(),
            activity,
            phase: AtomicU8::new(DOWN),
            tried: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            stuck: AtomicU64::new(0),
            backend,
        })
    }

    /// The number of its backend.
    pub(super) fn backend(&self) -> usize {
        self.backend
    }

    /// Puts something into the mailbox, unless the task has ended.
    pub(super) fn tell(&self, tell: impl FnOnce(&mut Mail<A>)) {
        let mut mailbox = self.mailbox.lock();
        if mailbox.ended {
            return;
        }
        if mailbox.busy.is_none() {
            mailbox.busy = Some(self.activity.busy());
        }
        tell(&mut mailbox.mail);
        drop(mailbox);
        self.wake.notify_one();
    }

    /// Takes everything out. The token is to be held until all of it was dealt with.
    pub(super) fn take(&self) -> (Mail<A>, Option<Busy>) {
        let mut mailbox = self.mailbox.lock();
        let taken = std::mem::take(&mut mailbox.mail);
        mailbox.mail.stop = taken.stop;
        (taken, mailbox.busy.take())
    }

    /// Ends the mailbox if it is empty, and returns whether it was; then the task may end.
    pub(super) fn end(&self) -> bool {
        let mut mailbox = self.mailbox.lock();
        let is_empty = mailbox.mail.is_empty();
        if is_empty {
            mailbox.ended = true;
            mailbox.busy = None;
        }
        is_empty
    }

    /// Ready when there is mail, or the inbox is stuck.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// A dial begins; returns the generation of its connection.
    pub(super) fn begin_generation(&self) -> u64 {
        self.phase.store(DIALING, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The connection that stands, or is being dialed: this link, and the generation.
    pub(super) fn connection(self: &Arc<Self>) -> (Arc<Self>, u64) {
        (self.clone(), self.generation.load(Ordering::Acquire))
    }

    /// Whether `generation` is the newest.
    pub(super) fn is_newest(&self, generation: u64) -> bool {
        generation == self.generation.load(Ordering::Acquire)
    }

    /// Whether nothing can be sent over the connection of that generation any more.
    pub(super) fn is_over(&self, generation: u64) -> bool {
        !self.is_newest(generation) || self.phase.load(Ordering::Acquire) == DOWN
    }

    pub(super) fn set_down(&self) {
        self.phase.store(DOWN, Ordering::Release);
    }

    pub(super) fn set_up(&self) {
        self.phase.store(UP, Ordering::Release);
    }

    pub(super) fn set_tried(&self) {
        self.tried.store(true, Ordering::Release);
    }

    /// The inbox found no room; wakes the task, which gives the link up if that lasts.
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

    /// Since when the inbox is stuck, in monotonic time.
    pub(super) fn stuck_since(&self) -> Option<Duration> {
        match self.stuck.load(Ordering::Acquire) {
            0 => None,
            since => Some(Duration::from_millis(since - 1)),
        }
    }

    pub(super) fn is_dialing(&self) -> bool {
        self.phase.load(Ordering::Acquire) == DIALING
    }

    pub(super) fn was_tried(&self) -> bool {
        self.tried.load(Ordering::Acquire)
    }
}
