//! Changes over restarts and kills: none is lost, none comes twice, and every key still holds.

use super::{all, desk, heard, told};
use crate::world::{Disk, OPS, SOON, World};
use switchboard::{Key, NewMessage, Reactions};

#[test]
fn what_became_of_a_message_is_there_after_a_restart_and_keys_hold() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = desk(&world);
    let lene = world.person("lene");
    let posted = agent
        .post(OPS, NewMessage::text("firing").key("a"))
        .unwrap();
    let edit = NewMessage::text("resolved").key("a");
    agent.edit(OPS, Key("a"), edit.clone()).unwrap();
    lene.react(OPS, &posted.id, ["👍"]).unwrap();
    agent
        .react(OPS, Key("a"), Reactions::from(["✅"]).key("r"))
        .unwrap();
    let before = heard(&world, &agent);
    let messages = agent.messages(OPS, 10, None).unwrap();
    let world = world.restart(&disk);
    let agent = world.engine.agent("desk").unwrap();
    agent.wait_active(SOON).unwrap();
    assert_eq!(heard(&world, &agent), before);
    assert_eq!(agent.messages(OPS, 10, None).unwrap(), messages);
    assert_eq!(messages[0].reactions.len(), 2);
    assert!(agent.edit(OPS, Key("a"), edit).unwrap().repeated);
    assert!(
        agent
            .react(OPS, Key("a"), Reactions::from(["✅"]).key("r"))
            .unwrap()
            .repeated
    );
    agent.retract(OPS, Key("a"), None).unwrap();
    let world = world.restart(&disk);
    let agent = world.engine.agent("desk").unwrap();
    agent.wait_active(SOON).unwrap();
    assert!(agent.retract(OPS, Key("a"), None).unwrap().repeated);
    assert!(world.person("bob").sees(OPS, &posted.id).unwrap().retracted);
}

#[test]
fn what_was_taken_back_is_given_to_no_reader_any_more() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = desk(&world);
    let lene = world.person("lene");
    let secret = "hunter2";
    let said = lene.say(OPS, secret).unwrap();
    let edit = NewMessage::text(format!("{secret}!"));
    lene.edit(OPS, &said, edit).unwrap();
    lene.retract(OPS, &said).unwrap();
    let posted = agent.post(OPS, NewMessage::text(secret)).unwrap();
    let again = NewMessage::text(format!("again {secret}"));
    agent.edit(OPS, &posted, again).unwrap();
    agent.retract(OPS, &posted, None).unwrap();
    let expected = [
        "lene: ",
        "lene edits m1: ",
        "lene takes m1 back",
        "desk: ",
        "desk edits m2: ",
        "desk takes m2 back",
    ];
    assert_eq!(heard(&world, &agent), expected, "from memory");
    let world = world.restart(&disk);
    let agent = world.engine.agent("desk").unwrap();
    agent.wait_active(SOON).unwrap();
    assert_eq!(heard(&world, &agent), expected, "from the disk");
}

#[test]
fn a_named_reader_is_given_each_change_once_over_restarts() {
    let disk = Disk::new();
    let mut world = World::stored(&disk);
    world.agent("desk", &[OPS]);
    let lene = world.person("lene");
    let said = lene.say(OPS, "0").unwrap();
    let mut lines = Vec::new();
    for n in 1..=5 {
        let desk = world.engine.agent("desk").unwrap();
        desk.wait_active(SOON).unwrap();
        let mut reader = desk.reader("bot", all()).unwrap();
        lene.edit(OPS, &said, NewMessage::text(n.to_string()))
            .unwrap();
        world.settle();
        let mut events = Vec::new();
        while let Some(event) = reader.next_timeout(crate::world::seconds(0)).unwrap() {
            events.push(event);
        }
        reader.acknowledge().unwrap();
        lines.extend(told(&events));
        drop(reader);
        world = world.restart(&disk);
    }
    let edits: Vec<_> = lines.iter().filter(|line| line.contains("edits")).collect();
    let expected: Vec<String> = (1..=5).map(|n| format!("{n}")).collect();
    let texts: Vec<_> = edits
        .iter()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    assert_eq!(texts, expected);
}

#[test]
fn a_dead_letter_keeps_a_change_whole() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let agent = desk(&world);
    let lene = world.person("lene");
    let said = lene.say(OPS, "one").unwrap();
    world.settle();
    let query = all().kinds(switchboard::EventKinds::NONE);
    let terms = switchboard::Terms::default().attempts(1);
    let reader = agent.shared_reader_on("bot", query, terms).unwrap();
    lene.edit(OPS, &said, NewMessage::text("two").alert())
        .unwrap();
    world.settle();
    let delivery = reader
        .next_delivery_timeout(crate::world::seconds(0))
        .unwrap()
        .unwrap();
    let event = delivery.event.clone();
    delivery.nack(crate::world::seconds(0));
    world.settle();
    drop(reader);
    let world = world.restart(&disk);
    let dead = world.admin().dead_deliveries("desk", "bot", 10).unwrap();
    assert_eq!(dead[0].event.change(), event.change());
}
