//! What is thrown at what reads a server's words: for libFuzzer (`tests/fuzz`), and for the test
//! that replays its corpora on stable.
//!
//! Not part of the API. A function panics where a promise is broken: nothing that a server or a
//! stranger says may stop a link, or pass for something that one of our agents said.

use super::core::Core;
use super::http::{Target, admissible, read_status};
use super::jid::Jid;
use super::point::Reached;
use super::presence::Resources;
use super::scram::{Bound, Hash, Scram};
use super::srv::{self, Answer, Service};
use super::state::RoomInfo;
use super::state::{Agent, Contact, Phase, Room, Seat};
use super::xml::{Element, Event, Parser};
use super::{Component, Secret, XmppConfig, dispatch, errors, ns, outbox, shared};
use crate::backend::recorder::Recorder;
use crate::backend::text;
use crate::backend::{ChannelId, Inbound};
use crate::model::{Address, AgentKey, ResumePoint, visible_text};
use futures_util::FutureExt;
use std::collections::HashMap;
use std::sync::Arc;

const HEADER: &[u8] = b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='1'>";
const SERVICE: &str = "_xmpp-client._tcp.example.org";
/// The room and the agent that [`core`] uses.
pub(super) const ROOM: &str = "ops@rooms.im.test";
pub(super) const BOT: &str = "bot@agents.im.test";

/// Everything that a server sends on one connection.
pub fn stream(bytes: &[u8]) {
    let whole = read(bytes, bytes.len());
    assert_eq!(whole, read(bytes, 7), "it depends on how it is cut");
    let mut headed = HEADER.to_vec();
    headed.extend_from_slice(bytes);
    for (events, _) in [whole, read(&headed, 64)] {
        let recorder = Recorder::by_hand();
        let (core, _line) = core(&recorder);
        for event in events {
            if let Event::Element(element) = event {
                assert_eq!(
                    rewritten(&element),
                    plain(&element).then_some(*element.clone()),
                    "it is not written as it was read"
                );
                let _ = (errors::other_host(&element), errors::of_login(&element));
                let is_end = element.is("error", ns::STREAM);
                let handled = dispatch::stanza(&core, *element)
                    .now_or_never()
                    .expect("the recorder has room");
                assert_eq!(handled.is_err(), is_end, "only the server ends a stream");
            }
        }
        assert!(recorder.lost().is_none());
        recorder.items().iter().for_each(is_honest);
    }
}

/// Every other text of a server, or of somebody behind it: an address, a link, a point in an
/// archive, a challenge, an answer over HTTP or of a resolver, a message's body.
pub fn words(bytes: &[u8]) {
    let _ = read_status(bytes);
    if let [first, second, ..] = bytes
        && let Answer::Is(Service::At(records)) =
            srv::answer(bytes, u16::from_be_bytes([*first, *second]), SERVICE)
    {
        assert!(srv::ordered(records.clone(), |most| most / 2).len() == records.len());
    }
    let Ok(words) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(jid) = Jid::parse(words) {
        assert_eq!(Jid::parse(jid.as_str()).as_ref(), Some(&jid));
        assert!(!jid.bare().contains('/') && !jid.domain().is_empty());
    }
    if let Some(target) = Target::parse(words) {
        let header = admissible("Authorization", words).expect("one of the three");
        let head = target.head(1, &[header]);
        assert_eq!(
            head.matches(['\r', '\n']).count(),
            14,
            "seven lines: {head}"
        );
    }
    let parts = text::parts_of(words);
    assert_eq!(visible_text(&parts), words);
    let _ = text::body_of(&parts);
    if let Some(point) = ResumePoint::parse(words)
        .ok()
        .as_ref()
        .and_then(Reached::parse)
    {
        // A stored point has a precision of microseconds.
        let stored = point.to_resume();
        assert_eq!(
            stored
                .as_ref()
                .and_then(Reached::parse)
                .and_then(|point| point.to_resume()),
            stored
        );
    }
    // A million rounds are permitted, but too slow for a fuzzer.
    let rounds = words
        .split(',')
        .find_map(|field| field.strip_prefix("i=")?.parse::<u32>().ok());
    if rounds.is_some_and(|rounds| rounds > 5000) {
        return;
    }
    let (mut login, _) = Scram::begin(Hash::Sha256, Bound::Cannot, "bot", "nonce");
    if let Ok(answer) = login.answer(words, "password") {
        assert!(answer.starts_with("c=biws,r=nonce"), "{answer}");
    }
    assert!(!login.is_proven(words), "without knowing the password");
}

