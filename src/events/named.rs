//! Named readers in memory: how far each has come, who holds a name now, and how an earlier holder
//! learns that it has lost the name.

use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::journal::{Acknowledged, Entries, EntryKind};
use crate::model::{AgentKey, ReaderName, Seq};
use crate::store::readers::{self, ReaderInsert};
use crate::waiting::Pending;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// How long a caller waits for a durable acknowledgement.
const ACKNOWLEDGE_MAX: Duration = Duration::from_secs(3);
/// How long a caller waits for a new name. A full or locked disk refuses it sooner; a disk that
/// hangs does not answer.
const INSERT_MAX: Duration = Duration::from_secs(30);
/// When a caller that the disk refused should try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The error for a name that has the other kind of reader: each would pass over what the other one
/// has still to do.
fn other_kind(name: &ReaderName, shared: bool) -> Error {
    let (is, is_not) = if shared {
        ("for one worker", "shared")
    } else {
        ("shared", "for one worker")
    };
    Error::Invalid(format!("the reader `{name}` is {is} and not {is_not}"))
}

/// The holder of a name.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) acknowledged: Arc<Acknowledged>,
    /// Whether several workers draw from it.
    pub(crate) shared: bool,
    /// Set when a newer holder took the name over.
    pub(crate) superseded: Arc<AtomicBool>,
    /// Set when the agent was deleted.
    pub(crate) gone: Arc<AtomicBool>,
}

/// Every named reader that was used since the start.
pub(crate) struct Names {
    held: Arc<Mutex<HashMap<(AgentKey, ReaderName), Held>>>,
    entries: Entries,
    hub: Arc<Hub>,
}

impl Names {
    pub(crate) fn new(entries: Entries, hub: Arc<Hub>) -> Names {
        Names {
            held: Arc::default(),
            entries,
            hub,
        }
    }

    /// Takes `name` over from its earlier holder. A new name begins at `window`.
    ///
    /// # Errors
    /// `Invalid` for a 33rd name of the agent, or for one of the other kind.
    pub(crate) async fn hold(
        &self,
        agent: AgentKey,
        name: &ReaderName,
        window: Seq,
        shared: bool,
    ) -> Result<Held> {
        if let Some(held) = self.take_over(agent, name, shared) {
            return held;
        }
        let (wanted, held) = (name.clone(), self.held.clone());
        let inserted = self.entries.job(move |transaction| {
            let (connection, now) = (transaction.connection(), transaction.time());
            let through = match readers::insert(connection, agent, &wanted, window, shared, now)? {
                ReaderInsert::Inserted => window,
                ReaderInsert::Exists(through) => through,
                ReaderInsert::OtherKind => return Err(other_kind(&wanted, shared).into()),
                ReaderInsert::Full => {
                    let full = "an agent has at most 32 named readers; delete one first";
                    return Err(Error::Invalid(full.into()).into());
                }
            };
            // In the order of the commits: a delete that comes next must find the name.
            transaction.after(move || {
                let through = AtomicI64::new(through);
                let acknowledged = Acknowledged {
                    agent,
                    name: wanted.clone(),
                    through,
                    queued: AtomicBool::new(false),
                };
                let fresh = Held {
                    acknowledged: Arc::new(acknowledged),
                    shared,
                    superseded: Arc::default(),
                    gone: Arc::default(),
                };
                held.lock().entry((agent, wanted)).or_insert(fresh);
            });
            Ok(())
        });
        let late = || Error::OutcomeUnknown("the database did not answer".into());
        self.hub.timer().within(INSERT_MAX, inserted, late).await?;
        // The name was deleted since: the caller is superseded, as a poll that was waiting then is.
        self.take_over(agent, name, shared)
            .unwrap_or_else(|| Err(Error::Superseded(name.to_string())))
    }

    fn take_over(&self, agent: AgentKey, name: &ReaderName, shared: bool) -> Option<Result<Held>> {
        let mut all = self.held.lock();
        let held = all.get_mut(&(agent, name.clone()))?;
        if held.shared != shared {
            return Some(Err(other_kind(name, shared)));
        }
        let before = std::mem::replace(&mut held.superseded, Arc::new(AtomicBool::new(false)));
        let now = held.clone();
        drop(all);
        before.store(true, Ordering::Release);
        self.hub.nudge(agent);
        Some(Ok(now))
    }

    /// Where acknowledgements are written.
    pub(super) fn entries(&self) -> Entries {
        self.entries.clone()
    }

    /// Acknowledges everything up to `seq`; it is written with the next commit, within 50 ms.
    pub(crate) fn acknowledge(&self, held: &Held, seq: Seq) {
        if held.acknowledged.through.fetch_max(seq, Ordering::AcqRel) >= seq {
            return;
        }
        if !held.acknowledged.queued.swap(true, Ordering::AcqRel) {
            self.entries
                .write_lazily(EntryKind::Acknowledge(held.acknowledged.clone()));
        }
    }

    /// As [`Names::acknowledge`]; ready when the acknowledgement is durable, or with an error if
    /// the disk takes nothing now. The writer keeps the acknowledgement until the disk takes it, so
    /// it is not lost. Rejected: waiting for as long as the disk is full; a poll that did so never
    /// ended, and kept its connection after its client had left.
    pub(crate) async fn acknowledge_through(&self, held: &Held, seq: Seq) -> Result<()> {
        let refused = || Error::Busy {
            what: "the journal".into(),
            retry_after: RETRY_AFTER,
        };
        if !self.entries.writable() {
            self.acknowledge(held, seq);
            return Err(refused());
        }
        self.hub
            .timer()
            .within(
                ACKNOWLEDGE_MAX,
                self.push_acknowledgement(held, seq),
                refused,
            )
            .await
    }

    fn push_acknowledgement(&self, held: &Held, seq: Seq) -> Pending<Result<()>> {
        held.acknowledged.through.fetch_max(seq, Ordering::AcqRel);
        self.entries
            .write_through(EntryKind::Acknowledge(held.acknowledged.clone()))
    }

    /// The seq up to which a reader has acknowledged, if its name was used since the start.
    pub(crate) fn acknowledged(&self, agent: AgentKey, name: &ReaderName) -> Option<Seq> {
        let held = self.held.lock();
        held.get(&(agent, name.clone()))
            .map(|held| held.acknowledged.through.load(Ordering::Acquire))
    }

    /// Forgets the readers of a deleted agent. Nobody took their names over, so the hub ends their
    /// waits.
    pub(crate) fn forget(&self, agent: AgentKey) {
        self.held.lock().retain(|(key, _), held| {
            held.gone.fetch_or(*key == agent, Ordering::AcqRel);
            *key != agent
        });
    }

    /// Forgets one reader.
    pub(crate) fn forget_name(&self, agent: AgentKey, name: &ReaderName) {
        if let Some(held) = self.held.lock().remove(&(agent, name.clone())) {
            held.superseded.store(true, Ordering::Release);
        }
    }
}
