//! What is thrown at the decoders: one function per decoder, for libFuzzer (`tests/fuzz`) and for
//! the test that replays its corpora on stable.
//!
//! Not part of the API. A function panics where a promise is broken: no text may make a decoder
//! panic, and whatever was read survives being written and read again, in both formats.

use super::query::Query;
use super::{
    AuthenticationCredentials, Category, Channel, ChannelAgentState, ChannelState, Dictionary,
    Document, Event, Format, ManagedChannel, Message, MessagePart, MessageSearchCriteria,
    NewManagedChannel, PostSearchResultSet, PostedMessage, ProvisionedAgent, ProvisionedChannel,
    ProvisionedThrottle, ProvisionedUser, Read, TokenDetails, Tree, percent, route, xml,
};
use crate::model::NewMessage;
use chrono::DateTime;
use std::fmt::Debug;

/// A request body in JSON.
pub fn json(text: &[u8]) {
    if let Ok(tree) = super::json::parse(text) {
        assert!(!has_elements(&tree), "JSON has no elements");
    }
    every_document(Format::Json, text);
}

/// A request body in XML.
pub fn xml(text: &[u8]) {
    if let Ok(tree) = xml::parse(text) {
        assert!(depth(&tree) <= 2 * xml::DEPTH_MAX, "deeper than is allowed");
    }
    every_document(Format::Xml, text);
}

/// A query string.
pub fn query(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let query = Query::parse(Some(text));
    let noisy = Query::parse(Some(&format!("{text}&%22%22&_=1&=&&%ff&dt14112026")));
    assert_eq!(query.events(), noisy.events(), "noise is not ignored");
    assert_eq!(query.history(), noisy.history(), "noise is not ignored");
    assert_eq!(query.search(), noisy.search(), "noise is not ignored");
    if let Ok(asked) = query.events() {
        assert!(asked.cursor.last.0 >= 0, "a cursor below the first event");
    }
    if let Ok(asked) = query.history() {
        assert!(asked.take >= 1, "nothing is asked for");
    }
}

/// A path, as it came over the wire.
pub fn path(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let found: Vec<_> = ["GET", "POST", "PUT", "DELETE"]
        .map(|method| route::find(method, text))
        .into();
    assert_eq!(found[0], route::find("HEAD", text), "HEAD is not GET");
    if !text.ends_with('/') {
        for (method, found) in ["GET", "POST", "PUT", "DELETE"].iter().zip(&found) {
            assert_eq!(
                *found,
                route::find(method, &format!("{text}/")),
                "a trailing slash is something"
            );
        }
    }
    let shown = route::without_token(text);
    assert_eq!(
        shown,
        route::without_token(&shown),
        "what is shown hides more than itself"
    );
    for plus_is_blank in [false, true] {
        if let Some(decoded) = percent::decode(text, plus_is_blank) {
            let encoded: String = decoded.bytes().map(|byte| format!("%{byte:02X}")).collect();
            assert_eq!(
                percent::decode(&encoded, plus_is_blank),
                Some(decoded),
                "an escape is lost"
            );
        }
    }
}

/// Every document there is, read from the text; a host reads but one of them.
fn every_document(format: Format, text: &[u8]) {
    let now = DateTime::UNIX_EPOCH;
    let _ = format.decode::<AuthenticationCredentials>(text);
    let _ = format
        .decode::<PostedMessage>(text)
        .and_then(NewMessage::try_from);
    let _ = format
        .decode::<MessageSearchCriteria>(text)
        .and_then(|criteria| criteria.into_criteria(now));
    survives::<TokenDetails>(format, text);
    survives::<Channel>(format, text);
    survives::<ChannelState>(format, text);
    survives::<ChannelAgentState>(format, text);
    survives::<Message>(format, text);
    survives::<Vec<Message>>(format, text);
    survives::<MessagePart>(format, text);
    survives::<Event>(format, text);
    survives::<Vec<Event>>(format, text);
    survives::<MessageSearchCriteria>(format, text);
    survives::<PostSearchResultSet>(format, text);
    survives::<ProvisionedAgent>(format, text);
    survives::<ProvisionedChannel>(format, text);
    survives::<ProvisionedThrottle>(format, text);
    survives::<Category>(format, text);
    survives::<ManagedChannel>(format, text);
    survives::<NewManagedChannel>(format, text);
    survives::<Dictionary>(format, text);
    survives::<Vec<String>>(format, text);
    survives::<String>(format, text);
    // Its password is read and never written.
    if let Ok(user) = format.decode::<ProvisionedUser>(text) {
        again(
            Format::Json,
            &ProvisionedUser {
                password: None,
                ..user
            },
        );
    }
}

fn survives<T: Document + Read + PartialEq + Debug>(format: Format, text: &[u8]) {
    let Ok(document) = format.decode::<T>(text) else {
        return;
    };
    again(Format::Json, &document);
    // What XML cannot carry is replaced; a text without any of that is the same again. JSON escapes
    // most of it.
    let shown = String::from_utf8(super::json::encode(&document)).expect("JSON is UTF-8");
    if xml::carried(&shown) == shown
        && !["\\u00", "\\b", "\\f"]
            .iter()
            .any(|escape| shown.contains(escape))
    {
        again(Format::Xml, &document);
    } else {
        let _ = Format::Xml.decode::<T>(&Format::Xml.encode(&document));
    }
}

fn again<T: Document + Read + PartialEq + Debug>(format: Format, document: &T) {
    let text = format.encode(document);
    match format.decode::<T>(&text) {
        Ok(back) if back == *document => {}
        other => panic!(
            "{document:?} became {other:?} by {}",
            String::from_utf8_lossy(&text)
        ),
    }
}

fn has_elements(tree: &Tree) -> bool {
    match tree {
        Tree::Elements(_) => true,
        Tree::List(items) => items.iter().any(has_elements),
        Tree::Map(members) => members.iter().any(|(_, value)| has_elements(value)),
        _ => false,
    }
}

fn depth(tree: &Tree) -> usize {
    match tree {
        Tree::Elements(children) => {
            1 + children
                .iter()
                .map(|(_, child)| depth(child))
                .max()
                .unwrap_or(0)
        }
        _ => 1,
    }
}
