//! Messages both ways: texts, parts, history, subjects and files.

use super::super::server::Kind;
use super::super::town::Words;
use super::super::town::{SOON, Town, Way, ear, hears, hears_no_more, next};
use super::until;
use switchboard::{AgentState, Broadcast, Collaboration, NewMessage, Part};

fn talk(kind: Kind, way: Way) {
    let Some(town) = Town::open(&format!("XMPP talking, {way:?} over {kind:?}"), kind) else {
        return;
    };
    let (engine, address, alice) = (town.engine(), town.bot(way, "bot0"), town.contact("alice"));
    let bot = engine.bot("helper", &address, &[&town.ops(), &alice]);
    let mut ear = ear(&bot);

    town.alice.say(&town.room(), "who is there?");
    let heard = hears(&mut ear, "who is there?");
    assert_eq!(
        (heard.channel.as_str(), heard.sender_alias.as_deref()),
        (town.ops().as_str(), Some("alice"))
    );
    let posted = bot
        .post(town.ops(), NewMessage::text("I am"))
        .expect("posted");
    assert_eq!(town.alice.hears(&town.room(), "I am").resource, "bot0");

    town.alice.say(&address, "and here?");
    let heard = hears(&mut ear, "and here?");
    assert_eq!(heard.channel.as_str(), alice);
    assert!(
        heard.sender.contains(&town.address_of("alice")),
        "{}",
        heard.sender
    );
    bot.post(&alice, NewMessage::text("here as well"))
        .expect("posted");
    town.alice.hears(&address, "here as well");

    hears_no_more(&engine, &mut ear);
    let kept = bot.messages(town.ops(), 1, None).expect("history");
    assert_eq!(
        (kept[0].text.as_str(), &kept[0].id),
        ("I am", &posted.id),
        "the echo is the row"
    );
    assert!(!bot.channels().expect("in memory").is_empty());
    engine.shutdown(SOON).expect("in time");
}

#[test]
fn a_component_talks_over_prosody() {
    talk(Kind::Prosody, Way::Component);
}

#[test]
fn an_account_talks_over_prosody() {
    talk(Kind::Prosody, Way::Account);
}

#[test]
fn a_component_talks_over_ejabberd() {
    talk(Kind::Ejabberd, Way::Component);
}

#[test]
fn an_account_talks_over_ejabberd() {
    talk(Kind::Ejabberd, Way::Account);
}

#[test]
fn both_ways_of_connecting_in_one_engine() {
    let Some(town) = Town::prosody("XMPP both ways") else {
        return;
    };
    let engine = town.engine();
    let inner = engine.bot("inner", &town.bot(Way::Component, "inner"), &[&town.ops()]);
    let outer = engine.bot("outer", &town.bot(Way::Account, "bot1"), &[&town.ops()]);
    let (mut inner_ear, mut outer_ear) = (ear(&inner), ear(&outer));
    inner
        .post(town.ops(), NewMessage::text("from the component"))
        .expect("posted");
    hears(&mut outer_ear, "from the component");
    outer
        .post(town.ops(), NewMessage::text("from the account"))
        .expect("posted");
    hears(&mut inner_ear, "from the account");
    town.alice.say(&town.room(), "both of you");
    let (one, other) = (
        hears(&mut inner_ear, "both of you"),
        hears(&mut outer_ear, "both of you"),
    );
    assert_eq!(one.id, other.id, "one row, whatever link brought it first");
    assert_eq!(
        (
            town.to_component.connections(),
            town.to_accounts.connections()
        ),
        (1, 1)
    );
}

#[test]
fn a_message_that_fifty_agents_hear_is_one_row() {
    let Some(town) = Town::prosody("XMPP fifty agents in a room") else {
        return;
    };
    let engine = town.engine();
    let names: Vec<String> = (0..50).map(|n| format!("agent{n:02}")).collect();
    for name in &names {
        engine.put(name, &town.bot(Way::Component, name), &[&town.ops()]);
    }
    let bots: Vec<Collaboration> = names
        .iter()
        .map(|name| engine.agent(name).expect("there"))
        .collect();
    for bot in &bots {
        bot.wait_active(SOON).expect("active");
    }
    assert_eq!(town.to_component.connections(), 1);
    let mut all = engine.subscribe();
    let mut ears: Vec<_> = bots.iter().map(ear).collect();
    town.alice.say(&town.room(), "hello everybody");
    let ids: Vec<_> = ears
        .iter_mut()
        .map(|ear| hears(ear, "hello everybody").id)
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    bots[0]
        .post(town.ops(), NewMessage::text("hello Alice"))
        .expect("posted");
    town.alice.hears(&town.room(), "hello Alice");
    for ear in &mut ears[1..] {
        hears(ear, "hello Alice");
    }
    engine.settle(SOON).expect("it settles");
    let mut rows = Vec::new();
    while let Some(item) = all.try_next() {
        if let Broadcast::Message { message, agents } = &*item {
            assert_eq!(agents.len(), 50, "{message:?}");
            rows.push(message.text.clone());
        }
    }
    assert_eq!(rows, ["hello everybody", "hello Alice"]);
}

