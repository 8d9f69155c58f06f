//! A clock that a test moves, and that stops at everything that falls due on the way.
//!
//! Rejected: one jump (what falls due together at the target fires in no order that ever happens,
//! and a retry that sets the next timer sets it too late), and tokio's paused clock (it panics on a
//! multi-thread runtime and jumps while other threads work).

use crate::clock::{Clock, Timeline};
use chrono::{DateTime, TimeZone, Utc};
use parking_lot::Mutex;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How long an engine may take to settle at one step, in real time.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);
/// Timers that may fire in one `advance` before it is taken for endless.
const STEPS_MAX: usize = 1_000_000;

struct Time {
    monotonic: Duration,
    wall: DateTime<Utc>,
    /// Engines that opened with this clock; weak, because an engine that is gone has no time.
    timelines: Vec<Weak<dyn Timeline>>,
}

struct Inner {
    time: Mutex<Time>,
    /// Whether somebody is moving it.
    moving: AtomicBool,
}

/// A clock that stands still until [`ManualClock::advance`]. Cheap to clone; all clones are the
/// same one.
#[derive(Clone)]
pub struct ManualClock(Arc<Inner>);

impl ManualClock {
    /// A clock that stands at noon of 1 June 2025, UTC.
    pub fn new() -> ManualClock {
        let wall = Utc
            .with_ymd_and_hms(2025, 6, 1, 12, 0, 0)
            .single()
            .expect("that noon was once");
        let time = Time {
            monotonic: Duration::ZERO,
            wall,
            timelines: Vec::new(),
        };
        ManualClock(Arc::new(Inner {
            time: Mutex::new(time),
            moving: AtomicBool::new(false),
        }))
    }

    /// Moves time on by `duration`, stopping at each deadline on its way, and lets every engine
    /// settle there, so that what fell due has happened when this returns.
    ///
    /// # Panics
    /// If an engine does not settle within 10 seconds of real time, or another thread is moving
    /// this clock.
    pub fn advance(&self, duration: Duration) {
        let _moving = Moving::begin(&self.0.moving);
        let target = self.0.time.lock().monotonic + duration;
        self.settle();
        for _ in 0..STEPS_MAX {
            let due = self
                .timelines()
                .iter()
                .filter_map(|timeline| timeline.next_due())
                .min();
            let Some(due) = due.filter(|due| *due <= target) else {
                self.move_to(target);
                self.fire();
                return self.settle();
            };
            self.move_to(due);
            self.fire();
            self.settle();
        }
        panic!(
            "{STEPS_MAX} timers fired on the way and there are more: one of them must be setting itself again at once"
        );
    }

    /// Sets the date and time of day; deadlines are not touched.
    pub fn set_wall(&self, wall: DateTime<Utc>) {
        self.0.time.lock().wall = wall;
    }

    /// Moves the date and time of day, back or forth; deadlines are not touched.
    pub fn jump_wall(&self, by: chrono::Duration) {
        self.0.time.lock().wall += by;
    }

    fn timelines(&self) -> Vec<Arc<dyn Timeline>> {
        let mut time = self.0.time.lock();
        time.timelines
            .retain(|timeline| timeline.strong_count() > 0);
        let timelines: Vec<Arc<dyn Timeline>> =
            time.timelines.iter().filter_map(Weak::upgrade).collect();
        drop(time);
        timelines
            .into_iter()
            .filter(|timeline| timeline.alive())
            .collect()
    }

    fn settle(&self) {
        for timeline in self.timelines() {
            let settled = timeline.settle(Instant::now() + SETTLES_WITHIN) || !timeline.alive();
            let (at, seconds) = (self.0.time.lock().monotonic, SETTLES_WITHIN.as_secs());
            assert!(
                settled,
                "at {at:?} of its time the engine was still busy after {seconds} s: something holds a `Busy`"
            );
        }
    }

    fn fire(&self) {
        self.timelines().iter().for_each(|timeline| timeline.fire());
    }

    /// A timer that was due before is fired now; time never goes back.
    fn move_to(&self, moment: Duration) {
        let mut time = self.0.time.lock();
        let by = moment.saturating_sub(time.monotonic);
        time.monotonic += by;
        time.wall += by;
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        ManualClock::new()
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> DateTime<Utc> {
        self.0.time.lock().wall
    }

    fn monotonic(&self) -> Duration {
        self.0.time.lock().monotonic
    }

    fn runs(&self) -> bool {
        false
    }

    fn attach(&self, timeline: Arc<dyn Timeline>) {
        self.0.time.lock().timelines.push(Arc::downgrade(&timeline));
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({:?})", self.monotonic())
    }
}

/// Held while time is moved; ends on a panic too.
struct Moving<'a>(&'a AtomicBool);

impl Moving<'_> {
    fn begin(moving: &AtomicBool) -> Moving<'_> {
        assert!(
            !moving.swap(true, Ordering::AcqRel),
            "two threads move one clock"
        );
        Moving(moving)
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Timers, each of which sets another `again` later when it fires, until `last`.
    struct Chain {
        clock: ManualClock,
        due: Mutex<Vec<Duration>>,
        fired: Mutex<Vec<Duration>>,
        again: Duration,
        settles: bool,
    }

    impl Timeline for Chain {
        fn settle(&self, _deadline: Instant) -> bool {
            self.settles
        }

        fn next_due(&self) -> Option<Duration> {
            self.due.lock().iter().min().copied()
        }

        fn fire(&self) {
            let now = self.clock.monotonic();
            let mut due = self.due.lock();
            for fired in due.extract_if(.., |due| *due <= now).collect::<Vec<_>>() {
                self.fired.lock().push(now);
                due.push(fired + self.again);
            }
        }

        fn alive(&self) -> bool {
            true
        }
    }

    fn chain(clock: &ManualClock, settles: bool) -> Arc<Chain> {
        let seconds = Duration::from_secs;
        let (due, fired) = (Mutex::new(vec![seconds(3)]), Mutex::default());
        let chain = Arc::new(Chain {
            clock: clock.clone(),
            due,
            fired,
            again: seconds(4),
            settles,
        });
        clock.attach(chain.clone());
        chain
    }

    #[test]
    fn stops_at_each_deadline_on_its_way_and_at_those_set_there() {
        let clock = ManualClock::new();
        let noon = clock.wall();
        let chain = chain(&clock, true);
        clock.advance(Duration::from_secs(11));
        assert_eq!(*chain.fired.lock(), [3, 7, 11].map(Duration::from_secs));
        assert_eq!(clock.wall(), noon + Duration::from_secs(11));
    }

    #[test]
    fn a_jump_of_the_wall_fires_nothing() {
        let clock = ManualClock::new();
        let chain = chain(&clock, true);
        clock.jump_wall(chrono::Duration::hours(-5));
        clock.advance(Duration::from_secs(1));
        assert!(chain.fired.lock().is_empty());
    }

    #[test]
    fn forgets_an_engine_that_is_gone() {
        let clock = ManualClock::new();
        drop(chain(&clock, false));
        clock.advance(Duration::from_secs(60));
    }

    #[test]
    #[should_panic(expected = "still busy")]
    fn says_so_when_an_engine_never_settles() {
        let clock = ManualClock::new();
        let _chain = chain(&clock, false);
        clock.advance(Duration::from_secs(1));
    }
}
