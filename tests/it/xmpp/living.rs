//! Messages that live over real servers: people of slixmpp and agents correct, retract, react,
//! answer and acknowledge, and every step arrives as the right event, once.

use super::server::Kind;
use super::town::{SOON, Town, Way, Words};
use std::path::PathBuf;
use std::time::Instant;
use switchboard::{
    ChangeKind, Collaboration, Engine, Event, EventBody, EventQuery, Key, Message, MessageId,
    NewMessage, Reactions, Reader, Receipt,
};

pub(super) fn corrects(id: &str) -> String {
    format!("<replace xmlns='urn:xmpp:message-correct:0' id='{id}'/>")
}

pub(super) fn reacts(id: &str, set: &[&str]) -> String {
    let each: String = set
        .iter()
        .map(|one| format!("<reaction>{one}</reaction>"))
        .collect();
    format!("<reactions xmlns='urn:xmpp:reactions:0' id='{id}'>{each}</reactions>{STORE}")
}

/// As a client sends it: with words for programs that know no retractions.
pub(super) fn retracts(id: &str) -> String {
    format!(
        "<retract xmlns='urn:xmpp:message-retract:1' id='{id}'/>\
         <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>{STORE}"
    )
}

fn displayed(id: &str) -> String {
    format!("<displayed xmlns='urn:xmpp:chat-markers:0' id='{id}'/>{STORE}")
}

const STORE: &str = "<store xmlns='urn:xmpp:hints'/>";

/// A reader of everything that others do.
fn ear(bot: &Collaboration) -> Reader {
    let query = EventQuery::messages().remote().changes();
    bot.reader("living", query).expect("a reader")
}

/// What happened next, which must come, in a few words.
#[track_caller]
fn next(ear: &mut Reader) -> (String, Event) {
    let event = ear.next_timeout(SOON).expect("it reads");
    let event = event.expect("something comes");
    let what = match &event.body {
        EventBody::Message(message) => format!("says {}", message.text),
        EventBody::Change(change) => match &change.kind {
            ChangeKind::Edited => format!("edits: {}", change.text),
            ChangeKind::Retracted {
                by_moderator: true,
                reason,
            } => format!("moderates: {}", reason.as_deref().unwrap_or("-")),
            ChangeKind::Retracted { .. } => "takes back".to_owned(),
            ChangeKind::Reactions(set) => format!("reacts: {}", set.join(" ")),
            ChangeKind::Receipt(receipt) => receipt.to_string(),
            other => format!("{other:?}"),
        },
        other => format!("{other:?}"),
    };
    (what, event)
}

#[track_caller]
pub(super) fn comes(ear: &mut Reader, what: &str) -> Event {
    let (came, event) = next(ear);
    assert_eq!(came, what, "{event:?}");
    event
}

/// Nothing more came than what was expected.
#[track_caller]
fn no_more(engine: &Engine, ear: &mut Reader) {
    engine.settle(SOON).expect("it settles");
    let more = ear.next_timeout(std::time::Duration::from_millis(300));
    let more = more.expect("it reads");
    assert!(more.is_none(), "{more:?}");
}

/// How people see a message of the agent: by the id of that stanza.
#[track_caller]
pub(super) fn sees_mark(town: &Town, place: &str, name: &str, id: &str) -> serde_json::Value {
    town.alice.waits_for_mark(place, name, id)
}

pub(super) fn message_of(bot: &Collaboration, channel: &str, id: &str) -> Message {
    let messages = bot.messages(channel, 50, None).expect("the past");
    let found = messages
        .into_iter()
        .find(|message| message.id.as_str() == id);
    found.unwrap_or_else(|| panic!("no message `{id}`"))
}

/// Everything in a room, done by Alice and by the agent.
fn in_a_room(kind: Kind, way: Way, whois: &str) {
    let Some(town) = Town::open(
        &format!("XMPP living messages, {way:?} over {kind:?}"),
        kind,
    ) else {
        return;
    };
    let room = town.room();
    town.alice.configure(&room, &[("whois", whois)]);
    let (engine, ops) = (town.engine(), town.ops());
    let bot = engine.bot("helper", &town.bot(way, "bot0"), &[&ops]);
    let mut ear = ear(&bot);
    // Alice says, corrects twice (once as older programs name it), reacts, takes back.
    let first = town.alice.send(&room, Some("helo"), "");
    comes(&mut ear, "says helo");
    let second = town.alice.send(&room, Some("hello"), &corrects(&first.id));
    let edited = comes(&mut ear, "edits: hello");
    assert_eq!(
        edited.change().expect("a change").message.as_str(),
        first.stanza_id
    );
    town.alice
        .send(&room, Some("hello all"), &corrects(&second.id));
    comes(&mut ear, "edits: hello all");
    town.alice
        .send(&room, None, &reacts(&first.stanza_id, &["👍", "🎉"]));
    comes(&mut ear, "reacts: 👍 🎉");
    let seen = message_of(&bot, &ops, &first.stanza_id);
    assert_eq!((seen.text.as_str(), seen.reactions.len()), ("hello all", 1));
    assert!(seen.edited.is_some());
    town.alice.send(&room, None, &reacts(&first.stanza_id, &[]));
    comes(&mut ear, "reacts: ");
    town.alice
        .send(&room, Some("/me took it back"), &retracts(&first.stanza_id));
    comes(&mut ear, "takes back");
    let seen = message_of(&bot, &ops, &first.stanza_id);
    assert!(seen.retracted.is_some() && seen.text.is_empty(), "{seen:?}");
    super::beside::people_and_files(&town, &bot, &mut ear);
    by_the_agent(&town, &bot, &room, &ops);
    no_more(&engine, &mut ear);
}

