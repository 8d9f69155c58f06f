//! What else an agent does in a channel: history, files, typing (§messages/history,
//! §channels/upload, §channels/typing).
//!
//! Method: the same questions to the chat system's own history and to the journal's; files of every
//! size; the clock.

use crate::world::{LAB, OPS, World, furnished, new_agent, seconds, wait};
use std::io::{Error as IoError, Read};
use switchboard::backend::Loopback;
use switchboard::wire::{Format, MessageSearchCriteria};
use switchboard::{Broadcast, Collaboration, Error, EventQuery, NewMessage, Part, Result};

fn texts(echo: &Collaboration, take: u32, before: Option<&str>) -> Result<Vec<String>> {
    Ok(echo
        .messages(OPS, take, before)?
        .into_iter()
        .map(|message| message.text)
        .collect())
}

/// Once with the chat system's own history, and once with the journal's.
fn both() -> [World; 2] {
    [Loopback::new(), Loopback::new().without_history()]
        .map(|chat| World::on(furnished(chat), |builder| builder))
}

#[test]
fn the_newest_come_oldest_of_them_first_and_before_is_exclusive() {
    for world in both() {
        let echo = world.agent("echo", &[OPS, LAB]);
        let lene = world.person("lene");
        let ids: Vec<_> = ["one", "two", "three", "four"]
            .map(|text| lene.say(OPS, text).unwrap())
            .to_vec();
        lene.say(LAB, "elsewhere").unwrap();
        echo.post(OPS, NewMessage::text("five")).unwrap();
        world.settle();
        assert_eq!(texts(&echo, 2, None).unwrap(), ["four", "five"]);
        assert_eq!(
            texts(&echo, 2, Some(ids[3].as_str())).unwrap(),
            ["two", "three"]
        );
        assert_eq!(texts(&echo, 100, Some(ids[1].as_str())).unwrap(), ["one"]);
        assert_eq!(texts(&echo, 100, Some(ids[0].as_str())).unwrap(), [""; 0]);
        let elsewhere = echo.messages(LAB, 1, None).unwrap()[0].id.clone();
        for never in [
            "never issued",
            "",
            "a\0b",
            &"x".repeat(2000),
            elsewhere.as_str(),
        ] {
            assert_eq!(
                texts(&echo, 100, Some(never)).unwrap(),
                [""; 0],
                "{never:?}"
            );
        }
    }
}

#[test]
fn take_is_1_to_2147483647_and_above_1000_counts_as_1000() {
    for world in both() {
        let echo = world.agent("echo", &[OPS]);
        let lene = world.person("lene");
        for n in 0..1005 {
            lene.say(OPS, n.to_string()).unwrap();
        }
        world.settle();
        for take in [0, 2_147_483_648, u32::MAX] {
            assert!(
                matches!(texts(&echo, take, None), Err(Error::Invalid(_))),
                "{take}"
            );
        }
        let all = texts(&echo, 2_147_483_647, None).unwrap();
        assert_eq!((all.len(), &*all[0], &*all[999]), (1000, "5", "1004"));
    }
}

#[test]
fn history_is_of_the_conversation_and_not_of_the_agent_s_stay() {
    for world in both() {
        world.agent("bob", &[OPS]);
        world.person("lene").say(OPS, "before echo came").unwrap();
        world.settle();
        let echo = world.agent("echo", &[OPS]);
        assert_eq!(texts(&echo, 10, None).unwrap(), ["before echo came"]);
        assert!(matches!(
            echo.messages(LAB, 10, None),
            Err(Error::Forbidden(_))
        ));
    }
}

