//! How far a link is: signed in, saying goodbye, over. Tasks wait for it.

use crate::backend::BackendError;
use std::sync::OnceLock;
use tokio::sync::watch;

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Stage {
    /// The agent is signed in.
    Open,
    /// It says goodbye.
    Closing,
    /// Nothing is asked any more.
    Over,
}

/// A link's stage, and why the link is over.
pub(super) struct Stages {
    stage: watch::Sender<Stage>,
    error: OnceLock<BackendError>,
}

impl Default for Stages {
    fn default() -> Stages {
        Stages {
            stage: watch::Sender::new(Stage::Open),
            error: OnceLock::new(),
        }
    }
}

impl Stages {
    /// The stage now.
    pub(super) fn now(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Why the link is over, if it is.
    pub(super) fn why_over(&self) -> Option<&BackendError> {
        self.error.get()
    }

    /// Notes why the link is over; true the first time.
    pub(super) fn set_error(&self, error: &BackendError) -> bool {
        self.error.set(error.clone()).is_ok()
    }

    /// Begins to say goodbye, unless that was begun before or the link is over.
    pub(super) fn close(&self) {
        self.stage.send_if_modified(|stage| {
            let is_open = *stage == Stage::Open;
            if is_open {
                *stage = Stage::Closing;
            }
            is_open
        });
    }

    /// The link is over.
    pub(super) fn end(&self) {
        self.stage.send_replace(Stage::Over);
    }

    /// Waits until the agent is to say goodbye, or cannot any more.
    pub(super) async fn closing(&self) {
        self.wait_for(|stage| stage != Stage::Open).await;
    }

    /// Waits until the link is over.
    pub(super) async fn ended(&self) {
        self.wait_for(|stage| stage == Stage::Over).await;
    }

    async fn wait_for(&self, reached: impl Fn(Stage) -> bool) {
        let mut stage = self.stage.subscribe();
        // It fails only if the sender is gone, and `self` holds the sender.
        let _ = stage.wait_for(|stage| reached(*stage)).await;
    }
}
