//! Accounts that were disabled: their tokens end at the next look.

use super::{corp, log_in, minutes, world};
use crate::world::{Disk, begin};
use switchboard::{EventQuery, NewUser};

#[test]
fn the_tokens_of_a_disabled_account_end_and_so_do_its_waits() {
    let (corp, disk) = (corp(), Disk::new());
    let world = world(Some(&disk), |builder| builder.authenticator(corp.clone()));
    let token = log_in(&world, r"CORP\bot1", "open").unwrap();
    let local = NewUser::new("lene", "lene").unwrap().password("local");
    world.admin().put_user(local.unwrap()).unwrap();
    let echo = world.admin().agent("echo").unwrap();
    assert_eq!(echo.users.len(), 1);
    let wait = {
        let principal = world.engine.authenticate(&token).unwrap();
        let view = world.engine.collaboration(&principal).unwrap();
        begin(view.wait_events_async(world.mark(&view), EventQuery::all(), minutes(60)))
    };
    world.until(|stats| stats.waiters == 1);
    world.pass(minutes(11));
    assert!(world.engine.authenticate(&token).is_ok());
    assert_eq!(
        corp.asked(),
        [r"CORP\Bot1", r"CORP\Bot1"],
        "the login, and a look"
    );

    corp.entry("bot1@corp.test", |bot| bot.is_disabled = true);
    corp.set_down(true);
    world.pass(minutes(10));
    assert!(world.engine.authenticate(&token).is_ok(), "nobody can tell");
    corp.set_down(false);
    world.pass(minutes(10));
    world.settle();
    assert!(world.engine.authenticate(&token).is_err());
    assert!(
        wait.join().unwrap().unwrap().events.is_empty(),
        "its wait ends"
    );
    let audit = world.admin().audit(0, 100).unwrap();
    let row = audit.iter().find(|row| row.action == "end tokens").unwrap();
    assert_eq!((row.who.as_str(), row.subject.as_str()), ("engine", "bot1"));
    // Neither the row of the token nor the remembered password is left.
    corp.set_down(true);
    super::is_away(&log_in(&world, r"CORP\bot1", "open"));
    let world = world.restart_with(&disk, |builder| builder.authenticator(corp.clone()));
    assert!(world.engine.authenticate(&token).is_err());
}

#[test]
fn users_with_a_password_here_are_not_looked_at() {
    let corp = corp();
    let world = world(None, |builder| builder.authenticator(corp.clone()));
    let local = NewUser::new("bot1", r"CORP\Bot1")
        .unwrap()
        .password("local");
    world.admin().put_user(local.unwrap()).unwrap();
    let token = log_in(&world, r"CORP\bot1", "local").unwrap();
    corp.change(|state| state.accounts.clear());
    world.pass(minutes(30));
    world.settle();
    assert!(world.engine.authenticate(&token).is_ok());
    assert!(corp.asked().is_empty());
}
