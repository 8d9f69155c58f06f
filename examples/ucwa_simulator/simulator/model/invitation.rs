//! An invitation as one application sees it: an operation with an id, a direction, a state.

use super::super::address::Address;
use super::paths::href;

/// One invitation.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// 32 hex digits.
    pub id: String,
    /// messagingInvitation, onlineMeetingInvitation or participantInvitation.
    pub rel: &'static str,
    /// We sent it.
    pub outgoing: bool,
    /// Of `InvitationState`.
    pub state: &'static str,
    /// The client's own id of it.
    pub operation: Option<String>,
    /// As given.
    pub subject: String,
    /// As given.
    pub importance: String,
    /// As given or made.
    pub thread: String,
    /// Who invites.
    pub from: Address,
    /// Who is invited; for a meeting that is joined, oneself.
    pub to: Address,
    /// The application's view that it makes.
    pub conversation: String,
    /// Until it is answered.
    pub ring: Option<u64>,
    /// The first text as a data URI.
    pub message: Option<String>,
    /// Of a meeting.
    pub meeting_uri: Option<String>,
    /// Who took it.
    pub accepted_by: Option<Address>,
    /// It can be accepted or declined.
    pub open: bool,
}

impl Invitation {
    /// One that an application has just sent, and nobody has answered.
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

    /// The collection it lies in.
    fn folder(&self) -> &'static str {
        match self.rel {
            "messagingInvitation" => "messagingInvitations",
            "onlineMeetingInvitation" => "onlineMeetingInvitations",
            _ => "participantInvitations",
        }
    }

    /// Its own href.
    pub fn href(&self, app: &str) -> String {
        format!("{}/communication/{}/{}", href(app), self.folder(), self.id)
    }
}
