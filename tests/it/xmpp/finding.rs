//! Accounts whose server is found by SRV records, which a dnsmasq gives.

use super::scripted::{Says, serve};
use super::server::skipped_without;
use super::town::{SOON, Town, Way, Words};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use switchboard::backend::xmpp::{Accounts, Secret, Security, Trust, Xmpp, XmppConfig};
use switchboard::{AgentState, Engine};

const DNSMASQ: &str = "/usr/sbin/dnsmasq";

/// A resolver with those records; dropping it ends it.
struct Resolver(Child, SocketAddr);

impl Resolver {
    fn with(records: &[String]) -> Resolver {
        let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
        let mut command = Command::new(DNSMASQ);
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file", "--user=root"]);
        command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/im.test/"]);
        command.arg(format!("--port={}", free.port()));
        command.args(records.iter().map(|record| format!("--srv-host={record}")));
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("dnsmasq starts");
        Resolver(child, free)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn engine(town: &Town, resolver: &Resolver, security: Security) -> Engine {
    let accounts = Accounts::new(Secret::new("pw-bot1")).security(security).resolver(resolver.1);
    let config = XmppConfig::new("im.test").accounts(accounts).trust(Trust::CaFile(town.server.certificate()));
    let backend = Xmpp::new(config).expect("right");
    let engine = Engine::builder().in_memory().backend(backend).open().expect("opens");
    engine.put("helper", &town.bot(Way::Account, "bot1"), &[]);
    engine
}

#[test]
fn a_domain_says_where_its_accounts_are() {
    let Some(town) = Town::prosody("XMPP SRV records") else { return };
    if skipped_without("XMPP SRV records", DNSMASQ) {
        return;
    }
    // A port where nobody is any more, and one where somebody speaks something else.
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let stranger = serve(|_, _| Says::Last(String::new()));
    let (plain, direct) = (town.server.value("C2S"), town.server.value("C2S_TLS"));
    let client = |port: &str, priority: u32| format!("_xmpp-client._tcp.im.test,localhost,{port},{priority},5");
    let clients = |port: &str, priority: u32| format!("_xmpps-client._tcp.im.test,localhost,{port},{priority},5");
    let none = |service: &str| format!("_{service}._tcp.im.test");
    for (what, security, records) in [
        (
            "the hosts after the first",
            Security::StartTls,
            vec![client(&nobody.to_string(), 1), client(&stranger.to_string(), 2), client(plain, 3)],
        ),
        ("direct TLS", Security::DirectTls, vec![client(&nobody.to_string(), 1), clients(direct, 1)]),
        ("the other kind of TLS", Security::StartTls, vec![none("xmpp-client"), clients(direct, 1)]),
    ] {
        let resolver = Resolver::with(&records);
        let active = engine(&town, &resolver, security).agent("helper").expect("there").wait_active(SOON);
        assert!(active.is_ok(), "{what}: {active:?}");
    }
    let resolver = Resolver::with(&[none("xmpp-client"), none("xmpps-client")]);
    let engine = engine(&town, &resolver, Security::StartTls);
    let mut changes = engine.subscribe();
    let told = loop {
        let status = engine.agent_status("helper").expect("there");
        assert_ne!(status.state, AgentState::Active);
        match status.reason {
            // Until dnsmasq listens, the domain itself is looked for.
            Some(reason) if reason.contains("im.test:5222") => {}
            Some(reason) => break reason,
            None => {}
        }
        let _ = changes.next_timeout(std::time::Duration::from_millis(50));
    };
    assert!(told.contains("serves no accounts"), "{told}");
}
