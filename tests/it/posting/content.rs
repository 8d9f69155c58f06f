//! All parts of a message are kept, and content that is not a message is refused.

use super::{events, text};
use crate::world::{Disk, LAB, OPS, World, furnished};
use switchboard::backend::Loopback;
use switchboard::{Credentials, DisplayMode, Error, Message, NewMessage, Part, SecurityContext};

fn rich() -> NewMessage {
    let mut message = NewMessage::parts(vec![
        Part::Text("see ".to_owned()),
        Part::Hyperlink {
            text: "here".to_owned(),
            url: "https://example.org/?a=1&b".to_owned(),
        },
        Part::ChannelLink {
            channel: LAB.to_owned(),
            name: " lab ".to_owned(),
        },
        Part::Hashtag("#now".to_owned()),
        Part::CodeBlock {
            code: "x < 1".to_owned(),
            language: Some("rust".to_owned()),
            display: DisplayMode::Block,
        },
        Part::CodeBlock {
            code: "y".to_owned(),
            language: None,
            display: DisplayMode::Inline,
        },
        Part::Emoji("🦀".to_owned()),
    ])
    .alert()
    .story("A story")
    .classification("CONFIDENTIAL//X");
    message.content.security_contexts = vec![
        SecurityContext::new("1").display_text("One"),
        SecurityContext::new("2"),
    ];
    message
}

fn is_rich(message: &Message) {
    let sent = rich();
    assert_eq!(message.content.parts, sent.content.parts);
    assert_eq!(
        message.text, "see here lab #nowx < 1y🦀",
        "the visible text of the parts, in order"
    );
    assert_eq!(
        (message.content.alert, message.content.subject.as_deref()),
        (true, Some("A story"))
    );
    assert_eq!(
        (
            &message.content.classification,
            &message.content.security_contexts
        ),
        (
            &sent.content.classification,
            &sent.content.security_contexts
        )
    );
    assert_eq!(
        (message.sender.as_str(), message.channel.as_str()),
        ("loopback:echo", OPS)
    );
}

#[test]
fn everything_about_a_message_is_carried_through() {
    for chat in [
        Loopback::new(),
        Loopback::new().without_history(),
        Loopback::new().without_echo(),
    ] {
        let world = World::on(furnished(chat), |builder| builder);
        let (echo, lene) = (world.agent("echo", &[OPS]), world.person("lene"));
        is_rich(&echo.post(OPS, rich()).unwrap());
        is_rich(events(&world, &echo)[0].message().unwrap());
        is_rich(&echo.messages(OPS, 1, None).unwrap()[0]);
        let heard = lene.hears(OPS).unwrap();
        assert_eq!(
            (
                heard.content.parts,
                heard.content.alert,
                heard.content.subject
            ),
            (rich().content.parts, true, Some("A story".to_owned()))
        );
    }
}

#[test]
fn what_a_person_says_is_carried_through_and_read_back_from_the_file() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let echo = world.agent("echo", &[OPS]);
    let id = world.person("lene").say_message(OPS, rich()).unwrap();
    let live = events(&world, &echo)[0].message().unwrap().clone();
    assert_eq!(
        (&live.id, live.sender.as_str(), live.sender_alias.as_deref()),
        (&id, "loopback:lene", Some("lene"))
    );
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    assert_eq!(*events(&world, &echo)[0].message().unwrap(), live);
    assert_eq!(
        (live.content.parts, live.content.classification),
        (rich().content.parts, rich().content.classification)
    );
}

#[test]
fn a_text_comes_back_with_one_plain_part_and_an_empty_subject_is_none() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let message = echo.post(OPS, text("hello").story("")).unwrap().message;
    assert_eq!(
        (message.content.parts, message.content.subject),
        (vec![Part::Text("hello".to_owned())], None)
    );
    assert_eq!(message.time, world.clock_now());
}

#[test]
fn a_message_names_the_user_who_posted_it() {
    let world = World::with(|builder| builder.authenticator(crate::world::Sesame));
    world.agent("echo", &[OPS]);
    let lene = world
        .engine
        .collaboration(&world.principal("lene", "echo"))
        .unwrap();
    assert_eq!(
        lene.post(OPS, text("hello")).unwrap().posted_by.as_deref(),
        Some("lene")
    );
    let host = world.engine.agent("echo").unwrap();
    assert_eq!(
        events(&world, &host)[0]
            .message()
            .unwrap()
            .posted_by
            .as_deref(),
        Some("lene")
    );
    assert_eq!(host.post(OPS, text("hello")).unwrap().posted_by, None);
    assert!(
        world
            .engine
            .log_in(&Credentials::agent("lene", "x", "echo"))
            .is_err()
    );
}

#[test]
fn an_empty_message_is_invalid() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let link = Part::Hyperlink {
        text: String::new(),
        url: String::new(),
    };
    for message in [
        text(""),
        NewMessage::parts(vec![]),
        NewMessage::parts(vec![Part::Text(String::new()), link]),
    ] {
        assert!(matches!(echo.post(OPS, message), Err(Error::Invalid(_))));
    }
    assert!(matches!(
        echo.post("ops", text("x")),
        Err(Error::Invalid(_))
    ));
    assert!(world.person("lene").unheard().is_empty());
}

#[test]
fn lengths_are_counted_in_characters_of_the_visible_text() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let too_large = |message: NewMessage| match echo.post(OPS, message) {
        Err(Error::TooLarge {
            what,
            length,
            limit,
        }) => (what, length, limit),
        other => panic!("{other:?}"),
    };
    let crabs = |n: usize| "🦀".repeat(n);
    echo.post(OPS, text(&crabs(500))).unwrap();
    assert_eq!(too_large(text(&crabs(501))), ("the message text", 501, 500));
    let parts = vec![
        Part::Text(crabs(300)),
        Part::Hyperlink {
            text: crabs(201),
            url: "x".to_owned(),
        },
    ];
    assert_eq!(
        too_large(NewMessage::parts(parts)),
        ("the message text", 501, 500)
    );
    echo.post(OPS, text(&crabs(4000)).story(crabs(500)))
        .unwrap();
    assert_eq!(
        too_large(text(&crabs(4001)).story("s")),
        ("the story", 4001, 4000)
    );
    assert_eq!(
        too_large(text("x").story(crabs(501))),
        ("the subject", 501, 500)
    );
}
