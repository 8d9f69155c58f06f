//! What a contact says while the agent is away, where the server keeps logs of conversations
//! (§ucwa/logs): it comes after the next sign-in, once.

use super::world::{Bot, Office, sip};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The agent loses its application, and Lene says something before it has another.
fn says_while_away(office: &Office, text: &str) {
    office
        .person("bot0")
        .suffers("lose-application", 1)
        .unwrap();
    office.person("lene").say(&sip("bot0"), text);
}

/// Lets the agent come back; returns what it has heard.
fn comes_back(office: &Office, bot: &Bot<'_>) -> Vec<String> {
    for _ in 0..60 {
        office.pass(SECOND);
        office.engine.settle(crate::world::SOON).unwrap();
    }
    bot.view.wait_active(crate::world::SOON).unwrap();
    bot.heard()
}

#[test]
fn it_comes_once_after_the_next_sign_in() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    office.person("lene").say(&sip("bot0"), "before");
    office.pass(3 * SECOND);
    assert_eq!(bot.heard(), ["lene@contoso.com: before"]);
    says_while_away(&office, "while you were out");
    assert_eq!(
        comes_back(&office, &bot),
        ["lene@contoso.com: while you were out"]
    );
    says_while_away(&office, "again");
    assert_eq!(comes_back(&office, &bot), ["lene@contoso.com: again"]);
    office
        .person("bot0")
        .suffers("lose-application", 1)
        .unwrap();
    let none: [&str; 0] = [];
    assert_eq!(comes_back(&office, &bot), none);
    office.person("lene").say(&sip("bot0"), "after");
    office.pass(3 * SECOND);
    assert_eq!(bot.heard(), ["lene@contoso.com: after"]);
}

#[test]
fn a_server_without_logs_is_the_same_without() {
    for set in [("history", "off"), ("shape", "lync2013")] {
        let office = Office::open(&[set]);
        let bot = office.bot(0, &["lene"]);
        office.person("lene").say(&sip("bot0"), "before");
        office.pass(3 * SECOND);
        says_while_away(&office, "lost");
        assert_eq!(
            comes_back(&office, &bot),
            ["lene@contoso.com: before"],
            "{set:?}"
        );
    }
}