#[test]
fn a_file_arrives_as_a_message_with_a_link_to_name_and_bytes() {
    let world = World::new();
    let (echo, lene) = (world.agent("echo", &[OPS]), world.person("lene"));
    let bytes: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let message = echo
        .upload(OPS, "a plan (1).bin", Some(300_000), &bytes[..])
        .unwrap();
    let [Part::Hyperlink { text, url }] = &message.content.parts[..] else {
        panic!("{message:?}")
    };
    assert_eq!(text, "a plan (1).bin");
    assert_eq!(
        world.chat.file(url),
        Some(("a plan (1).bin".to_owned(), bytes))
    );
    assert_eq!(lene.hears(OPS).unwrap().content, message.content);
    assert_eq!(
        world.seen(&echo, &EventQuery::messages().local()),
        ["echo: a plan (1).bin"]
    );
}

#[test]
fn a_file_can_be_written_piece_by_piece_and_be_empty() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let file = |pieces: &[&[u8]]| {
        let message = wait(async {
            let mut upload = echo.begin_upload_async(OPS, "a.txt", None).await.unwrap();
            for piece in pieces {
                upload.write_async(piece).await.unwrap();
            }
            upload.finish_async().await.unwrap()
        });
        let [Part::Hyperlink { url, .. }] = &message.content.parts[..] else {
            panic!("{message:?}")
        };
        world.chat.file(url).unwrap().1
    };
    assert_eq!(file(&[b"hel", b"", b"lo"]), b"hello");
    assert_eq!(file(&[]), b"");
}

#[test]
fn an_upload_that_is_given_up_posts_nothing() {
    struct Torn(usize);
    impl Read for Torn {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 > 3 {
                Err(IoError::other("torn"))
            } else {
                Ok(buffer.len())
            }
        }
    }
    let world = World::new();
    let (echo, lene) = (world.agent("echo", &[OPS]), world.person("lene"));
    let error = echo.upload(OPS, "a.txt", None, Torn(0)).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(text) if text.contains("torn")),
        "{error:?}"
    );
    let mut upload = wait(echo.begin_upload_async(OPS, "a.txt", None)).unwrap();
    wait(upload.write_async(b"half")).unwrap();
    drop(upload);
    world.settle();
    assert!(lene.unheard().is_empty());
    assert_eq!(world.engine.stats().posts_in_flight, 0);
}

#[test]
fn over_16_mib_a_file_is_too_large_whether_or_not_it_says_so() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let most = 16 << 20;
    let is_too_large = |answer: Result<switchboard::Message>| match answer {
        Err(Error::TooLarge { limit, .. }) => assert_eq!(limit, most),
        other => panic!("{other:?}"),
    };
    is_too_large(echo.upload(
        OPS,
        "big",
        Some(most + 1),
        std::io::repeat(0).take(most + 1),
    ));
    is_too_large(echo.upload(OPS, "big", None, std::io::repeat(0).take(most + 1)));
    echo.upload(OPS, "just right", None, std::io::repeat(0).take(most))
        .unwrap();
    world.settle();
    assert_eq!(
        world.seen(&echo, &EventQuery::messages()),
        ["echo: just right"]
    );
}

#[test]
fn a_file_has_a_name_and_a_channel_that_takes_it() {
    let world = World::with(|builder| builder.backend(crate::script::Script::silent()));
    let echo = world.agent("echo", &[OPS]);
    for name in ["", "a\nb", &"x".repeat(1025)] {
        assert!(
            matches!(
                echo.upload(OPS, name, None, &b""[..]),
                Err(Error::Invalid(_))
            ),
            "{name:?}"
        );
    }
    assert!(matches!(
        echo.upload(LAB, "a.txt", None, &b""[..]),
        Err(Error::Forbidden(_))
    ));
    world.pass(seconds(1)); // at most 50 dials begin in a second
    let mut plain = new_agent("plain", &[OPS]);
    plain.address = switchboard::Address::parse("script:plain").unwrap();
    let plain = world.put(plain);
    assert!(matches!(
        plain.upload(OPS, "a.txt", None, &b""[..]),
        Err(Error::Unsupported(_))
    ));
    assert!(echo.channel(OPS).unwrap().info.can_accept_files);
}

