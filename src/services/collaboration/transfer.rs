//! Transfers: an upload is streamed through a pipe of 256 KiB, and counted while it runs.
//!
//! A file of any size may take any time, so an upload has a deadline on its progress. Once nothing
//! has moved through the pipe for as long as a post may take, because the chat system takes nothing
//! or the caller gives nothing, the upload's future is dropped, and all that it held is free.
//! Uploads are counted apart from posts: 66 of them into a server that never answers left no room
//! for a post until the link ended.

use super::posting::Wanted;
use super::upload::Uploading;
use super::{Collaboration, Parts, busy};
use crate::agents::{About, Begun, Cell, Post};
use crate::backend::{BackendError, BackendErrorKind, Outgoing, Posted, Reply, Upload};
use crate::error::{Error, Result};
use crate::model::ChannelId;
use crate::services::admission::Admitted;
use crate::waiting::{PipeGauge, pipe};
use std::sync::Arc;
use std::time::Duration;

/// The longest file name, in bytes.
const NAME_MAX: usize = 1024;
/// Uploads of one agent under way at most: 32 MiB in their pipes.
const UNDER_WAY: u32 = 128;
/// Bytes that an upload reserves for its row.
const ROW_BYTES: usize = 4096;

impl Collaboration {
    pub(super) async fn start_upload(
        self,
        channel: ChannelId,
        name: String,
        size: Option<u64>,
    ) -> Result<Uploading> {
        self.check()?;
        self.check_writable()?;
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(Error::invalid(
                "a file name has 1 to 1,024 bytes and no control characters",
            ));
        }
        let due = self.due();
        let joined = self.joined(&channel, due).await?;
        let (capabilities, conversation) = self.conversation(&channel)?;
        if !capabilities.uploads || !joined.info.can_accept_files {
            return Err(Error::Unsupported(format!(
                "channel `{channel}` takes no files"
            )));
        }
        let running = Running::begin(&self)?;
        let wanted = Wanted {
            origin: self.origin(&channel, None),
            is_keyed: false,
            is_free: false,
            digest: None,
            conversation,
            capabilities,
            joined,
            answers: None,
            changes: None,
        };
        self.transfer(running, wanted, name, size)
    }

    /// Hands the upload to the session, and follows it until it ends.
    fn transfer(
        &self,
        running: Running,
        wanted: Wanted,
        name: String,
        size: Option<u64>,
    ) -> Result<Uploading> {
        let sending = &self.parts.sending;
        let Wanted {
            origin,
            conversation,
            joined,
            ..
        } = wanted;
        let reserved = sending.budget.reserve(ROW_BYTES);
        let reserved = Some(reserved.ok_or_else(|| busy("the journal"))?);
        let about = About {
            posted_by: self.posted_by(),
            transfer: true,
            digest: None,
        };
        let begun = sending
            .book
            .begin(&origin, about.clone(), reserved, Duration::MAX);
        let Begun::New(row) = begun else {
            return Err(Error::Internal("a fresh origin was known".into()));
        };
        let (body, reader) = pipe();
        let gauge = body.gauge();
        let upload = Upload::new(origin.clone(), name.clone(), reader).with_size(size);
        let post = Post {
            cell: self.cell.clone(),
            place: conversation,
            join: joined.join,
            about,
            // What the row says if the chat system does not tell what the link became.
            message: Outgoing::text(origin.clone(), name),
        };
        let posting = sending.posting.clone();
        let (number, reply) = posting
            .send_file(post, joined.session, upload)
            .ok_or(Error::Closed)?;
        let sent = origin.clone();
        sending.calls.spawn(async move {
            let outcome = running.outcome(reply, gauge).await;
            drop(running);
            posting.answered(&sent, number, outcome);
        });
        Ok(Uploading {
            parts: self.parts.clone(),
            origin,
            body,
            row,
        })
    }
}

/// A transfer that is counted while it runs.
struct Running {
    parts: Arc<Parts>,
    cell: Arc<Cell>,
    _admitted: Admitted,
}

impl Running {
    /// # Errors
    /// `Throttled`; `Busy` above 128 uploads of the agent.
    fn begin(view: &Collaboration) -> Result<Running> {
        let admitted = view.parts.sending.admission.transfer(&view.cell)?;
        let has_room = view.cell.change(|state| {
            let has_room = state.transfers < UNDER_WAY;
            state.transfers += u32::from(has_room);
            has_room
        });
        if !has_room {
            return Err(busy("the agent"));
        }
        Ok(Running {
            parts: view.parts.clone(),
            cell: view.cell.clone(),
            _admitted: admitted,
        })
    }

    /// Waits for the outcome of an upload, as long as something moves.
    async fn outcome(
        &self,
        mut reply: Reply<Posted>,
        gauge: PipeGauge,
    ) -> Result<Posted, BackendError> {
        let most = self.parts.sending.deadline;
        let mut moved = gauge.moved();
        loop {
            tokio::select! {
                biased;
                outcome = &mut reply => return outcome,
                () = self.parts.timer.sleep(most) => {}
            }
            let now = gauge.moved();
            if now == moved {
                return Err(stuck(&gauge, most));
            }
            moved = now;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cell.change(|state| state.transfers -= 1);
    }
}

/// The error of an upload of which nothing has moved for so long.
fn stuck(gauge: &PipeGauge, most: Duration) -> BackendError {
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
    BackendError::new(kind, format!("{what} {} s", most.as_secs()))
}
