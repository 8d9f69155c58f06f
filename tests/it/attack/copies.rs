//! A server that sends what it has sent before, while the disk takes nothing: each copy moves the
//! point to resume from, and so it is an entry of the writer, however small.

use crate::script::{Script, joined};
use crate::world::{Disk, OPS, SOON, World, new_agent, poll, wait};
use std::future::ready;
use std::sync::{Arc, OnceLock};
use switchboard::backend::{Inbound, Inbox, MessageId, Received, ResumePoint, SeenBy, reply};
use switchboard::{Address, ChannelId};

/// More copies than 16 MiB of entries hold.
const COPIES: usize = 60_000;

fn copy(point: usize) -> Inbound {
    let id = MessageId::parse("the-same").unwrap();
    Inbound::Message {
        seen_by: SeenBy::Room,
        channel: ChannelId::parse(OPS).unwrap(),
        message: Box::new(Received::text(id, "script:lene", "hello")),
        resume: Some(ResumePoint::parse(&format!("{point}")).unwrap()),
    }
}

#[test]
fn copies_of_a_known_message_wait_while_the_disk_takes_nothing() {
    let inbox: Arc<OnceLock<Inbox>> = Arc::default();
    let kept = inbox.clone();
    let script = Script::silent().entering(move |_, channel, inbox| {
        let _ = kept.set(inbox);
        reply(ready(Ok(joined(&channel))))
    });
    let disk = Disk::new();
    let world = World::with(|builder| builder.backend(script).database(disk.path()));
    let mut agent = new_agent("echo", &[OPS]);
    agent.address = Address::parse("script:echo").unwrap();
    world.put(agent);
    let inbox = inbox.get().unwrap();
    wait(inbox.send(copy(0))).unwrap();
    world.settle();

    let holder = rusqlite::Connection::open(disk.path()).unwrap();
    holder.busy_timeout(SOON).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = (1..COPIES).find_map(|point| {
        let mut sending = Box::pin(inbox.send(copy(point)));
        poll(&mut sending).is_pending().then_some((point, sending))
    });
    let (taken, sending) = refused.expect("the writer's queue is full");
    println!("{taken} copies were taken while the disk was held");
    holder.execute_batch("ROLLBACK").unwrap();
    wait(sending).unwrap();
    world.settle();
}
