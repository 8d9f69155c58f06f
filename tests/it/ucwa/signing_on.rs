//! Signing on: discovery with its redirects, tokens for each host, and users and servers that are
//! refused.

use super::world::{DOMAIN, Office, PASSWORD, Way, World, contact, sip};
use crate::world::SOON;
use parking_lot::Mutex;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use switchboard::backend::ucwa::{Secret, Trust, Ucwa, UcwaConfig};
use switchboard::{AgentState, Engine, NewAgent, Principal};

#[test]
fn every_form_of_the_challenge_is_read() {
    for form in ["two", "folded", "unquoted", "no-issuers", "passive"] {
        let office = Office::open(&[("challenge", form)]);
        let bot = office.bot(0, &["lene"]);
        bot.says("lene", form).unwrap();
    }
}

#[test]
fn applications_and_users_on_other_hosts_get_tokens_of_their_own() {
    for (switch, value) in [
        ("root-redirect", "https://other.contoso.com"),
        ("user-redirect", "https://pool02.contoso.com"),
        ("pool", "https://pool03.contoso.com:4443"),
    ] {
        let office = Office::open(&[(switch, value)]);
        let bot = office.bot(0, &["lene"]);
        bot.says("lene", "hello").unwrap();
        assert_eq!(office.status(0).state, AgentState::Active, "{switch}");
    }
}

#[test]
fn nobody_is_followed_to_a_foreign_host_or_out_of_tls() {
    for (switch, value, sentence) in [
        (
            "root-redirect",
            "https://lyncdiscover.evil.example",
            "not among the hosts",
        ),
        (
            "user-redirect",
            "https://contoso.com.evil.example",
            "not among the hosts",
        ),
        ("pool", "https://evilcontoso.com", "not among the hosts"),
        ("pool", "http://pool.contoso.com", "without TLS"),
    ] {
        let office = Office::open(&[(switch, value)]);
        office.put(0, &["lene"]);
        let status = office.status(0);
        let reason = status.reason.unwrap_or_default();
        assert!(
            status.state == AgentState::Idle && reason.contains(sentence),
            "{switch}: {reason}"
        );
    }
    let office = Office::of(&[("pool", "https://pool.contoso.local")], |config| {
        config.host("contoso.local")
    });
    office.bot(0, &["lene"]).says("lene", "allowed").unwrap();
}

#[test]
fn a_wrong_password_is_refused_and_tried_after_minutes_or_once_it_was_changed() {
    let stored = Arc::new(Mutex::new("guess"));
    let secret = stored.clone();
    let source = move |_: &str| Ok(Secret::new(*secret.lock()));
    let office = Office::of(&[], |_| {
        switchboard::backend::ucwa::UcwaConfig::new(DOMAIN, source)
            .root(format!("https://lyncdiscover.{DOMAIN}/"))
    });
    office.put(0, &["lene"]);
    let status = office.status(0);
    let reason = status.reason.unwrap_or_default();
    assert!(
        status.state == AgentState::Idle
            && reason.contains("the login of `bot0@contoso.com` was refused"),
        "{reason}"
    );
    assert!(!reason.contains("guess"));
    assert_eq!(
        status.next_try.map(|next| next - status.since),
        Some(chrono::TimeDelta::minutes(5))
    );
    office.pass(Duration::from_secs(60));
    assert_eq!(office.status(0).state, AgentState::Idle);
    *stored.lock() = PASSWORD;
    office.pass(Duration::from_secs(12));
    assert_eq!(office.status(0).state, AgentState::Active);
}

#[test]
fn a_server_is_found_by_its_domain() {
    let office = Office::of(&[], |_| {
        switchboard::backend::ucwa::UcwaConfig::new(DOMAIN, Secret::new(PASSWORD))
    });
    office.bot(0, &["lene"]).says("lene", "found").unwrap();
}

#[test]
fn no_origin_is_sent_that_a_server_could_refuse() {
    let office = Office::open(&[("origin-allowed", "off")]);
    office.bot(0, &["lene"]).says("lene", "hello").unwrap();
}

#[test]
fn an_agent_signed_out_is_gone_from_the_server() {
    let office = Office::open(&[]);
    let bot = office.bot(0, &["lene"]);
    bot.says("lene", "hello").unwrap();
    let seen = || office.world.availability("bot0");
    assert_eq!(seen().as_deref(), Some("Online"));
    office
        .engine
        .provisioning(&Principal::host("ada"))
        .unwrap()
        .delete_agent("bot0")
        .unwrap();
    office.pass(Duration::from_secs(6));
    assert_eq!(office.world.simulator.count(&sip("bot0")), (0, 0, 0));
    assert_eq!(seen().as_deref(), Some("Offline"));
    // And back again, on the same address.
    office.bot(0, &["lene"]).says("lene", "back").unwrap();
}

#[test]
fn a_server_whose_certificate_nobody_believes_is_refused() {
    let world = World::open(Way::Tls, &[]);
    let reason = reason(world.config().trust(Trust::System));
    assert!(reason.contains("TLS with `localhost`"), "{reason}");
}

/// The two ends of a handshake with a server that has none of our cipher suites: an alert, and
/// nothing, as Windows does it.
#[test]
fn a_server_without_our_cipher_suites_is_named_with_the_remedy() {
    const HANDSHAKE_FAILURE: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    for last_words in [HANDSHAKE_FAILURE, b""] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = format!("https://{address}/");
        let stopped = Arc::new(AtomicBool::new(false));
        let told = stopped.clone();
        // It hangs up on each attempt, however many there are before the reason is read.
        let server = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                hang_up(stream.unwrap(), last_words);
            }
        });
        let reason = reason(UcwaConfig::new(DOMAIN, Secret::new(PASSWORD)).root(root));
        for told in ["Windows Server 2012 R2", "tls = \"openssl\""] {
            assert!(reason.contains(told), "{reason}");
        }
        stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(address));
        server.join().unwrap();
    }
}

/// Says `last_words` to a client whose first message was read to its end. A client that leaves
/// before is let go.
fn hang_up(mut stream: TcpStream, last_words: &[u8]) {
    stream.set_read_timeout(Some(SOON)).unwrap();
    // Its length is in the last two of the five bytes before the client's first message.
    let mut head = [0; 5];
    if stream.read_exact(&mut head).is_ok() {
        let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        let _ = stream.read_exact(&mut hello);
        let _ = stream.write_all(last_words);
    }
}

/// Returns why an agent of that service does not become active.
fn reason(config: UcwaConfig) -> String {
    let engine = Engine::builder()
        .in_memory()
        .backend(Ucwa::new(config).unwrap())
        .open()
        .unwrap();
    let agent = NewAgent::new("bot0", format!("ucwa:bot0@{DOMAIN}")).unwrap();
    let agent = agent.channel(contact("lene")).unwrap();
    let admin = engine.provisioning(&Principal::host("ada")).unwrap();
    let mut changes = engine.subscribe();
    admin.put_agent(agent).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let reason = loop {
        let status = engine.agent_status("bot0").unwrap();
        assert!(Instant::now() < deadline, "{status:?}");
        if let Some(reason) = status.reason {
            break reason;
        }
        let _ = changes.next_timeout(Duration::from_millis(20));
    };
    engine.shutdown(Duration::from_secs(10)).unwrap();
    reason
}
