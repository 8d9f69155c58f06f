//! The paths of applications, conversations and participants.

use super::super::address::Address;

/// The path of all applications.
pub const APPLICATIONS: &str = "/ucwa/oauth/v1/applications";

/// Returns the path of the application with the id `app`, `{A}` in these comments.
pub fn href(app: &str) -> String {
    format!("{APPLICATIONS}/{app}")
}

/// Returns the path of a conversation, `{C}` in these comments.
pub fn conversation_href(app: &str, conversation: &str) -> String {
    format!("{}/communication/conversations/{conversation}", href(app))
}

/// Returns `{C}/participants/<address>`, where `conversation` is `{C}`.
pub fn participant_href(conversation: &str, who: &Address) -> String {
    format!("{conversation}/participants/{}", who.bare())
}
