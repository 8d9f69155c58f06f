//! A simulator, the ways to reach it, and an engine whose agents are its users.

use super::simulator::control::Driven;
use super::simulator::core::Simulator;
use super::simulator::person::Manner;
use super::simulator::serve::{listen, serve};
use super::simulator::switches::Switches;
use super::simulator::timer::{Moment, RealTime, Timer};
use super::simulator::world::Config;
use crate::world::{SOON, begin};
use parking_lot::Mutex;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use switchboard::backend::ucwa::{Connect, Io, Origin, Secret, Trust, Ucwa, UcwaConfig};
use switchboard::backend::{BackendError, Inbox, Reply, reply};
use switchboard::chrono::Utc;
use switchboard::testing::ManualClock;
use switchboard::{
    AgentStatus, Clock, Collaboration, Cursor, Engine, EventQuery, Message, NewAgent, NewMessage,
    Principal,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The domain of everybody.
pub const DOMAIN: &str = "contoso.com";
/// The password of everybody who has one.
pub const PASSWORD: &str = "correct horse";

/// How requests reach the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Pipes in memory. The simulator uses the engine's clock.
    Pipes,
    Plain,
    Tls,
}

/// A simulator and a way to reach it.
pub struct World {
    pub simulator: Arc<Simulator>,
    root: String,
    trust: Trust,
    pipes: Option<Arc<Pipes>>,
    /// The runtime of the sockets, which ends with the world.
    _runtime: Option<tokio::runtime::Runtime>,
}

impl World {
    /// Returns a world with the people that most tests need: the agents `bot0` to `bot2`, and Lene,
    /// who accepts.
    pub fn open(way: Way, set: &[(&str, &str)]) -> World {
        let mut switches = Switches::default();
        for (name, value) in set {
            switches.set(name, value).unwrap();
        }
        let config = Config {
            domain: DOMAIN.into(),
            seed: 7,
            secure_port: None,
            switches,
        };
        let world = match way {
            Way::Pipes => World::over_pipes(config),
            _ => World::over_sockets(config, way == Way::Tls),
        };
        (0..3).for_each(|n| world.agent(n));
        world.person("lene", Manner::Accept(Duration::from_millis(10)));
        world
    }

    fn over_pipes(config: Config) -> World {
        let time = Arc::new(EngineTime::default());
        let simulator = Simulator::new(config, time.clone());
        let pipes = Arc::new(Pipes {
            simulator: simulator.clone(),
            time,
        });
        let root = format!("https://lyncdiscover.{DOMAIN}/");
        World {
            simulator,
            root,
            trust: Trust::System,
            pipes: Some(pipes),
            _runtime: None,
        }
    }

    fn over_sockets(config: Config, tls: bool) -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let simulator = Simulator::new(config, Arc::new(RealTime));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        drop(entered);
        runtime.spawn(simulator.clone().run());
        runtime.spawn(listen(simulator.clone(), listener, tls.then(acceptor)));
        let scheme = if tls { "https" } else { "http" };
        let (root, trust) = (
            format!("{scheme}://localhost:{port}/"),
            Trust::CaFile(certificate("cert.pem")),
        );
        World {
            simulator,
            root,
            trust,
            pipes: None,
            _runtime: Some(runtime),
        }
    }

    /// Lets the simulator use that clock from now on.
    fn at(&self, clock: ManualClock) {
        if let Some(pipes) = &self.pipes {
            *pipes.time.clock.lock() = Some(clock);
        }
    }

    /// Adds the account `botN`.
    pub fn agent(&self, n: usize) {
        self.simulator
            .add_person(
                &sip(&format!("bot{n}")),
                None,
                Some(PASSWORD),
                Manner::Offline,
            )
            .unwrap();
    }

    /// Returns the URL where autodiscovery begins.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Adds a person whom only the simulator drives.
    pub fn person(&self, name: &str, manner: Manner) {
        self.simulator
            .add_person(&format!("sip:{name}@{DOMAIN}"), None, None, manner)
            .unwrap();
    }

    /// Returns the availability that others see.
    pub fn availability(&self, name: &str) -> Option<String> {
        self.simulator.person(&sip(name)).unwrap().availability()
    }

    pub fn config(&self) -> UcwaConfig {
        UcwaConfig::new(DOMAIN, Secret::new(PASSWORD))
            .root(&self.root)
            .trust(self.trust.clone())
    }

    pub fn backend(&self) -> Ucwa {
        self.backend_of(self.config())
    }

    pub fn backend_of(&self, config: UcwaConfig) -> Ucwa {
        match &self.pipes {
            Some(pipes) => Ucwa::over(config, pipes.clone()).unwrap(),
            None => Ucwa::new(config).unwrap(),
        }
    }
}

/// Returns `sip:NAME@contoso.com`.
pub fn sip(name: &str) -> String {
    format!("sip:{name}@{DOMAIN}")
}

/// Returns `contact:sip:NAME@contoso.com`.
pub fn contact(name: &str) -> String {
    format!("contact:{}", sip(name))
}

/// A simulator over pipes, an engine connected to it, and the clock of both.
pub struct Office {
    pub world: World,
    pub clock: ManualClock,
    pub engine: Engine,
}

impl Office {
    /// Opens an office with those switches set. Quiet conversations last until somebody ends them,
    /// unless `far-idle` is set.
    pub fn open(set: &[(&str, &str)]) -> Office {
        Office::of(set, |config| config)
    }

