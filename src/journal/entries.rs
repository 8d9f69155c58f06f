//! The way into the journal: every entry is built here, and every change of the control plane
//! begins here.
//!
//! An entry holds a busy token until it is published, so that a clock moved by hand waits for it.
//! It has a weight, which counts against the bound of the writer's queue. An entry that a link
//! brings waits while the queue is full. An entry that the engine adds itself is never refused, but
//! makes the links wait sooner.

use super::entry::{Entry, EntryKind, NewRow};
use super::recording::Journal;
use super::transaction::Transaction;
use crate::database::{Failure, Urgency, Writer};
use crate::error::{Error, Result};
use crate::waiting::{Activity, Pending, Promise, pending};
use std::sync::Arc;
use std::task::{Context, Poll};

/// Hands the writer entries and changes.
#[derive(Clone)]
pub(crate) struct Entries {
    writer: Arc<Writer<Journal>>,
    activity: Activity,
}

impl Entries {
    pub(crate) fn new(writer: Arc<Writer<Journal>>, activity: Activity) -> Entries {
        Entries { writer, activity }
    }

    /// Queues an entry, even if the queue is full. What a link brings asks [`Entries::has_room`]
    /// first.
    pub(crate) fn write(&self, kind: EntryKind) {
        self.write_on(kind, Urgency::Ordered);
    }

    /// As [`Entries::write`], but the entry waits up to 50 ms for another one whose commit it can
    /// share.
    pub(crate) fn write_lazily(&self, kind: EntryKind) {
        self.write_on(kind, Urgency::Lazy);
    }

    fn write_on(&self, kind: EntryKind, urgency: Urgency) {
        if self.writer.push(self.entry(kind), None, urgency).is_err() {
            tracing::debug!("the writer has stopped; an entry is dropped");
        }
    }

    /// As [`Entries::write`]; ready when the entry is committed and published.
    pub(crate) fn write_through(&self, kind: EntryKind) -> Pending<Result<()>> {
        self.write_with(kind, None)
    }

    /// As [`Entries::write_through`]; `before` runs after the commit and before anybody is told of
    /// it.
    pub(crate) fn write_with(
        &self,
        kind: EntryKind,
        before: Option<Box<dyn FnOnce() + Send>>,
    ) -> Pending<Result<()>> {
        let (promise, pending): (Promise<Result<()>>, _) = pending();
        let entry = Entry {
            before,
            done: Some(promise),
            ..self.entry(kind)
        };
        match self.writer.push(entry, None, Urgency::Ordered) {
            Ok(()) => pending,
            Err(_) => Pending::ready(Err(Error::Closed)),
        }
    }

    /// Reserves room for a message of so many bytes; false if the queue is full.
    pub(crate) fn reserve(&self, bytes: usize) -> bool {
        self.writer.reserve(bytes)
    }

    /// Queues a message for which `bytes` were reserved.
    ///
    /// # Errors
    /// `Closed` once the writer has stopped.
    pub(crate) fn write_reserved(&self, row: Box<NewRow>, bytes: usize) -> Result<()> {
        let entry = self.entry(EntryKind::Message(row));
        self.writer
            .push(entry, Some(bytes), Urgency::Ordered)
            .map_err(|_| Error::Closed)
    }

    /// Whether the queue has room for a small entry that a link brings.
    pub(crate) fn has_room(&self) -> bool {
        self.writer.has_room()
    }

    /// Ready when an entry that found no room may be offered again.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.writer.poll_room(cx)
    }

    /// Whether the disk takes what is written.
    pub(crate) fn writable(&self) -> bool {
        self.writer.writable()
    }

    /// Runs `work` in a transaction of its own; its caller is answered once that is committed and
    /// memory knows of it. Nothing is written if `work` fails.
    pub(crate) fn job<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Pending<Result<T>> {
        self.writer
            .job(self.activity.busy(), move |journal, connection| {
                let mut transaction = Transaction::new(journal, connection);
                let value = work(&mut transaction)?;
                let (batch, after) = transaction.end();
                Ok((value, batch, after))
            })
    }

    fn entry(&self, kind: EntryKind) -> Entry {
        Entry {
            kind,
            busy: self.activity.busy(),
            before: None,
            done: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Calendar, SystemClock};
    use crate::database::{After, Durability, Location, Publisher, Wanted, open};
    use crate::journal::{Batch, Freshness, JournalSettings, Retention, reach};
    use crate::model::{AgentKey, ChannelId, NetworkId, Place, ResumePoint};
    use crossbeam_channel::{Receiver, bounded};
    use std::time::{Duration, Instant};

    const SOON: Duration = Duration::from_secs(20);

    /// A publisher that takes nothing until the test lets go of it.
    struct Stuck(Receiver<()>);

    impl Publisher<Journal> for Stuck {
        fn committed(&self, _: Vec<Entry>, _: Batch, release: After) {
            let _ = self.0.recv_timeout(SOON);
            release();
        }

        fn changed(&self, _: Batch, after: After) {
            after();
        }

        fn failed(&self, _: Entry, error: Error) {
            panic!("{error}");
        }
    }

    fn entries(stuck: Stuck) -> Entries {
        let wanted = Wanted {
            location: Location::Memory,
            durability: Durability::Power,
            accept_loss: false,
            reach,
        };
        let opened = Arc::new(open(wanted).unwrap());
        let memory = opened.memory().unwrap().clone();
        let opening = crate::journal::open(&memory.lock(), Freshness::default(), None, 0, 0);
        let settings = JournalSettings {
            calendar: Arc::new(Calendar::new(Arc::new(SystemClock::default()), None)),
            retention: Retention::default(),
            strays: Arc::default(),
            foreign: Arc::default(),
            shown_max: None,
        };
        let journal = Journal::new(settings, &opening.unwrap());
        let writer = Writer::start(opened, journal, Arc::new(stuck)).unwrap();
        Entries::new(Arc::new(writer), Activity::default())
    }

    #[test]
    fn every_kind_of_entry_counts_against_the_queues_bound() {
        let place = Place {
            network: NetworkId::parse("test:x").unwrap(),
            channel: ChannelId::parse("chat-room:ops").unwrap(),
            agent: None,
        };
        let agent = AgentKey(1);
        let kinds: [fn(AgentKey, Place) -> EntryKind; 5] = [
            |_, place| EntryKind::Resume {
                place,
                point: ResumePoint::parse("p").unwrap(),
            },
            |agent, place| EntryKind::Entered {
                agent,
                place,
                open: false,
            },
            |agent, place| EntryKind::Joined {
                agent,
                place,
                resume: None,
                open: false,
            },
            |agent, place| EntryKind::Left { agent, place },
            |agent, place| EntryKind::Down {
                agent,
                channel: place.channel,
            },
        ];
        let (let_go, stuck) = bounded(1);
        let entries = entries(Stuck(stuck));
        for kind in kinds {
            assert!(entries.entry(kind(agent, place.clone())).weight() >= 400);
        }
        for kind in kinds.iter().cycle().take(45_000) {
            entries.write(kind(agent, place.clone()));
        }
        assert!(!entries.has_room() && !entries.reserve(1), "18 MB wait");
        drop(let_go);
        let deadline = Instant::now() + SOON;
        let room = std::future::poll_fn(|cx| entries.poll_room(cx).map(Ok));
        crate::waiting::park_until(room, deadline).unwrap();
        assert!(entries.has_room(), "they are written");
    }
}
