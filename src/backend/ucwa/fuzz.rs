//! One function for each parser that is fuzzed: for libFuzzer (`tests/fuzz`), and for the test that
//! replays the corpora on stable.
//!
//! This is not part of the API. A function panics if a promise is broken: no response of a server
//! or a proxy may make a parser panic, and every bound holds.

use super::protocol::address::{MeetingUri, Sip};
use super::protocol::challenge::Challenge;
use super::protocol::data_uri::{self, Format};
use super::protocol::document::Document;
use super::protocol::failure::Failure;
use super::protocol::package::{After, Package};
use super::protocol::status::Status;
use super::protocol::{markup, presence, search};
use crate::model::Part;

/// The most parts that a message may become. The connector keeps to this bound itself.
const PARTS_MAX: usize = 500;

/// The body of a response on the event channel.
pub fn package(body: &[u8]) {
    let Some(package) = Package::read(body) else {
        return;
    };
    if let After::Next(href) | After::Resume(href) | After::Resync(href) = &package.after {
        let _ = Sip::of_href(href);
    }
    for event in &package.events {
        let _ = (
            event.why(),
            event.link_of("self"),
            event.text_of("state"),
            Sip::of_href(&event.link.href),
        );
        for rel in ["plainMessage", "htmlMessage", "message"] {
            if let Some((format, text)) = event.link_of(rel).and_then(data_uri::decode) {
                said(format, &text);
            }
        }
    }
    let _ = format!("{package:?}");
}

/// The body of any other response, as a resource and as a refusal.
pub fn document(body: &[u8]) {
    let failure = Failure::read(Status::new(400), body, false, None);
    for error in [
        failure.of_token("a@b"),
        failure.of_application(),
        failure.of_link(),
        failure.of_post(),
        failure.of_join(),
    ] {
        assert!(
            error.reason.len() < 8192,
            "somebody else's words are too long"
        );
    }
    let Some(document) = Document::read(body) else {
        return;
    };
    let _ = presence::shown(&document, Some(&document));
    for (channel, _) in search::people(&document) {
        assert!(Sip::parse(channel.name()).is_some(), "a person who is none");
    }
    for (channel, _) in search::meetings(&document, "") {
        assert!(
            MeetingUri::parse(channel.name()).is_some(),
            "a meeting that is none"
        );
    }
}

/// The value of a `WWW-Authenticate` header.
pub fn challenge(header: &[u8]) {
    let Ok(header) = std::str::from_utf8(header) else {
        return;
    };
    if let Ok(challenge) = Challenge::read([header]) {
        assert!(!challenge.href.is_empty(), "a token is had nowhere");
    }
}

/// A message as a data URI.
pub fn data_uri(uri: &[u8]) {
    let Ok(uri) = std::str::from_utf8(uri) else {
        return;
    };
    if let Some((format, text)) = data_uri::decode(uri) {
        let again = data_uri::decode(&data_uri::encode(format, &text));
        assert_eq!(again, Some((format, text)), "what was read is not written");
    }
}

/// A message in HTML.
pub fn html(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    said(Format::Html, text);
    said(Format::Plain, text);
}

fn said(format: Format, text: &str) {
    let Some(parts) = markup::read(format, text) else {
        return;
    };
    assert!(
        !parts.is_empty() && parts.len() <= PARTS_MAX,
        "{} parts",
        parts.len()
    );
    let may_be_followed = |part: &Part| match part {
        Part::Hyperlink { url, .. } => !url.to_lowercase().starts_with("javascript:"),
        _ => true,
    };
    assert!(parts.iter().all(may_be_followed), "a link that runs");
    let written = markup::write(&parts, "", true);
    assert!(
        markup::read(written.format, &written.text).is_some(),
        "what was seen is not seen again"
    );
}