/// The agent's alert turns to resolved in its place, and whatever else an agent does, as Alice's
/// program is told it.
fn by_the_agent(town: &Town, bot: &Collaboration, room: &str, ops: &str) {
    let alert = NewMessage::text("Pump 3: firing").key("alert-17");
    let alert = bot.post(ops, alert).expect("posted");
    let heard = town.alice.hears(room, "Pump 3: firing");
    assert_eq!(heard.stanza_id, alert.id.as_str());
    let resolved = NewMessage::text("Pump 3: resolved").key("alert-17");
    let edit = || {
        bot.edit(ops, Key("alert-17"), resolved.clone())
            .expect("edited")
    };
    let changed = edit();
    assert_eq!(
        (&changed.change.message, changed.repeated),
        (&alert.id, false)
    );
    assert!(edit().repeated);
    let seen = sees_mark(town, room, "replace", &heard.id);
    assert_eq!(seen["body"], "Pump 3: resolved");
    let ack = Reactions::from(["✅"]).key("ack");
    bot.react(ops, &alert, ack.clone()).expect("reacted");
    assert!(bot.react(ops, &alert, ack).expect("reacted").repeated);
    let seen = sees_mark(town, room, "reactions", &heard.stanza_id);
    let marks = seen["marks"].as_array().expect("a list");
    let reactions = marks.iter().find(|mark| mark["name"] == "reactions");
    assert_eq!(reactions.expect("it has")["set"][0], "✅", "{seen}");
    let answer = NewMessage::text("fine").in_reply_to(Key("alert-17"));
    let answer = bot.post(ops, answer).expect("posted");
    let past = message_of(bot, ops, answer.id.as_str());
    assert_eq!(
        (past.text.as_str(), past.in_reply_to()),
        ("fine", Some(&alert.id))
    );
    let seen = sees_mark(town, room, "reply", &heard.stanza_id);
    let body = seen["body"].as_str().unwrap_or_default();
    assert!(
        body.starts_with("> ") && body.ends_with("Pump 3: resolved\nfine"),
        "{body}"
    );
    bot.retract(ops, Key("alert-17"), None).expect("taken back");
    assert!(
        bot.retract(ops, Key("alert-17"), None)
            .expect("again")
            .repeated
    );
    sees_mark(town, room, "retract", &heard.stanza_id);
}

#[test]
fn in_a_room_of_prosody() {
    in_a_room(Kind::Prosody, Way::Component, "anyone");
}

#[test]
fn in_a_room_of_prosody_with_an_account() {
    in_a_room(Kind::Prosody, Way::Account, "moderators");
}

#[test]
fn in_a_room_of_ejabberd() {
    in_a_room(Kind::Ejabberd, Way::Component, "anyone");
}

#[test]
fn in_a_room_of_ejabberd_with_an_account() {
    in_a_room(Kind::Ejabberd, Way::Account, "moderators");
}

