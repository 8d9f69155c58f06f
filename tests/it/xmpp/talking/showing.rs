//! Presence and typing, as people and agents see each other.

use super::super::server::Kind;
use super::super::town::Words;
use super::super::town::{Town, Way, ear, hears};
use super::{presence, until};
use std::time::Duration;
use switchboard::{Broadcast, NewMessage};

#[test]
fn a_component_of_prosody_is_shown_presence() {
    presence(Kind::Prosody, Way::Component);
}

#[test]
fn an_account_of_prosody_is_shown_presence() {
    presence(Kind::Prosody, Way::Account);
}

#[test]
fn a_component_of_ejabberd_is_shown_presence() {
    presence(Kind::Ejabberd, Way::Component);
}

#[test]
fn an_account_of_ejabberd_is_shown_presence() {
    presence(Kind::Ejabberd, Way::Account);
}

#[test]
fn people_see_the_agent_come_and_go() {
    let Some(town) = Town::prosody("XMPP presence of agents") else {
        return;
    };
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        let (engine, address) = (town.engine(), town.bot(way, name));
        engine.bot("helper", &address, &[&town.contact("alice")]);
        town.alice.subscribe(&address);
        town.alice.waits_to_see(&address, true);
        engine.admin().delete_agent("helper").expect("deleted");
        town.alice.waits_to_see(&address, false);
    }
}

fn typing(kind: Kind) {
    let Some(town) = Town::open(&format!("XMPP typing over {kind:?}"), kind) else {
        return;
    };
    for (way, name) in [(Way::Component, "bot0"), (Way::Account, "bot1")] {
        let (engine, address, alice) = (town.engine(), town.bot(way, name), town.contact("alice"));
        let bot = engine.bot("helper", &address, &[&alice]);
        let mut ear = ear(&bot);
        town.alice.say(&address, "are you there?");
        hears(&mut ear, "are you there?");
        bot.set_composing(&alice, true).expect("shown");
        town.alice.waits_for_state(&address, "composing");
        bot.post(&alice, NewMessage::text("yes")).expect("posted");
        town.alice.hears(&address, "yes");
        town.alice.waits_for_state(&address, "active");

        let mut all = engine.subscribe();
        for (state, shown) in [("composing", true), ("paused", false)] {
            town.alice.state(&address, state);
            until(&format!("{state} is told"), || {
                let item = all
                    .next_timeout(Duration::from_millis(100))
                    .expect("it reads");
                matches!(item.as_deref(), Some(Broadcast::Composing { composing, .. }) if *composing == shown)
            });
        }
    }
}

#[test]
fn typing_is_shown_both_ways() {
    typing(Kind::Prosody);
}

#[test]
fn typing_is_shown_both_ways_over_ejabberd() {
    typing(Kind::Ejabberd);
}
