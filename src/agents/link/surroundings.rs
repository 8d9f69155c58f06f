//! What every link of the engine shares: the way to the journal, the calls into backends, the posts
//! under way, and what is shown of agents and channels.

use super::super::calls::Calls;
use super::super::cell::Cell;
use super::super::infos::Infos;
use super::super::lifecycle::Now;
use super::super::posting::Posting;
use super::super::strangers::Strangers;
use super::pace::Pace;
use crate::database::Reads;
use crate::hub::{Ring, Timer};
use crate::journal::{Entries, EntryKind};
use crate::model::{AgentKey, AgentState, Broadcast, Place};
use crate::origin::Origins;
use crate::waiting::Activity;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// What a link stands on.
pub(crate) struct Surroundings {
    pub(super) entries: Entries,
    pub(super) calls: Calls,
    pub(super) reads: Reads,
    pub(super) ring: Arc<Ring>,
    pub(super) posting: Arc<Posting>,
    pub(super) origins: Arc<Origins>,
    pub(super) infos: Infos,
    pub(super) pace: Pace,
    pub(super) settings: LinkSettings,
}

/// What links are told once, when the engine opens.
pub(crate) struct LinkSettings {
    /// When the database was last written before this process opened it; none if this process made
    /// it.
    pub(crate) recorded_until: Option<DateTime<Utc>>,
    /// How long a link may be lost before its channels are announced as inactive.
    pub(crate) flap_delay: Duration,
}

impl Surroundings {
    pub(crate) fn new(
        entries: Entries,
        calls: Calls,
        reads: Reads,
        ring: Arc<Ring>,
        (posting, origins): (Arc<Posting>, Arc<Origins>),
        settings: LinkSettings,
    ) -> Arc<Surroundings> {
        Arc::new(Surroundings {
            entries,
            calls,
            reads,
            ring,
            posting,
            origins,
            infos: Infos::default(),
            pace: Pace::default(),
            settings,
        })
    }

    /// Who tried to write to agents that do not hear them.
    pub(in super::super) fn strangers(&self) -> &Strangers {
        self.posting.strangers()
    }

    /// An open contact made room for another: its span ends, and the database forgets it.
    pub(in super::super) fn forget(&self, agent: AgentKey, place: Place) {
        self.entries.write(EntryKind::Left { agent, place });
    }

    pub(super) fn timer(&self) -> &Arc<Timer> {
        self.calls.timer()
    }

    /// The present moment.
    pub(in super::super) fn now(&self) -> Now {
        Now::of(self.timer())
    }

    /// Counts what is under way, for a clock moved by hand.
    pub(in super::super) fn activity(&self) -> &Activity {
        self.calls.activity()
    }

    /// Spawns a link's task.
    pub(in super::super) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        self.calls.spawn(task)
    }

    /// Shows a change of an agent's state to every subscriber.
    pub(super) fn show(&self, cell: &Cell, state: AgentState, reason: Option<String>) {
        tracing::info!(agent = %cell.id, state = ?state, reason, "agent");
        if self.ring.is_wanted() {
            let item = Broadcast::AgentState {
                agent: cell.id.clone(),
                state,
                reason,
            };
            self.ring.publish([(0, Arc::new(item))]);
        }
    }
}
