//! What an agent does to messages: every call, its repeats, and what it is refused.

use super::{desk, heard};
use crate::world::{LAB, OPS, SOON, World, chat, furnished, new_agent, seconds, wait};
use switchboard::backend::Loopback;
use switchboard::{
    ChangeKind, Cursor, Error, EventQuery, Key, Message, MessageId, MessageRef, NewMessage,
    Reactions, Throttle, ThrottleKind,
};

fn text(text: &str) -> NewMessage {
    NewMessage::text(text)
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

#[test]
fn an_alert_posted_by_key_turns_to_resolved_in_its_place() {
    for chat in [chat(), chat().without_echo()] {
        let world = World::on(chat, |builder| builder);
        let desk = desk(&world);
        let posted = desk
            .post(OPS, text("Pump 3: firing").alert().key("alert-17"))
            .unwrap();
        let resolved = text("Pump 3: resolved").key("alert-17");
        let changed = desk.edit(OPS, Key("alert-17"), resolved.clone()).unwrap();
        assert_eq!(changed.change.message, posted.id);
        assert_eq!(changed.change.kind, ChangeKind::Edited);
        assert!(!changed.repeated && !changed.posted);
        let again = desk.edit(OPS, Key("alert-17"), resolved).unwrap();
        assert!(again.repeated, "the same key is one edit");
        assert_eq!(again.change, changed.change);
        let seen = world.person("lene").sees(OPS, &posted.id).unwrap();
        assert_eq!(
            (seen.text.as_str(), seen.edited),
            ("Pump 3: resolved", true)
        );
        assert_eq!(
            heard(&world, &desk),
            ["desk: Pump 3: resolved", "desk edits m1: Pump 3: resolved"]
        );
        let found = desk.find_by_key(OPS, "alert-17").unwrap().unwrap();
        assert_eq!(
            (found.id, found.text.as_str()),
            (posted.message.id, "Pump 3: resolved")
        );
        // The first words are still the first: a repeat of the post is that message.
        let repeat = desk
            .post(OPS, text("Pump 3: firing").alert().key("alert-17"))
            .unwrap();
        assert!(repeat.repeated);
    }
}

#[test]
fn a_key_is_one_edit_and_other_words_under_it_are_a_conflict() {
    let world = World::new();
    let desk = desk(&world);
    let one = desk.post(OPS, text("one")).unwrap();
    let two = desk.post(OPS, text("two")).unwrap();
    desk.edit(OPS, &one, text("a").key("k")).unwrap();
    for (message, words) in [(&one, "b"), (&two, "a")] {
        let refused = desk.edit(OPS, message, text(words).key("k"));
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    // Without a key, the same words are another edit.
    for _ in 0..2 {
        assert!(!desk.edit(OPS, &one, text("c")).unwrap().repeated);
    }
    // A post and an edit may have one key.
    assert!(!desk.post(OPS, text("three").key("k")).unwrap().repeated);
    desk.react(OPS, &one, Reactions::from(["👍"]).key("r"))
        .unwrap();
    assert!(
        desk.react(OPS, &one, Reactions::from(["👍"]).key("r"))
            .unwrap()
            .repeated
    );
    let other = desk.react(OPS, &one, Reactions::from(["👎"]).key("r"));
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
}

#[test]
fn taking_back_and_reading_are_done_once_however_often_they_are_asked_for() {
    let world = World::new();
    let desk = desk(&world);
    let posted = desk.post(OPS, text("oops")).unwrap();
    let first = desk.retract(OPS, &posted, Some("wrong room")).unwrap();
    let again = desk.retract(OPS, &posted, None).unwrap();
    assert!(!first.repeated && again.repeated);
    assert_eq!(first.change, again.change);
    let kind = ChangeKind::Retracted {
        by_moderator: false,
        reason: Some("wrong room".into()),
    };
    assert_eq!(first.change.kind, kind);
    let said = world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    assert!(!desk.mark_read(OPS, &said).unwrap().repeated);
    assert!(desk.mark_read(OPS, &said).unwrap().repeated);
    assert!(
        world
            .person("lene")
            .sees(OPS, &posted.id)
            .unwrap()
            .retracted
    );
}

#[test]
fn what_an_agent_may_not_change_is_said_with_the_reason() {
    let world = World::new();
    let desk = desk(&world);
    let echo = world.agent("echo", &[OPS, LAB]);
    let posted = echo.post(OPS, text("mine")).unwrap();
    let said = world.person("lene").say(OPS, "hers").unwrap();
    world.settle();
    for foreign in [&posted.id, &said] {
        let refused = desk.edit(OPS, foreign, text("x"));
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    let none: [(MessageRef, &str); 3] = [
        (id("nothing").into(), "message `nothing`"),
        (Key("nothing").into(), "this key"),
        (MessageRef::from(id("x y")), "message `x y`"),
    ];
    for (message, reason) in none {
        let error = desk.edit(OPS, message, text("x")).unwrap_err();
        assert!(
            matches!(&error, Error::NotFound(text) if text.contains(reason)),
            "{error:?}"
        );
    }
    let refused = echo.mark_read(OPS, &posted);
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let refused = desk.edit(LAB, &posted.id, text("x"));
    assert!(
        matches!(refused, Err(Error::Forbidden(_))),
        "not its channel: {refused:?}"
    );
    let refused = echo.edit(OPS, &posted.id, text(""));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let refused = echo.edit(OPS, &posted.id, text(&"x".repeat(70_000)));
    assert!(
        matches!(refused, Err(Error::TooLarge { .. })),
        "{refused:?}"
    );
    for set in [
        vec!["x".repeat(65)],
        vec![String::new()],
        vec!["\u{7}".to_owned()],
    ] {
        let refused = desk.react(OPS, &said, set);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    assert!(matches!(
        desk.react(OPS, &said, many),
        Err(Error::Invalid(_))
    ));
    world.person("lene").retract(OPS, &said).unwrap();
    echo.retract(OPS, &posted, None).unwrap();
    let refused = echo.edit(OPS, &posted.id, text("x"));
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
}

#[test]
fn an_event_names_its_message_and_one_about_none_is_refused() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let asked = lene.say(OPS, "2+2?").unwrap();
    world.settle();
    let query = EventQuery::all().changes();
    let events = desk.events(Cursor::beginning(), &query).unwrap().events;
    let [joined, question] = &events[..] else {
        panic!("{events:?}")
    };
    let refused = desk.react(OPS, joined, ["👍"]);
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    desk.post(OPS, text("4").answering(question).in_reply_to(question))
        .unwrap();
    lene.edit(OPS, &asked, text("2+3?")).unwrap();
    world.settle();
    let events = desk
        .events(Cursor::after(question.id, &question.instance), &query)
        .unwrap();
    let corrected = events.events.last().unwrap();
    // The bot corrects its answer, and does not answer twice.
    let answer = MessageRef::answer_to(corrected);
    let changed = desk
        .edit(OPS, answer, text("5").answering(corrected))
        .unwrap();
    assert_eq!(changed.change.text, "5");
    let heard = lene.hears(OPS).unwrap();
    assert_eq!(heard.content.in_reply_to, Some(asked.clone()));
    let seen = lene.sees(OPS, &heard.id).unwrap();
    assert_eq!(
        (seen.text.as_str(), seen.content.in_reply_to),
        ("5", Some(asked))
    );
}

#[test]
fn an_answer_says_what_it_answers_in_both_directions() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let posted = desk.post(OPS, text("deploy?").key("q")).unwrap();
    let yes = NewMessage::text("yes").in_reply_to(&posted.id);
    lene.say_message(OPS, yes).unwrap();
    desk.post(OPS, text("ok").in_reply_to(Key("q"))).unwrap();
    world.settle();
    let answers = desk.messages(OPS, 10, None).unwrap();
    let answered: Vec<Option<&MessageId>> = answers.iter().map(Message::in_reply_to).collect();
    assert_eq!(answered, [None, Some(&posted.id), Some(&posted.id)]);
    let events = desk
        .events(Cursor::beginning(), &EventQuery::messages())
        .unwrap();
    let kept: Vec<_> = events
        .events
        .iter()
        .filter_map(|it| it.message().cloned())
        .collect();
    assert_eq!(
        kept.iter().map(Message::in_reply_to).collect::<Vec<_>>(),
        answered
    );
    let refused = desk.post(OPS, text("x").in_reply_to(Key("none")));
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
}

#[test]
fn a_chat_system_that_cannot_says_so_and_or_post_says_it_anew() {
    let chat = furnished(Loopback::new().without_changes());
    let world = World::on(chat, |builder| builder);
    let desk = desk(&world);
    let lene = world.person("lene");
    let posted = desk.post(OPS, text("firing").key("a")).unwrap();
    for refused in [
        desk.edit(OPS, &posted, text("x")),
        desk.retract(OPS, &posted, None),
        desk.react(OPS, &posted, ["👍"]),
        desk.mark_read(OPS, id("x")),
    ] {
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    }
    let instead = text("resolved").key("b").or_post();
    let said = desk.edit(OPS, Key("a"), instead.clone()).unwrap();
    assert!(said.posted && !said.repeated);
    assert_eq!(
        (&said.change.message, said.change.text.as_str()),
        (&posted.id, "resolved")
    );
    assert_ne!(said.change.id, posted.id);
    assert!(
        desk.edit(OPS, Key("a"), instead).unwrap().repeated,
        "said once"
    );
    let other = desk.edit(OPS, Key("a"), text("other words").key("b").or_post());
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
    let heard: Vec<String> = lene.unheard().into_iter().map(|it| it.text).collect();
    assert_eq!(heard, ["firing", "resolved"]);
    let missing = desk.edit(OPS, Key("none"), text("x").or_post());
    assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
}

#[test]
fn throttles_count_edits_and_reactions_but_never_keep_a_wrong_alert_alive() {
    let world = World::new();
    let desk = desk(&world);
    let kind = ThrottleKind::MessagesPerMinute;
    let throttle = Throttle::new("t", kind, 3).unwrap().agent("desk").unwrap();
    world.admin().put_throttle(throttle).unwrap();
    let posted = desk.post(OPS, text("one")).unwrap();
    let said = world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    desk.edit(OPS, &posted, text("two")).unwrap();
    desk.react(OPS, &said, ["👍"]).unwrap();
    let refused = desk.edit(OPS, &posted, text("three"));
    assert!(
        matches!(refused, Err(Error::Throttled { .. })),
        "{refused:?}"
    );
    assert!(matches!(
        desk.react(OPS, &said, ["👎"]),
        Err(Error::Throttled { .. })
    ));
    assert!(matches!(
        desk.post(OPS, text("x")),
        Err(Error::Throttled { .. })
    ));
    desk.mark_read(OPS, &said).unwrap();
    desk.retract(OPS, &posted, None).unwrap();
}

#[test]
fn every_call_has_an_async_twin_and_an_outcome_that_is_never_a_guess() {
    let world = World::new();
    world.admin().put_agent(new_agent("desk", &[OPS])).unwrap();
    let desk = world.engine.agent("desk").unwrap();
    desk.wait_active(SOON).unwrap();
    let posted = wait(desk.post_async(OPS, text("one"))).unwrap();
    let said = world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    wait(desk.edit_async(OPS, &posted, text("two"))).unwrap();
    wait(desk.react_async(OPS, &said, ["👍"])).unwrap();
    wait(desk.mark_read_async(OPS, &said)).unwrap();
    wait(desk.retract_async(OPS, &posted, None)).unwrap();
    // Cut while an edit is on its way: nobody knows, and a repeat with its key finds out.
    let posted = desk.post(OPS, text("three")).unwrap();
    world.chat.delay(seconds(5));
    let edit = || desk.edit_async(OPS, &posted, text("four").key("k"));
    let first = crate::world::begin(edit());
    world.until(|_| world.chat.delayed() == 1);
    world.chat.cut("desk");
    world.chat.delay(seconds(0));
    world.pass(seconds(60));
    let lost = first.join().unwrap().unwrap_err();
    assert!(
        matches!(lost, Error::OutcomeUnknown(_) | Error::Unreachable(_)),
        "{lost:?}"
    );
    desk.wait_active(SOON).unwrap();
    let second = wait(edit()).unwrap();
    assert_eq!(second.change.text, "four");
    let seen = world.person("lene").sees(OPS, &posted.id).unwrap();
    assert_eq!(seen.text, "four");
    let edits = heard(&world, &desk);
    let edits: Vec<_> = edits.iter().filter(|line| line.contains("four")).collect();
    assert_eq!(edits.len(), 2, "the message and one edit: {edits:?}");
}
