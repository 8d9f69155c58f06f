//! The parser: what it reads, what it skips, and what it must refuse.

use super::super::ns;
use super::parser::{DEPTH_MAX, STANZA_MAX};
use super::{Element, Event, Parser};
use proptest::prelude::*;

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
    xmlns:stream='http://etherx.jabber.org/streams' id=\"a1\" from='agents.im.test'>";

/// Returns all events of a stream of that text, fed in pieces of that many bytes.
fn read(text: &str, piece: usize) -> Result<Vec<Event>, String> {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for piece in text.as_bytes().chunks(piece.max(1)) {
        parser.feed(piece);
        while let Some(event) = parser.next().map_err(|error| error.to_string())? {
            events.push(event);
        }
    }
    Ok(events)
}

fn stanzas(text: &str) -> Vec<Event> {
    let mut events = read(&format!("{HEADER}{text}"), 7).expect("well-formed");
    assert!(
        matches!(events.remove(0), Event::Opened(header) if header.attribute("id") == Some("a1"))
    );
    events
}

#[test]
fn a_stanza_is_read_however_it_is_cut() {
    let text = format!(
        "{HEADER} \n<message from='a@b/c' to=\"d\"><body>1 &lt; 2 &amp;&#x1F980;\r\n<![CDATA[<raw>]]></body>\
         <x xmlns='jabber:x:oob'><url/></x></message> </stream:stream>"
    );
    let whole = read(&text, text.len()).expect("well-formed");
    for piece in 1..40 {
        assert_eq!(
            read(&text, piece).as_ref(),
            Ok(&whole),
            "in pieces of {piece}"
        );
    }
    let [Event::Opened(_), Event::Element(message), Event::Closed] = &whole[..] else {
        panic!("{whole:?}")
    };
    assert!(
        message.is("message", ns::CLIENT),
        "a component's stanza is read as any other"
    );
    assert_eq!(message.attribute("from"), Some("a@b/c"));
    assert_eq!(
        message.text_of("body", ns::CLIENT).as_deref(),
        Some("1 < 2 &🦀\n<raw>")
    );
    assert!(
        message
            .find("x", ns::OOB)
            .is_some_and(|x| x.find("url", ns::OOB).is_some())
    );
}

#[test]
fn what_is_too_much_is_stepped_over_and_the_stream_goes_on() {
    let deep = format!(
        "{}{}",
        "<a>".repeat(DEPTH_MAX + 5),
        "</a>".repeat(DEPTH_MAX + 5)
    );
    let wide = format!("<a>{}</a>", "<b/>".repeat(20_000));
    let large = format!("<a>{}</a>", "x".repeat(STANZA_MAX + 1));
    let flood = format!("<a>{}<b/></a>", "x".repeat(3 * 1024 * 1024));
    let attribute = format!("<a b='{}>'><c/></a>", "x".repeat(3 * 1024 * 1024));
    let data = format!("<a><![CDATA[{}]]></a>", "<x>".repeat(1024 * 1024));
    for (name, text) in [
        ("deep", deep.as_str()),
        ("wide", &wide),
        ("large", &large),
        ("flood", &flood),
        ("attribute", &attribute),
        ("data", &data),
        ("unbound", "<p:a><b/></p:a>"),
        ("unbound and empty", "<p:a/>"),
        ("twice", "<a b='1' b='2'>text</a>"),
    ] {
        let events = read(&format!("{HEADER}{text}<iq/>"), 4096).expect(name);
        assert!(
            matches!(&events[1..], [Event::Skipped(_), Event::Element(iq)] if iq.name == "iq"),
            "{name}: {events:?}"
        );
    }
}

#[test]
fn malformed_xml_ends_the_stream() {
    for text in [
        "<!DOCTYPE a>",
        "<!-- c --><a/>",
        "<?php ?>",
        "<a></b>",
        "<a>&nbsp;</a>",
        "<a>&#0;</a>",
        "<a b=c/>",
        "<a b='<'/>",
        "<>",
        "stray",
        "<a b='1'c='2'/>",
        "<a>\u{1}</a>",
    ] {
        assert!(read(&format!("{HEADER}{text}"), 3).is_err(), "{text}");
    }
    assert!(read("<a/>", 4).is_err(), "no header");
}

#[test]
fn skipping_does_not_forget_the_stream() {
    let events = stanzas("<p:a><b>x</b></p:a><message/>");
    assert!(matches!(
        &events[..],
        [Event::Skipped(_), Event::Element(_)]
    ));
}

/// Any element that this connector can write.
fn element() -> impl Strategy<Value = Element> {
    let text = "[\\PC\n\t\r<>&'\"]{0,20}";
    let leaf = (text, proptest::option::of(text)).prop_map(|(body, id)| {
        let element = Element::new("leaf", ns::OOB).with_some("id", id);
        if body.is_empty() {
            element
        } else {
            element.text(body)
        }
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        proptest::collection::vec(inner, 0..4)
            .prop_map(|children| Element::stanza("branch").children_from(children))
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(written in element(), piece in 1usize..50) {
        let events = read(&format!("{HEADER}{}", written.to_xml()), piece);
        prop_assert_eq!(events.map(|mut events| events.pop()), Ok(Some(Event::Element(Box::new(written)))));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), piece in 1usize..50) {
        let mut parser = Parser::default();
        parser.feed(HEADER.as_bytes());
        for piece in bytes.chunks(piece) {
            parser.feed(piece);
            while let Ok(Some(_)) = parser.next() {}
        }
    }

    #[test]
    fn no_markup_makes_it_panic(text in "[<>/a='\" &;#x!\\[\\]CDATA?:-]{0,120}", piece in 1usize..20) {
        let _ = read(&format!("{HEADER}{text}"), piece);
        let _ = read(&text, piece);
    }
}

/// Reads one stanza.
pub(in super::super) fn parsed(text: &str) -> Element {
    let mut parser = Parser::default();
    parser.feed(
        b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    parser.feed(text.as_bytes());
    loop {
        match parser.next() {
            Ok(Some(Event::Element(element))) => return *element,
            Ok(Some(_)) => {}
            other => panic!("{text}: {other:?}"),
        }
    }
}
