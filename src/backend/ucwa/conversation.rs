//! One conversation with one contact, as the events tell of it. Pure: it is given events and asked how things stand.
//!
//! The server names everything by address, so a conversation is known by its own; what can be done with it is the links
//! of the last `messaging` event, and nothing else. Two conversations with one person may stand at the same time (both
//! invited each other, or one is being replaced).

use super::address::Sip;
use super::document::Document;
use super::failure::Reason;
use super::package::{Event, Kind};
use crate::backend::{Accepted, BackendError};
use std::collections::VecDeque;
use tokio::sync::oneshot;

/// Delivery reports kept for posts whose answer has not come yet.
const EARLY_MAX: usize = 32;

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

/// A post that the server has, and whose delivery is not reported yet.
struct Waiting {
    operation: String,
    /// The message's address; none if the answer was lost.
    href: Option<String>,
    done: Done,
}

/// What became of a message of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) href: String,
    operation: Option<String>,
    pub(super) time: Option<chrono::DateTime<chrono::Utc>>,
    /// None: it was delivered.
    pub(super) failed: Option<Option<Reason>>,
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
    waiting: Vec<Waiting>,
    early: VecDeque<Report>,
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
            waiting: Vec::new(),
            early: VecDeque::new(),
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

    /// A post has left; its report may have come already.
    pub(super) fn sent(&mut self, operation: String, href: Option<String>, done: Done) -> Option<(Done, Report)> {
        let is_its = |report: &Report| report.is_of(&operation, href.as_deref());
        if let Some(at) = self.early.iter().position(is_its)
            && let Some(report) = self.early.remove(at)
        {
            return Some((done, report));
        }
        self.waiting.retain(|waiting| !waiting.done.is_closed());
        self.waiting.push(Waiting { operation, href, done });
        None
    }

    /// A report has come; answers whom it concerns, if that is known.
    pub(super) fn report(&mut self, report: Report) -> Option<(Done, Report)> {
        let is_its = |waiting: &Waiting| report.is_of(&waiting.operation, waiting.href.as_deref());
        if let Some(at) = self.waiting.iter().position(is_its) {
            return Some((self.waiting.swap_remove(at).done, report));
        }
        if self.early.len() == EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back(report);
        None
    }

    /// Those who wait for a report that will not come.
    pub(super) fn forsaken(&mut self) -> Vec<Done> {
        self.waiting.drain(..).map(|waiting| waiting.done).collect()
    }
}

impl Report {
    /// Reads a `message` event about a message of ours.
    pub(super) fn of(event: &Event, href: String) -> Report {
        let resource = event.resource.as_ref();
        Report {
            href,
            operation: resource.and_then(|message| message.text("operationId")).map(str::to_owned),
            time: resource.and_then(|message| message.time("timeStamp")),
            failed: (event.succeeded == Some(false)).then(|| event.why()),
        }
    }

    fn is_of(&self, operation: &str, href: Option<&str>) -> bool {
        href == Some(&self.href) || self.operation.as_deref() == Some(operation)
    }
}
