//! What people do to messages reaches the agents that ask for it, and nobody else.

use super::{all, desk, heard, told};
use crate::world::{OPS, World, new_agent};
use switchboard::{Broadcast, Cursor, Error, EventKinds, EventQuery, Message, NewMessage, Receipt};

fn only(messages: Vec<Message>) -> Message {
    let [message] = <[Message; 1]>::try_from(messages).unwrap();
    message
}

#[test]
fn an_edit_is_an_event_and_the_message_says_what_it_says_now() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let said = lene.say(OPS, "helo").unwrap();
    let edit = lene.edit(OPS, &said, NewMessage::text("hello")).unwrap();
    // The message shows what it says when it is given out.
    assert_eq!(
        heard(&world, &desk),
        ["lene: hello", "lene edits m1: hello"]
    );
    let events = desk.events(Cursor::beginning(), &all()).unwrap().events;
    let [.., message, change] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(message.included, Some(change.id), "it names the edit");
    assert_eq!(change.included, None);
    let change = change.change().unwrap();
    assert_eq!((&change.id, &change.message), (&edit, &said));
    assert_eq!(change.sender_alias.as_deref(), Some("lene"));
    let message = message.message().unwrap();
    assert_eq!(
        (message.text.as_str(), message.edited),
        ("hello", Some(change.time))
    );
    assert_eq!(only(desk.messages(OPS, 10, None).unwrap()), *message);
}

#[test]
fn nobody_is_told_who_does_not_ask() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let said = lene.say(OPS, "one").unwrap();
    let mark = world.mark(&desk);
    lene.edit(OPS, &said, NewMessage::text("two")).unwrap();
    lene.react(OPS, &said, ["👍"]).unwrap();
    lene.retract(OPS, &said).unwrap();
    assert_eq!(world.since(&desk, &mark, &EventQuery::all()), [""; 0]);
    let changes = EventQuery::all().kinds(EventKinds::NONE).changes();
    world.settle();
    let events = desk.events(mark, &changes).unwrap().events;
    assert_eq!(
        told(&events),
        [
            "lene edits m?: ",
            "lene reacts to m?: 👍",
            "lene takes m? back"
        ]
    );
}

#[test]
fn a_query_for_changes_has_channels_and_origin_but_no_pattern() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let said = lene.say(OPS, "one").unwrap();
    let own = desk.post(OPS, NewMessage::text("mine")).unwrap();
    desk.react(OPS, &said, ["🦀"]).unwrap();
    lene.react(OPS, &own.id, ["👍"]).unwrap();
    let seen = |query: EventQuery| {
        world.settle();
        let query = query.kinds(EventKinds::NONE).changes();
        told(&desk.events(Cursor::beginning(), &query).unwrap().events)
    };
    assert_eq!(
        seen(EventQuery::all()),
        ["desk reacts to m?: 🦀", "lene reacts to m?: 👍"]
    );
    assert_eq!(seen(EventQuery::all().local()), ["desk reacts to m?: 🦀"]);
    assert_eq!(seen(EventQuery::all().remote()), ["lene reacts to m?: 👍"]);
    assert_eq!(seen(EventQuery::all().regex("^nothing$")).len(), 2);
    let lab = crate::world::LAB.parse().unwrap();
    assert_eq!(seen(EventQuery::all().channel(&lab)), [""; 0]);
}

#[test]
fn what_is_taken_back_says_nothing_any_more_and_stays_so() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let said = lene
        .say_message(OPS, NewMessage::text("secret").story("of all"))
        .unwrap();
    lene.react(OPS, &said, ["👍"]).unwrap();
    lene.retract(OPS, &said).unwrap();
    assert!(matches!(
        lene.edit(OPS, &said, NewMessage::text("again")),
        Err(Error::Rejected(_))
    ));
    // Once more is no news.
    lene.retract(OPS, &said).unwrap();
    assert_eq!(
        heard(&world, &desk),
        ["lene: ", "lene reacts to m1: 👍", "lene takes m1 back"]
    );
    let message = only(desk.messages(OPS, 10, None).unwrap());
    assert_eq!(message.content, Default::default());
    assert_eq!(message.reactions, []);
    let retracted = message.retracted.unwrap();
    assert_eq!(
        (retracted.by.as_str(), retracted.by_moderator),
        ("loopback:lene", false)
    );
}

#[test]
fn a_moderator_takes_anybodys_message_back() {
    let world = World::new();
    let desk = desk(&world);
    let posted = desk.post(OPS, NewMessage::text("spam")).unwrap();
    let ann = world.person("ann");
    assert!(matches!(
        ann.retract(OPS, &posted.id),
        Err(Error::Rejected(_))
    ));
    ann.moderate(OPS, &posted.id, Some("no adverts")).unwrap();
    assert_eq!(
        heard(&world, &desk),
        ["desk: ", "ann moderates m1: no adverts"]
    );
    let seen = world.person("bob").sees(OPS, &posted.id).unwrap();
    assert!(seen.retracted && seen.text.is_empty());
}

