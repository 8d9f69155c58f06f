//! An upload: the file is kept, and a message with its link is posted like any other.

use super::files::FILE_BYTES_MAX;
use super::outbox::Shared;
use super::session::LoopbackSession;
use crate::backend::{BackendError, BackendErrorKind, Outgoing, Posted, Session, Upload};
use crate::model::{ChannelId, Content, Part};
use std::sync::Arc;
use std::time::Duration;

/// The most bytes of all uploads under way. Each is in memory as a whole.
const UNFINISHED_BYTES_MAX: usize = 64 << 20;

/// The bytes that one upload takes of the limit.
struct Room {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Room {
    fn take(&mut self, bytes: usize) -> bool {
        let mut state = self.shared.0.lock();
        if state.uploading + bytes > UNFINISHED_BYTES_MAX {
            return false;
        }
        state.uploading += bytes;
        self.bytes += bytes;
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared.0.lock().uploading -= self.bytes;
    }
}

impl LoopbackSession {
    /// Reads the file to its end and posts the link; if it has no end, or is too large, nothing is
    /// posted.
    pub(super) async fn receive(
        self: Arc<Self>,
        channel: ChannelId,
        upload: Upload,
    ) -> Result<Posted, BackendError> {
        let Upload {
            origin,
            name,
            size,
            mut body,
        } = upload;
        let too_large = || {
            BackendError::new(
                BackendErrorKind::TooLarge(FILE_BYTES_MAX as u64),
                format!("the file has over {FILE_BYTES_MAX} bytes"),
            )
        };
        if size.is_some_and(|size| size > FILE_BYTES_MAX as u64) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let mut room = Room {
            shared: self.shared.clone(),
            bytes: 0,
        };
        loop {
            match body.next().await {
                Ok(Some(chunk)) => {
                    if !room.take(chunk.len()) {
                        let busy = BackendErrorKind::RetryAfter(Duration::from_secs(1));
                        return Err(BackendError::new(busy, "too many uploads are under way"));
                    }
                    bytes.extend(chunk);
                }
                Ok(None) => break,
                Err(_) => {
                    return Err(BackendError::new(
                        BackendErrorKind::Rejected,
                        "the upload was given up before its end",
                    ));
                }
            }
            if bytes.len() > FILE_BYTES_MAX {
                return Err(too_large());
            }
        }
        let url = self.shared.0.lock().files.keep(&name, bytes);
        let parts = vec![Part::Hyperlink { text: name, url }];
        let message = Outgoing::new(origin, Content::parts(parts.clone()));
        Ok(match self.post(channel, message).await? {
            Posted::Sent => Posted::Sent,
            Posted::Accepted(accepted) => accepted.with_parts(parts).into(),
        })
    }
}