/// Between two: Alice and the agent.
fn between_two(kind: Kind, way: Way) {
    let Some(town) = Town::open(&format!("XMPP living talk, {way:?} over {kind:?}"), kind) else {
        return;
    };
    let (engine, contact) = (town.engine(), town.contact("alice"));
    let address = town.bot(way, "bot0");
    let bot = engine.bot("helper", &address, &[&contact]);
    let mut ear = ear(&bot);
    let request = "<request xmlns='urn:xmpp:receipts'/>";
    let said = town.alice.send(&address, Some("deploy?"), request);
    let asked = comes(&mut ear, "says deploy?");
    town.alice.waits_for_mark(&address, "received", &said.id);
    bot.mark_read(&contact, &asked).expect("read");
    town.alice.waits_for_mark(&address, "displayed", &said.id);
    bot.react(&contact, &asked, ["👍"]).expect("reacted");
    town.alice.waits_for_mark(&address, "reactions", &said.id);
    town.alice
        .send(&address, Some("deploy now?"), &corrects(&said.id));
    comes(&mut ear, "edits: deploy now?");
    // The agent answers, and corrects its answer.
    let answer = NewMessage::text("no").answering(&asked).in_reply_to(&asked);
    let posted = bot.post(&contact, answer).expect("posted");
    let heard = town.alice.waits_for_mark(&address, "reply", &said.id);
    let id = heard["id"].as_str().expect("an id").to_owned();
    bot.edit(&contact, &posted, NewMessage::text("yes"))
        .expect("edited");
    town.alice.waits_for_mark(&address, "replace", &id);
    // Her program says that it came and was read, and she reacts.
    let received = format!("<received xmlns='urn:xmpp:receipts' id='{id}'/>");
    town.alice.send(&address, None, &received);
    comes(&mut ear, "delivered");
    town.alice.send(&address, None, &displayed(&id));
    let read = comes(&mut ear, "read");
    let change = read.change().expect("a change");
    assert_eq!(
        (&change.message, &change.kind),
        (&posted.id, &ChangeKind::Receipt(Receipt::Read))
    );
    town.alice.send(&address, None, &reacts(&id, &["🎉"]));
    comes(&mut ear, "reacts: 🎉");
    town.alice
        .send(&address, Some("/me took it back"), &retracts(&said.id));
    comes(&mut ear, "takes back");
    bot.retract(&contact, &posted, None).expect("taken back");
    town.alice.waits_for_mark(&address, "retract", &id);
    no_more(&engine, &mut ear);
}

#[test]
fn between_two_over_prosody() {
    between_two(Kind::Prosody, Way::Component);
}

#[test]
fn between_two_over_prosody_with_an_account() {
    between_two(Kind::Prosody, Way::Account);
}

#[test]
fn between_two_over_ejabberd() {
    between_two(Kind::Ejabberd, Way::Component);
}

#[test]
fn between_two_over_ejabberd_with_an_account() {
    between_two(Kind::Ejabberd, Way::Account);
}

#[test]
fn a_moderator_takes_messages_back_and_so_does_an_agent_that_is_one() {
    let Some(town) = Town::prosody("XMPP moderation") else {
        return;
    };
    let (room, ops) = (town.room(), town.ops());
    let (engine, address) = (town.engine(), town.bot(Way::Component, "bot0"));
    town.alice.affiliate(&room, &address, "admin", "");
    let bot = engine.bot("helper", &address, &[&ops]);
    let mut ear = ear(&bot);
    let bob = town.with_person("bob");
    let moderate = |id: &str, reason: &str| {
        format!(
            "<apply-to xmlns='urn:xmpp:fasten:0' id='{id}'><moderate xmlns='urn:xmpp:message-moderate:0'>\
             <retract xmlns='urn:xmpp:message-retract:0'/><reason>{reason}</reason></moderate></apply-to>"
        )
    };
    let spam = bob.send(&room, Some("spam"), "");
    comes(&mut ear, "says spam");
    // Bob cannot say it in the room's place, and may not ask for it.
    let forged = format!(
        "<apply-to xmlns='urn:xmpp:fasten:0' id='{0}'><moderated xmlns='urn:xmpp:message-moderate:0' by='{room}/alice'>\
         <retract xmlns='urn:xmpp:message-retract:0'/></moderated></apply-to>",
        spam.stanza_id
    );
    bob.send(&room, Some("x"), &forged);
    bob.request(&room, &moderate(&spam.stanza_id, "no"))
        .expect_err("he is no moderator");
    town.alice
        .request(&room, &moderate(&spam.stanza_id, "adverts"))
        .expect("she is");
    let event = comes(&mut ear, "moderates: adverts");
    let change = event.change().expect("a change");
    assert_eq!(change.message.as_str(), spam.stanza_id);
    assert!(change.sender.contains("alice"), "{}", change.sender);
    // What came before it in the archive may not come back.
    bob.send(&room, Some("spam again"), &corrects(&spam.id));
    let more = bob.send(&room, Some("more spam"), "");
    comes(&mut ear, "says more spam");
    let more_id = MessageId::parse(&more.stanza_id).expect("an id");
    let taken = bot
        .retract(&ops, &more_id, Some("adverts too"))
        .expect("it moderates");
    let kind = ChangeKind::Retracted {
        by_moderator: true,
        reason: Some("adverts too".into()),
    };
    assert_eq!(taken.change.kind, kind);
    assert!(bot.retract(&ops, &more_id, None).expect("again").repeated);
    let past = bot.messages(&ops, 50, None).expect("the past");
    let texts: Vec<_> = past.iter().map(|it| it.text.as_str()).collect();
    assert!(!texts.iter().any(|text| text.contains("spam")), "{texts:?}");
    no_more(&engine, &mut ear);
}

