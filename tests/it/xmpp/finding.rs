//! Accounts whose server is found by SRV records, which a dnsmasq gives.

use super::resolver::{DNSMASQ, Resolver};
use super::scripted::{Says, header, serve, stream_error};
use super::server::skipped_without;
use super::town::{SOON, Town, Way, Words, opened};
use crate::port::Port;
use std::time::Instant;
use switchboard::backend::xmpp::{Accounts, Secret, Security, Trust, Xmpp, XmppConfig};
use switchboard::{AgentState, Engine};

fn engine(town: &Town, resolver: &Resolver, security: Security) -> Engine {
    let accounts = Accounts::new(Secret::new("pw-bot1"))
        .security(security)
        .resolver(resolver.address());
    let config = XmppConfig::new("im.test")
        .accounts(accounts)
        .trust(Trust::CaFile(town.server.certificate()));
    let backend = Xmpp::new(config).expect("right");
    let engine = opened(backend);
    engine.put("helper", &town.bot(Way::Account, "bot1"), &[]);
    engine
}

#[test]
fn a_domain_says_where_its_accounts_are() {
    let Some(town) = Town::prosody("XMPP SRV records") else {
        return;
    };
    if skipped_without("XMPP SRV records", DNSMASQ) {
        return;
    }
    // A port where nobody listens, and one with another protocol.
    let reserved = Port::reserve();
    let nobody = reserved.number();
    let stranger = serve(|_, _| Says::Last(String::new()));
    // A web server, a server of other domains, and one whose TLS was taken away on the way.
    let web = serve(|_, _| Says::Last("HTTP/1.1 400 Bad Request\r\n\r\n<html>".into()));
    let other =
        serve(|_, _| Says::Last(header("jabber:client") + &stream_error("host-unknown", "")));
    let bare = serve(|_, _| Says::This(header("jabber:client") + "<stream:features/>"));
    let (plain, direct) = (town.server.value("C2S"), town.server.value("C2S_TLS"));
    let client = |port: &str, priority: u32| {
        format!("_xmpp-client._tcp.im.test,localhost,{port},{priority},5")
    };
    let clients = |port: &str, priority: u32| {
        format!("_xmpps-client._tcp.im.test,localhost,{port},{priority},5")
    };
    let none = |service: &str| format!("_{service}._tcp.im.test");
    for (what, security, records) in [
        (
            "the hosts after the first",
            Security::StartTls,
            vec![
                client(&nobody.to_string(), 1),
                client(&stranger.to_string(), 2),
                client(plain, 3),
            ],
        ),
        (
            "the host after three that do not serve the domain",
            Security::StartTls,
            vec![
                client(&web.to_string(), 1),
                client(&other.to_string(), 2),
                client(&bare.to_string(), 3),
                client(plain, 4),
            ],
        ),
        (
            "the other kind of TLS after a host without TLS",
            Security::DirectTls,
            vec![clients(&web.to_string(), 1), client(plain, 1)],
        ),
        (
            "direct TLS",
            Security::DirectTls,
            vec![client(&nobody.to_string(), 1), clients(direct, 1)],
        ),
        (
            "the other kind of TLS",
            Security::StartTls,
            vec![none("xmpp-client"), clients(direct, 1)],
        ),
    ] {
        let resolver = Resolver::with(&records);
        let active = engine(&town, &resolver, security)
            .agent("helper")
            .expect("there")
            .wait_active(SOON);
        assert!(active.is_ok(), "{what}: {active:?}");
    }
    let resolver = Resolver::with(&[none("xmpp-client"), none("xmpps-client")]);
    let engine = engine(&town, &resolver, Security::StartTls);
    let mut changes = engine.subscribe();
    let deadline = Instant::now() + SOON;
    let told = loop {
        let status = engine.agent_status("helper").expect("there");
        assert_ne!(status.state, AgentState::Active);
        if let Some(reason) = status.reason {
            break reason;
        }
        assert!(
            Instant::now() < deadline,
            "{:?}",
            engine.agent_status("helper")
        );
        let _ = changes.next_timeout(std::time::Duration::from_millis(50));
    };
    assert!(told.contains("serves no accounts"), "{told}");
}
