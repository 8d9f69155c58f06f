//! A bounded stream of bytes from a caller to a backend: it holds at most four chunks of 64 KiB.
//!
//! Uploads go through it, so that a file of any size costs 256 KiB of memory (§channels/upload).
//! Dropping one end tells the other: an upload whose caller left is cancelled, not completed.

use super::guarded::wake;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Chunks that may lie in a pipe unread.
const CHUNKS: usize = 4;
/// Bytes of one chunk at most.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Default)]
struct PipeState {
    chunks: VecDeque<Vec<u8>>,
    finished: bool,
    writer_gone: bool,
    reader_gone: bool,
    /// Counts chunks put in, chunks taken out and the end.
    moved: u64,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The other end went away before the end of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other end of the transfer went away")]
pub struct PipeClosed;

/// The reading end, in a backend's hands.
pub struct PipeReader(Arc<Mutex<PipeState>>);

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeReader").finish_non_exhaustive()
    }
}

/// The writing end, in the caller's hands.
pub(crate) struct PipeWriter(Arc<Mutex<PipeState>>);

/// Looks at a pipe from the side.
pub(crate) struct PipeGauge(Arc<Mutex<PipeState>>);

impl PipeGauge {
    /// A number that rises with everything that moves.
    pub(crate) fn moved(&self) -> u64 {
        self.0.lock().moved
    }

    /// Whether the end of the data was put in.
    pub(crate) fn is_finished(&self) -> bool {
        self.0.lock().finished
    }
}

pub(crate) fn pipe() -> (PipeWriter, PipeReader) {
    let state = Arc::new(Mutex::new(PipeState::default()));
    (PipeWriter(state.clone()), PipeReader(state))
}

impl PipeReader {
    /// The next chunk (at most 64 KiB), `None` at the end of the data.
    ///
    /// # Errors
    /// [`PipeClosed`] if the writer gave up before the end: the data read so far must be discarded.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, PipeClosed> {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if let Some(chunk) = state.chunks.pop_front() {
                state.moved += 1;
                let writer = state.writer.take();
                drop(state);
                if let Some(writer) = writer {
                    wake(writer);
                }
                return Poll::Ready(Ok(Some(chunk)));
            }
            if state.finished {
                return Poll::Ready(Ok(None));
            }
            if state.writer_gone {
                return Poll::Ready(Err(PipeClosed));
            }
            state.reader = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl PipeWriter {
    /// Puts `bytes` into the pipe, waiting while it is full.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), PipeClosed> {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            let mut chunk = Some(chunk.to_vec());
            poll_fn(|cx| {
                let mut state = self.0.lock();
                if state.reader_gone {
                    return Poll::Ready(Err(PipeClosed));
                }
                if state.chunks.len() >= CHUNKS {
                    state.writer = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                state.chunks.extend(chunk.take());
                state.moved += 1;
                let reader = state.reader.take();
                drop(state);
                if let Some(reader) = reader {
                    wake(reader);
                }
                Poll::Ready(Ok(()))
            })
            .await?;
        }
        Ok(())
    }

    /// Ends the data properly; dropping the writer without it cancels the transfer.
    pub(crate) fn finish(self) {
        let mut state = self.0.lock();
        state.finished = true;
        state.moved += 1;
    }

    /// What shows whether something moves in it.
    pub(crate) fn gauge(&self) -> PipeGauge {
        PipeGauge(self.0.clone())
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.writer_gone = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            wake(reader);
        }
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reader_gone = true;
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            wake(writer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waiting::park;

    #[test]
    fn carries_bytes_in_order_and_holds_the_writer_back() {
        let (mut writer, mut reader) = pipe();
        let sent: Vec<u8> = (0..CHUNK_BYTES * 9).map(|n| n as u8).collect();
        let copy = sent.clone();
        let feeder = std::thread::spawn(move || {
            park(async {
                writer.write(&copy).await.expect("reader is there");
                writer.finish();
                Ok(())
            })
        });
        let got = park(async {
            let mut got = Vec::new();
            while let Some(chunk) = reader.next().await.expect("writer is there") {
                assert!(reader.0.lock().chunks.len() <= CHUNKS);
                got.extend(chunk);
            }
            Ok(got)
        });
        feeder.join().expect("fed").expect("fed");
        assert_eq!(got, Ok(sent));
    }

    #[test]
    fn a_dropped_writer_is_a_cancelled_transfer() {
        let (writer, mut reader) = pipe();
        drop(writer);
        assert_eq!(park(async { Ok(reader.next().await) }), Ok(Err(PipeClosed)));
    }
}
