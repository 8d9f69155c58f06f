//! Servers that are down, slow, or refuse the service account: never a wrong password.

use crate::server::{Asking, FAST, SERVICE, Slapd, is_away};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;
use switchboard::backend::StoredSecret;
use switchboard::directory::Checked;

/// A server that accepts connections and says nothing; gone with its test.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn a_server_that_is_killed_is_away_and_comes_back() {
    let Some(mut slapd) = Slapd::start() else {
        return;
    };
    let corp = Asking::of(slapd.config(&slapd.plain()).timeout(FAST));
    assert!(corp.is_right("alice", "pw-alice"));
    slapd.kill();
    is_away(corp.check("alice", "pw-alice"));
    is_away(corp.check("nobody", "pw-alice"));
    is_away(corp.nobody("pw-alice"));
    is_away(corp.look_again("alice"));
    slapd.begin();
    // The pooled connections are dead: they are replaced within the first login.
    assert!(corp.is_right("alice", "pw-alice"));
    slapd.kill();
    slapd.begin();
    assert_eq!(corp.check("alice", "pw-bob").unwrap(), Checked::Wrong);
}

#[test]
fn the_next_server_answers_for_one_that_is_dead_or_silent() {
    let Some(slapd) = Slapd::start() else { return };
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead_url = format!("ldap://{}", dead.local_addr().unwrap());
    drop(dead);
    let (_kept, silent_url) = silent();
    for first in [dead_url, silent_url] {
        let config = slapd.config(&first).server(slapd.plain()).timeout(FAST);
        let corp = Asking::of(config);
        assert!(corp.is_right("alice", "pw-alice"), "{first}");
        // The one that failed is asked last for a while.
        let began = Instant::now();
        assert_eq!(corp.check("alice", "pw-bob").unwrap(), Checked::Wrong);
        assert!(corp.is_right("bob", "pw-bob"));
        assert!(began.elapsed() < FAST, "{:?}", began.elapsed());
    }
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    let Some(slapd) = Slapd::start() else { return };
    let (_kept, url) = silent();
    let corp = Asking::of(slapd.config(&url).timeout(FAST));
    let began = Instant::now();
    is_away(corp.check("alice", "pw-alice"));
    assert!(began.elapsed() < FAST * 6, "{:?}", began.elapsed());
}

#[test]
fn a_service_account_that_is_refused_is_no_wrong_password() {
    let Some(slapd) = Slapd::start() else { return };
    std::fs::write(slapd.file("wrong"), "not this one").unwrap();
    let secret = StoredSecret::File(slapd.file("wrong"));
    let corp = Asking::of(slapd.config(&slapd.plain()).service(SERVICE, secret));
    is_away(corp.check("alice", "pw-alice"));
    let steps = corp.explain("alice", "pw-alice");
    assert!(
        steps
            .iter()
            .any(|step| !step.is_done && step.outcome.contains("service account")),
        "{steps:?}"
    );
    // The secret is read at each connection, so a mended one needs no restart.
    std::fs::write(slapd.file("wrong"), "pw-svc").unwrap();
    assert!(corp.is_right("alice", "pw-alice"));
}

/// A line between the directory and the server that passes so many bytes of answers, and is then
/// cut in the middle.
fn cut_after(port: u16, bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                return;
            };
            let (mut up, mut down) = (client.try_clone().unwrap(), client);
            let (mut to, mut from) = (server.try_clone().unwrap(), server);
            std::thread::spawn(move || std::io::copy(&mut up, &mut to));
            std::thread::spawn(move || {
                let mut left = bytes;
                let mut piece = [0; 64];
                while left > 0 {
                    let Ok(read @ 1..) = from.read(&mut piece) else {
                        break;
                    };
                    let passed = read.min(left);
                    if down.write_all(&piece[..passed]).is_err() {
                        break;
                    }
                    left -= passed;
                }
                let _ = down.shutdown(std::net::Shutdown::Both);
                let _ = from.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    url
}

#[test]
fn a_line_that_is_cut_anywhere_is_no_wrong_password() {
    let Some(slapd) = Slapd::start() else { return };
    for bytes in [0, 1, 5, 13, 14, 15, 20, 40, 80] {
        let url = cut_after(slapd.port(), bytes);
        let corp = Asking::of(slapd.config(&url).timeout(FAST));
        for password in ["pw-alice", "pw-bob"] {
            let checked = corp.check("alice", password);
            // What came through whole counts; what was cut does not.
            let is_sound = match &checked {
                Ok(Checked::Right(_)) => password == "pw-alice",
                Ok(Checked::Wrong) => password == "pw-bob",
                Ok(_) => false,
                Err(error) => error.retry_after().is_some(),
            };
            assert!(is_sound, "after {bytes} bytes, {password}: {checked:?}");
        }
    }
}
