//! The error below another one: what the system, SQLite or the host gave as the reason.
//!
//! [`Error`](crate::Error) is `Clone` and `Eq`, and foreign errors are neither; so the foreign
//! error is shared, and two are compared by their texts. Rejected: to implement
//! [`std::error::Error`] here, because `source()` would then return this wrapper, and a host could
//! not downcast it to its own type.

use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The error below another one. It dereferences to that error, so that
/// `cause.downcast_ref::<std::io::Error>()` works.
///
/// Two causes are equal if their texts are.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// Shares `error`: a type that implements [`std::error::Error`], a boxed error, or a text.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Cause {
        Cause(error.into().into())
    }
}

impl Deref for Cause {
    type Target = dyn Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Cause) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.to_string() == other.to_string()
    }
}

impl Eq for Cause {}
