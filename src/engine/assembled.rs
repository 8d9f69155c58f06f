//! The parts of a running engine, and the order in which they end: the waits, the links, the
//! writer.

use super::machines::Machines;
use crate::agents::Registry;
use crate::backend::Forbidden;
use crate::clock::{Clock, Timeline};
use crate::database::Opened;
use crate::error::{Error, Result};
use crate::events::Feed;
use crate::hub::Timer;
use crate::services::Services;
use crate::waiting::{Activity, from_now, park, park_until};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a dropped engine may take to sign its agents out.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// The parts of a running engine.
pub(super) struct Assembled {
    pub(super) services: Services,
    pub(super) registry: Arc<Registry>,
    pub(super) feed: Arc<Feed>,
    pub(super) machines: Machines,
    pub(super) opened: Arc<Opened>,
    /// Until the engine has ended, nothing else of this process opens the database's files.
    pub(super) _forbidden: Forbidden,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
    /// Keeps the clock's way to this engine; the clock itself holds it weakly.
    pub(super) _timeline: Arc<dyn Timeline>,
    pub(super) down: Mutex<bool>,
}

/// The part of this engine that a clock moved by hand uses.
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
    pub(super) fn shut_down(&self, real_time: Duration) -> Result<()> {
        let limit = from_now(real_time);
        // On one of our own threads this fails before anything is touched.
        park(std::future::ready(Ok(())))?;
        let mut down = self.down.lock();
        if *down {
            return Ok(());
        }
        *down = true;
        let machines = &self.machines;
        self.services.begin_stop();
        machines.hub.close();
        for cell in self.registry.all() {
            cell.change(|_| ());
        }
        let tasks = self.registry.stop();
        let signed_out = park_until(
            async {
                for task in tasks {
                    let _ = task.await;
                }
                Ok(())
            },
            limit,
        );
        machines.ring.close();
        machines.writer.stop();
        machines.publishing.stop();
        machines.posts.give_up();
        machines.runtime.stop(Duration::from_millis(100));
        machines.timer.close();
        machines.reads.close();
        self.services.access().close();
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
            // Dropped on one of our own threads: the parts are told to end, and nobody waits for
            // them.
            Err(Error::WouldDeadlock) => {
                self.services.begin_stop();
                self.machines.hub.close();
                self.machines.ring.close();
                self.machines.writer.stop_later();
                self.machines.timer.close();
                self.machines.reads.close();
            }
            Err(error) => tracing::warn!(%error, "the engine was dropped"),
            Ok(()) => {}
        }
    }
}
