//! A server with a room and its people, and the connector's configuration for it: what every test
//! starts from.

use super::people::{People, Person};
use super::proxy::Proxy;
use super::server::{Kind, Server, can_run};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use switchboard::backend::xmpp::{Accounts, Component, Secret, Trust, Xmpp, XmppConfig};
use switchboard::backend::{Backend, BackendError};
use switchboard::testing::ManualClock;
use switchboard::{
    AgentState, AgentStatus, Builder, ChannelStatus, Collaboration, Engine, EventQuery, JoinState,
    Message, NewAgent, Principal, Provisioning, Reader,
};

/// Long enough for a reconnect after its pause: a server that starts slowly is dialed up to a
/// minute later.
pub(crate) const SOON: Duration = Duration::from_secs(180);

/// How an agent connects to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Component,
    Account,
}

/// A server, Alice who owns the room `ops` on it, and lines between it and the connector that can
/// be broken.
pub(crate) struct Town {
    pub(crate) alice: Person,
    pub(crate) people: People,
    pub(crate) to_component: Proxy,
    pub(crate) to_accounts: Proxy,
    /// Accounts' passwords that are not `pw-NAME`.
    pub(crate) passwords: Arc<Mutex<HashMap<String, String>>>,
    pub(crate) server: Server,
}

impl Town {
    /// Starts a town, or prints why `suite` is skipped.
    pub(crate) fn open(suite: &str, kind: Kind) -> Option<Town> {
        if !can_run(suite, kind) {
            return None;
        }
        let server = Server::start(kind, &[]);
        let people = People::start();
        let alice = people.connect(&server, "alice");
        let town = Town {
            alice,
            people,
            to_component: Proxy::to(server.port("COMPONENT")),
            to_accounts: Proxy::to(server.port("C2S")),
            passwords: Arc::default(),
            server,
        };
        town.make_room("ops", "Operations");
        Some(town)
    }

    pub(crate) fn prosody(suite: &str) -> Option<Town> {
        Town::open(suite, Kind::Prosody)
    }

    /// Connects another person and takes them into `ops`.
    pub(crate) fn with_person(&self, name: &str) -> Person {
        let person = self.people.connect(&self.server, name);
        person.join(&self.room());
        person
    }

    /// A room of Alice's, in which everybody's address is seen.
    pub(crate) fn make_room(&self, name: &str, title: &str) -> String {
        let room = format!("{name}@{}", self.server.value("ROOMS"));
        self.alice.join(&room);
        self.alice.configure(
            &room,
            &[
                ("roomname", title),
                ("whois", "anyone"),
                ("persistentroom", "1"),
                ("publicroom", "1"),
            ],
        );
        room
    }

    /// The address of `ops`.
    pub(crate) fn room(&self) -> String {
        format!("ops@{}", self.server.value("ROOMS"))
    }

    /// The channel `ops`.
    pub(crate) fn ops(&self) -> String {
        format!("chat-room:{}", self.room())
    }

    /// The address of a person.
    pub(crate) fn address_of(&self, name: &str) -> String {
        format!("{name}@{}", self.server.value("DOMAIN"))
    }

    /// The channel of a person.
    pub(crate) fn contact(&self, name: &str) -> String {
        format!("contact:{}", self.address_of(name))
    }

    /// An agent's address as people see it.
    pub(crate) fn bot(&self, way: Way, name: &str) -> String {
        let domain = self.server.value(if way == Way::Component {
            "AGENTS"
        } else {
            "DOMAIN"
        });
        format!("{name}@{domain}")
    }

    /// The connector's configuration: both ways, through the proxies.
    pub(crate) fn config(&self) -> XmppConfig {
        let secret = Secret::new(self.server.value("SECRET"));
        let component = Component::new(
            self.server.value("AGENTS"),
            "127.0.0.1",
            self.to_component.port(),
            secret,
        );
        let passwords = self.passwords.clone();
        let of_account = move |address: &str| -> Result<Secret, BackendError> {
            let name = address.split('@').next().unwrap_or_default();
            let known = passwords.lock().expect("no panic").get(name).cloned();
            Ok(Secret::new(known.unwrap_or_else(|| format!("pw-{name}"))))
        };
        let accounts = Accounts::new(of_account)
            .host("127.0.0.1")
            .port(self.to_accounts.port());
        XmppConfig::new(self.server.value("DOMAIN"))
            .rooms_host(self.server.value("ROOMS"))
            .component(component)
            .accounts(accounts)
            .trust(Trust::CaFile(self.server.certificate()))
    }

    /// The connector for it.
    pub(crate) fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(Xmpp::new(self.config()).expect("the configuration is right"))
    }

    /// An engine in memory over it.
    pub(crate) fn engine(&self) -> Engine {
        self.over(Engine::builder().in_memory())
    }

    /// An engine over it.
    pub(crate) fn over(&self, builder: Builder) -> Engine {
        builder
            .shared_backend(self.backend())
            .open()
            .expect("it opens")
    }
}

