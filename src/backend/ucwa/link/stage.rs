//! How far a link is: on trial, signed in, saying goodbye, over. Tasks wait for it.

use crate::backend::BackendError;
use std::sync::OnceLock;
use tokio::sync::watch;

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Stage {
    /// The link before was deaf: the agent is signed in once this one hears something.
    Trial,
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

impl Stages {
    /// A link that begins at that stage.
    pub(super) fn new(stage: Stage) -> Stages {
        Stages {
            stage: watch::Sender::new(stage),
            error: OnceLock::new(),
        }
    }

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

    /// The link hears: its trial is over.
    pub(super) fn hears(&self) {
        self.go_on(Stage::Trial, Stage::Open);
    }

    /// Begins to say goodbye, unless that was begun before or the link is over.
    pub(super) fn close(&self) {
        self.go_on(Stage::Open, Stage::Closing);
    }

    /// Goes on to `next`, if the link is no further than `last`.
    fn go_on(&self, last: Stage, next: Stage) {
        self.stage.send_if_modified(|stage| {
            let goes_on = *stage <= last;
            if goes_on {
                *stage = next;
            }
            goes_on
        });
    }

    /// The link is over.
    pub(super) fn end(&self) {
        self.stage.send_replace(Stage::Over);
    }

    /// Waits until the link hears something, or cannot any more.
    pub(super) async fn tried(&self) {
        self.wait_for(|stage| stage > Stage::Trial).await;
    }

    /// Waits until the agent is to say goodbye, or cannot any more.
    pub(super) async fn closing(&self) {
        self.wait_for(|stage| stage > Stage::Open).await;
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
