//! Tells the engine that a response was written.
//!
//! Some answers are given again if their connection breaks before they were written (see
//! `events::Receipt`). `serve` knows when the last byte of a response has gone to the system: it
//! takes the handover from the response's extensions. For any other server the handover is over
//! when the server has taken the last piece of the body.

use crate::services::Receipt;
use parking_lot::Mutex;
use std::sync::Arc;

/// The receipt of a response. All clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Handover(Arc<Mutex<Option<Receipt>>>);

impl Handover {
    pub(super) fn new(receipt: Receipt) -> Handover {
        Handover(Arc::new(Mutex::new(Some(receipt))))
    }

    /// The same, and no other clone has it any more.
    pub(crate) fn take(&self) -> Option<Handover> {
        let receipt = self.0.lock().take();
        receipt.map(Handover::new)
    }

    /// The response was written.
    pub(crate) fn written(&self) {
        let receipt = self.0.lock().take();
        if let Some(receipt) = receipt {
            receipt.confirm();
        }
    }
}