/// An engine in memory over that backend only.
pub(crate) fn opened(backend: Xmpp) -> Engine {
    let builder = Engine::builder().in_memory().backend(backend);
    builder.open().expect("opens")
}

/// Short calls of the tests on an engine.
pub(crate) trait Words {
    fn admin(&self) -> Provisioning;
    /// Puts an agent with those channels, without waiting for it.
    fn put(&self, id: &str, address: &str, channels: &[&str]);
    /// Puts an agent and waits until it is in all its channels.
    fn bot(&self, id: &str, address: &str, channels: &[&str]) -> Collaboration;
    /// The status of one channel of an agent.
    fn stands(&self, agent: &str, channel: &str) -> ChannelStatus;
    /// Waits until a channel of an agent is in that state, and returns the reason.
    fn waits_for(&self, agent: &str, channel: &str, state: JoinState) -> String;
}

impl Words for Engine {
    fn admin(&self) -> Provisioning {
        self.provisioning(&Principal::host("test"))
            .expect("the host may")
    }

    fn put(&self, id: &str, address: &str, channels: &[&str]) {
        let mut agent = NewAgent::new(id, format!("xmpp:{address}")).expect("an agent");
        for channel in channels {
            agent = agent.channel(*channel).expect("a channel");
        }
        self.admin().put_agent(agent).expect("it is put");
    }

    #[track_caller]
    fn bot(&self, id: &str, address: &str, channels: &[&str]) -> Collaboration {
        self.put(id, address, channels);
        let bot = self.agent(id).expect("it is there");
        bot.wait_active(SOON).expect("it becomes active");
        for channel in channels {
            bot.channel(*channel).expect("it is in");
        }
        bot
    }

    fn stands(&self, agent: &str, channel: &str) -> ChannelStatus {
        let status = self.agent_status(agent).expect("it is there");
        status
            .channels
            .into_iter()
            .find(|one| one.id.as_str() == channel)
            .expect("its channel")
    }

    #[track_caller]
    fn waits_for(&self, agent: &str, channel: &str, state: JoinState) -> String {
        let deadline = Instant::now() + SOON;
        let mut changes = self.subscribe();
        loop {
            let stands = self.stands(agent, channel);
            if stands.state == state {
                return stands.reason.unwrap_or_default();
            }
            assert!(
                Instant::now() < deadline,
                "`{channel}` is {stands:?}, not {state:?}"
            );
            // Looks again after each change, and after a moment without one.
            let _ = changes.next_timeout(Duration::from_millis(100));
        }
    }
}

/// A reader of other people's messages.
pub(crate) fn ear(bot: &Collaboration) -> Reader {
    bot.reader("test", EventQuery::messages().remote())
        .expect("a reader")
}

/// Returns the next message, which must come.
#[track_caller]
pub(crate) fn next(reader: &mut Reader) -> Message {
    let event = reader
        .next_timeout(SOON)
        .expect("it reads")
        .expect("a message comes");
    event.message().expect("messages only").clone()
}

/// Expects that text as the next message.
#[track_caller]
pub(crate) fn hears(reader: &mut Reader, text: &str) -> Message {
    let message = next(reader);
    assert_eq!(message.text, text);
    message
}

/// Expects no further message once the engine is at rest.
#[track_caller]
pub(crate) fn hears_no_more(engine: &Engine, reader: &mut Reader) {
    engine.settle(SOON).expect("it settles");
    let more = reader
        .next_timeout(Duration::from_millis(300))
        .expect("it reads");
    assert!(more.is_none(), "{more:?}");
}

/// Advances the clock until the status of the agent `helper` shows it. The clock moves only while
/// something waits for its next try, because a try takes real time.
#[track_caller]
pub(super) fn passes(
    engine: &Engine,
    clock: &ManualClock,
    what: &str,
    shows: impl Fn(&AgentStatus) -> bool,
) {
    let (deadline, mut changes) = (Instant::now() + SOON, engine.subscribe());
    loop {
        let status = engine.agent_status("helper").expect("there");
        if shows(&status) {
            return;
        }
        assert!(Instant::now() < deadline, "not so: {what}: {status:?}");
        let is_waiting = status.next_try.is_some()
            || status
                .channels
                .iter()
                .any(|channel| channel.next_try.is_some());
        if is_waiting
            && status.state != AgentState::Activating
            && !status
                .channels
                .iter()
                .any(|channel| channel.state == JoinState::Activating)
        {
            clock.advance(Duration::from_secs(1));
        }
        let _ = changes.next_timeout(Duration::from_millis(20));
    }
}
