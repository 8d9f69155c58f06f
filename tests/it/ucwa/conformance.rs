//! The conformance suite against the simulator: over pipes, HTTP and TLS.

use super::simulator::control::Driven;
use super::simulator::person::{Heard, Manner};
use super::world::{DOMAIN, Way, World, contact, sip};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use switchboard::Address;
use switchboard::backend::{Backend, ChannelId, ChannelKind};
use switchboard::testing::conformance::{self, run};

/// A simulator for each check. Its tasks run on the runtime of the check.
struct Lync {
    way: Way,
    now: Mutex<Option<Arc<Town>>>,
}

struct Town {
    world: World,
    /// A meeting that Lene holds, and one that nobody holds.
    meetings: [String; 2],
}

impl Lync {
    fn town(&self) -> Arc<Town> {
        self.now
            .lock()
            .clone()
            .expect("a backend was asked for first")
    }

    fn person(&self, name: &str) -> Driven {
        self.town().world.simulator.person(&sip(name)).unwrap()
    }

    fn room(&self, n: usize) -> Option<ChannelId> {
        ChannelId::parse(&format!("chat-room:{}", self.town().meetings[n])).ok()
    }
}

fn uri(address: &Address) -> String {
    format!("sip:{}", address.name())
}

impl conformance::World for Lync {
    fn backend(&self) -> Arc<dyn Backend> {
        let world = World::open(self.way, &[("signalling", "0.001")]);
        world.person("lene", Manner::Accept(Duration::from_millis(1)));
        let backend = Arc::new(world.backend());
        let person = |name: &str| world.simulator.person(&sip(name)).unwrap();
        // The search finds the account's own meetings: Bot 0 has scheduled this one, and Lene is in
        // it.
        let meeting = person("bot0").holds_meeting("Ops", "Everyone");
        assert!(person("lene").joins(&meeting) && person("bot0").leaves_meeting(&meeting));
        let meetings = [
            meeting,
            format!("sip:olaf@{DOMAIN};gruu;opaque=app:conf:focus:id:NOWHERE0"),
        ];
        *self.now.lock() = Some(Arc::new(Town { world, meetings }));
        backend
    }

    fn agent_address(&self, n: usize) -> Address {
        Address::parse(&format!("ucwa:bot{n}@{DOMAIN}")).unwrap()
    }

    fn room(&self) -> Option<ChannelId> {
        Lync::room(self, 0)
    }

    fn closed_room(&self) -> Option<ChannelId> {
        Lync::room(self, 1)
    }

    fn contact(&self) -> Option<ChannelId> {
        ChannelId::parse(&contact("lene")).ok()
    }

    fn say(
        &self,
        channel: &ChannelId,
        address: &Address,
        text: &str,
    ) -> Option<Result<(), String>> {
        let lene = self.person("lene");
        match channel.kind() {
            ChannelKind::Room if !lene.says_in(channel.name(), text) => {
                return Some(Err("she is not in it".into()));
            }
            ChannelKind::Room => {}
            _ => lene.say(&uri(address), text),
        }
        Some(Ok(()))
    }

    fn heard(&self, channel: &ChannelId, address: &Address) -> Option<Vec<String>> {
        let meeting = (channel.kind() == ChannelKind::Room).then(|| channel.name().to_owned());
        let here = |heard: &Heard| {
            heard.meeting == meeting && (meeting.is_some() || heard.from == uri(address))
        };
        Some(
            self.person("lene")
                .heard()
                .into_iter()
                .filter(here)
                .map(|heard| heard.text)
                .collect(),
        )
    }

    fn sees_online(&self, address: &Address) -> Option<bool> {
        let name = address.name().split('@').next().unwrap_or_default();
        Some(self.town().world.availability(name).as_deref() == Some("Online"))
    }

    fn kick(&self, channel: &ChannelId, address: &Address) -> Option<()> {
        self.person("lene")
            .rules(channel.name(), &uri(address), "eject")
            .then_some(())
    }

    fn cut(&self, address: &Address) -> Option<()> {
        let own = self.town().world.simulator.person(&uri(address)).unwrap();
        own.suffers("lose-application", 1).unwrap();
        Some(())
    }
}

#[expect(
    clippy::print_stdout,
    reason = "which checks were skipped is worth seeing"
)]
fn conforms(way: Way) {
    let report = run(&Lync {
        way,
        now: Mutex::default(),
    });
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
