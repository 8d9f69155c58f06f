//! A server's refusals, as errors of the engine (RFC 6120, 4.9 and 8.3). Pure.

use super::ns;
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind};
use std::time::Duration;

/// How long to stay away if a server says that the load is too high, but not for how long.
const PAUSE: Duration = Duration::from_secs(30);
/// The most characters of a reason, which is a stranger's text.
const REASON_MAX: usize = 300;

/// What a condition says about the entity that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// It cannot be reached now. Prosody says `remote-server-not-found` of every failed connection
    /// to another server.
    Away,
    /// It asks for a pause.
    Busy,
    /// It does not exist.
    Absent,
    /// The agent may not do that.
    Forbidden,
    /// It does not know such a request.
    Unknown,
    /// It is not there, or takes nothing.
    Unavailable,
    /// The request itself is wrong.
    Final,
}

/// The conditions of stanza errors (RFC 6120, 8.3.3) that are not [`Meaning::Final`].
const CONDITIONS: &[(&str, Meaning)] = &[
    ("remote-server-timeout", Meaning::Away),
    ("remote-server-not-found", Meaning::Away),
    ("recipient-unavailable", Meaning::Away),
    ("internal-server-error", Meaning::Away),
    ("resource-constraint", Meaning::Busy),
    ("policy-violation", Meaning::Busy),
    ("item-not-found", Meaning::Absent),
    ("gone", Meaning::Absent),
    ("forbidden", Meaning::Forbidden),
    ("not-allowed", Meaning::Forbidden),
    ("feature-not-implemented", Meaning::Unknown),
    ("service-unavailable", Meaning::Unavailable),
];

/// The conditions that a wait does not change, whatever the type of the error.
const LASTING: &[&str] = &[
    "conflict",
    "forbidden",
    "jid-malformed",
    "not-allowed",
    "not-authorized",
    "registration-required",
];

/// The conditions of the numbers that older services give alone (XEP-0086).
const NUMBERS: &[(&str, &str)] = &[
    ("302", "redirect"),
    ("400", "bad-request"),
    ("401", "not-authorized"),
    ("402", "payment-required"),
    ("403", "forbidden"),
    ("404", "item-not-found"),
    ("405", "not-allowed"),
    ("406", "not-acceptable"),
    ("407", "registration-required"),
    ("408", "remote-server-timeout"),
    ("409", "conflict"),
    ("500", "internal-server-error"),
    ("501", "feature-not-implemented"),
    ("502", "service-unavailable"),
    ("503", "service-unavailable"),
    ("504", "remote-server-timeout"),
    ("510", "service-unavailable"),
];

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Join,
    Post,
    Request,
    Upload,
}

/// What a refusal is for the engine.
fn kind(asked: Asked, meaning: Meaning) -> BackendErrorKind {
    use BackendErrorKind::*;
    match (meaning, asked) {
        (Meaning::Away, _) | (Meaning::Unavailable, Asked::Join) => Unreachable,
        (Meaning::Busy, _) => RetryAfter(PAUSE),
        (_, Asked::Join) => Refused,
        (Meaning::Absent | Meaning::Forbidden, Asked::Request) => ChannelGone,
        (Meaning::Unknown | Meaning::Unavailable, Asked::Request | Asked::Upload) => Unsupported,
        _ => Rejected,
    }
}

/// The error of a stanza that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StanzaError {
    /// The condition, such as `item-not-found`.
    pub(super) condition: String,
    pub(super) text: Option<String>,
    /// True if the sender may try again later: the type `wait`.
    pub(super) may_wait: bool,
}

impl StanzaError {
    /// Reads a stanza of type `error`.
    pub(super) fn of(stanza: &Element) -> StanzaError {
        let error = stanza.find("error", ns::CLIENT);
        let (condition, text) = error.map_or((None, None), |error| condition(error, ns::STANZAS));
        let number = error.and_then(|error| error.attribute("code"));
        let numbered = || NUMBERS.iter().find(|(known, _)| Some(*known) == number);
        let condition = condition.or_else(|| Some(numbered()?.1.to_owned()));
        StanzaError {
            condition: condition.unwrap_or_else(|| "undefined-condition".into()),
            text,
            may_wait: error.is_some_and(|error| error.attribute("type") == Some("wait")),
        }
    }

    pub(super) fn is(&self, condition: &str) -> bool {
        self.condition == condition
    }

    /// Returns the condition, with the text beside it if there is one.
    pub(super) fn reason(&self) -> String {
        match &self.text {
            Some(text) => format!("{} ({text})", self.condition),
            None => self.condition.clone(),
        }
    }

    /// Returns the meaning of the condition alone, whatever the type of the error.
    fn listed(&self) -> Meaning {
        let known = CONDITIONS.iter().find(|(name, _)| self.is(name));
        known.map_or(Meaning::Final, |(_, meaning)| *meaning)
    }

    fn meaning(&self) -> Meaning {
        match self.listed() {
            Meaning::Busy => Meaning::Busy,
            _ if self.may_wait && !LASTING.contains(&&*self.condition) => Meaning::Away,
            meaning => meaning,
        }
    }

