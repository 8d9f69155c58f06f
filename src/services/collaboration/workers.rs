//! How many workers handle events, and what a handler says of one.

use crate::error::{Error, Result};
use crate::events::Terms;
use crate::model::{Id, ReaderName};
use std::time::Duration;

/// The reader of [`Collaboration::dispatch`](crate::Collaboration::dispatch), unless it is named.
const READER: &str = "dispatch";

/// Who handles events, for [`Collaboration::dispatch`](crate::Collaboration::dispatch).
#[derive(Debug, Clone)]
#[must_use]
pub struct Workers {
    pub(super) most: usize,
    pub(super) reader: Result<ReaderName>,
    pub(super) terms: Terms,
}

impl Workers {
    /// So many events at a time, 1 to 1,024, on the terms of [`Terms::new`] under the reader
    /// `dispatch`.
    pub fn new(most: usize) -> Workers {
        Workers {
            most: most.clamp(1, 1024),
            reader: READER.into_id(),
            terms: Terms::new(),
        }
    }

    /// Draws from the shared reader of that name; needed if an agent has several dispatchers.
    pub fn reader(mut self, name: impl Id<ReaderName>) -> Workers {
        self.reader = name.into_id();
        self
    }

    /// One event of each channel at a time, in order.
    pub fn in_order_per_channel(mut self) -> Workers {
        self.terms = self.terms.in_order_per_channel();
        self
    }

    /// As [`Terms::lease`].
    pub fn lease(mut self, lease: Duration) -> Workers {
        self.terms = self.terms.lease(lease);
        self
    }

    /// As [`Terms::attempts`].
    pub fn attempts(mut self, most: u32) -> Workers {
        self.terms = self.terms.attempts(most);
        self
    }
}

/// What becomes of an event that was handled. A handler may return it, `()`, or a `Result` of
/// either.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Handled {
    /// It is done.
    Done,
    /// It comes again after that time (the engine's clock), until its attempts are used up.
    Again(Duration),
    /// It comes again, and the dispatch ends with that error once the other workers are done with
    /// theirs.
    Stop(Error),
}

/// What an engine's error says of an event: it comes again when the error says that a repeat may
/// succeed, or after a pause that doubles.
pub(super) enum Verdict {
    Done,
    Again(Option<Duration>, String),
    Stop(Error),
}

impl Handled {
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Handled::Done => Verdict::Done,
            Handled::Again(after) => Verdict::Again(Some(after), "it was given back".into()),
            Handled::Stop(error) => Verdict::Stop(error),
        }
    }
}

/// What a handler returns: `()`, [`Handled`], or a `Result` of either. An error of a host's own
/// ([`Error::host`]) ends the dispatch and is what it returns; with any other error the event comes
/// again.
pub trait IntoHandled: sealed::Sealed {}

impl<T: sealed::Sealed> IntoHandled for T {}

pub(super) mod sealed {
    pub trait Sealed {
        fn handled(self) -> Result<super::Handled, super::Error>;
    }
}

impl sealed::Sealed for () {
    fn handled(self) -> Result<Handled, Error> {
        Ok(Handled::Done)
    }
}

impl sealed::Sealed for Handled {
    fn handled(self) -> Result<Handled, Error> {
        Ok(self)
    }
}

impl<T: sealed::Sealed> sealed::Sealed for Result<T, Error> {
    fn handled(self) -> Result<Handled, Error> {
        self?.handled()
    }
}

/// What becomes of the event that a handler returned this for.
pub(super) fn verdict(handled: impl IntoHandled) -> Verdict {
    match handled.handled() {
        Ok(handled) => handled.verdict(),
        Err(error) if matches!(error, Error::Host(_) | Error::Closed) => Verdict::Stop(error),
        Err(error) => Verdict::Again(error.retry_after(), error.to_string()),
    }
}
