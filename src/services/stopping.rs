//! Whether the engine is stopping, for everybody who must refuse or give up then.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once, when the engine begins to stop.
#[derive(Clone, Default)]
pub(crate) struct Stopping(Arc<AtomicBool>);

impl Stopping {
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// # Errors
    /// `Closed` if the engine is stopping.
    pub(crate) fn check(&self) -> Result<()> {
        match self.has_begun() {
            false => Ok(()),
            true => Err(Error::Closed),
        }
    }
}