    /// Returns whether the refusal says nothing about the request.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self.meaning(), Meaning::Away | Meaning::Busy)
    }

    /// Returns whether the same request may be granted in a moment. Another server that cannot be
    /// reached takes longer.
    pub(super) fn is_passing(&self) -> bool {
        self.is_temporary() && !self.condition.starts_with("remote-server-")
    }

    fn refusal(&self, asked: Asked, what: &str) -> BackendError {
        let reason = format!("{what}: {}", self.reason());
        let meaning = match self.meaning() {
            // A policy against the content, unless the type says that a wait will do. A join has no
            // content.
            Meaning::Busy
                if self.is("policy-violation") && !self.may_wait && asked != Asked::Join =>
            {
                Meaning::Final
            }
            meaning => meaning,
        };
        BackendError::new(kind(asked, meaning), reason)
    }

    /// Returns whether a room that refuses a question in this way would refuse a join too, because
    /// the room does not exist or its server cannot be reached. Any other room may still admit an
    /// agent.
    pub(super) fn prevents_join(&self) -> bool {
        self.listed() == Meaning::Absent || self.condition.starts_with("remote-server-")
    }

    /// Returns the error of a room that refuses a join.
    pub(super) fn of_join(&self) -> BackendError {
        let what = match self.condition.as_str() {
            "not-authorized" => "the room wants a password",
            "forbidden" => "the agent is banned from the room",
            "registration-required" => "the room is for members only",
            "item-not-found" | "gone" => "there is no such room",
            "not-allowed" => "the room may not be created",
            "not-acceptable" => "the room admits reserved nicknames only",
            "conflict" => "the nickname is taken",
            "service-unavailable" => "the room is full, or its service is not there",
            _ => "the room refused",
        };
        self.refusal(Asked::Join, what)
    }

    /// Returns the error of a contact whose server refuses the subscription. Only what says that
    /// there is no such contact, or that it wants none, is final.
    pub(super) fn of_subscription(&self) -> BackendError {
        let is_final = ["item-not-found", "jid-malformed", "forbidden"].contains(&&*self.condition)
            && self.meaning() != Meaning::Away;
        let reason = format!("the contact cannot be reached: {}", self.reason());
        if is_final {
            BackendError::refused(reason)
        } else {
            BackendError::unreachable(reason)
        }
    }

    /// Returns the error of a message that was refused. It was not delivered, whatever the reason.
    pub(super) fn of_post(&self) -> BackendError {
        self.refusal(Asked::Post, "the message was refused")
    }

    /// Returns the error of a request that was refused.
    pub(super) fn of_request(&self, what: &str) -> BackendError {
        self.refusal(Asked::Request, what)
    }

    /// Returns the error of a service that refuses a file.
    pub(super) fn of_upload(&self) -> BackendError {
        self.refusal(Asked::Upload, "the file was refused")
    }
}

/// Returns the error of a stream that the server ended.
pub(super) fn of_stream(error: &Element) -> BackendError {
    let (condition, text) = condition(error, ns::STREAMS);
    let condition = condition.unwrap_or_else(|| "undefined-condition".into());
    let kind = match condition.as_str() {
        // The other holder of the name would connect again in the same way, so neither may win at
        // once.
        "conflict" | "policy-violation" | "resource-constraint" => {
            BackendErrorKind::RetryAfter(PAUSE)
        }
        "not-authorized"
        | "host-unknown"
        | "host-gone"
        | "invalid-namespace"
        | "unsupported-version" => BackendErrorKind::Refused,
        _ => BackendErrorKind::Unreachable,
    };
    let text = text.map(|text| format!(" ({text})")).unwrap_or_default();
    BackendError::new(
        kind,
        format!("the server ended the stream: {condition}{text}"),
    )
}

/// Returns whether the server ended the stream because the name is in use.
pub(super) fn is_conflict(error: &BackendError) -> bool {
    matches!(error.kind, BackendErrorKind::RetryAfter(_)) && error.reason.contains(": conflict")
}

/// Returns the host and port that a server sends us to.
pub(super) fn other_host(error: &Element) -> Option<(String, Option<u16>)> {
    let other = error.text_of("see-other-host", ns::STREAMS)?;
    let other = other.trim();
    match other.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => Some((
            host.trim_matches(['[', ']']).to_owned(),
            Some(port.parse().ok()?),
        )),
        _ if other.is_empty() => None,
        _ => Some((other.trim_matches(['[', ']']).to_owned(), None)),
    }
}

/// Returns the error of a login that failed.
pub(super) fn of_login(failure: &Element) -> BackendError {
    let (condition, text) = condition(failure, ns::SASL);
    let condition = condition.unwrap_or_else(|| "not-authorized".into());
    let text = text.map(|text| format!(" ({text})")).unwrap_or_default();
    let reason = format!("the login was refused: {condition}{text}");
    if condition == "temporary-auth-failure" {
        BackendError::unreachable(reason)
    } else {
        BackendError::refused(reason)
    }
}

fn condition(error: &Element, namespace: &str) -> (Option<String>, Option<String>) {
    let condition = error
        .children()
        .find(|child| child.namespace == namespace && child.name != "text");
    // `gone` and `redirect` have the new address in them.
    let text = error.text_of("text", namespace);
    let address = || condition.map(Element::inner_text);
    let text = [text, address()].into_iter().flatten();
    let text = text.map(|text| short(text.trim()));
    let text = text
        .filter(|text| !text.is_empty())
        .reduce(|text, address| format!("{text}; {address}"));
    (condition.map(|condition| condition.name.to_string()), text)
}

/// Returns a stranger's text, shortened to fit into a reason.
pub(super) fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(REASON_MAX)
        .collect()
}

#[cfg(test)]
#[path = "errors_test.rs"]
mod tests;
