//! Faults between a client and a Lync server, one by one (§ucwa/troubles). After each, the agent is
//! Active again, nothing that the server kept is lost, and nothing comes twice.

use super::simulator::control::FAULTS;
use super::world::{Office, sip};
use std::time::Duration;
use switchboard::{AgentState, Error};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Says something to the agent and checks that it comes once.
#[track_caller]
fn hears(office: &Office, bot: &super::world::Bot<'_>, text: &str) {
    office.person("lene").say(&sip("bot0"), text);
    office.pass(3 * SECOND);
    assert_eq!(bot.heard(), [format!("lene@contoso.com: {text}")]);
}

#[test]
fn an_application_lives_for_hours() {
    let office = Office::open(&[
        ("idle-channel", "300"),
        ("idle-activity", "240"),
        ("inactive", "240"),
    ]);
    let bot = office.bot(0, &["lene"]);
    let began = office.status(0).since;
    for hour in 1..=3 {
        office.pass(60 * MINUTE);
        assert_eq!(
            (office.status(0).state, office.status(0).since),
            (AgentState::Active, began),
            "hour {hour}"
        );
        assert_eq!(
            office.world.simulator.count(&sip("bot0")),
            (1, usize::from(hour > 1), 1)
        );
        hears(&office, &bot, &format!("hour {hour}"));
    }
}

#[test]
fn the_event_channel_outlives_every_fault_of_its_line() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    let began = office.status(0).since;
    hears(&office, &bot, "first");
    for fault in ["drop-channel", "lose-package", "resync", "resume"] {
        for round in 0..3 {
            office.person("bot0").suffers(fault, 1).unwrap();
            office.pass(SECOND);
            hears(&office, &bot, &format!("after {fault} {round}"));
        }
    }
    assert_eq!(
        office.status(0).since,
        began,
        "on one application all the time"
    );
    assert_eq!(office.world.simulator.count(&sip("bot0")).0, 1);
}

#[test]
fn a_request_that_the_server_swallowed_is_made_again() {
    let office = Office::open(&[("idle-channel", "0"), ("silence", "0")]);
    let bot = office.bot(0, &["lene"]);
    hears(&office, &bot, "first");
    office.person("bot0").suffers("swallow-pget", 1).unwrap();
    hears(&office, &bot, "the last before it");
    office.pass(4 * MINUTE);
    hears(&office, &bot, "and after");
}

#[test]
fn proxies_pages_and_refusals_for_a_while_are_waited_out() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    let began = office.status(0).since;
    for (fault, count) in [
        ("unavailable", 5),
        ("bad-gateway", 5),
        ("throttle", 3),
        ("cut", 4),
    ] {
        office.person("bot0").suffers("drop-channel", 1).unwrap();
        office.person("bot0").suffers(fault, count).unwrap();
        office.pass(20 * SECOND);
        hears(&office, &bot, &format!("after {fault}"));
    }
    assert_eq!(office.status(0).since, began);
}

#[test]
fn the_pause_that_a_server_asks_for_is_kept_unless_it_would_lose_messages() {
    for (asked, kept) in [("8", 8), ("3600", 10)] {
        let office = Office::open(&[("retry-after", asked)]);
        let bot = office.bot(0, &["lene"]);
        office.person("bot0").suffers("unavailable", 1).unwrap();
        office.person("bot0").suffers("drop-channel", 1).unwrap();
        office.person("lene").say(&sip("bot0"), "are you there?");
        office.pass((kept - 1) * SECOND);
        let parked = || office.world.simulator.count(&sip("bot0")).2;
        assert_eq!((parked(), bot.heard().len()), (0, 0), "not asked yet");
        office.pass(2 * SECOND);
        assert_eq!(bot.heard(), ["lene@contoso.com: are you there?"]);
        office.pass(8 * SECOND);
        assert_eq!(parked(), 1);
        hears(&office, &bot, "thank you for waiting");
    }
}

#[test]
fn an_agent_that_hears_nothing_is_not_active() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    hears(&office, &bot, "before");
    office.person("bot0").suffers("drop-channel", 1).unwrap();
    office.person("bot0").suffers("unavailable", 1000).unwrap();
    office.pass(40 * SECOND);
    assert_eq!(office.status(0).state, AgentState::Idle);
    for _ in 0..30 {
        office.pass(10 * SECOND);
        assert_ne!(office.status(0).state, AgentState::Active);
    }
}

#[test]
fn somebody_else_with_this_endpoint_is_told_and_not_fought() {
    let office = Office::open(&[]);
    let _bot = office.bot(0, &["lene"]);
    office.person("bot0").suffers("replace-pget", 1).unwrap();
    office.pass(SECOND);
    let status = office.status(0);
    assert_eq!(status.state, AgentState::Idle);
    let reason = status.reason.unwrap_or_default();
    assert!(
        reason.contains("another program is signed in as this account's endpoint"),
        "{reason}"
    );
    office.pass(58 * SECOND);
    assert_eq!(
        office.status(0).state,
        AgentState::Idle,
        "nobody is thrown out twice a second"
    );
    office.pass(2 * SECOND);
    assert_eq!(office.status(0).state, AgentState::Active);
}

#[test]
fn an_application_that_is_gone_is_made_anew() {
    for fault in ["lose-application", "expire-application"] {
        let office = Office::open(&[]);
        let bot = office.bot(0, &["lene"]);
        bot.says("lene", "before").unwrap();
        office.person("bot0").suffers(fault, 1).unwrap();
        office.pass(2 * SECOND);
        assert_eq!(office.status(0).state, AgentState::Active, "{fault}");
        assert_eq!(office.world.simulator.count(&sip("bot0")).0, 1);
        bot.says("lene", "after").unwrap();
        hears(&office, &bot, "and back");
    }
}

