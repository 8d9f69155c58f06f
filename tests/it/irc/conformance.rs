//! The conformance suite over an IRC server.

use super::person::Person;
use super::server::{FAST, Server};
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchboard::Address;
use switchboard::backend::{Backend, ChannelId, ChannelKind};
use switchboard::testing::conformance::{World, run};

/// Lene, who is the operator of `#ops` and of the server.
struct Town {
    server: Server,
    lene: Person,
}

impl Town {
    /// Whether that nickname is on the server.
    fn is_on(&self, nick: &str) -> bool {
        let answer = self.lene.does(&format!("ISON {nick}"));
        let on = answer
            .iter()
            .find_map(|line| line.split_once(" 303 lene :"));
        !on.expect("an answer").1.trim().is_empty()
    }
}

impl World for Town {
    fn backend(&self) -> Arc<dyn Backend> {
        // The agents of the check before have gone, but the server may not know it yet.
        let deadline = Instant::now() + self.patience();
        while (0..3).any(|n| self.is_on(&format!("bot{n}"))) && Instant::now() < deadline {}
        Arc::new(self.server.irc(FAST))
    }

    fn agent_address(&self, n: usize) -> Address {
        Address::parse(&format!("irc:bot{n}")).expect("an address")
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn room(&self) -> Option<ChannelId> {
        ChannelId::parse("chat-room:#ops").ok()
    }

    fn closed_room(&self) -> Option<ChannelId> {
        ChannelId::parse("chat-room:#closed").ok()
    }

    fn contact(&self) -> Option<ChannelId> {
        ChannelId::parse("contact:lene").ok()
    }

    fn say(&self, channel: &ChannelId, agent: &Address, text: &str) -> Option<Result<(), String>> {
        let to = match channel.kind() {
            ChannelKind::Contact => agent.name(),
            _ => channel.name(),
        };
        self.lene.does(&format!("PRIVMSG {to} :{text}"));
        Some(Ok(()))
    }

    fn heard(&self, channel: &ChannelId, agent: &Address) -> Option<Vec<String>> {
        Some(match channel.kind() {
            ChannelKind::Contact => self.lene.heard(Some(agent.name()), "lene"),
            _ => self.lene.heard(None, channel.name()),
        })
    }

    fn sees_online(&self, agent: &Address) -> Option<bool> {
        Some(self.is_on(agent.name()))
    }

    fn kick(&self, room: &ChannelId, agent: &Address) -> Option<()> {
        self.lene
            .does(&format!("KICK {} {}", room.name(), agent.name()));
        Some(())
    }

    fn cut(&self, agent: &Address) -> Option<()> {
        self.lene.does(&format!("KILL {} :test", agent.name()));
        Some(())
    }
}

#[test]
fn the_irc_backend_conforms() {
    let Some(server) = Server::open("IRC, conformance") else {
        return;
    };
    let lene = server.person_in("lene", "#ops");
    lene.does("OPER root s3cret");
    let report = run(&Town { server, lene });
    report.assert();
    // What IRC cannot do, and nothing else, is skipped.
    let skipped: Vec<&str> = report.skipped().map(|check| check.name).collect();
    assert_eq!(skipped.len(), 17, "{report}");
}
