//! A thread that works on an event counts as busy until it asks for the next one, except while it
//! waits for others.

use super::busy::{Activity, Busy};
use std::cell::RefCell;
use std::time::Instant;

thread_local! {
    static HELD: RefCell<Option<(Activity, Option<Busy>)>> = const { RefCell::new(None) };
}

/// Counts this thread as busy from now on, except while it is parked.
pub(crate) fn hold(activity: &Activity) {
    let busy = activity.busy();
    HELD.with(|held| *held.borrow_mut() = Some((activity.clone(), Some(busy))));
}

/// This thread no longer counts as busy.
pub(crate) fn let_go() {
    let held = HELD.with(|held| held.borrow_mut().take());
    drop(held);
}

/// Releases this thread's token, if it has one, while the thread waits for others.
pub(super) fn lay_down() -> Option<Activity> {
    HELD.with(|held| {
        held.borrow_mut().as_mut().map(|(activity, busy)| {
            *busy = None;
            activity.clone()
        })
    })
}

/// Counts this thread as busy again.
pub(super) fn take_up(busy: Option<Busy>) {
    HELD.with(|held| {
        if let Some((activity, slot)) = held.borrow_mut().as_mut() {
            *slot = Some(busy.unwrap_or_else(|| activity.busy()));
        }
    });
}

/// The count that this thread is part of, if it counts.
pub(super) fn held_activity() -> Option<Activity> {
    HELD.with(|held| held.borrow().as_ref().map(|(activity, _)| activity.clone()))
}

impl Activity {
    /// Waits until nothing is under way; false if `deadline` (real time) came first.
    pub(crate) fn wait_idle(&self, deadline: Instant) -> bool {
        let own = lay_down();
        let mut quiet = self.0.quiet.lock();
        while !self.is_idle() && !self.0.changed.wait_until(&mut quiet, deadline).timed_out() {}
        let idle = self.is_idle();
        drop(quiet);
        if own.is_some() {
            take_up(None);
        }
        idle
    }
}
