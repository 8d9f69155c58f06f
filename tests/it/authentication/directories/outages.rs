//! A directory that is down: bots that renew do not see it, strangers gain nothing by it.

use super::{corp, is_away, is_wrong, log_in, minutes, world};
use crate::world::seconds;

#[test]
fn a_login_of_late_counts_while_the_directory_is_down_for_fifteen_minutes() {
    let corp = corp();
    let world = world(None, |builder| builder.authenticator(corp.clone()));
    corp.set_down(true);
    is_away(&log_in(&world, r"CORP\bot1", "open"));
    corp.set_down(false);
    let token = log_in(&world, r"CORP\bot1", "open").unwrap();
    corp.set_down(true);
    assert!(world.engine.authenticate(&token).is_ok(), "tokens go on");
    for _ in 0..2 {
        world.pass(minutes(7));
        assert!(log_in(&world, "bot1@corp.test", "open").is_ok());
        is_away(&log_in(&world, "bot1@corp.test", "shut"));
    }
    // A login by memory is no proof for another quarter of an hour.
    world.pass(minutes(1));
    is_away(&log_in(&world, "bot1@corp.test", "open"));
    corp.set_down(false);
    // After failures, answers are held back.
    let login = std::thread::scope(|scope| {
        let login = scope.spawn(|| log_in(&world, "bot1@corp.test", "open"));
        while !login.is_finished() {
            world.pass(seconds(1));
            std::thread::yield_now();
        }
        login.join().unwrap()
    });
    assert!(login.is_ok(), "{login:?}");
}

#[test]
fn a_changed_password_is_refused_at_once_and_remembered_no_more() {
    let corp = corp();
    let world = world(None, |builder| builder.authenticator(corp.clone()));
    assert!(log_in(&world, r"CORP\bot1", "open").is_ok());
    // Somebody's wrong guess does not take the owner's place in an outage.
    is_wrong(&log_in(&world, r"CORP\bot1", "guess"));
    corp.set_down(true);
    assert!(log_in(&world, r"CORP\bot1", "open").is_ok());
    corp.set_down(false);
    corp.entry("bot1@corp.test", |bot| bot.password = "fresh");
    is_wrong(&log_in(&world, r"CORP\bot1", "open"));
    corp.set_down(true);
    is_away(&log_in(&world, r"CORP\bot1", "open"));
    is_away(&log_in(&world, r"CORP\bot1", "fresh"));
    corp.set_down(false);
    assert!(log_in(&world, r"CORP\bot1", "fresh").is_ok());
}
