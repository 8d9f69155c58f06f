//! The parts of a running engine, and how they end: the waits first, then the links, then what they wrote.

use crate::clock::Timeline;
use crate::database::{Opened, Reads, Writer};
use crate::error::{Error, Result};
use crate::hub::{Ring, Timer};
use crate::journal::Journal;
use crate::publish::Publishing;
use crate::runtime::Runtime;
use crate::services::Services;
use crate::waiting::{Activity, park, park_until};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a dropped engine may take to sign its agents out.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// The parts of a running engine.
pub(super) struct Assembled {
    pub(super) services: Arc<Services>,
    pub(super) writer: Arc<Writer<Journal>>,
    pub(super) publishing: Arc<Publishing>,
    pub(super) reads: Reads,
    pub(super) runtime: Runtime,
    pub(super) timer: Arc<Timer>,
    pub(super) ring: Arc<Ring>,
    pub(super) opened: Arc<Opened>,
    pub(super) activity: Activity,
    pub(super) strays: Arc<AtomicU64>,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
    /// Keeps the clock's way to this engine; the clock itself holds it weakly.
    pub(super) _timeline: Arc<dyn Timeline>,
    pub(super) down: Mutex<bool>,
}

/// What a clock moved by hand may do with this engine.
pub(super) struct Moved {
    pub(super) activity: Activity,
    pub(super) timer: Arc<Timer>,
    pub(super) alive: AtomicBool,
}

impl Timeline for Moved {
    fn settle(&self, deadline: Instant) -> bool {
        self.activity.wait_idle(deadline)
    }

    fn next_due(&self) -> Option<Duration> {
        self.timer.next_due()
    }

    fn fire(&self) {
        self.timer.fire();
    }

    fn alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }
}

impl Assembled {
    pub(super) fn shut_down(&self, deadline: Duration) -> Result<()> {
        let limit = Instant::now() + deadline;
        // Refuses on our own threads before anything is touched.
        park(std::future::ready(Ok(())))?;
        let mut down = self.down.lock();
        if *down {
            return Ok(());
        }
        *down = true;
        let services = &self.services;
        services.stopping.store(true, Ordering::Release);
        services.ground.hub.close();
        for cell in services.registry.all() {
            cell.change(|_| ());
        }
        let tasks = services.registry.stop();
        let signed_out = park_until(
            async {
                for task in tasks {
                    let _ = task.await;
                }
                Ok(())
            },
            limit,
        );
        self.ring.close();
        self.writer.stop();
        self.publishing.stop();
        services.ground.posts.give_up();
        self.runtime.stop(Duration::from_millis(100));
        self.timer.close();
        self.reads.close();
        services.passwords.close();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("one of the engine's threads panicked");
            }
        }
        self.opened.unlock();
        signed_out.map_err(|_| Error::TimedOut("some links had to be cut".into()))
    }
}

impl Drop for Assembled {
    fn drop(&mut self) {
        match self.shut_down(DROP_DEADLINE) {
            // Dropped on one of our own threads: what can be told to end is told, and nobody waits.
            Err(Error::WouldDeadlock) => {
                self.services.stopping.store(true, Ordering::Release);
                self.services.ground.hub.close();
                self.ring.close();
                self.writer.stop_later();
                self.timer.close();
                self.reads.close();
            }
            Err(error) => tracing::warn!(%error, "the engine was dropped"),
            Ok(()) => {}
        }
    }
}
