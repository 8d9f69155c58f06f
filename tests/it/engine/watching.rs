//! Subscriptions, figures and settling.

use crate::world::{LAB, OPS, SOON, World, begin, new_agent, poll, seconds, wait};
use futures_util::StreamExt;
use std::sync::Arc;
use std::thread;
use switchboard::{Broadcast, Error, EventQuery, NewMessage, Subscription};

/// Returns a short text of a broadcast, with the agents that it concerns.
fn shown(item: &Broadcast) -> String {
    let what = match item {
        Broadcast::Message { message, .. } => message.text.clone(),
        Broadcast::MetaData { key, value, .. } => format!("{key}={value:?}"),
        Broadcast::ChannelState {
            channel, active, ..
        } => format!("{channel} {active}"),
        Broadcast::AgentState { state, reason, .. } => {
            format!("{state:?} {}", reason.as_deref().unwrap_or(""))
        }
        other => format!("{other:?}"),
    };
    let mut agents: Vec<_> = item.agents().iter().map(|agent| agent.as_str()).collect();
    agents.sort_unstable();
    format!("{what} [{}]", agents.join(" "))
}

fn drain(subscription: &mut Subscription) -> Vec<String> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|item| shown(&item))
        .collect()
}

#[test]
fn a_subscription_sees_everything_once_with_whom_it_concerns() {
    let world = World::new();
    let mut subscription = world.engine.subscribe();
    let (echo, _bob) = (world.agent("echo", &[OPS]), world.agent("bob", &[OPS, LAB]));
    assert_eq!(
        drain(&mut subscription),
        [
            "Active  [echo]",
            "chat-room:ops true [echo]",
            "Active  [bob]",
            "chat-room:ops true [bob]",
            "chat-room:lab true [bob]"
        ]
    );
    world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    echo.post(OPS, NewMessage::text("hi")).unwrap();
    world.person("lene").say(LAB, "elsewhere").unwrap();
    world.settle();
    world.admin().put_metadata_value("echo", "a", "b").unwrap();
    world.chat.kick(LAB, "bob", "noise");
    world.settle();
    assert_eq!(
        drain(&mut subscription),
        [
            "hello [bob echo]",
            "hi [bob echo]",
            "elsewhere [bob]",
            "a=Some(\"b\") [echo]",
            "chat-room:lab false [bob]"
        ]
    );
    world.chat.refuse("echo", "not now");
    world.chat.cut("echo");
    world.settle();
    let first = drain(&mut subscription).remove(0);
    assert_eq!(first, "Idle the connection was cut [echo]");
}

#[test]
fn a_subscriber_that_lags_loses_no_message() {
    let world = World::new();
    world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    let mut subscription = world.engine.subscribe();
    let mut late = world.engine.subscribe();
    let count = 20_000;
    for n in 0..count {
        if let Err(Error::Busy { .. }) = lene.say(OPS, n.to_string()) {
            world.settle();
            lene.say(OPS, n.to_string()).unwrap();
        }
    }
    world.settle();
    let expected: Vec<_> = (0..count).map(|n| format!("{n} [echo]")).collect();
    assert_eq!(drain(&mut subscription), expected);
    for text in &expected {
        assert_eq!(shown(&late.next_timeout(SOON).unwrap().unwrap()), *text);
    }
    assert!(late.try_next().is_none());
}

#[test]
fn a_subscription_iterates_and_streams_until_the_engine_ends() {
    let world = World::new();
    let is_message = |item: &switchboard::Result<Arc<Broadcast>>| {
        matches!(**item.as_ref().unwrap(), Broadcast::Message { .. })
    };
    let (mut subscription, stream) = (world.engine.subscribe(), world.engine.subscribe().stream());
    let counted = thread::spawn(move || subscription.iter().filter(is_message).count());
    let streamed = thread::spawn(move || {
        let messages = stream.filter(|item| std::future::ready(is_message(item)));
        wait(messages.count())
    });
    world.agent("echo", &[OPS]);
    world.person("lene").say(OPS, "one").unwrap();
    world.person("lene").say(OPS, "two").unwrap();
    world.settle();
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(counted.join().unwrap(), 2);
    assert_eq!(streamed.join().unwrap(), 2);
}

#[test]
fn stats_say_what_the_engine_holds() {
    let world = World::with(|builder| builder.authenticator(crate::world::Sesame));
    world.agent("echo", &[OPS]);
    world.chat.refuse("bob", "no");
    world.admin().put_agent(new_agent("bob", &[OPS])).unwrap();
    world.token("lene", "echo");
    world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    let stats = world.engine.stats();
    assert_eq!((stats.agents, stats.active_agents, stats.tokens), (2, 1, 1));
    assert_eq!(
        (
            stats.waiters,
            stats.posts_in_flight,
            stats.strays,
            stats.writable
        ),
        (0, 0, 0, true)
    );
    assert!(stats.window_bytes > 0);
    world.pass(seconds(15));
    world.person("lene").say(OPS, "hello").unwrap();
    world.settle();
    assert!(
        world.engine.stats().window_bytes < 2 * stats.window_bytes,
        "the window lets go"
    );
}

#[test]
fn settle_waits_for_what_is_under_way_and_says_so_if_it_lasts() {
    let world = World::new();
    let echo = world.agent("echo", &[OPS]);
    let lene = world.person("lene");
    for n in 0..500 {
        lene.say(OPS, n.to_string()).unwrap();
    }
    world.settle();
    let last = echo.messages(OPS, 1, None).unwrap().remove(0).text;
    assert_eq!(last, "499");
    let mut reader = echo.reader("main", EventQuery::metadata()).unwrap();
    let mut next = Box::pin(reader.next_async());
    // The reader scans the window in several steps before it waits.
    while world.engine.stats().waiters == 0 {
        assert!(poll(&mut next).is_pending());
    }
    world.admin().put_metadata_value("echo", "a", "b").unwrap();
    assert!(wait(next).unwrap().is_some());
    assert!(
        matches!(world.engine.settle(seconds(0)), Err(Error::TimedOut(_))),
        "a reader is busy with its event"
    );
    drop(reader);
    world.settle();
}

#[test]
fn a_host_sleeps_on_the_engines_clock() {
    let world = World::new();
    let (engine, clock) = (world.engine.clone(), world.clock.clone());
    let sleep = begin(world.engine.sleep_async(seconds(3600)));
    clock.advance(seconds(3599));
    assert!(!sleep.is_finished());
    clock.advance(seconds(1));
    assert_eq!(sleep.join().unwrap(), Ok(()));
    let asleep = begin(engine.sleep_async(seconds(3600)));
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(asleep.join().unwrap(), Err(Error::Closed));
    assert_eq!(engine.sleep(seconds(1)), Err(Error::Closed));
}
