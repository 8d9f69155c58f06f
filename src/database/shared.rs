//! What the handle on the writer and the writer's thread share.

use super::missed::Missed;
use super::queue::Queue;
use super::row_writer::{After, RowWriter};
use crate::error::{Error, Result};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs a change and returns what is published and what follows.
pub(super) type Run<R> =
    Box<dyn FnOnce(&mut R, &Connection) -> Result<(<R as RowWriter>::Batch, After)> + Send>;

/// A change that waits.
pub(super) struct Job<R: RowWriter> {
    pub(super) run: Run<R>,
    pub(super) refused: Box<dyn FnOnce(Error) + Send>,
}

/// What the handle and the thread share.
pub(super) struct Shared<R: RowWriter> {
    pub(super) queue: Queue<R::Entry, Job<R>>,
    pub(super) writable: Arc<AtomicBool>,
    pub(super) missed: Mutex<Missed>,
}