#[test]
fn a_server_that_throws_the_account_out_again_and_again_is_not_asked_in_a_tight_loop() {
    let office = Office::open(&[]);
    let _bot = office.bot(0, &["lene"]);
    office.pass(2 * MINUTE);
    let mut losses = 0;
    for _ in 0..600 {
        if office.status(0).state == AgentState::Active {
            losses += 1;
            office
                .person("bot0")
                .suffers("lose-application", 1)
                .unwrap();
        }
        office.pass(SECOND);
    }
    assert!((8..60).contains(&losses), "{losses} in ten minutes");
}

#[test]
fn an_account_with_too_many_applications_says_so_and_waits() {
    let office = Office::open(&[("max-applications", "0")]);
    office.put(0, &["lene"]);
    let status = office.status(0);
    let reason = status.reason.unwrap_or_default();
    assert!(
        status.state == AgentState::Idle && reason.contains("too many applications"),
        "{reason}"
    );
    assert_eq!(
        status.next_try.map(|next| next - status.since),
        Some(chrono::TimeDelta::seconds(60))
    );
}

#[test]
fn a_token_that_ended_is_renewed_and_the_application_stays() {
    for (status, form) in [("401", "two"), ("403", "two"), ("401", "folded")] {
        let office = Office::open(&[("expired-token", status), ("challenge", form)]);
        let bot = office.bot(0, &["lene"]);
        let began = office.status(0).since;
        bot.says("lene", "before").unwrap();
        office.person("bot0").suffers("expire-tokens", 1).unwrap();
        bot.says("lene", "after").unwrap();
        hears(&office, &bot, "and back");
        assert_eq!(
            (office.status(0).state, office.status(0).since),
            (AgentState::Active, began),
            "{status}"
        );
        assert_eq!(
            office.world.simulator.count(&sip("bot0")).1,
            1,
            "the conversation stands"
        );
    }
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let office = Office::open(&[("token-life", "1800")]);
    let bot = office.bot(0, &["lene"]);
    let began = office.status(0).since;
    for _ in 0..4 {
        office.pass(29 * MINUTE);
        hears(&office, &bot, "still here");
    }
    assert_eq!(office.status(0).since, began);
}

#[test]
fn the_answer_may_come_after_its_events() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    office.person("bot0").suffers("reorder", 1).unwrap();
    bot.says("lene", "hello").unwrap();
    bot.says("lene", "again").unwrap();
    assert_eq!(office.person("lene").heard().len(), 2);
}

#[test]
fn a_post_whose_answer_was_lost_is_answered_by_its_report() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    for text in ["in the invitation", "in the conversation"] {
        office.person("bot0").suffers("lose-answer", 1).unwrap();
        bot.says("lene", text).unwrap();
    }
    let texts: Vec<String> = office
        .person("lene")
        .heard()
        .into_iter()
        .map(|heard| heard.text)
        .collect();
    assert_eq!(
        texts,
        ["in the invitation", "in the conversation"],
        "and not twice"
    );
}

#[test]
fn a_post_that_a_proxy_answered_may_be_made_again_only_if_it_did_not_arrive() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    bot.says("lene", "one").unwrap();
    office.person("bot0").suffers("unavailable", 1).unwrap();
    let refused = bot.says("lene", "two");
    assert!(
        matches!(refused, Err(Error::Unreachable(_) | Error::Busy { .. })),
        "{refused:?}"
    );
    office.person("bot0").suffers("bad-gateway", 1).unwrap();
    let unclear = bot.says("lene", "three");
    assert!(
        matches!(unclear, Err(Error::OutcomeUnknown(_))),
        "{unclear:?}"
    );
    office.person("bot0").suffers("throttle", 1).unwrap();
    let refused = bot.says("lene", "four");
    assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
    bot.says("lene", "five").unwrap();
    let texts: Vec<String> = office
        .person("lene")
        .heard()
        .into_iter()
        .map(|heard| heard.text)
        .collect();
    assert_eq!(texts, ["one", "five"]);
}

#[test]
fn what_was_said_while_the_link_was_down_for_seconds_is_fetched_by_the_next() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    hears(&office, &bot, "before");
    // The link ends, but the application stays. The next link finds it again.
    office.person("bot0").suffers("unavailable", 12).unwrap();
    office.person("bot0").suffers("drop-channel", 1).unwrap();
    office.pass(SECOND);
    office.person("lene").say(&sip("bot0"), "meanwhile");
    let mut waited = 0;
    while office.person("bot0").suffers("unavailable", 0).unwrap() == 0
        || bot.view.channel(super::world::contact("lene")).is_err()
    {
        office.pass(SECOND);
        waited += 1;
        assert!(waited < 120);
    }
    office.pass(MINUTE);
    assert_eq!(bot.heard(), ["lene@contoso.com: meanwhile"]);
    hears(&office, &bot, "after");
}

#[test]
fn the_simulator_has_no_fault_that_ends_an_agent_for_good() {
    for fault in FAULTS {
        let office = Office::open(&[]);
        let bot = office.bot(0, &["lene"]);
        bot.says("lene", "hello").unwrap();
        office.person("bot0").suffers(fault, 2).unwrap();
        // Two requests that are never answered are noticed after ten minutes, because a normal one
        // waits for three.
        office.pass(11 * MINUTE);
        assert_eq!(office.status(0).state, AgentState::Active, "{fault}");
        bot.says("lene", "still here")
            .unwrap_or_else(|error| panic!("{fault}: {error}"));
        hears(&office, &bot, fault);
    }
}
