//! An invitation as one application sees it: an operation with an id, a direction, a state.

use super::super::address::Address;
use super::paths::href;

/// One application's view of an invitation.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// 32 hex digits.
    pub id: String,
    /// messagingInvitation, onlineMeetingInvitation or participantInvitation.
    pub rel: &'static str,
    /// True if the application has sent it.
    pub outgoing: bool,
    /// An `InvitationState`.
    pub state: &'static str,
    /// The `operationId` that the client gave.
    pub operation: Option<String>,
    /// As the client gave it.
    pub subject: String,
    /// As the client gave it.
    pub importance: String,
    /// As the client gave it, or a new one.
    pub thread: String,
    /// The person who invites.
    pub from: Address,
    /// The person who is invited. For a meeting that the user joins, this is the user.
    pub to: Address,
    /// The application's conversation.
    pub conversation: String,
    /// The ring, until it is answered.
    pub ring: Option<u64>,
    /// The first text as a data URI.
    pub message: Option<String>,
    /// The URI of the meeting it invites to.
    pub meeting_uri: Option<String>,
    /// The person who accepted it.
    pub accepted_by: Option<Address>,
    /// True while it can be accepted or declined.
    pub open: bool,
}

impl Invitation {
    /// Returns an invitation that an application has just sent and nobody has answered.
    pub fn sent(
        id: &str,
        rel: &'static str,
        from: Address,
        to: Address,
        conversation: &str,
    ) -> Invitation {
        Invitation {
            id: id.to_owned(),
            rel,
            outgoing: true,
            state: "Connecting",
            operation: None,
            subject: String::new(),
            importance: String::new(),
            thread: String::new(),
            from,
            to,
            conversation: conversation.to_owned(),
            ring: None,
            message: None,
            meeting_uri: None,
            accepted_by: None,
            open: false,
        }
    }

    /// Returns the name of the collection that contains it.
    fn folder(&self) -> &'static str {
        match self.rel {
            "messagingInvitation" => "messagingInvitations",
            "onlineMeetingInvitation" => "onlineMeetingInvitations",
            _ => "participantInvitations",
        }
    }

    /// Returns its path.
    pub fn href(&self, app: &str) -> String {
        format!("{}/communication/{}/{}", href(app), self.folder(), self.id)
    }
}
