//! Opening: the database is read, the machines are started, and memory is brought to what the
//! database says.

use super::Engine;
use super::assembled::{Assembled, Moved};
use super::loading::Loading;
use super::machines::Machines;
use super::stored::Stored;
use crate::backend::Forbidden;
use crate::clock::Timeline;
use crate::config::Builder;
use crate::error::{Error, Result};
use crate::services::{AccessSettings, AsyncResult, CollaborationSettings, Services, Settings};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

impl Builder {
    /// Opens the database, starts the threads, and begins to log on the provisioned agents.
    ///
    /// # Errors
    /// `Invalid` for a setting out of its limits or two backends of one scheme; `InUse` if another
    /// engine has the file; `ForeignDatabase`, `NewerDatabase`, `Corrupt`, `CommitsLost`, each with
    /// the file untouched; `Storage`.
    pub fn open(self) -> Result<Engine> {
        self.check()?;
        self.backends()?;
        let stored = Stored::open(&self)?;
        let mut machines = Machines::start(&self, &stored)?;
        let foundation = machines.foundation(&self, &stored)?;
        let services = Services::open(&foundation, self.settings())?;
        let timer_thread = machines
            .timer
            .start()
            .map_err(|error| Error::storage_by("cannot start the timer", error))?;
        machines.threads.extend(timer_thread);
        let timeline: Arc<dyn Timeline> = Arc::new(Moved {
            activity: machines.activity.clone(),
            timer: machines.timer.clone(),
            alive: AtomicBool::new(true),
        });
        let upkeep = services.upkeep();
        let reads = machines.reads.clone();
        let engine = Engine(Arc::new(Assembled {
            services,
            registry: foundation.registry,
            feed: foundation.feed,
            threads: Mutex::new(std::mem::take(&mut machines.threads)),
            machines,
            opened: stored.opened,
            _forbidden: Forbidden::new(self.location.files()),
            clock: self.clock.clone(),
            _timeline: timeline.clone(),
            down: Mutex::new(false),
        }));
        let loading = Loading {
            services: &engine.0.services,
            registry: &engine.0.registry,
            hub: &engine.0.machines.hub,
            calendar: &stored.calendar,
        };
        loading.load(&reads, stored.opening)?;
        if let Some(every) = self.retry_refused {
            let (registry, timer) = (
                Arc::downgrade(&engine.0.registry),
                engine.0.machines.timer.clone(),
            );
            foundation.calls.spawn(async move {
                loop {
                    timer.sleep(every).await;
                    let Some(registry) = registry.upgrade() else {
                        return;
                    };
                    registry.retry_refused();
                }
            });
        }
        self.clock.attach(timeline);
        foundation.calls.spawn(foundation.posting.watch());
        foundation.calls.spawn(upkeep);
        if let Some(recheck) = engine.0.services.recheck() {
            foundation.calls.spawn(recheck);
        }
        Ok(engine)
    }

    /// As [`Builder::open`], on any executor: a thread of its own opens, because it reads the disk.
    pub fn open_async(self) -> AsyncResult<Engine> {
        let (promise, pending) = crate::waiting::pending();
        match crate::waiting::start_thread("opening", move || promise.fulfil(self.open())) {
            Ok(_) => Box::pin(pending),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            access: AccessSettings {
                super_user: self.super_user.clone(),
                directories: self.directories.clone(),
                token_lifetime: self.token_lifetime,
            },
            collaboration: CollaborationSettings {
                post_deadline: self.post_deadline,
                waiters_per_agent: self.waiters_per_agent,
            },
            audit_age: self.keep_audit,
        }
    }
}
