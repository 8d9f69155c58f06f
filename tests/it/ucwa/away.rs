//! What a contact says while the gateway is down, where the server keeps logs of conversations
//! (§ucwa/logs): it comes after the next start, once.
//!
//! Method: sockets, real time and a database file; each test waits for a message that must come
//! last.

use super::world::{DOMAIN, Way, World, contact, sip};
use crate::world::{Disk, SOON, wait};
use std::time::{Duration, Instant};
use switchboard::{Cursor, Engine, EventQuery, NewAgent, Principal};

/// How long a message may take.
const MESSAGE_MAX: Duration = Duration::from_secs(40);

/// A gateway that is stopped and started again, and Lene, who goes on talking.
struct Gateway {
    world: World,
    disk: Disk,
    engine: Option<Engine>,
    mark: Cursor,
}

impl Gateway {
    fn open(set: &[(&str, &str)]) -> Gateway {
        let mut gateway = Gateway {
            world: World::open(Way::Plain, set),
            disk: Disk::new(),
            engine: None,
            mark: Cursor::window(),
        };
        gateway.start();
        let new = NewAgent::new("bot0", format!("ucwa:bot0@{DOMAIN}")).unwrap();
        let admin = gateway.engine().provisioning(&Principal::host("ada"));
        let channel = contact("lene");
        admin
            .unwrap()
            .put_agent(new.channel(channel).unwrap())
            .unwrap();
        gateway.is_active();
        gateway
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn is_active(&self) {
        self.engine()
            .agent("bot0")
            .unwrap()
            .wait_active(SOON)
            .unwrap();
    }

    fn start(&mut self) {
        let builder = Engine::builder()
            .database(self.disk.path())
            .backend(self.world.backend());
        self.engine = Some(builder.open().unwrap());
    }

    /// Lene says something while there is no gateway.
    fn misses(&mut self, said: &[&str]) {
        self.engine.take().unwrap().shutdown(SOON).unwrap();
        let lene = self.world.simulator.person(&sip("lene")).unwrap();
        for said in said {
            self.says(said);
            // Until then she would say the next one into the same invitation.
            while wait(lene.learns()).text != *said {}
        }
        self.start();
        self.is_active();
    }

    fn says(&self, said: &str) {
        let lene = self.world.simulator.person(&sip("lene")).unwrap();
        lene.say(&sip("bot0"), said);
    }

    /// Says something, waits until it is heard, and returns everything since the last call.
    #[track_caller]
    fn hears(&mut self, last: &str) -> Vec<String> {
        self.says(last);
        let (mut heard, deadline) = (Vec::new(), Instant::now() + MESSAGE_MAX);
        let agent = self.engine().agent("bot0").unwrap();
        while !heard.iter().any(|text| text == last) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`{last}` never comes: {heard:?}");
            let query = EventQuery::messages();
            let batch = agent.wait_events(self.mark.clone(), &query, left).unwrap();
            self.mark = Cursor::after(batch.last, &batch.instance);
            let messages = batch.events.iter().filter_map(|event| event.message());
            heard.extend(messages.map(|message| message.text.clone()));
        }
        heard
    }
}

#[test]
fn it_comes_once_after_the_next_start() {
    let mut gateway = Gateway::open(&[]);
    assert_eq!(gateway.hears("before"), ["before"]);
    gateway.misses(&["while you were out"]);
    assert_eq!(gateway.hears("after"), ["while you were out", "after"]);
    gateway.misses(&["again", "and again"]);
    assert_eq!(gateway.hears("later"), ["again", "and again", "later"]);
    gateway.misses(&[]);
    assert_eq!(gateway.hears("the end"), ["the end"]);
}

#[test]
fn a_server_without_logs_is_the_same_without() {
    for set in [("history", "off"), ("shape", "lync2013")] {
        let mut gateway = Gateway::open(&[set]);
        assert_eq!(gateway.hears("before"), ["before"]);
        gateway.misses(&["lost"]);
        assert_eq!(gateway.hears("after"), ["after"], "{set:?}");
    }
}