#[test]
fn a_contact_sees_typing_until_it_stops_or_thirty_seconds_are_over() {
    let world = World::new();
    let lene = world.person("lene");
    let echo = world.agent("echo", &["contact:lene", OPS]);
    let sees = || lene.sees_typing("contact:echo");
    echo.set_composing("contact:lene", true).unwrap();
    assert!(sees());
    echo.set_composing("contact:lene", false).unwrap();
    assert!(!sees());
    echo.set_composing("contact:lene", true).unwrap();
    world.pass(seconds(29));
    assert!(sees());
    world.pass(seconds(1));
    assert!(!sees());
    echo.set_composing(OPS, true).unwrap();
    assert!(!sees(), "in a room nothing is shown");
    assert!(matches!(
        echo.set_composing(LAB, true),
        Err(Error::Forbidden(_))
    ));
}

#[test]
fn incoming_typing_is_seen_in_process_and_is_no_event() {
    let world = World::new();
    let lene = world.person("lene");
    let echo = world.agent("echo", &["contact:lene"]);
    let mark = world.mark(&echo);
    let mut subscription = world.engine.subscribe();
    assert!(lene.types("contact:echo", true));
    let seen = subscription
        .next_timeout(crate::world::SOON)
        .unwrap()
        .unwrap();
    let Broadcast::Composing {
        agent,
        channel,
        composing,
    } = &*seen
    else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (agent.as_str(), channel.as_str(), *composing),
        ("echo", "contact:lene", true)
    );
    assert_eq!(world.since(&echo, &mark, &EventQuery::all()), [""; 0]);
}

#[test]
fn channels_are_those_the_agent_is_in_with_what_the_chat_system_says_of_them() {
    let world = World::new();
    let lene = world.person("lene");
    lene.presence(switchboard::PresenceState::Busy, None);
    world.chat.subject(OPS, Some("quiet"));
    let echo = world.agent("echo", &[OPS, "chat-room:nowhere", "contact:lene"]);
    let channels = echo.channels().unwrap();
    let ids: Vec<_> = channels.iter().map(|channel| channel.id.as_str()).collect();
    assert_eq!(ids, [OPS, "contact:lene"]);
    let ops = &channels[0].info;
    assert_eq!(
        (
            &*ops.display_name,
            ops.max_message_length,
            ops.max_story_length
        ),
        ("Operations", 500, 4000)
    );
    assert_eq!(
        (&ops.description, ops.subject.as_deref()),
        (&None, Some("quiet"))
    );
    assert_eq!(
        echo.channel("contact:lene").unwrap().info.presence,
        switchboard::PresenceState::Busy
    );
    assert!(matches!(
        echo.channel("chat-room:nowhere"),
        Err(Error::ChannelInactive { .. })
    ));
    assert!(matches!(echo.channel(LAB), Err(Error::Forbidden(_))));
    assert!(matches!(echo.channel("nonsense"), Err(Error::Invalid(_))));
}

#[test]
fn days_back_count_by_the_engine_s_clock() {
    let world = World::on(furnished(Loopback::new()), |builder| builder);
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    lene.say(OPS, "the day before").unwrap();
    world.pass(seconds(24 * 3600));
    lene.say(OPS, "the same day").unwrap();
    world.settle();
    let found = |days: u32| {
        let asked = format!(r#"{{"SearchTerm":"day","DaysBack":{days}}}"#);
        let asked: MessageSearchCriteria = Format::Json.decode(asked.as_bytes()).unwrap();
        let sets = echo
            .search(&asked.into_criteria(world.engine.now()).unwrap())
            .unwrap();
        sets.into_iter()
            .flat_map(|set| set.messages)
            .map(|message| message.text)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(1), ["the same day"]);
    assert_eq!(found(2), ["the day before", "the same day"]);
    world.pass(seconds(24 * 3600));
    assert_eq!((found(1).len(), found(2).len(), found(3).len()), (0, 1, 2));
}
