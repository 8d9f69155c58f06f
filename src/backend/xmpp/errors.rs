//! A server's refusals, as errors of the engine (RFC 6120, 4.9 and 8.3). Pure.

use super::ns;
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind};
use std::time::Duration;

/// How long to stay away if a server says that the load is too high, but not for how long.
const PAUSE: Duration = Duration::from_secs(30);
/// The most characters of a reason, which is a stranger's text.
const REASON_MAX: usize = 300;

/// The error of a stanza that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StanzaError {
    /// The condition, such as `item-not-found`.
    pub(super) condition: String,
    pub(super) text: Option<String>,
}

impl StanzaError {
    /// Reads a stanza of type `error`.
    pub(super) fn of(stanza: &Element) -> StanzaError {
        let error = stanza.find("error", ns::CLIENT);
        let (condition, text) = error.map_or((None, None), |error| condition(error, ns::STANZAS));
        StanzaError {
            condition: condition.unwrap_or_else(|| "undefined-condition".into()),
            text,
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

    fn is_passing(&self) -> bool {
        matches!(
            self.condition.as_str(),
            "remote-server-timeout"
                | "remote-server-not-found"
                | "recipient-unavailable"
                | "internal-server-error"
        )
    }

    fn is_too_much(&self) -> bool {
        matches!(
            self.condition.as_str(),
            "resource-constraint" | "policy-violation"
        )
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
        let reason = format!("{what}: {}", self.reason());
        if self.is_too_much() {
            return BackendError::new(BackendErrorKind::RetryAfter(PAUSE), reason);
        }
        if self.is_passing() || self.is("service-unavailable") {
            return BackendError::unreachable(reason);
        }
        BackendError::refused(reason)
    }

    /// Returns the error of a message that was refused. It was not delivered, whatever the reason.
    pub(super) fn of_post(&self) -> BackendError {
        let kind = match () {
            () if self.is_too_much() => BackendErrorKind::RetryAfter(PAUSE),
            () if self.is("remote-server-timeout") || self.is("internal-server-error") => {
                BackendErrorKind::Unreachable
            }
            () => BackendErrorKind::Rejected,
        };
        BackendError::new(kind, format!("the message was refused: {}", self.reason()))
    }

    /// Returns the error of a request that was refused.
    pub(super) fn of_request(&self, what: &str) -> BackendError {
        let kind = match self.condition.as_str() {
            "item-not-found" | "gone" | "forbidden" | "not-allowed" => {
                BackendErrorKind::ChannelGone
            }
            "feature-not-implemented" | "service-unavailable" => BackendErrorKind::Unsupported,
            _ if self.is_too_much() => BackendErrorKind::RetryAfter(PAUSE),
            _ if self.is_passing() => BackendErrorKind::Unreachable,
            _ => BackendErrorKind::Rejected,
        };
        BackendError::new(kind, format!("{what}: {}", self.reason()))
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
    let text = error
        .text_of("text", namespace)
        .map(|text| short(text.trim()))
        .filter(|text| !text.is_empty());
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
mod tests {
    use super::*;

    fn refused(condition: &'static str) -> StanzaError {
        let error = Element::stanza("error").child(Element::new(condition, ns::STANZAS));
        StanzaError::of(&Element::stanza("presence").child(error))
    }

    #[test]
    fn refusals_of_a_join() {
        for (condition, passing) in [
            ("not-authorized", false),
            ("forbidden", false),
            ("registration-required", false),
            ("item-not-found", false),
            ("service-unavailable", true),
            ("remote-server-timeout", true),
            ("resource-constraint", true),
            ("weird", false),
        ] {
            let error = refused(condition).of_join();
            assert_eq!(error.is_passing(), passing, "{error:?}");
            assert!(error.reason.contains(condition));
        }
        assert_eq!(
            StanzaError::of(&Element::stanza("iq")).condition,
            "undefined-condition"
        );
    }

    #[test]
    fn a_stream_ends_for_a_reason() {
        let end = |condition| {
            of_stream(
                &Element::new("error", ns::STREAM).child(Element::new(condition, ns::STREAMS)),
            )
        };
        assert_eq!(end("not-authorized").kind, BackendErrorKind::Refused);
        assert_eq!(end("system-shutdown").kind, BackendErrorKind::Unreachable);
        assert!(matches!(
            end("conflict").kind,
            BackendErrorKind::RetryAfter(_)
        ));
    }

    #[test]
    fn another_host_may_have_a_port() {
        let said = |host: &str| {
            other_host(
                &Element::new("error", ns::STREAM)
                    .child(Element::new("see-other-host", ns::STREAMS).text(host)),
            )
        };
        assert_eq!(said("a.example"), Some(("a.example".into(), None)));
        assert_eq!(
            said("a.example:5269"),
            Some(("a.example".into(), Some(5269)))
        );
        assert_eq!(said("[::1]:5222"), Some(("::1".into(), Some(5222))));
        assert_eq!(said(""), None);
        assert_eq!(said("a:b"), None);
    }
}
