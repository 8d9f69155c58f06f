//! What a connector hands over before the answer to a join, or before a channel was put.

use super::{ROOM, over_component, scripted};
use crate::script::{Script, joined};
use crate::world::{LAB, OPS, SOON, World, lines, new_agent};
use crate::xmpp::scripted::{Says, attribute, component, serve};
use crate::xmpp::town::Words;
use crate::xmpp::town::{Town, Way};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use switchboard::backend::{
    AgentKey, BackendError, ChannelId, Inbound, Inbox, MessageId, Received, SeenBy, reply,
};
use switchboard::{Collaboration, Cursor, EventQuery, JoinState};

/// What the agent has been shown within the window.
fn shown(world: &World, echo: &Collaboration) -> Vec<String> {
    world.settle();
    lines(
        &echo
            .events(Cursor::window(), &EventQuery::all())
            .unwrap()
            .events,
    )
}

// --------------------------------------------------------------- 8: what comes before its conversation is not lost

fn received(number: u32) -> Received {
    let id = MessageId::parse(&format!("early-{number}")).unwrap();
    Received::text(id, "script:lene", format!("early {number}"))
        .with_time(switchboard::chrono::Utc::now())
}

async fn says_four(agent: AgentKey, channel: &ChannelId, inbox: &Inbox) {
    let seen_by = if channel.as_str().starts_with("contact:") {
        SeenBy::Agent(agent)
    } else {
        SeenBy::Room
    };
    for number in 1..=4 {
        let message = Box::new(received(number));
        inbox
            .send(Inbound::Message {
                seen_by,
                channel: channel.clone(),
                message,
                resume: None,
            })
            .await
            .unwrap();
    }
}

#[test]
fn what_a_connector_hands_over_before_it_answers_a_join_is_heard() {
    for (channel, says_entered) in [
        (OPS, false),
        ("contact:lene", false),
        (OPS, true),
        ("contact:lene", true),
    ] {
        let script = Script::silent().entering(move |agent, channel, inbox| {
            reply(async move {
                if says_entered {
                    inbox
                        .send(Inbound::Entered {
                            agent,
                            channel: channel.clone(),
                        })
                        .await
                        .unwrap();
                }
                says_four(agent, &channel, &inbox).await;
                Ok(joined(&channel))
            })
        });
        let (world, echo) = scripted(script, &[channel]);
        let mut seen = shown(&world, &echo);
        seen.retain(|line| line.starts_with("lene"));
        assert_eq!(
            seen,
            [
                "lene: early 1",
                "lene: early 2",
                "lene: early 3",
                "lene: early 4"
            ],
            "{channel} {says_entered}"
        );
        assert_eq!(world.engine.stats().strays, 0);
        assert_eq!(echo.messages(channel, 10, None).unwrap().len(), 4);
    }
}

#[test]
fn what_came_for_a_join_that_was_refused_is_nobodys() {
    let script = Script::silent().entering(|agent, channel, inbox| {
        reply(async move {
            says_four(agent, &channel, &inbox).await;
            Err(BackendError::refused("not you"))
        })
    });
    let world = World::with(|builder| builder.backend(script));
    let mut agent = new_agent("echo", &["contact:lene"]);
    agent.address = switchboard::Address::parse("script:echo").unwrap();
    let echo = world.put(agent);
    assert_eq!(shown(&world, &echo), [""; 0]);
    assert_eq!(world.engine.stats().strays, 4, "counted, and gone");
}

#[test]
fn a_stay_begins_where_the_connector_says_and_not_before() {
    // At the second join the room is known. What a catch-up brings is for those who were in it; the
    // agent hears what comes after `Entered`, though the join is answered only then.
    let joins = Arc::new(AtomicU32::new(0));
    let script = Script::silent().entering(move |agent, channel, inbox| {
        let is_again = joins.fetch_add(1, Ordering::Relaxed) > 0;
        reply(async move {
            for number in (1..=4).filter(|_| is_again) {
                if number == 3 {
                    inbox
                        .send(Inbound::Entered {
                            agent,
                            channel: channel.clone(),
                        })
                        .await
                        .unwrap();
                }
                let message = Box::new(received(number));
                let item = Inbound::Message {
                    seen_by: SeenBy::Room,
                    channel: channel.clone(),
                    message,
                    resume: None,
                };
                inbox.send(item).await.unwrap();
            }
            Ok(joined(&channel))
        })
    });
    let (world, echo) = scripted(script, &[LAB]);
    world.admin().delete_channel("echo", LAB).unwrap();
    let mark = world.mark(&echo);
    world.admin().put_channel("echo", LAB).unwrap();
    echo.wait_active(SOON).unwrap();
    let seen = world.since(&echo, &mark, &EventQuery::all());
    assert_eq!(
        seen,
        ["lene: early 3", "lene: early 4", &format!("{LAB} on")]
    );
}

fn held_words(way: Way) {
    let Some(town) = Town::prosody(&format!("held words of a contact, {way:?}")) else {
        return;
    };
    let (engine, address, alice) = (town.engine(), town.bot(way, "bot0"), town.contact("alice"));
    // A message in a room proves that everything said before it has arrived.
    let bot = engine.bot("helper", &address, &[&town.ops()]);
    let mut ear = bot.reader("test", EventQuery::messages().remote()).unwrap();
    let mut arrived = 0;
    for round in 0..2 {
        for n in 0..4 {
            town.alice
                .say(&address, &format!("{round} before anybody asked {n}"));
        }
        town.alice.say(&town.room(), "done");
        crate::xmpp::town::hears(&mut ear, "done");
        engine.admin().put_channel("helper", &*alice).unwrap();
        for n in 0..4 {
            crate::xmpp::town::hears(&mut ear, &format!("{round} before anybody asked {n}"));
            arrived += 1;
        }
        engine.waits_for("helper", &alice, JoinState::Active);
        engine.admin().delete_channel("helper", &*alice).unwrap();
        engine.settle(SOON).unwrap();
    }
    #[expect(clippy::print_stdout, reason = "its figure")]
    {
        println!(
            "words that a contact said before its channel was put, {way:?}: {arrived} of 8 arrived"
        );
    }
}

#[test]
fn a_component_hears_what_a_contact_said_before_its_channel_was_put() {
    held_words(Way::Component);
}

#[test]
fn an_account_hears_what_a_contact_said_before_its_channel_was_put() {
    held_words(Way::Account);
}

#[test]
fn what_a_room_says_the_moment_an_agent_comes_in_is_heard() {
    // The room greets whoever enters with its next stanza, long before it answers the join.
    let port = serve(|_, element| match component(element) {
        Says::This(said) if said.contains("code='110'") => {
            let to = attribute(element, "from");
            Says::This(format!(
                "{said}<message type='groupchat' from='ops@rooms.im.test/lene' to='{to}' id='hello-{to}'>\
                 <body>hello {}</body></message>",
                to.split('@').next().unwrap_or_default()
            ))
        }
        says => says,
    });
    let engine = over_component(port, None);
    for name in ["ada", "bob", "cid"] {
        let bot = engine.bot(name, &format!("{name}@agents.im.test"), &[ROOM]);
        let mut ear = bot.reader("test", EventQuery::messages().remote()).unwrap();
        crate::xmpp::town::hears(&mut ear, &format!("hello {name}"));
    }
}
