//! One conversation with one contact, as the events tell of it. Pure: it is given events and asked how things stand.
//!
//! The server names everything by address, so a conversation is known by its own; what can be done with it is the links
//! of the last `messaging` event, and nothing else. Two conversations with one person may stand at the same time (both
//! invited each other, or one is being replaced).

use super::address::Sip;
use super::document::Document;
use super::package::{Event, Kind};
use super::reports::Reports;
use crate::backend::{Accepted, BackendError};
use tokio::sync::oneshot;

/// What answers a post.
pub(super) type Done = oneshot::Sender<Result<Accepted, BackendError>>;

/// How a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// We have invited, or were invited, and it is not connected yet.
    Connecting,
    /// Messages may be sent.
    Connected,
    /// It ended.
    Over,
}

/// What was said in an invitation, until the message event comes that says it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Toast {
    /// As a data URI.
    pub(super) href: String,
    /// It was delivered, because no message event came.
    pub(super) delivered: bool,
}

/// What the far end asked for with its invitation; it belongs to the first message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) subject: Option<String>,
    pub(super) alert: bool,
}

/// A conversation with one contact.
pub(super) struct Talk {
    pub(super) with: Sip,
    pub(super) phase: Phase,
    /// We began it.
    pub(super) is_ours: bool,
    /// Somebody else has come in: it is no place for what is meant for one.
    pub(super) is_crowded: bool,
    /// Where messages go, while they may.
    pub(super) send: Option<String>,
    pub(super) typing: Option<String>,
    pub(super) stop: Option<String>,
    /// The far end takes HTML.
    pub(super) takes_html: bool,
    pub(super) thread: Option<String>,
    pub(super) toast: Option<Toast>,
    pub(super) opening: Opening,
    pub(super) reports: Reports,
}

impl Talk {
    pub(super) fn new(with: Sip, is_ours: bool) -> Talk {
        Talk {
            with,
            phase: Phase::Connecting,
            is_ours,
            is_crowded: false,
            send: None,
            typing: None,
            stop: None,
            takes_html: false,
            thread: None,
            toast: None,
            opening: Opening::default(),
            reports: Reports::default(),
        }
    }

    /// One that somebody else begins, of the resource of their invitation.
    pub(super) fn invited(with: Sip, invitation: &Document) -> Talk {
        let mut talk = Talk::new(with, false);
        let text = |name| invitation.text(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        talk.thread = text("threadId");
        let alert = text("importance").is_some_and(|importance| !importance.eq_ignore_ascii_case("Normal"));
        talk.opening = Opening { subject: text("subject"), alert };
        talk.toast = invitation.link("message").map(|href| Toast { href: href.to_owned(), delivered: false });
        talk
    }

    /// Whether messages may be sent in it.
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Connected && self.send.is_some() && !self.is_crowded
    }

    /// Learns from a `messaging` resource; true if that changed how it stands.
    pub(super) fn messaging(&mut self, messaging: &Document) -> bool {
        let link = |rel| messaging.link(rel).map(str::to_owned);
        (self.send, self.typing, self.stop) = (link("sendMessage"), link("setIsTyping"), link("stopMessaging"));
        self.takes_html = messaging.texts("negotiatedMessageFormats").any(|format| format.eq_ignore_ascii_case("Html"));
        let before = self.phase;
        match messaging.text("state") {
            Some("Connected") => self.phase = Phase::Connected,
            // A conversation of ours begins without messages, too.
            Some("Disconnected") if self.phase == Phase::Connected => self.phase = Phase::Over,
            _ => {}
        }
        before != self.phase
    }

    /// Learns from a `conversation` event; true if that changed how it stands.
    pub(super) fn conversation(&mut self, event: &Event) -> bool {
        let before = (self.phase, self.is_crowded);
        if let Some(conversation) = &event.resource {
            match conversation.text("state") {
                Some("Disconnected") => self.phase = Phase::Over,
                Some("Conferencing" | "Conferenced" | "InLobby") => self.is_crowded = true,
                _ => {}
            }
            if let Some(thread) = conversation.text("threadId").filter(|thread| !thread.is_empty()) {
                self.thread = Some(thread.to_owned());
            }
        }
        if event.kind == Kind::Deleted {
            self.phase = Phase::Over;
        }
        before != (self.phase, self.is_crowded)
    }
}
