//! Messages said while an agent was away arrive once and in order.

use super::{messages, states};
use crate::world::{Disk, LAB, OPS, SOON, World, seconds};
use switchboard::{AgentState, NewMessage};

#[test]
fn an_agent_that_was_cut_says_so_and_comes_back_into_its_channels() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    assert!(world.chat.cut("echo"));
    world.settle();
    let status = world.status("echo");
    assert_eq!(status.reason.as_deref(), Some("the connection was cut"));
    assert!(
        matches!(status.state, AgentState::Idle | AgentState::Active),
        "a pause of up to a second"
    );
    world.pass(seconds(1));
    assert_eq!(world.status("echo").state, AgentState::Active);
    echo.immediate()
        .post(OPS, NewMessage::text("back"))
        .unwrap();
}

#[test]
fn what_was_said_while_the_chat_system_was_away_comes_once_and_in_order() {
    let world = World::new();
    let (echo, bob) = (world.agent("echo", &[OPS, LAB]), world.agent("bob", &[OPS]));
    let (mark, bobs) = (world.mark(&echo), world.mark(&bob));
    let lene = world.person("lene");
    lene.say(OPS, "one").unwrap();
    world.chat.go_down("maintenance");
    for text in ["two", "three"] {
        lene.say(OPS, text).unwrap();
    }
    lene.say(LAB, "elsewhere").unwrap();
    world.chat.come_up();
    world.pass(seconds(60));
    lene.say(OPS, "four").unwrap();
    let ops = |lines: Vec<String>| {
        lines
            .into_iter()
            .filter(|line| !line.contains("elsewhere"))
            .collect::<Vec<_>>()
    };
    let all = world.since(&echo, &mark, &messages());
    assert_eq!(all.len(), 5, "{all:?}");
    assert_eq!(
        ops(all),
        ["lene: one", "lene: two", "lene: three", "lene: four"]
    );
    assert_eq!(
        world.since(&bob, &bobs, &messages()),
        ["lene: one", "lene: two", "lene: three", "lene: four"]
    );
}

#[test]
fn what_was_said_while_the_only_agent_of_a_room_was_cut_comes_too() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let mark = world.mark(&echo);
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    world.person("lene").say(OPS, "did you hear that?").unwrap();
    world.chat.accept("echo");
    world.pass(seconds(120));
    assert_eq!(world.status("echo").state, AgentState::Active);
    assert_eq!(
        world.since(&echo, &mark, &messages()),
        ["lene: did you hear that?"]
    );
}

#[test]
fn what_was_said_while_one_of_two_agents_was_cut_is_an_event_for_both() {
    let world = World::new();
    let (echo, bob) = (world.agent("echo", &[OPS]), world.agent("bob", &[OPS]));
    let (mark, bobs) = (world.mark(&echo), world.mark(&bob));
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    world.person("lene").say(OPS, "did you hear that?").unwrap();
    world.chat.accept("echo");
    world.pass(seconds(120));
    assert_eq!(
        world.since(&echo, &mark, &messages()),
        ["lene: did you hear that?"]
    );
    assert_eq!(
        world.since(&bob, &bobs, &messages()),
        ["lene: did you hear that?"]
    );
}

#[test]
fn what_a_contact_said_to_an_agent_that_was_away_comes_too() {
    let world = World::new();
    let lene = world.person("lene");
    let echo = world.agent("echo", &["contact:lene"]);
    let mark = world.mark(&echo);
    world.chat.go_down("maintenance");
    lene.say("contact:echo", "psst").unwrap();
    world.chat.come_up();
    world.pass(seconds(60));
    assert_eq!(world.since(&echo, &mark, &messages()), ["lene: psst"]);
}

#[test]
fn what_was_said_while_the_engine_was_stopped_comes_after_a_restart() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    let mark = world.mark(&world.agent("echo", &[OPS]));
    let lene = world.person("lene");
    lene.say(OPS, "one").unwrap();
    world.engine.shutdown(SOON).unwrap();
    lene.say(OPS, "two").unwrap();
    let world = world.restart(&disk);
    let echo = world.engine.agent("echo").unwrap();
    echo.wait_active(SOON).unwrap();
    lene.say(OPS, "three").unwrap();
    assert_eq!(
        world.since(&echo, &mark, &messages()),
        ["lene: one", "lene: two", "lene: three"]
    );
    assert_eq!(
        world.since(&echo, &mark, &states()),
        [""; 0],
        "a restart is no change of state"
    );
}
