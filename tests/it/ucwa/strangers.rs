//! People whom nobody provisioned begin conversations with a bot whose contacts are open.

use super::simulator::person::Manner;
use super::world::{DOMAIN, Office, contact, sip};
use crate::world::{SOON, begin};
use std::time::Duration;
use switchboard::{ChannelId, Contacts, NewAgent, NewMessage, Principal};

const SECOND: Duration = Duration::from_secs(1);

/// Puts `bot0`, whose contacts are open.
fn open(office: &Office, most: u32) {
    let admin = office.engine.provisioning(&Principal::host("ada")).unwrap();
    let new = NewAgent::new("bot0", format!("ucwa:bot0@{DOMAIN}")).unwrap();
    let new = new.channel(contact("lene")).unwrap();
    admin
        .put_agent(new.contacts(Contacts::Open { most }))
        .unwrap();
}

fn listed(office: &Office) -> Vec<ChannelId> {
    office.engine.settle(SOON).unwrap();
    let admin = office.engine.provisioning(&Principal::host("ada")).unwrap();
    let contacts = admin.open_contacts("bot0").unwrap();
    contacts.into_iter().map(|contact| contact.id).collect()
}

#[test]
fn a_stranger_is_accepted_heard_and_answered() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    open(&office, 2);
    for name in ["olaf", "mia", "nils"] {
        office.world.person(name, Manner::Ignore);
    }
    let olaf = office.person("olaf");
    olaf.say(&sip("bot0"), "I am new");
    office.pass(5 * SECOND);
    assert_eq!(bot.heard(), ["olaf@contoso.com: I am new"]);
    let known = listed(&office);
    assert_eq!(
        known,
        [ChannelId::parse(&format!("contact:{}", sip("olaf"))).unwrap()]
    );
    let answer = begin(bot.view.post_async(&known[0], NewMessage::text("welcome")));
    office.pass(5 * SECOND);
    answer.join().unwrap().unwrap();
    assert_eq!(olaf.heard().last().unwrap().text, "welcome");
    olaf.say(&sip("bot0"), "thanks");
    office.pass(SECOND);
    assert_eq!(bot.heard(), ["olaf@contoso.com: thanks"]);

    // The list is full: Mia was not answered and makes room for Nils, and her conversation ends.
    for name in ["mia", "nils"] {
        office.person(name).say(&sip("bot0"), name);
        office.pass(5 * SECOND);
    }
    assert_eq!(
        bot.heard(),
        ["mia@contoso.com: mia", "nils@contoso.com: nils"]
    );
    let names: Vec<String> = listed(&office)
        .iter()
        .map(|id| id.name().to_owned())
        .collect();
    assert_eq!(names, [sip("olaf"), sip("nils")]);
    office.person("mia").say(&sip("bot0"), "again");
    office.pass(5 * SECOND);
    assert_eq!(
        bot.heard(),
        ["mia@contoso.com: again"],
        "nobody is locked out"
    );

    // Lene is provisioned, so she takes no place in the list.
    office.person("lene").say(&sip("bot0"), "and me");
    office.pass(5 * SECOND);
    assert_eq!(bot.heard(), ["lene@contoso.com: and me"]);
    assert_eq!(listed(&office).len(), 2);
}
