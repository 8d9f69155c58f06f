//! Uploads (§channels/upload): streamed through a pipe of 256 KiB, counted as a transfer while they run.
//!
//! A file of any size may take any time, so an upload has a deadline on its progress: once nothing has moved through the
//! pipe for as long as a post may take, whether the chat system takes nothing or the caller gives nothing, its future is
//! dropped, and all that it held is free. Uploads are counted apart from posts: 66 of them into a server that never
//! answers left no place for a post until the link ended.

use super::Collaboration;
use super::posting::{answer, busy};
use crate::agents::{Begun, Cell, Post};
use crate::backend::{BackendError, BackendErrorKind, Outgoing, Posted, Reply, Upload};
use crate::error::{Error, Result};
use crate::model::{ChannelId, Id, Message, OriginId, Record};
use crate::services::{AsyncResult, Services};
use crate::throttle::Transfer;
use crate::waiting::{Pending, PipeGauge, PipeWriter, park, pipe};
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

/// The longest file name, in bytes.
const NAME_MAX: usize = 1024;
/// Uploads of one agent under way at most: 32 MiB in their pipes.
const UNDER_WAY: u32 = 128;

/// An upload under way; dropping it cancels the transfer.
pub struct Uploading {
    services: Arc<Services>,
    origin: OriginId,
    body: PipeWriter,
    row: Pending<Result<Arc<Record>>>,
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
    /// What the chat system refused, as soon as it has; `Unreachable` if it has taken nothing for as long as a post may
    /// take (35 s). So long a pause between two writes ends the upload as well.
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
        // The backend went away early: its answer says why.
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
    /// `TooLarge`, `Rejected` or `Unreachable` by the chat system; `OutcomeUnknown` if no answer came within 35 s.
    pub fn finish(self) -> Result<Message> {
        park(self.finish_async())
    }

    /// As [`Uploading::finish`], on any executor.
    ///
    /// # Errors
    /// As [`Uploading::finish`].
    pub async fn finish_async(self) -> Result<Message> {
        let due = self.services.ground.timer.now() + self.services.post_deadline;
        self.services.ground.posts.arm(&self.origin, due);
        self.body.finish();
        answer(self.row.await?)
    }
}

/// Gives the transfer's places back when it is over.
struct Running {
    services: Arc<Services>,
    cell: Arc<Cell>,
    ticket: Option<Transfer>,
}

impl Running {
    /// Waits for what becomes of an upload, as long as something moves.
    async fn outcome(
        &self,
        mut reply: Reply<Posted>,
        gauge: PipeGauge,
    ) -> Result<Posted, BackendError> {
        let most = self.services.post_deadline;
        let mut moved = gauge.moved();
        loop {
            tokio::select! {
                biased;
                outcome = &mut reply => return outcome,
                () = self.services.ground.timer.sleep(most) => {}
            }
            let now = gauge.moved();
            if now == moved {
                let (kind, what) = match gauge.is_finished() {
                    true => (
                        BackendErrorKind::OutcomeUnknown,
                        "the chat system did not answer the upload within",
                    ),
                    false => (
                        BackendErrorKind::Unreachable,
                        "nothing of the upload has moved for",
                    ),
                };
                return Err(BackendError::new(
                    kind,
                    format!("{what} {} s", most.as_secs()),
                ));
            }
            moved = now;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cell.change(|state| state.transfers -= 1);
        if let Some(ticket) = self.ticket.take() {
            self.services.throttles.lock().end_transfer(ticket);
        }
    }
}

impl Collaboration {
    /// Uploads what `file` yields; `size` is in bytes, if it is known. Returns the message that carries the link.
    /// On an executor, [`Collaboration::begin_upload_async`] does the same piece by piece.
    ///
    /// # Errors
    /// As [`Collaboration::post`]; `Unsupported` where the channel takes no files; `TooLarge` over the chat system's
    /// cap; `Invalid` for an empty or overlong name, or if `file` cannot be read (nothing is posted then).
    pub fn upload(
        &self,
        channel: impl Id<ChannelId>,
        name: &str,
        size: Option<u64>,
        mut file: impl Read,
    ) -> Result<Message> {
        let mut uploading = self.begin_upload(channel, name, size)?;
        let mut chunk = vec![0; crate::waiting::CHUNK_BYTES];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return uploading.finish(),
                Ok(read) => uploading.write(&chunk[..read])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
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

    async fn start_upload(
        self,
        channel: ChannelId,
        name: String,
        size: Option<u64>,
    ) -> Result<Uploading> {
        self.check()?;
        self.writable()?;
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(Error::invalid(
                "a file name has 1 to 1,024 bytes and no control characters",
            ));
        }
        let services = self.services.clone();
        let due = services.ground.timer.now() + services.post_deadline;
        let joined = self.joined(&channel, due).await?;
        let (capabilities, place) = services
            .registry
            .place(&self.cell, &channel)
            .ok_or_else(|| services.inactive(&self.cell))?;
        if !capabilities.uploads || !joined.info.can_accept_files {
            return Err(Error::Unsupported(format!(
                "channel `{channel}` takes no files"
            )));
        }
        let begun = services
            .throttles
            .lock()
            .begin_transfer(&self.cell.id, self.cell.key);
        let ticket = begun.map_err(|refusal| Error::Throttled {
            throttle: refusal.throttle.to_string(),
            retry_after: refusal.retry_after,
        })?;
        let is_taken = self.cell.change(|state| {
            let has_room = state.transfers < UNDER_WAY;
            state.transfers += u32::from(has_room);
            has_room
        });
        if !is_taken {
            services.throttles.lock().end_transfer(ticket);
            return Err(busy("the agent"));
        }
        let running = Running {
            services: services.clone(),
            cell: self.cell.clone(),
            ticket: Some(ticket),
        };
        let reserved = services
            .ground
            .budget
            .reserve(4096)
            .ok_or_else(|| busy("the journal"))?;
        let origin = services
            .ground
            .origins
            .fresh(self.cell.key, &channel, services.now_ms());
        let book = &services.ground.posts;
        let Begun::New(row) = book.begin(
            &origin,
            self.posted_by(),
            true,
            Some(reserved),
            Duration::MAX,
        ) else {
            return Err(Error::Internal("a fresh origin was known".into()));
        };
        let (body, reader) = pipe();
        let gauge = body.gauge();
        let upload = Upload::new(origin.clone(), name.clone(), reader).with_size(size);
        let post = Post {
            cell: self.cell.clone(),
            place,
            join: joined.join,
            posted_by: self.posted_by(),
            transfer: true,
            // What the row says should the chat system not tell what the link became.
            message: Outgoing::text(origin.clone(), name),
        };
        let posting = services.ground.posting.clone();
        let (number, reply) = posting
            .send_file(post, joined.session, upload)
            .ok_or(Error::Closed)?;
        let sent = origin.clone();
        services.ground.calls.spawn(async move {
            let outcome = running.outcome(reply, gauge).await;
            drop(running);
            posting.answered(&sent, number, outcome);
        });
        Ok(Uploading {
            services,
            origin,
            body,
            row,
        })
    }
}
