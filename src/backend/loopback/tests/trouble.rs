//! Faults on purpose: cuts, kicks, refusals, delays, an outage, a panic.

use super::*;

#[test]
fn a_closed_inbox_is_a_lost_connection_and_nobody_waits_for_it() {
    let world = world(Loopback::new());
    let _echo = world.echo();
    world.recorder.close();
    let lene = world.chat.person("contact:lene");
    lene.say("chat-room:ops", "anybody?")
        .expect("people still talk");
    assert_eq!(lene.sees_presence("contact:echo"), PresenceState::Offline);
}

#[test]
fn a_cut_signs_out_one_agent_only() {
    let world = world(Loopback::new());
    let (_echo, news) = (
        world.echo(),
        world.sign_in(2, "sip:News@contoso.com").expect("signed in"),
    );
    assert!(world.chat.cut("echo"));
    let items = world.recorder.items();
    assert!(
        matches!(&items[..], [Inbound::SignedOut { agent: AgentKey(1), error }] if error.is_passing()),
        "{items:?}"
    );
    assert!(world.join(&news, "chat-room:ops", None).is_ok());
    assert_eq!(
        world
            .chat
            .person("contact:lene")
            .sees_presence("contact:news@CONTOSO.com"),
        PresenceState::Available
    );
}

#[test]
fn a_kick_is_for_good_and_ends_posting() {
    let world = world(Loopback::new());
    let echo = world.echo();
    assert!(world.chat.kick("chat-room:ops", "echo", "too loud"));
    let items = world.recorder.items();
    assert!(
        matches!(&items[..], [Inbound::Inactive { may_retry: false, reason, .. }] if reason == "too loud"),
        "{items:?}"
    );
    let refused = world
        .post(&echo, "chat-room:ops", "but")
        .expect_err("it is out");
    assert_eq!(refused.kind, BackendErrorKind::ChannelGone);
    world
        .chat
        .person("contact:lene")
        .say("chat-room:ops", "quiet now")
        .expect("said");
    assert!(world.messages().is_empty());
}

#[test]
fn refusals_hold_until_they_are_lifted() {
    let world = world(Loopback::new());
    world.chat.refuse("echo", "no badge");
    assert_eq!(
        world.sign_in(1, "loopback:Echo").err(),
        Some(BackendError::refused("no badge"))
    );
    world.chat.accept("echo");
    let echo = world.sign_in(1, "loopback:Echo").expect("signed in");
    world.chat.refuse_channel("chat-room:ops", "members only");
    assert_eq!(
        world.join(&echo, "chat-room:ops", None).err(),
        Some(BackendError::refused("members only"))
    );
    assert_eq!(
        world.join(&echo, "chat-room:nowhere", None).err(),
        Some(BackendError::refused("no such room"))
    );
    world.chat.accept_channel("chat-room:ops");
    assert!(world.join(&echo, "chat-room:ops", None).is_ok());
}

#[test]
fn a_delayed_post_is_said_when_its_delay_has_passed_and_in_order() {
    let world = world(Loopback::new());
    let echo = world.echo();
    world.chat.delay(Duration::from_secs(3));
    let _entered = world.runtime.enter();
    let posts: Vec<_> = ["one", "two", "three"]
        .map(|text| echo.clone().post(channel("chat-room:ops"), outgoing(text)))
        .into();
    let posts: Vec<_> = posts
        .into_iter()
        .rev()
        .map(|post| world.runtime.spawn(post))
        .collect();
    assert!(world.texts().is_empty());
    // A task may not wait yet, so time moves until all do.
    while !posts.iter().all(tokio::task::JoinHandle::is_finished) {
        world.recorder.advance(Duration::from_secs(3));
        thread::yield_now();
    }
    for post in posts {
        wait(async { post.await.expect("no panic") }).expect("accepted");
    }
    assert_eq!(world.texts(), ["one", "two", "three"]);
}

#[test]
fn down_is_lost_and_not_to_be_dialed() {
    let world = world(Loopback::new());
    let _echo = world.echo();
    world.chat.go_down("power cut");
    assert_eq!(
        world.recorder.lost(),
        Some(BackendError::unreachable("power cut"))
    );
    let recorder = Recorder::by_hand();
    assert!(dial(&world.chat, &recorder, &world.runtime).is_err());
    world.chat.come_up();
    assert!(dial(&world.chat, &recorder, &world.runtime).is_ok());
}

#[test]
fn dropping_the_link_hangs_up() {
    let world = world(Loopback::new());
    let lene = world.chat.person("contact:lene");
    let echo = world.echo();
    let World { link, .. } = world;
    assert_eq!(lene.sees_presence("contact:echo"), PresenceState::Available);
    drop(link);
    assert_eq!(lene.sees_presence("contact:echo"), PresenceState::Offline);
    drop(echo);
}

#[test]
#[should_panic(expected = "told to panic")]
fn panics_when_told_to() {
    let world = world(Loopback::new());
    let echo = world.echo();
    world.chat.panic_on("boom");
    let _ = world.post(&echo, "chat-room:ops", "boom");
}

#[test]
#[should_panic(expected = "begins with neither")]
fn a_literal_that_names_no_channel_is_a_mistake_in_the_program() {
    Loopback::new().person("lene");
}
