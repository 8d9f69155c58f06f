//! The way into the journal: every entry is built here, with the busy token that makes a clock moved by hand wait for it.

use crate::database::{Lane, Writer};
use crate::error::{Error, Result};
use crate::journal::{Entry, EntryKind, Journal, NewRow};
use crate::waiting::{Activity, Pending, Promise, pending};
use std::sync::Arc;
use std::task::{Context, Poll};

/// Queues entries for the writer.
#[derive(Clone)]
pub(crate) struct Entries {
    writer: Arc<Writer<Journal>>,
    activity: Activity,
}

impl Entries {
    pub(crate) fn new(writer: Arc<Writer<Journal>>, activity: Activity) -> Entries {
        Entries { writer, activity }
    }

    /// Queues an entry that always has room: the engine itself writes little.
    pub(crate) fn write(&self, kind: EntryKind) {
        if self.push(kind, 0, None, None).is_err() {
            tracing::debug!("the writer has stopped; an entry is dropped");
        }
    }

    /// As [`Entries::write`]; ready when the entry is committed and published.
    pub(crate) fn write_through(&self, kind: EntryKind) -> Pending<Result<()>> {
        self.write_with(kind, None)
    }

    /// As [`Entries::write_through`]; `before` runs after the commit and before anybody is told of it.
    pub(crate) fn write_with(
        &self,
        kind: EntryKind,
        before: Option<Box<dyn FnOnce() + Send>>,
    ) -> Pending<Result<()>> {
        let (promise, pending) = pending();
        match self.push(kind, 0, before, Some(promise)) {
            Ok(()) => pending,
            Err(_) => Pending::ready(Err(Error::Closed)),
        }
    }

    /// Reserves room for a message of so many bytes; false if the queue is full.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        self.writer.reserve(bytes)
    }

    /// Queues a message for which `bytes` were reserved.
    ///
    /// # Errors
    /// `Closed` once the writer has stopped.
    pub(super) fn write_reserved(&self, row: Box<NewRow>, bytes: usize) -> Result<()> {
        self.push(EntryKind::Message(row), bytes, None, None)
            .map_err(|_| Error::Closed)
    }

    /// Ready when a message that found no room may be offered again.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.writer.poll_room(cx)
    }

    fn push(
        &self,
        kind: EntryKind,
        bytes: usize,
        before: Option<Box<dyn FnOnce() + Send>>,
        done: Option<Promise<Result<()>>>,
    ) -> std::result::Result<(), Entry> {
        let entry = Entry {
            kind,
            busy: self.activity.busy(),
            before,
            done,
        };
        self.writer.push(entry, bytes, Lane::Ordered)
    }
}