#[test]
fn reactions_are_whole_sets_by_person() {
    let world = World::new();
    let desk = desk(&world);
    let (lene, bob) = (world.person("lene"), world.person("bob"));
    let said = lene.say(OPS, "lunch?").unwrap();
    lene.react(OPS, &said, ["👍", "", "👍", "🍕"]).unwrap();
    bob.react(OPS, &said, ["👍"]).unwrap();
    // The same set is no news, and neither is none of somebody who has none.
    bob.react(OPS, &said, ["👍"]).unwrap();
    world.person("ann").react(OPS, &said, [""; 0]).unwrap();
    let shown = || {
        world.settle();
        let message = only(desk.messages(OPS, 10, None).unwrap());
        let one = |it: &switchboard::Reaction| format!("{} {}", it.sender, it.set.join(" "));
        message.reactions.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(shown(), ["loopback:lene 👍 🍕", "loopback:bob 👍"]);
    lene.react(OPS, &said, [""; 0]).unwrap();
    assert_eq!(shown(), ["loopback:bob 👍"]);
    assert_eq!(
        heard(&world, &desk),
        [
            "lene: lunch?",
            "lene reacts to m1: 👍 🍕",
            "bob reacts to m1: 👍",
            "lene reacts to m1: "
        ]
    );
}

#[test]
fn absurd_reactions_are_cut_to_what_can_be_shown() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let said = lene.say(OPS, "lunch?").unwrap();
    let many = (0..2_000).map(|n| format!("{n}")).chain(["x".repeat(4096)]);
    lene.react(OPS, &said, many).unwrap();
    world.settle();
    let message = only(desk.messages(OPS, 10, None).unwrap());
    assert_eq!(message.reactions[0].set.len(), 20);
    lene.react(OPS, &said, ["x".repeat(65)]).unwrap();
    world.settle();
    assert_eq!(only(desk.messages(OPS, 10, None).unwrap()).reactions, []);
}

#[test]
fn receipts_go_forward_only_and_are_of_our_messages_only() {
    let world = World::new();
    world
        .admin()
        .put_agent(new_agent("desk", &["contact:lene"]))
        .unwrap();
    let lene = world.person("lene");
    let desk = world.engine.agent("desk").unwrap();
    desk.wait_active(crate::world::SOON).unwrap();
    let first = desk.post("contact:lene", NewMessage::text("one")).unwrap();
    let second = desk.post("contact:lene", NewMessage::text("two")).unwrap();
    let own = lene.say("contact:desk", "hello").unwrap();
    lene.receives("contact:desk", &first.id).unwrap();
    lene.reads("contact:desk", &second.id).unwrap();
    // Earlier ones are read already, and nobody reads what they wrote.
    lene.reads("contact:desk", &first.id).unwrap();
    lene.receives("contact:desk", &second.id).unwrap();
    let refused = lene.reads("contact:desk", &own);
    assert!(matches!(refused, Err(Error::Rejected(_))), "{refused:?}");
    assert_eq!(
        heard(&world, &desk),
        [
            "desk: one",
            "desk: two",
            "lene: hello",
            "lene delivered m1",
            "lene read m2"
        ]
    );
    desk.mark_read("contact:lene", &own).unwrap();
    let seen = lene.sees("contact:desk", &own).unwrap();
    assert_eq!(seen.receipts, [("desk".to_owned(), Receipt::Read)]);
}

#[test]
fn an_edit_in_the_middle_of_a_window_leaves_order_and_filters_right() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let alarm = EventQuery::messages().regex("alarm");
    let first = lene.say(OPS, "alarm one").unwrap();
    lene.say(OPS, "two").unwrap();
    assert_eq!(world.seen(&desk, &alarm), ["lene: alarm one"]);
    lene.edit(OPS, &first, NewMessage::text("calm one"))
        .unwrap();
    // A verdict on the old text says nothing of the new one.
    assert_eq!(world.seen(&desk, &alarm), [""; 0]);
    lene.edit(OPS, &first, NewMessage::text("alarm again"))
        .unwrap();
    assert_eq!(world.seen(&desk, &alarm), ["lene: alarm again"]);
    assert_eq!(
        world.seen(&desk, &EventQuery::messages()),
        ["lene: alarm again", "lene: two"]
    );
}

#[test]
fn subscribers_see_changes_with_everybody_they_concern() {
    let world = World::new();
    let _desk = desk(&world);
    let _echo = world.agent("echo", &[OPS]);
    let mut everything = world.engine.subscribe();
    let lene = world.person("lene");
    let said = lene.say(OPS, "helo").unwrap();
    lene.edit(OPS, &said, NewMessage::text("hello")).unwrap();
    world.settle();
    let mut changes = Vec::new();
    while let Some(item) = everything.try_next() {
        if let Broadcast::Change { change, agents } = &*item {
            let mut agents: Vec<_> = agents.iter().map(ToString::to_string).collect();
            agents.sort();
            changes.push((change.text.clone(), agents));
        }
    }
    assert_eq!(
        changes,
        [(
            "hello".to_owned(),
            vec!["desk".to_owned(), "echo".to_owned()]
        )]
    );
}

#[test]
fn an_agent_that_was_away_catches_up_every_change_once() {
    let world = World::new();
    let desk = desk(&world);
    let lene = world.person("lene");
    let said = lene.say(OPS, "one").unwrap();
    world.settle();
    world.chat.cut("desk");
    lene.edit(OPS, &said, NewMessage::text("two")).unwrap();
    let other = lene.say(OPS, "three").unwrap();
    lene.react(OPS, &other, ["👍"]).unwrap();
    lene.retract(OPS, &other).unwrap();
    world.pass(crate::world::seconds(60));
    desk.wait_active(crate::world::SOON).unwrap();
    assert_eq!(
        heard(&world, &desk),
        [
            "lene: two",
            "lene edits m1: two",
            "lene: ",
            "lene reacts to m2: 👍",
            "lene takes m2 back"
        ]
    );
}