fn history(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP history over {kind:?}"), kind) else {
        return;
    };
    let (alice, account) = (town.contact("alice"), town.bot(Way::Account, "bot1"));
    for n in 0..8 {
        town.alice
            .say(&town.room(), &format!("before anybody came {n}"));
        town.alice
            .say(&account, &format!("before anybody came {n}"));
    }
    let texts = |page: &[switchboard::Message]| -> Vec<String> {
        page.iter().map(|one| one.text.clone()).collect()
    };
    // A component has no archive of its own, so only rooms have a history there that is older than
    // the engine.
    for (address, channels) in [
        (town.bot(Way::Component, "bot0"), vec![town.ops()]),
        (account, vec![town.ops(), alice]),
    ] {
        let engine = town.engine();
        let bot = engine.bot(
            "helper",
            &address,
            &channels.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        for channel in &channels {
            let newest = bot.messages(channel, 3, None).expect("history");
            assert_eq!(
                texts(&newest),
                [
                    "before anybody came 5",
                    "before anybody came 6",
                    "before anybody came 7"
                ],
                "{channel}"
            );
            let older = bot
                .messages(channel, 2, Some(newest[0].id.as_str()))
                .expect("history");
            assert_eq!(
                texts(&older),
                ["before anybody came 3", "before anybody came 4"],
                "{channel}"
            );
            assert!(
                bot.messages(channel, 2, Some("never issued"))
                    .expect("history")
                    .is_empty(),
                "{channel}"
            );
        }
        hears_no_more(&engine, &mut ear(&bot));
    }
}

#[test]
fn history_is_what_the_server_keeps() {
    history(Kind::Prosody);
}

#[test]
fn history_is_what_the_server_keeps_over_ejabberd() {
    history(Kind::Ejabberd);
}

fn parts(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP parts of messages over {kind:?}"), kind) else {
        return;
    };
    let engine = town.engine();
    let bot = engine.bot("helper", &town.bot(Way::Component, "bot0"), &[&town.ops()]);
    let mut ear = ear(&bot);
    town.alice.say(
        &town.room(),
        "see https://example.org/a?b=1&c and #ops, please",
    );
    let message = next(&mut ear);
    let link = |part: &Part| matches!(part, Part::Hyperlink { url, .. } if url == "https://example.org/a?b=1&c");
    assert!(
        message.content.parts.iter().any(link),
        "{:?}",
        message.content.parts
    );
    assert!(
        message
            .content
            .parts
            .contains(&Part::Hashtag("#ops".into())),
        "{:?}",
        message.content.parts
    );
    assert_eq!(
        message.text,
        "see https://example.org/a?b=1&c and #ops, please"
    );

    let photo =
        "<x xmlns='jabber:x:oob'><url>https://example.org/photo.jpg</url><desc>a photo</desc></x>";
    town.alice.say_with(&town.room(), "look", photo);
    let message = next(&mut ear);
    let url = "https://example.org/photo.jpg";
    let file: Vec<_> = message.attachments().collect();
    assert_eq!(
        (file.len(), file[0].name.as_str(), file[0].url.as_str()),
        (1, "a photo", url)
    );
    assert_eq!(message.text, format!("look\n{url}"));

    let attention = "<attention xmlns='urn:xmpp:attention:0'/>";
    town.alice.say_with(&town.room(), "wake up", attention);
    assert!(next(&mut ear).content.alert);
    bot.post(town.ops(), NewMessage::text("I am awake").alert())
        .expect("posted");
    assert!(town.alice.hears(&town.room(), "I am awake").alert);
    bot.post(town.ops(), NewMessage::text("a long tale").story("Once"))
        .expect("posted");
    assert_eq!(
        town.alice
            .hears(&town.room(), "a long tale")
            .subject
            .as_deref(),
        Some("Once")
    );
    assert_ne!(
        bot.channel(town.ops())
            .expect("channel")
            .info
            .subject
            .as_deref(),
        Some("Once"),
        "a story is no new topic"
    );
}

