//! Agents and people as contacts: messages, presence, typing, the parrot.

use super::*;

#[test]
fn agents_talk_to_each_other_as_contacts() {
    let world = world(Loopback::new());
    let (echo, news) = (
        world.echo(),
        world.sign_in(2, "sip:news").expect("signed in"),
    );
    world.join(&news, "contact:ECHO", None).expect("subscribed");
    world.post(&echo, "contact:news", "psst").expect("accepted");
    let items = world.recorder.items();
    let [
        Inbound::Message {
            seen_by,
            channel,
            message,
            ..
        },
    ] = &items[..]
    else {
        panic!("{items:?}")
    };
    assert_eq!(
        (*seen_by, channel.as_str()),
        (SeenBy::Agent(AgentKey(2)), "contact:ECHO")
    );
    assert_eq!(
        (&*message.sender, message.sender_alias.as_deref()),
        ("loopback:echo", None)
    );
}

#[test]
fn presence_is_pushed_to_those_who_watch_whichever_comes_first() {
    let world = world(Loopback::new());
    let echo = world.echo();
    let joined = world.join(&echo, "contact:lene", None).expect("subscribed");
    assert_eq!(joined.info.presence, PresenceState::Unknown);
    let lene = world.chat.person("contact:lene");
    lene.presence(PresenceState::BeRightBack, Some("coffee"));
    let seen: Vec<_> = world.sees_changes(|changes| {
        let seen = |change: &StateChange| match change {
            StateChange::Presence { presence, text, .. } => Some((*presence, text.clone())),
            _ => None,
        };
        Some(changes.iter().filter_map(seen).collect())
    });
    assert_eq!(
        seen,
        [
            (PresenceState::Available, None),
            (PresenceState::BeRightBack, Some("coffee".into()))
        ]
    );
    let joined = world.join(&echo, "contact:lene", None).expect("subscribed");
    assert_eq!(
        (joined.info.presence, joined.info.presence_text.as_deref()),
        (PresenceState::BeRightBack, Some("coffee"))
    );
}

#[test]
fn typing_is_seen_and_ends_by_itself() {
    let world = world(Loopback::new());
    let lene = world.chat.person("contact:lene");
    let echo = world.echo();
    world.join(&echo, "contact:lene", None).expect("subscribed");
    let entered = world.runtime.enter();
    wait(echo.clone().set_composing(channel("contact:lene"), true)).expect("shown");
    drop(entered);
    assert!(lene.sees_typing("contact:echo"));
    // The timer's task may not wait yet, so time moves until it does.
    let ended = (0..1000).any(|_| {
        world.recorder.advance(Duration::from_secs(30));
        thread::sleep(Duration::from_millis(1));
        !lene.sees_typing("contact:echo")
    });
    assert!(ended);
    assert!(lene.types("contact:echo", true));
    world.sees_changes(|changes| {
        changes
            .iter()
            .any(|change| {
                matches!(
                    change,
                    StateChange::Composing {
                        composing: true,
                        ..
                    }
                )
            })
            .then_some(())
    });
}

#[test]
fn the_parrot_says_it_again() {
    let world = world(Loopback::new());
    let echo = world.echo();
    world
        .join(&echo, "contact:parrot", None)
        .expect("subscribed");
    world
        .post(&echo, "contact:parrot", "pieces of eight")
        .expect("accepted");
    let said = world.recorder.wait_for(SOON, |items, _| {
        let said: Vec<_> = messages(items)
            .into_iter()
            .map(|said| (said.content.visible_text(), said.sender.clone()))
            .collect();
        (said.len() == 2).then_some(said)
    });
    let words = |sender: &str| ("pieces of eight".to_owned(), sender.to_owned());
    assert_eq!(
        said,
        Some(vec![words("loopback:echo"), words("loopback:parrot")]),
        "its words follow those it repeats"
    );
    let lene = world.chat.person("contact:lene");
    lene.say("contact:parrot", "hello?").expect("said");
    assert_eq!(
        lene.hears("contact:parrot").map(|heard| heard.text),
        Ok("hello?".into())
    );
}

#[test]
fn what_was_heard_instead_is_said() {
    let world = world(Loopback::new());
    let (lene, ole) = (
        world.chat.person("contact:lene"),
        world.chat.person("contact:ole"),
    );
    world.chat.room("chat-room:tea", "Tea");
    ole.say("chat-room:tea", "milk?").expect("said");
    let Err(Error::TimedOut(reason)) = lene.hears("chat-room:ops") else {
        panic!("heard something")
    };
    assert!(
        reason.contains("`milk?` from `loopback:ole` in `chat-room:tea`"),
        "{reason}"
    );
    assert!(matches!(
        lene.hears("chat-room:nowhere"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        lene.say("contact:nobody", "hm"),
        Err(Error::NotFound(_))
    ));
}