    /// Opens an office whose backend is configured by `configure`.
    pub fn of(set: &[(&str, &str)], configure: impl FnOnce(UcwaConfig) -> UcwaConfig) -> Office {
        let mut all = vec![("far-idle", "0")];
        all.extend(set);
        let world = World::open(Way::Pipes, &all);
        let clock = ManualClock::new();
        world.at(clock.clone());
        let backend = world.backend_of(configure(world.config()));
        let engine = Engine::builder()
            .in_memory()
            .backend(backend)
            .clock(clock.clone())
            .worker_threads(1)
            .open()
            .unwrap();
        Office {
            world,
            clock,
            engine,
        }
    }

    /// Puts `botN` with those contacts and does not wait for it.
    pub fn put(&self, n: usize, contacts: &[&str]) {
        let new = NewAgent::new(format!("bot{n}"), format!("ucwa:bot{n}@{DOMAIN}")).unwrap();
        let new = contacts
            .iter()
            .fold(new, |new, name| new.channel(contact(name)).unwrap());
        let admin = self.engine.provisioning(&Principal::host("ada")).unwrap();
        admin.put_agent(new).unwrap();
        self.engine.settle(SOON).unwrap();
    }

    /// Puts `botN` with those contacts and waits until it is Active.
    pub fn bot(&self, n: usize, contacts: &[&str]) -> Bot<'_> {
        self.put(n, contacts);
        let view = self.engine.agent(format!("bot{n}")).unwrap();
        view.wait_active(SOON).unwrap();
        self.pass(Duration::from_millis(1));
        let now = view.events(Cursor::window(), &EventQuery::all()).unwrap();
        Bot {
            office: self,
            n,
            view,
            mark: Mutex::new(Cursor::after(now.last, &now.instance)),
        }
    }

    pub fn person(&self, name: &str) -> Driven {
        self.world.simulator.person(&sip(name)).unwrap()
    }

    /// Moves the clock of simulator and engine, in steps.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub fn status(&self, n: usize) -> AgentStatus {
        self.engine.agent_status(format!("bot{n}")).unwrap()
    }
}

/// An agent, and the position up to which its events were read.
pub struct Bot<'a> {
    office: &'a Office,
    pub n: usize,
    pub view: Collaboration,
    mark: Mutex<Cursor>,
}

impl Bot<'_> {
    /// Returns the messages since the last call, as `lene@contoso.com: hello`.
    pub fn heard(&self) -> Vec<String> {
        self.messages().iter().map(line).collect()
    }

    /// Returns the messages of other people since the last call.
    pub fn messages(&self) -> Vec<Message> {
        self.office.engine.settle(SOON).unwrap();
        let mut mark = self.mark.lock();
        let batch = self
            .view
            .events(mark.clone(), &EventQuery::messages())
            .unwrap();
        assert!(!batch.gap && batch.events.len() < 100);
        *mark = Cursor::after(batch.last, &batch.instance);
        let own = format!("ucwa:bot{}@{DOMAIN}", self.n);
        let messages = batch
            .events
            .iter()
            .filter_map(|event| event.message().cloned());
        messages.filter(|message| message.sender != own).collect()
    }

    /// Posts, and lets time pass until the outcome is known.
    pub fn post(&self, to: &str, message: NewMessage) -> switchboard::Result<Message> {
        let answer = begin(self.view.post_async(contact(to), message));
        self.office.engine.settle(SOON).unwrap();
        for _ in 0..400 {
            if answer.is_finished() {
                break;
            }
            self.office.pass(Duration::from_millis(100));
        }
        Ok(answer.join().unwrap()?.message)
    }

    pub fn says(&self, to: &str, text: &str) -> switchboard::Result<Message> {
        self.post(to, NewMessage::text(text))
    }
}

fn line(message: &Message) -> String {
    format!(
        "{}: {}",
        message
            .sender
            .strip_prefix("sip:")
            .unwrap_or(&message.sender),
        message.text
    )
}

/// Returns the path of a certificate of the HTTP tests, for `localhost`.
pub fn certificate(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/http/tls")
        .join(name)
}

fn acceptor() -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate("cert.pem"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(certificate("key.pem")).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    TlsAcceptor::from(Arc::new(
        config
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap(),
    ))
}

/// Connections to a simulator that runs where the connector's tasks run.
struct Pipes {
    simulator: Arc<Simulator>,
    time: Arc<EngineTime>,
}

impl Connect for Pipes {
    fn connect(&self, to: &Origin, inbox: &Inbox) -> Reply<Box<dyn Io>> {
        if self.time.begin(inbox) {
            inbox.spawn(self.simulator.clone().run());
        }
        let (near, far) = tokio::io::duplex(64 * 1024);
        let scheme = if to.secure { "https" } else { "http" };
        inbox.spawn(serve(self.simulator.clone(), far, scheme));
        reply(async move { Ok::<_, BackendError>(Box::new(near) as Box<dyn Io>) })
    }
}

/// The engine's time, from the first connection on.
#[derive(Default)]
struct EngineTime {
    inbox: Mutex<Option<Inbox>>,
    /// The clock, if it is moved by hand. The simulator then knows the time before the first
    /// request.
    clock: Mutex<Option<ManualClock>>,
}

impl EngineTime {
    /// Returns true on the first call.
    fn begin(&self, inbox: &Inbox) -> bool {
        self.inbox.lock().replace(inbox.clone()).is_none()
    }
}

impl Timer for EngineTime {
    fn now(&self) -> Moment {
        match &*self.clock.lock() {
            Some(clock) => clock.wall(),
            None => Utc::now(),
        }
    }

    fn sleep(&self, how_long: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let inbox = self.inbox.lock().clone();
        Box::pin(async move {
            match inbox {
                Some(inbox) => inbox.sleep(how_long).await,
                None => std::future::pending().await,
            }
        })
    }
}