#[test]
fn what_a_message_is_made_of_survives_both_ways() {
    parts(Kind::Prosody);
}

#[test]
fn what_a_message_is_made_of_survives_both_ways_over_ejabberd() {
    parts(Kind::Ejabberd);
}

#[test]
fn a_rooms_subject_is_its_state() {
    let Some(town) = Town::prosody("XMPP subject") else {
        return;
    };
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        town.alice.set_subject(&town.room(), "quiet");
        let engine = town.engine();
        let bot = engine.bot("helper", &town.bot(way, name), &[&town.ops()]);
        let subject = |wanted: &str| {
            let shows = || {
                bot.channel(town.ops())
                    .expect("channel")
                    .info
                    .subject
                    .as_deref()
                    == Some(wanted)
            };
            until(&format!("the subject is `{wanted}`"), shows);
        };
        subject("quiet");
        town.alice.set_subject(&town.room(), "on fire");
        subject("on fire");
    }
}

fn upload(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP upload over {kind:?}"), kind) else {
        return;
    };
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        let engine = town.engine();
        let bot = engine.bot("helper", &town.bot(way, name), &[&town.ops()]);
        let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n / 7) as u8).collect();
        let file = format!("report {name}.bin");
        let message = bot
            .upload(town.ops(), &file, Some(bytes.len() as u64), &bytes[..])
            .expect("uploaded");
        let sent = message.attachments().next().expect("a file");
        let (name, url) = (sent.name.clone(), sent.url.clone());
        assert!(
            name.starts_with("report") && name.ends_with(".bin"),
            "{name}"
        );
        let heard = town.alice.hears(&town.room(), &url);
        assert!(heard.link.is_none_or(|link| link == url));
        assert!([&file, &url].contains(&&message.text), "{}", message.text);
        assert_eq!(town.alice.fetch(&url).expect("it is there"), bytes);
    }
}

#[test]
fn a_file_is_uploaded_and_linked() {
    upload(Kind::Prosody);
}

#[test]
fn a_file_is_uploaded_and_linked_over_ejabberd() {
    upload(Kind::Ejabberd);
}

#[test]
fn what_a_stranger_sends_ends_nothing() {
    let Some(town) = Town::prosody("XMPP strangers") else {
        return;
    };
    let mallory = town.with_person("dora");
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        let (engine, address) = (town.engine(), town.bot(way, name));
        let bot = engine.bot("helper", &address, &[&town.ops(), &town.contact("alice")]);
        let mut ear = ear(&bot);
        let full = format!("{address}/switchboard");
        let deep = format!("{}{}", "<x>".repeat(300), "</x>".repeat(300));
        for to in [&address, &full] {
            for stanza in [
                "<presence to='{to}'><show>foo</show><priority>abc</priority></presence>",
                "<presence to='{to}' type='nonsense'/>",
                "<message to='{to}' type='nonsense'><body>x</body></message>",
                "<message to='{to}' type='error'><body>x</body></message>",
                "<message to='{to}' type='chat'><body/></message>",
                "<message to='{to}' type='groupchat'><body>not from a room</body></message>",
                "<message to='{to}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='god'/></x></message>",
                "<message to='{to}'><result xmlns='urn:xmpp:mam:2'><forwarded xmlns='urn:xmpp:forward:0'/></result></message>",
                "<message to='{to}'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message from='alice@im.test' xmlns='jabber:client'><body>forged</body></message></forwarded></sent></message>",
                "<message to='{to}'><composing xmlns='http://jabber.org/protocol/chatstates'/><paused xmlns='http://jabber.org/protocol/chatstates'/></message>",
                "<message to='{to}'>{deep}</message>",
                "<iq to='{to}' type='get' id='a'><query xmlns='no:such'/></iq>",
                "<iq to='{to}' type='result' id='b'/>",
                "<iq to='{to}' type='set' id='c'><query xmlns='jabber:iq:roster'><item jid='x'/></query></iq>",
            ] {
                mallory.raw(&stanza.replace("{to}", to).replace("{deep}", &deep));
            }
        }
        town.alice.say(&town.room(), "still there?");
        hears(&mut ear, "still there?");
        let connections = (
            town.to_component.connections(),
            town.to_accounts.connections(),
        );
        assert_eq!(
            connections,
            if way == Way::Component {
                (1, 0)
            } else {
                (1, 1)
            },
            "no link was lost"
        );
        assert_eq!(
            engine.agent_status("helper").expect("there").state,
            AgentState::Active
        );
    }
}
