//! The machines that an engine is made of, each started with the ones below it.

use super::stored::Stored;
use crate::agents::{Calls, LinkSettings, PostBook, Posting, Registry, Strangers, Surroundings};
use crate::config::{Builder, EventMode};
use crate::database::{Reads, Writer};
use crate::error::Result;
use crate::events::{Feed, Names};
use crate::hub::{Hub, Ring, Timer};
use crate::journal::{Entries, Journal, JournalSettings, Retention};
use crate::origin::Origins;
use crate::publish::Publishing;
use crate::runtime::Runtime;
use crate::services::Foundation;
use crate::waiting::Activity;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

/// The machines below the agents: time, waits, the writer and the reads.
pub(super) struct Machines {
    pub(super) activity: Activity,
    pub(super) runtime: Runtime,
    pub(super) timer: Arc<Timer>,
    pub(super) hub: Arc<Hub>,
    pub(super) ring: Arc<Ring>,
    pub(super) posts: Arc<PostBook>,
    pub(super) publishing: Arc<Publishing>,
    pub(super) reads: Reads,
    pub(super) writer: Arc<Writer<Journal>>,
    /// Messages that came for conversations that no agent was ever in.
    pub(super) strays: Arc<AtomicU64>,
    pub(super) foreign: Arc<AtomicU64>,
    /// Messages of people whom nobody provisioned.
    pub(super) strangers: Arc<Strangers>,
    pub(super) threads: Vec<JoinHandle<()>>,
}

impl Machines {
    pub(super) fn start(builder: &Builder, stored: &Stored) -> Result<Machines> {
        let opening = &stored.opening;
        let activity = Activity::default();
        let runtime = Runtime::start(builder.worker_threads)?;
        let timer = Timer::new(builder.clock.clone(), activity.clone());
        let hub = Hub::new(
            opening.instance.clone(),
            opening.base,
            (opening.last, opening.head),
            stored.window,
            activity.clone(),
            timer.clone(),
        );
        let ring = Ring::new();
        let posts = Arc::new(PostBook::default());
        let publishing = Publishing::start(hub.clone(), ring.clone(), posts.clone())?;
        let (reads, threads) = Reads::start(stored.opened.clone(), activity.clone())?;
        let strays = Arc::new(AtomicU64::new(0));
        let foreign = Arc::new(AtomicU64::new(0));
        let settings = JournalSettings {
            calendar: stored.calendar.clone(),
            retention: Retention::new(builder.keep_messages, builder.keep_bytes),
            strays: strays.clone(),
            foreign: foreign.clone(),
            shown_max: builder.shown_max,
        };
        let journal = Journal::new(settings, opening);
        let writer = Writer::start(stored.opened.clone(), journal, publishing.clone())?;
        Ok(Machines {
            activity,
            runtime,
            timer,
            hub,
            ring,
            posts,
            publishing,
            reads,
            writer: Arc::new(writer),
            strays,
            foreign,
            strangers: Arc::default(),
            threads,
        })
    }

    /// The agents on these machines, and with them all that the services are made from.
    pub(super) fn foundation(&self, builder: &Builder, stored: &Stored) -> Result<Foundation> {
        let entries = Entries::new(self.writer.clone(), self.activity.clone());
        let handle = self.runtime.handle().clone();
        let calls = Calls::new(handle, self.timer.clone(), self.activity.clone());
        let origins = Arc::new(Origins::new(stored.opening.key));
        let posting = Posting::new(
            self.posts.clone(),
            calls.clone(),
            entries.clone(),
            self.strangers.clone(),
        );
        let surroundings = Surroundings::new(
            entries.clone(),
            calls.clone(),
            self.reads.clone(),
            self.ring.clone(),
            (posting.clone(), origins.clone()),
            LinkSettings {
                recorded_until: stored.opening.recorded_until,
                flap_delay: builder.flap_delay,
            },
        );
        let registry = Registry::new(surroundings, self.hub.clone(), builder.backends()?);
        let feed = Feed {
            above: Arc::default(),
            hub: self.hub.clone(),
            reads: self.reads.clone(),
            clock: builder.clock.clone(),
            activity: self.activity.clone(),
            buffered: builder.event_mode == EventMode::Buffered,
        };
        Ok(Foundation {
            registry,
            posting,
            calls,
            posts: self.posts.clone(),
            origins,
            feed: Arc::new(feed),
            names: Arc::new(Names::new(entries.clone(), self.hub.clone())),
            shares: Arc::default(),
            hub: self.hub.clone(),
            reads: self.reads.clone(),
            entries,
            calendar: stored.calendar.clone(),
            activity: self.activity.clone(),
        })
    }
}
