//! Who is asked, and in which order.

use super::{Company, corp, is_away, is_wrong, log_in, world};
use crate::world::World;
use switchboard::{Engine, Error, NewUser};

fn two() -> (Company, Company) {
    let lab = Company::new("lab", &[("bot1@corp.test", "lab")]);
    (corp(), lab)
}

#[test]
fn the_next_is_asked_only_where_one_does_not_know_the_account() {
    let (corp, lab) = two();
    let world = world(None, |builder| {
        builder
            .authenticator(corp.clone())
            .authenticator(lab.clone())
    });
    assert!(log_in(&world, r"CORP\bot1", "open").is_ok());
    assert!(lab.asked().is_empty());
    is_wrong(&log_in(&world, r"CORP\bot1", "lab"));
    assert!(lab.asked().is_empty(), "the first one knows the account");
    corp.change(|state| state.accounts.clear());
    assert!(log_in(&world, r"CORP\bot1", "lab").is_ok());
    assert_eq!(lab.asked().len(), 1);
}

#[test]
fn one_that_is_down_hides_no_other_and_makes_no_password_wrong() {
    let (corp, lab) = two();
    let world = world(None, |builder| {
        builder
            .authenticator(corp.clone())
            .authenticator(lab.clone())
    });
    corp.set_down(true);
    assert!(log_in(&world, r"CORP\bot1", "lab").is_ok());
    is_away(&log_in(&world, r"CORP\bot1", "open"));
    is_away(&log_in(&world, "nobody", "open"));
}

#[test]
fn a_password_here_comes_first() {
    let corp = corp();
    let world = world(None, |builder| builder.authenticator(corp.clone()));
    let user = NewUser::new("bot1", r"CORP\Bot1")
        .unwrap()
        .password("local");
    world.admin().put_user(user.unwrap()).unwrap();
    assert!(log_in(&world, r"CORP\bot1", "local").is_ok());
    assert!(corp.asked().is_empty());
    assert!(
        log_in(&world, r"CORP\bot1", "open").is_ok(),
        "then the directory's"
    );
    is_wrong(&log_in(&world, r"CORP\bot1", "neither"));
    corp.set_down(true);
    assert!(log_in(&world, r"CORP\bot1", "local").is_ok());
}

#[test]
fn the_default_authenticator_is_the_only_one_or_none() {
    let (corp, lab) = two();
    let both = |default: &str| {
        let (corp, lab) = (corp.clone(), lab.clone());
        let default = default.to_owned();
        move |builder: switchboard::Builder| {
            let builder = builder.authenticator(corp).authenticator(lab);
            builder.default_authenticator(default)
        }
    };
    let lab_only = world(None, both("lab"));
    assert!(log_in(&lab_only, r"CORP\bot1", "lab").is_ok());
    is_wrong(&log_in(&lab_only, r"CORP\bot1", "open"));
    assert!(corp.asked().is_empty());
    lab.asked();
    let none: World = world(None, both("none"));
    is_wrong(&log_in(&none, r"CORP\bot1", "open"));
    assert!(corp.asked().is_empty() && lab.asked().is_empty());
    let wrong = both("home")(Engine::builder().in_memory()).open();
    assert!(
        matches!(&wrong, Err(Error::Invalid(text)) if text.contains("home") && text.contains("corp, lab")),
        "{wrong:?}"
    );
    let twice = both("lab")(Engine::builder().in_memory().authenticator(corp.clone())).open();
    assert!(
        matches!(&twice, Err(Error::Invalid(text)) if text.contains("corp")),
        "{twice:?}"
    );
}
