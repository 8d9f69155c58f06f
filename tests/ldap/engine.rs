//! Engines whose users exist in the directory only: as the vendor's tools provision them.

use crate::server::{FAST, Slapd, domains};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use switchboard::backend::Loopback;
use switchboard::directory::Ldap;
use switchboard::testing::ManualClock;
use switchboard::{Credentials, Engine, Error, NewAgent, NewMessage, NewUser, Principal};

const ROOM: &str = "chat-room:ops";
const SOON: Duration = Duration::from_secs(30);

fn engine(ldap: Ldap) -> (Engine, ManualClock) {
    let (chat, clock) = (Loopback::new(), ManualClock::new());
    chat.room(ROOM, "Operations");
    let builder = Engine::builder()
        .in_memory()
        .backend(chat)
        .clock(clock.clone());
    let builder = builder.authenticator(ldap).domains(domains());
    let engine = builder.super_user_of_directory(r"CORP\bob").open().unwrap();
    let admin = engine.provisioning(&Principal::host("tools")).unwrap();
    admin
        .put_user(NewUser::new("alice", r"CORP\Alice").unwrap())
        .unwrap();
    let echo = NewAgent::new("echo", "loopback:echo").unwrap();
    admin
        .put_agent(echo.channel(ROOM).unwrap().user("alice").unwrap())
        .unwrap();
    (engine, clock)
}

fn alice(password: &str) -> Credentials {
    Credentials::agent("alice@corp.test", password, "echo")
}

#[test]
fn a_user_without_a_password_logs_in_and_is_out_when_the_directory_says_so() {
    let Some(mut slapd) = Slapd::start() else {
        return;
    };
    let ldap = Ldap::new(slapd.config(&slapd.plain()).timeout(FAST)).unwrap();
    let (engine, clock) = engine(ldap);
    let token = engine.log_in(&alice("pw-alice")).unwrap();
    let principal = engine.authenticate(&token).unwrap();
    let view = engine.collaboration(&principal).unwrap();
    view.wait_joined(ROOM, SOON).unwrap();
    view.post(ROOM, NewMessage::text("hello")).unwrap();
    let wrong = engine.log_in(&alice("pw-bob"));
    assert!(matches!(wrong, Err(Error::Unauthorized(_))), "{wrong:?}");
    assert!(
        engine
            .log_in(&Credentials::super_user("bob", "pw-bob"))
            .is_err(),
        "he has a domain"
    );
    assert!(
        engine
            .log_in(&Credentials::super_user("bob@corp.test", "pw-bob"))
            .is_ok()
    );

    // In an outage those of late go on, and nobody is told that a password is wrong.
    slapd.kill();
    assert!(engine.log_in(&alice("pw-alice")).is_ok());
    let other = engine.log_in(&alice("pw-carl"));
    assert!(
        matches!(&other, Err(error) if error.retry_after().is_some()),
        "{other:?}"
    );
    view.post(ROOM, NewMessage::text("still here")).unwrap();
    slapd.begin();

    slapd.modify("dn: cn=Alice (Adams),ou=Users,dc=corp,dc=test\nchangetype: modify\nreplace: userPassword\nuserPassword: fresh\n");
    assert!(engine.log_in(&alice("pw-alice")).is_err());
    assert!(engine.log_in(&alice("fresh")).is_ok());
    slapd.modify("dn: cn=Alice (Adams),ou=Users,dc=corp,dc=test\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n");
    assert!(engine.authenticate(&token).is_ok(), "until the next look");
    clock.advance(Duration::from_secs(601));
    let limit = std::time::Instant::now() + SOON;
    while engine.authenticate(&token).is_ok() {
        assert!(std::time::Instant::now() < limit, "the token ends");
        thread::yield_now();
    }
    engine.shutdown(SOON).unwrap();
}

#[test]
fn two_hundred_logins_at_once_get_their_answers() {
    let Some(slapd) = Slapd::start() else { return };
    let config = slapd
        .config(&slapd.secure())
        .trust(slapd.trust())
        .connections(4);
    let (engine, _clock) = engine(Ldap::new(config).unwrap());
    let (right, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for n in 0..200 {
            let (engine, right, wrong) = (&engine, &right, &wrong);
            scope.spawn(move || {
                let is_right = n % 4 != 0;
                // Names of their own where they are wrong, or answers would be held back.
                let login = match is_right {
                    true => alice("pw-alice"),
                    false => Credentials::agent(format!("stranger{n}"), "pw", "echo"),
                };
                match engine.log_in(&login) {
                    Ok(_) => right.fetch_add(1, Ordering::Relaxed),
                    Err(Error::Unauthorized(_)) => wrong.fetch_add(1, Ordering::Relaxed),
                    Err(error) => panic!("{error}"),
                };
            });
        }
    });
    assert_eq!((right.into_inner(), wrong.into_inner()), (150, 50));
    engine.shutdown(SOON).unwrap();
}
