//! The ways out of a meeting, and back in after the link was lost.

use super::super::world::{Office, sip};
use super::{MINUTE, SECOND, hears, in_meeting, is_active, post, put, room, stands};
use switchboard::{Cursor, EventQuery, JoinState, NewMessage, Principal};

#[test]
fn who_is_ejected_stays_out_until_the_channel_is_put_again() {
    for order in ["invitation-first", "messaging-first", "conversation-first"] {
        let office = Office::open(&[("eject-order", order)]);
        let (bot, uri) = in_meeting(&office, "Strict");
        assert!(office.person("lene").rules(&uri, &sip("bot0"), "eject"));
        office.pass(SECOND);
        let (state, reason) = stands(&office, 0, &uri);
        assert!(
            state == JoinState::Idle && reason.contains("somebody removed the agent"),
            "{order}: {reason}"
        );
        let refused = post(&office, &bot, &uri, NewMessage::text("let me in"));
        assert!(refused.is_err());
        office.pass(10 * MINUTE);
        assert_eq!(
            stands(&office, 0, &uri).0,
            JoinState::Idle,
            "a kick is not undone (§channels/retry)"
        );
        assert_eq!(office.world.simulator.count(&sip("bot0")).1, 0);
        put(&office, 0, &uri);
        is_active(&office, 0, &uri);
        hears(&office, &bot, &uri, "once more, then");
    }
}

#[test]
fn a_meeting_that_is_over_is_told_of() {
    let office = Office::open(&[]);
    let (bot, uri) = in_meeting(&office, "Short");
    let mark = bot
        .view
        .events(Cursor::window(), &EventQuery::all())
        .unwrap();
    assert!(office.person("lene").ends(&uri));
    office.pass(SECOND);
    let (state, reason) = stands(&office, 0, &uri);
    assert!(
        state == JoinState::Idle && reason.contains("the meeting is over"),
        "{reason}"
    );
    let events = bot
        .view
        .events(Cursor::after(mark.last, &mark.instance), &EventQuery::all())
        .unwrap()
        .events;
    assert_eq!(events.len(), 1, "one channel-state event: {events:?}");
}

#[test]
fn a_meeting_is_rejoined_when_the_application_was_lost() {
    for fault in ["lose-application", "expire-application", "resume"] {
        let office = Office::open(&[]);
        let (bot, uri) = in_meeting(&office, "Lasting");
        office.person("bot0").suffers(fault, 1).unwrap();
        // `resume` comes with the next package, and the request that waits ends after three
        // minutes.
        office.pass(4 * MINUTE);
        is_active(&office, 0, &uri);
        assert_eq!(office.world.simulator.count(&sip("bot0")).1, 1, "{fault}");
        hears(&office, &bot, &uri, "still there?");
        post(&office, &bot, &uri, NewMessage::text("yes")).unwrap();
    }
}

#[test]
fn what_the_server_kept_while_the_link_was_down_comes_with_the_next() {
    let office = Office::open(&[("fetch", "600"), ("silence", "0")]);
    let (bot, uri) = in_meeting(&office, "Flaky");
    hears(&office, &bot, &uri, "before");
    let began = office.status(0).since;
    // The link ends, but the application stays in the meeting. The next link finds both again.
    office.person("bot0").suffers("unavailable", 12).unwrap();
    office.person("bot0").suffers("drop-channel", 1).unwrap();
    office.pass(SECOND);
    office.person("lene").says_in(&uri, "meanwhile");
    office.pass(2 * MINUTE);
    assert_ne!(office.status(0).since, began, "it is another link");
    is_active(&office, 0, &uri);
    assert_eq!(
        bot.heard(),
        ["lene@contoso.com: meanwhile"],
        "in the meeting, and once"
    );
    hears(&office, &bot, &uri, "after");
    post(&office, &bot, &uri, NewMessage::text("here again")).unwrap();
    assert_eq!(office.world.simulator.count(&sip("bot0")), (1, 1, 1));
}

#[test]
fn a_meeting_in_which_nobody_spoke_meanwhile_is_found_again_too() {
    let office = Office::open(&[("fetch", "600"), ("silence", "0")]);
    let (bot, uri) = in_meeting(&office, "Quiet");
    let began = office.status(0).since;
    office.person("bot0").suffers("unavailable", 12).unwrap();
    office.person("bot0").suffers("drop-channel", 1).unwrap();
    office.pass(2 * MINUTE);
    assert_ne!(office.status(0).since, began, "it is another link");
    is_active(&office, 0, &uri);
    assert_eq!(
        office.world.simulator.count(&sip("bot0")),
        (1, 1, 1),
        "and the same conversation"
    );
    post(&office, &bot, &uri, NewMessage::text("anybody?")).unwrap();
    hears(&office, &bot, &uri, "I am");
}

#[test]
fn leaving_ends_the_conversation() {
    let office = Office::open(&[]);
    let (_bot, uri) = in_meeting(&office, "Left");
    let admin = office.engine.provisioning(&Principal::host("ada")).unwrap();
    admin.delete_channel("bot0", room(&uri)).unwrap();
    office.pass(SECOND);
    assert_eq!(office.world.simulator.count(&sip("bot0")), (1, 0, 1));
    put(&office, 0, &uri);
    is_active(&office, 0, &uri);
    admin.delete_agent("bot0").unwrap();
    office.pass(6 * SECOND);
    assert_eq!(office.world.simulator.count(&sip("bot0")), (0, 0, 0));
}