#[test]
fn whoever_takes_a_nickname_over_changes_nothing_of_what_its_owner_said() {
    for (kind, whois) in [
        (Kind::Prosody, "moderators"),
        (Kind::Ejabberd, "moderators"),
    ] {
        let Some(town) = Town::open(&format!("XMPP taken nicknames over {kind:?}"), kind) else {
            return;
        };
        let (room, ops) = (town.room(), town.ops());
        town.alice.configure(&room, &[("whois", whois)]);
        let engine = town.engine();
        let bot = engine.bot("helper", &town.bot(Way::Account, "bot0"), &[&ops]);
        let mut ear = ear(&bot);
        let bob = town.with_person("bob");
        let said = bob.send(&room, Some("I agree"), "");
        comes(&mut ear, "says I agree");
        bob.leave(&room);
        let eve = town.people.connect(&town.server, "carol");
        eve.join_as(&room, "bob");
        eve.send(&room, Some("I do not"), &corrects(&said.id));
        comes(&mut ear, "says I do not");
        eve.send(&room, Some("/me took it back"), &retracts(&said.stanza_id));
        eve.send(&room, Some("end"), "");
        comes(&mut ear, "says end");
        assert_eq!(message_of(&bot, &ops, &said.stanza_id).text, "I agree");
        assert_eq!(engine.stats().foreign_changes, 2);
        no_more(&engine, &mut ear);
    }
}

/// A database that is removed with its test.
struct Database(PathBuf);

impl Drop for Database {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-lock"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}

/// Over cuts, and over engines that end without a word, each change comes once.
fn over_cuts(kind: Kind, way: Way) {
    let Some(town) = Town::open(
        &format!("XMPP changes over cuts, {way:?} over {kind:?}"),
        kind,
    ) else {
        return;
    };
    let name = format!(
        "switchboard-living-{kind:?}-{way:?}-{}.db",
        std::process::id()
    );
    let database = Database(std::env::temp_dir().join(name));
    let (room, ops) = (town.room(), town.ops());
    let open = || town.over(Engine::builder().database(&database.0));
    let mut engine = open();
    engine.bot("helper", &town.bot(way, "bot0"), &[&ops]);
    let said = town.alice.send(&room, Some("0"), "");
    let mut expected = vec!["says 0".to_owned()];
    let mut came: Vec<String> = Vec::new();
    for round in 0..3 {
        let bot = engine.agent("helper").expect("there");
        bot.wait_active(SOON).expect("active");
        for line in [&town.to_component, &town.to_accounts] {
            line.refuse(true);
            line.cut();
        }
        let text = format!("edit {round}");
        town.alice.send(&room, Some(&text), &corrects(&said.id));
        expected.push(format!("edits: {text}"));
        let emoji = ["👍", "🎉", "🦀"][round];
        town.alice
            .send(&room, None, &reacts(&said.stanza_id, &[emoji]));
        expected.push(format!("reacts: {emoji}"));
        for line in [&town.to_component, &town.to_accounts] {
            line.refuse(false);
        }
        let mut ear = ear(&bot);
        let deadline = Instant::now() + SOON;
        while came.len() < expected.len() {
            assert!(Instant::now() < deadline, "{came:?} of {expected:?}");
            came.push(next(&mut ear).0);
        }
        ear.acknowledge().expect("durable");
        no_more(&engine, &mut ear);
        drop((ear, bot));
        // While no engine runs.
        engine.shutdown(SOON).expect("it ends");
        drop(engine);
        let text = format!("meanwhile {round}");
        town.alice.send(&room, Some(&text), &corrects(&said.id));
        expected.push(format!("edits: {text}"));
        engine = open();
    }
    let bot = engine.agent("helper").expect("there");
    bot.wait_active(SOON).expect("active");
    let mut ear = ear(&bot);
    came.push(next(&mut ear).0);
    // The first message was given out before it was edited, or after.
    came[0] = "says 0".into();
    assert_eq!(came, expected);
    let shown = message_of(&bot, &ops, &said.stanza_id);
    assert_eq!(
        (shown.text.as_str(), shown.reactions.len()),
        ("meanwhile 2", 1)
    );
    no_more(&engine, &mut ear);
}

#[test]
fn changes_come_once_over_cuts_and_restarts() {
    over_cuts(Kind::Prosody, Way::Component);
}

#[test]
fn changes_come_once_over_cuts_and_restarts_with_an_account() {
    over_cuts(Kind::Prosody, Way::Account);
}

#[test]
fn changes_come_once_over_cuts_and_restarts_of_ejabberd() {
    over_cuts(Kind::Ejabberd, Way::Component);
}
