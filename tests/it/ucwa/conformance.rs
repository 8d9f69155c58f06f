//! The conformance suite over the simulator: pipes, HTTP and TLS.

use super::simulator::person::Manner;
use super::world::{DOMAIN, Way, World, contact, sip};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use switchboard::Address;
use switchboard::backend::{Backend, ChannelId};
use switchboard::testing::conformance::{self, run};

/// A simulator for each check: its tasks run where the check's do.
struct Lync {
    way: Way,
    now: Mutex<Option<Arc<World>>>,
}

impl Lync {
    fn world(&self) -> Arc<World> {
        self.now.lock().clone().expect("a backend was asked for first")
    }
}

impl conformance::World for Lync {
    fn backend(&self) -> Arc<dyn Backend> {
        let world = World::open(self.way, &[("signalling", "0.001")]);
        world.person("lene", Manner::Accept(Duration::from_millis(1)));
        let backend = Arc::new(world.backend());
        *self.now.lock() = Some(Arc::new(world));
        backend
    }

    fn agent_address(&self, n: usize) -> Address {
        Address::parse(&format!("ucwa:bot{n}@{DOMAIN}")).unwrap()
    }

    fn contact(&self) -> Option<ChannelId> {
        ChannelId::parse(&contact("lene")).ok()
    }

    fn say(&self, _channel: &ChannelId, address: &Address, text: &str) -> Option<Result<(), String>> {
        let lene = self.world().simulator.person(&sip("lene")).unwrap();
        lene.say(&format!("sip:{}", address.name()), text);
        Some(Ok(()))
    }

    fn heard(&self, _channel: &ChannelId, address: &Address) -> Option<Vec<String>> {
        let from = format!("sip:{}", address.name());
        let heard = self.world().simulator.person(&sip("lene")).unwrap().heard();
        Some(heard.into_iter().filter(|heard| heard.from == from).map(|heard| heard.text).collect())
    }

    fn sees_online(&self, address: &Address) -> Option<bool> {
        let name = address.name().split('@').next().unwrap_or_default();
        Some(self.world().availability(name).as_deref() == Some("Online"))
    }

    fn cut(&self, address: &Address) -> Option<()> {
        let own = self.world().simulator.person(&format!("sip:{}", address.name())).unwrap();
        own.suffers("lose-application", 1).unwrap();
        own.suffers("drop-channel", 1).unwrap();
        Some(())
    }
}

#[expect(clippy::print_stdout, reason = "which checks were skipped is worth seeing")]
fn conforms(way: Way) {
    let report = run(&Lync { way, now: Mutex::default() });
    report.assert();
    println!("{report}");
}

#[test]
fn it_conforms_over_pipes() {
    conforms(Way::Pipes);
}

#[test]
fn it_conforms_over_http() {
    conforms(Way::Plain);
}

#[test]
fn it_conforms_over_tls() {
    conforms(Way::Tls);
}
