//! Why the agent is not in a meeting any more, or did not come in. Pure.

use crate::backend::BackendError;
use crate::backend::ucwa::protocol::failure;
use crate::backend::ucwa::protocol::reason::Reason;

/// Why the agent is not in a meeting any more, or did not come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// An event said it, with a reason or without.
    Told(Option<Reason>),
    /// The server has forgotten all conversations, because it had not heard of us for long.
    Forgotten,
}

impl End {
    /// The error of a join during which the meeting ended.
    pub(super) fn of_join(&self) -> BackendError {
        match self {
            End::Told(reason) => failure::of_join(reason.as_ref()),
            End::Forgotten => {
                BackendError::unreachable("the server forgot the meeting while it was joined")
            }
        }
    }

    /// The reason that the engine is told of a meeting that was joined, and whether it joins again
    /// by itself.
    pub(super) fn of_removal(&self) -> (String, bool) {
        match self {
            End::Told(reason) => failure::of_removal(reason.as_ref()),
            End::Forgotten => ("the server forgot the agent's conversations".into(), true),
        }
    }
}
