//! Agents and their contacts.

use super::simulator::person::Manner;
use super::world::{Way, World, contact};
use std::time::Duration;

use switchboard::{Engine, NewAgent, NewMessage, Principal};
fn walk(way: Way) {
    let world = World::open(way, &[("far-idle", "0")]);
    world.person("echo", Manner::Echo(Duration::from_millis(20)));
    let engine = Engine::builder().in_memory().backend(world.backend()).open().unwrap();
    let admin = engine.provisioning(&Principal::host("test")).unwrap();
    let agent = NewAgent::new("bot", "ucwa:bot0@contoso.com").unwrap().channel(contact("echo")).unwrap();
    admin.put_agent(agent).unwrap();
    let agent = engine.agent("bot").unwrap();
    agent.wait_active(Duration::from_secs(20)).unwrap();
    let posted = agent.post(contact("echo"), NewMessage::text("hello")).unwrap();
    println!("{posted:?}");
    let posted = agent.post(contact("echo"), NewMessage::text("hello again")).unwrap();
    println!("{posted:?}");
    engine.shutdown(Duration::from_secs(10)).unwrap();
}

#[test]
fn over_pipes() {
    walk(Way::Pipes);
}

#[test]
fn over_tls() {
    walk(Way::Tls);
}

#[test]
fn over_plain() {
    walk(Way::Plain);
}
