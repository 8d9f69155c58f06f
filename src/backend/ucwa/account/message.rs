//! What a `message` resource says of itself: whose it is, and its text. The same for contacts and
//! meetings.

use crate::backend::ucwa::protocol::document::Document;

/// Whether the agent sent it.
pub(crate) fn is_outgoing(message: &Document) -> bool {
    message
        .text("direction")
        .is_some_and(|direction| direction.eq_ignore_ascii_case("Outgoing"))
}

/// Its text, as a data URI.
pub(crate) fn text_of(message: &Document) -> Option<&str> {
    message
        .link("plainMessage")
        .or_else(|| message.link("htmlMessage"))
}
