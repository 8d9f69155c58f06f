//! People whom nobody provisioned write to a bot on a live server, also while it is away.

use super::server::Kind;
use super::town::Words;
use super::town::{SOON, Town, Way, ear, hears, hears_no_more, next};
use crate::world::Disk;
use switchboard::{Contacts, Engine, JoinState, NewAgent, NewMessage};

fn strangers(kind: Kind, way: Way) {
    let Some(town) = Town::open(&format!("XMPP strangers, {way:?} over {kind:?}"), kind) else {
        return;
    };
    let (disk, address) = (Disk::new(), town.bot(way, "bot0"));
    let open = || town.over(Engine::builder().database(disk.path()));
    let engine = open();
    let agent = NewAgent::new("helper", format!("xmpp:{address}")).expect("an agent");
    let agent = agent.contacts(Contacts::Open { most: 10 });
    engine.admin().put_agent(agent).expect("it is put");
    let bot = engine.agent("helper").expect("there");
    bot.wait_active(SOON).expect("it becomes active");
    let mut reader = ear(&bot);

    town.alice.say(&address, "is anybody there?");
    let heard = hears(&mut reader, "is anybody there?");
    assert_eq!(heard.channel.as_str(), town.contact("alice"));
    bot.post(&heard.channel, NewMessage::text("yes"))
        .expect("posted");
    town.alice.hears(&address, "yes");
    town.alice.say(&address, "good");
    hears(&mut reader, "good");
    let listed = engine.admin().open_contacts("helper").expect("listed");
    assert_eq!((listed.len(), listed[0].state), (1, JoinState::Active));
    assert!(listed[0].answered.is_some());
    let bob = town.with_person("bob");
    reader.acknowledge().expect("it is durable");
    drop((reader, bot));
    engine.shutdown(SOON).expect("in time");
    drop(engine);

    let mut missed = Vec::new();
    if way == Way::Account {
        // An account's server keeps what comes meanwhile; a component's says that it is not there.
        town.alice.say(&address, "while you were out");
        bob.say(&address, "me too");
        missed = vec!["me too", "while you were out"];
    }
    let engine = open();
    let bot = engine.agent("helper").expect("there");
    // Until then a component's server says that nobody is there.
    bot.wait_active(SOON).expect("it becomes active again");
    let mut reader = ear(&bot);
    let mut came: Vec<String> = missed.iter().map(|_| next(&mut reader).text).collect();
    came.sort();
    assert_eq!(came, missed);
    bob.say(&address, "and now?");
    let heard = hears(&mut reader, "and now?");
    bot.post(&heard.channel, NewMessage::text("now I am here"))
        .expect("posted");
    bob.hears(&address, "now I am here");
    bot.post(town.contact("alice"), NewMessage::text("and for you"))
        .expect("posted");
    town.alice.hears(&address, "and for you");
    hears_no_more(&engine, &mut reader);
    engine.shutdown(SOON).expect("in time");
}

#[test]
fn a_component_of_prosody_answers_strangers() {
    strangers(Kind::Prosody, Way::Component);
}

#[test]
fn an_account_of_prosody_answers_strangers() {
    strangers(Kind::Prosody, Way::Account);
}

#[test]
fn a_component_of_ejabberd_answers_strangers() {
    strangers(Kind::Ejabberd, Way::Component);
}

#[test]
fn an_account_of_ejabberd_answers_strangers() {
    strangers(Kind::Ejabberd, Way::Account);
}
