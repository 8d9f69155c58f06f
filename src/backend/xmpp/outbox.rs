//! What is on its way to the server: a line with a bound in bytes, in the order in which it was put
//! in.
//!
//! Putting something in never waits, so that posts go out in the order of their calls; a line that
//! is too long says so. One task writes, several stanzas at a time.

use crate::backend::{BackendError, BackendErrorKind};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// The most bytes in the line. Beyond this, posts are refused for now.
const POSTS_MAX: usize = 4 * 1024 * 1024;
/// The most bytes of everything in the line. Beyond this the connection counts as stuck.
const ALL_MAX: usize = 64 * 1024 * 1024;
/// How many bytes are written at once.
const BATCH: usize = 64 * 1024;

/// The end of the line that stanzas are put into.
pub(super) struct Outbox {
    line: Mutex<Option<mpsc::UnboundedSender<String>>>,
    bytes: Arc<AtomicUsize>,
}

/// The end of the line that is written to the server.
pub(super) struct Line {
    line: mpsc::UnboundedReceiver<String>,
    bytes: Arc<AtomicUsize>,
}

pub(super) fn outbox() -> (Outbox, Line) {
    let (near, far) = mpsc::unbounded_channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    (
        Outbox {
            line: Mutex::new(Some(near)),
            bytes: bytes.clone(),
        },
        Line { line: far, bytes },
    )
}

impl Outbox {
    /// Returns whether there is no room for posts.
    pub(super) fn is_long(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > POSTS_MAX
    }

    /// Puts text into the line.
    pub(super) fn put(&self, text: String) -> Result<(), BackendError> {
        let length = text.len();
        if self.bytes.load(Ordering::Relaxed) + length > ALL_MAX {
            let reason = "too much waits for the server";
            return Err(BackendError::new(
                BackendErrorKind::RetryAfter(Duration::from_secs(1)),
                reason,
            ));
        }
        let line = self.line.lock();
        let sent = line.as_ref().is_some_and(|line| {
            self.bytes.fetch_add(length, Ordering::Relaxed);
            line.send(text).is_ok()
        });
        if sent {
            Ok(())
        } else {
            Err(BackendError::unreachable("the connection is closed"))
        }
    }

    /// Closes the line. What is in it is still written.
    pub(super) fn close(&self) {
        *self.line.lock() = None;
    }
}

impl Line {
    /// Writes what is put into the line, until it is closed.
    pub(super) async fn write(mut self, io: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        while let Some(mut batch) = self.line.recv().await {
            while batch.len() < BATCH
                && let Ok(more) = self.line.try_recv()
            {
                batch.push_str(&more);
            }
            io.write_all(batch.as_bytes()).await?;
            io.flush().await?;
            self.bytes.fetch_sub(batch.len(), Ordering::Relaxed);
        }
        io.write_all(b"</stream:stream>").await?;
        io.shutdown().await
    }
}
