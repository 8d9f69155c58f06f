//! Which certificates are trusted, and how a connection is secured.

use super::town::{SOON, Town, Way, Words, opened};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};
use switchboard::backend::xmpp::{Accounts, Component, Secret, Security, Trust, Xmpp, XmppConfig};
use switchboard::{AgentState, Engine};

/// An engine with the account `bot1` and these settings.
fn engine(town: &Town, port: &str, security: Security, trust: Trust) -> Engine {
    let accounts = Accounts::new(Secret::new("pw-bot1"))
        .host("127.0.0.1")
        .port(town.server.port(port))
        .security(security);
    let config = XmppConfig::new(town.server.value("DOMAIN"))
        .accounts(accounts)
        .trust(trust);
    let engine = opened(Xmpp::new(config).expect("right"));
    engine.put("helper", &town.bot(Way::Account, "bot1"), &[]);
    engine
}

/// Waits until the agent says why it cannot sign in.
#[track_caller]
fn refusal(engine: &Engine) -> String {
    let (deadline, mut changes) = (Instant::now() + SOON, engine.subscribe());
    loop {
        let status = engine.agent_status("helper").expect("there");
        assert_ne!(status.state, AgentState::Active, "it is let in");
        if let Some(reason) = status.reason {
            return reason;
        }
        assert!(Instant::now() < deadline, "no reason");
        let _ = changes.next_timeout(Duration::from_millis(50));
    }
}

fn fingerprint(town: &Town) -> [u8; 32] {
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(town.server.certificate())
        .output()
        .expect("openssl");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let bytes = text.trim().rsplit('=').next().expect("a value").split(':');
    let bytes: Vec<u8> = bytes
        .map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal"))
        .collect();
    bytes.try_into().expect("32 bytes")
}

#[test]
fn every_way_to_trust_and_none_by_itself() {
    let Some(town) = Town::prosody("XMPP security") else {
        return;
    };
    let pin = fingerprint(&town);
    let mut wrong = pin;
    wrong[0] ^= 1;
    for (port, security) in [
        ("C2S", Security::StartTls),
        ("C2S_TLS", Security::DirectTls),
    ] {
        for trust in [
            Trust::CaFile(town.server.certificate()),
            Trust::PinnedSha256(pin),
            Trust::InsecureAnyCertificate,
        ] {
            let engine = engine(&town, port, security, trust.clone());
            let active = engine.agent("helper").expect("there").wait_active(SOON);
            assert!(active.is_ok(), "{security:?} {trust:?}: {active:?}");
        }
        for trust in [Trust::System, Trust::PinnedSha256(wrong)] {
            let reason = refusal(&engine(&town, port, security, trust.clone()));
            assert!(
                reason.to_lowercase().contains("certificate"),
                "{security:?} {trust:?}: {reason}"
            );
        }
    }
}

#[test]
fn without_tls_only_scram_and_only_on_this_machine() {
    let Some(town) = Town::prosody("XMPP plaintext") else {
        return;
    };
    let engine = engine(&town, "C2S", Security::PlainLoopback, Trust::System);
    engine
        .agent("helper")
        .expect("there")
        .wait_active(SOON)
        .expect("SCRAM goes without TLS on the loopback");
    let remote = Accounts::new(Secret::new("x"))
        .host("192.0.2.1")
        .security(Security::PlainLoopback);
    let config = XmppConfig::new("im.test").accounts(remote);
    // Refused at once or at the first dial, but never dialed.
    if let Ok(backend) = Xmpp::new(config) {
        let engine = opened(backend);
        engine.put("helper", "bot1@im.test", &[]);
        assert!(!refusal(&engine).is_empty());
    }
}

/// A minimal server that answers every stream with that text.
fn answering(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(answer.as_bytes());
            if !answer.is_empty() {
                let _ = stream.read(&mut buffer);
            }
        }
    });
    port
}

#[test]
fn what_a_server_says_in_parting_is_the_reason() {
    const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
        xmlns:stream='http://etherx.jabber.org/streams' id='1' from='agents.im.test'>";
    macro_rules! parting {
        ($condition:literal) => {
            concat!(
                "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                 xmlns:stream='http://etherx.jabber.org/streams' id='1' from='agents.im.test'><stream:error>",
                $condition,
                "</stream:error></stream:stream>"
            )
        };
    }
    let cases = [
        (
            parting!("<host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"),
            "host-unknown",
        ),
        (
            parting!("<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"),
            "conflict",
        ),
        (
            parting!("<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"),
            "resource-constraint",
        ),
        (
            parting!(
                "<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>elsewhere.test</see-other-host>"
            ),
            "see-other-host",
        ),
        (
            parting!(
                "<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
                 <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>closing for today</text>"
            ),
            "closing for today",
        ),
        ("HTTP/1.1 400 Bad Request\r\n\r\n<html>", ""),
        ("", ""),
        (HEADER, ""),
    ];
    for (answer, reason) in cases {
        let component = Component::new(
            "agents.im.test",
            "127.0.0.1",
            answering(answer),
            Secret::new("s3cret"),
        );
        let backend = Xmpp::new(XmppConfig::new("im.test").component(component)).expect("right");
        let engine = opened(backend);
        engine.put("helper", "bot@agents.im.test", &[]);
        let said = refusal(&engine);
        assert!(
            said.contains(reason) && !said.is_empty(),
            "{answer}: {said}"
        );
    }
}