/// Returns the events of a stream until it is malformed, and whether it is. It is fed in pieces of
/// that many bytes.
fn read(bytes: &[u8], piece: usize) -> (Vec<Event>, bool) {
    let (mut parser, mut events) = (Parser::default(), Vec::new());
    for piece in bytes.chunks(piece.max(1)) {
        parser.feed(piece);
        loop {
            match parser.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}

/// Whether an element has no attributes whose namespaces are lost when it is written: only those of
/// XML itself keep their prefix.
fn plain(element: &Element) -> bool {
    let is_plain = |name: &str| !name.contains(':') || name.starts_with("xml:");
    element.attributes.iter().all(|(name, _)| is_plain(name)) && element.children().all(plain)
}

/// Returns the element after writing and reading; `None` if it cannot be written.
fn rewritten(element: &Element) -> Option<Element> {
    let mut text = HEADER.to_vec();
    text.extend_from_slice(plain(element).then(|| element.to_xml())?.as_bytes());
    match read(&text, text.len()).0.pop() {
        Some(Event::Element(element)) => Some(*element),
        other => panic!("{other:?}"),
    }
}

/// Checks that nothing counts as ours that does not come from our agent's seat.
fn is_honest(item: &Inbound) {
    if let Inbound::Message { message, .. } = item {
        assert!(!message.content.parts.is_empty() && !message.id.as_str().is_empty());
        let is_ours = message.sender.as_str() == "xmpp:bot@agents.im.test";
        assert!(message.origin.is_none() || is_ours, "{message:?}");
    }
}

/// Returns a component with an agent that is in a room and has a contact.
pub(super) fn core(recorder: &Arc<Recorder>) -> (Core, outbox::Line) {
    let component = Component::new("agents.im.test", "127.0.0.1", 1, Secret::new("s"));
    let config = Arc::new(XmppConfig::new("im.test").component(component));
    let jid = Jid::parse("agents.im.test").expect("a domain");
    let (near, far) = outbox::outbox();
    let core = Core::new(
        recorder.inbox(),
        config,
        Arc::new(shared::Shared::default()),
        jid,
        true,
        near,
    )
    .expect("random bytes");
    let seat = Seat {
        nick: "bot".into(),
        phase: Phase::In,
        is_entering: false,
    };
    let contact = Contact {
        channel: ChannelId::parse("contact:lene@im.test").expect("an id"),
        spoke: None,
        resources: Resources::default(),
        held: None,
        has_gap: false,
        trail: None,
        refused: None,
        composing: false,
        is_open: false,
    };
    let address = Address::parse("xmpp:bot@agents.im.test").expect("an address");
    core.shared.occupy(ROOM, "bot", &address, 1);
    let agent = Agent {
        key: AgentKey(7),
        address,
        jid: Jid::parse("bot@agents.im.test/switchboard").expect("an address"),
        session: 1,
        seats: HashMap::from([(ROOM.to_owned(), seat)]),
        contacts: HashMap::from([("lene@im.test".to_owned(), contact)]),
        watchers: Default::default(),
        early: Default::default(),
        since: chrono::DateTime::UNIX_EPOCH,
        attempts: Default::default(),
        strays: Default::default(),
    };
    let room = Room {
        channel: ChannelId::parse("chat-room:ops@rooms.im.test").expect("an id"),
        info: Some(RoomInfo {
            has_archive: true,
            ..RoomInfo::default()
        }),
        subject: None,
        copies: Arc::default(),
        link: 1,
        held: None,
        has_gap: false,
        trail: None,
        real: HashMap::new(),
    };
    let mut state = core.state.lock();
    state.agents.insert(BOT.to_owned(), agent);
    state.rooms.insert(ROOM.to_owned(), room);
    drop(state);
    (core, far)
}
