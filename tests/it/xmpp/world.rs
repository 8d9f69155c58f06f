//! The conformance suite against live servers, both ways of connecting.

use super::living::{corrects, reacts, retracts};
use super::server::Kind;
use super::town::{Town, Way};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchboard::Address;
use switchboard::ChangeKind;
use switchboard::backend::{Backend, ChannelId, Received};
use switchboard::testing::conformance::{World, run};

/// How often Alice asks after an agent again.
const ASKING: Duration = Duration::from_millis(300);

struct Live {
    town: Town,
    way: Way,
    /// When Alice last asked to see an agent.
    asked: Mutex<HashMap<Address, Instant>>,
}

impl Live {
    fn open(kind: Kind, way: Way) -> Option<Live> {
        let town = Town::open(&format!("XMPP conformance, {way:?} over {kind:?}"), kind)?;
        let vault = town.make_room("vault", "Vault");
        town.alice.configure(&vault, &[("membersonly", "1")]);
        Some(Live {
            town,
            way,
            asked: Mutex::default(),
        })
    }

    /// The address at which Alice hears and says what belongs to that channel.
    fn place<'a>(&self, channel: &'a ChannelId, address: &'a Address) -> &'a str {
        channel
            .as_str()
            .strip_prefix("chat-room:")
            .unwrap_or(address.name())
    }
}

impl World for Live {
    fn backend(&self) -> Arc<dyn Backend> {
        self.town.backend()
    }

    fn agent_address(&self, n: usize) -> Address {
        let address = self.town.bot(self.way, &format!("bot{n}"));
        Address::parse(&format!("xmpp:{address}")).expect("an address")
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn room(&self) -> Option<ChannelId> {
        ChannelId::parse(&self.town.ops()).ok()
    }

    fn closed_room(&self) -> Option<ChannelId> {
        ChannelId::parse(&format!(
            "chat-room:vault@{}",
            self.town.server.value("ROOMS")
        ))
        .ok()
    }

    fn contact(&self) -> Option<ChannelId> {
        ChannelId::parse(&self.town.contact("alice")).ok()
    }

    fn say(
        &self,
        channel: &ChannelId,
        address: &Address,
        text: &str,
    ) -> Option<Result<(), String>> {
        Some(self.town.alice.try_say(self.place(channel, address), text))
    }

    fn heard(&self, channel: &ChannelId, address: &Address) -> Option<Vec<String>> {
        let heard = self.town.alice.heard(self.place(channel, address));
        Some(heard.into_iter().map(|one| one.text).collect())
    }

    /// Presence is sent to those who asked for it. Alice asks repeatedly, which clients need not,
    /// so that she also learns of the loss of an agent's whole domain, which no server reports.
    fn sees_online(&self, address: &Address) -> Option<bool> {
        let mut asked = self.asked.lock();
        if asked.get(address).is_none_or(|at| at.elapsed() > ASKING) {
            asked.insert(address.clone(), Instant::now());
            self.town.alice.subscribe(address.name());
        }
        Some(self.town.alice.sees(address.name()).is_some())
    }

    fn kick(&self, channel: &ChannelId, address: &Address) -> Option<()> {
        self.town.alice.kick(
            channel.as_str().strip_prefix("chat-room:")?,
            address.name(),
            "out",
        );
        Some(())
    }

    fn cut(&self, _: &Address) -> Option<()> {
        self.town.to_component.cut();
        self.town.to_accounts.cut();
        Some(())
    }

    fn change(
        &self,
        channel: &ChannelId,
        address: &Address,
        message: &Received,
        kind: &ChangeKind,
        text: &str,
    ) -> Option<Result<(), String>> {
        let is_room = channel.as_str().starts_with("chat-room:");
        let own = message.sender_id.as_deref().unwrap_or(message.id.as_str());
        let id = if is_room { message.id.as_str() } else { own };
        let (body, xml) = match kind {
            ChangeKind::Edited => (Some(text), corrects(own)),
            ChangeKind::Retracted { .. } => (Some("/me took it back"), retracts(id)),
            ChangeKind::Reactions(set) => {
                let set: Vec<&str> = set.iter().map(String::as_str).collect();
                (None, reacts(id, &set))
            }
            _ => return None,
        };
        let place = self.place(channel, address);
        self.town.alice.send(place, body, &xml);
        Some(Ok(()))
    }

    fn file(&self, link: &str) -> Option<Vec<u8>> {
        self.town.alice.fetch(link).ok()
    }
}

#[expect(
    clippy::print_stdout,
    reason = "which checks were skipped is worth seeing"
)]
fn conforms(kind: Kind, way: Way) {
    let Some(live) = Live::open(kind, way) else {
        return;
    };
    let report = run(&live);
    report.assert();
    println!("{report}");
}

#[test]
fn a_component_of_prosody_conforms() {
    conforms(Kind::Prosody, Way::Component);
}

#[test]
fn an_account_of_prosody_conforms() {
    conforms(Kind::Prosody, Way::Account);
}

#[test]
fn a_component_of_ejabberd_conforms() {
    conforms(Kind::Ejabberd, Way::Component);
}

#[test]
fn an_account_of_ejabberd_conforms() {
    conforms(Kind::Ejabberd, Way::Account);
}
