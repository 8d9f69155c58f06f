//! Uploads (§channels/upload), as a caller sees them: begun, written piece by piece, finished.

use super::posting::message_of;
use super::{Collaboration, Parts};
use crate::error::{Error, Result};
use crate::model::{ChannelId, Id, Message, OriginId, Record};
use crate::services::AsyncResult;
use crate::waiting::{CHUNK_BYTES, Pending, PipeWriter, park};
use std::io::{ErrorKind, Read};
use std::sync::Arc;

/// An upload under way; dropping it cancels the transfer.
pub struct Uploading {
    pub(super) parts: Arc<Parts>,
    pub(super) origin: OriginId,
    pub(super) body: PipeWriter,
    pub(super) row: Pending<Result<Arc<Record>>>,
}

impl std::fmt::Debug for Uploading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uploading").finish_non_exhaustive()
    }
}

impl Uploading {
    /// Sends the next bytes; waits while the chat system is slower.
    ///
    /// # Errors
    /// The chat system's refusal, as soon as it is known; `Unreachable` if the chat system has
    /// taken nothing for as long as a post may take (35 s). A pause of that length between two
    /// writes ends the upload as well.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        park(self.write_async(bytes))
    }

    /// As [`Uploading::write`], on any executor.
    ///
    /// # Errors
    /// As [`Uploading::write`].
    pub async fn write_async(&mut self, bytes: &[u8]) -> Result<()> {
        if self.body.write(bytes).await.is_ok() {
            return Ok(());
        }
        // The backend stopped reading: the result of the upload says why.
        match (&mut self.row).await {
            Err(error) => Err(error),
            Ok(_) => Err(Error::OutcomeUnknown(
                "the chat system answered before the end of the file".into(),
            )),
        }
    }

    /// Ends the file and returns the message that carries the link, once that message is durable.
    ///
    /// # Errors
    /// `TooLarge`, `Rejected` or `Unreachable` by the chat system; `OutcomeUnknown` if no answer
    /// came within 35 s.
    pub fn finish(self) -> Result<Message> {
        park(self.finish_async())
    }

    /// As [`Uploading::finish`], on any executor.
    ///
    /// # Errors
    /// As [`Uploading::finish`].
    pub async fn finish_async(self) -> Result<Message> {
        let (now, sending) = (self.parts.timer.now(), &self.parts.sending);
        sending.book.arm(&self.origin, now + sending.deadline);
        self.body.finish();
        message_of(self.row.await?)
    }
}

impl Collaboration {
    /// Uploads what `file` yields; `size` is in bytes, if it is known. Returns the message that
    /// carries the link. On an executor, [`Collaboration::begin_upload_async`] does the same piece
    /// by piece.
    ///
    /// # Errors
    /// As [`Collaboration::post`]; `Unsupported` where the channel takes no files; `TooLarge` over
    /// the chat system's cap; `Invalid` for an empty or overlong name, or if `file` cannot be read
    /// (nothing is posted then).
    pub fn upload(
        &self,
        channel: impl Id<ChannelId>,
        name: &str,
        size: Option<u64>,
        mut file: impl Read,
    ) -> Result<Message> {
        let mut uploading = self.begin_upload(channel, name, size)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return uploading.finish(),
                Ok(read) => uploading.write(&chunk[..read])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::Invalid(format!("the file cannot be read: {error}")));
                }
            }
        }
    }

    /// Begins an upload whose bytes are then [written](Uploading::write) piece by piece.
    ///
    /// # Errors
    /// As [`Collaboration::upload`].
    pub fn begin_upload(
        &self,
        channel: impl Id<ChannelId>,
        name: &str,
        size: Option<u64>,
    ) -> Result<Uploading> {
        park(self.begin_upload_async(channel, name, size))
    }

    /// As [`Collaboration::begin_upload`], on any executor.
    pub fn begin_upload_async(
        &self,
        channel: impl Id<ChannelId>,
        name: &str,
        size: Option<u64>,
    ) -> AsyncResult<Uploading> {
        let (this, channel, name) = (self.clone(), channel.into_id(), name.to_owned());
        Box::pin(async move { this.start_upload(channel?, name, size).await })
    }
}
