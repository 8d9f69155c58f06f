//! A simulator, the ways to it, and an engine whose agents are its users.

use super::simulator::core::Simulator;
use super::simulator::person::Manner;
use super::simulator::serve::{listen, serve};
use super::simulator::switches::Switches;
use super::simulator::timer::{Moment, RealTime, Timer};
use super::simulator::world::Config;
use parking_lot::Mutex;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use switchboard::backend::ucwa::{Connect, Io, Origin, Secret, Trust, Ucwa, UcwaConfig};
use switchboard::backend::{BackendError, Inbox, Reply, reply};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The domain that everybody is in.
pub const DOMAIN: &str = "contoso.com";
/// The password of everybody who has one.
pub const PASSWORD: &str = "correct horse";

/// How requests reach the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Pipes in memory; its time is the engine's.
    Pipes,
    Plain,
    Tls,
}

/// A simulator and the way to it.
pub struct World {
    pub simulator: Arc<Simulator>,
    root: String,
    trust: Trust,
    pipes: Option<Arc<Pipes>>,
    /// Sockets need a runtime of their own; it ends with the world.
    _runtime: Option<tokio::runtime::Runtime>,
}

impl World {
    /// One with the people that most tests need: agents `bot0` to `bot2`, and Lene, who accepts.
    pub fn open(way: Way, set: &[(&str, &str)]) -> World {
        let mut switches = Switches::default();
        for (name, value) in set {
            switches.set(name, value).unwrap();
        }
        let config = Config { domain: DOMAIN.into(), seed: 7, secure_port: None, switches };
        let world = match way {
            Way::Pipes => World::over_pipes(config),
            _ => World::over_sockets(config, way == Way::Tls),
        };
        for n in 0..3 {
            let name = format!("sip:bot{n}@{DOMAIN}");
            world.simulator.add_person(&name, None, Some(PASSWORD), Manner::Offline).unwrap();
        }
        world.person("lene", Manner::Accept(Duration::from_millis(10)));
        world
    }

    fn over_pipes(config: Config) -> World {
        let time = Arc::new(EngineTime::default());
        let simulator = Simulator::new(config, time.clone());
        let pipes = Arc::new(Pipes { simulator: simulator.clone(), time });
        let root = format!("https://lyncdiscover.{DOMAIN}/");
        World { simulator, root, trust: Trust::System, pipes: Some(pipes), _runtime: None }
    }

    fn over_sockets(config: Config, tls: bool) -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let simulator = Simulator::new(config, Arc::new(RealTime));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(simulator.clone().run());
        runtime.spawn(listen(simulator.clone(), listener, tls.then(acceptor)));
        let scheme = if tls { "https" } else { "http" };
        let (root, trust) = (format!("{scheme}://localhost:{port}/"), Trust::CaFile(certificate("cert.pem")));
        World { simulator, root, trust, pipes: None, _runtime: Some(runtime) }
    }

    /// Adds a person whom nobody but the simulator drives.
    pub fn person(&self, name: &str, manner: Manner) {
        self.simulator.add_person(&format!("sip:{name}@{DOMAIN}"), None, None, manner).unwrap();
    }

    pub fn config(&self) -> UcwaConfig {
        UcwaConfig::new(DOMAIN, Secret::new(PASSWORD)).root(&self.root).trust(self.trust.clone())
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

/// `contact:sip:NAME@contoso.com`.
pub fn contact(name: &str) -> String {
    format!("contact:sip:{name}@{DOMAIN}")
}

/// A file of the certificates that the HTTP tests use, for `localhost`.
fn certificate(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/http/tls").join(name)
}

fn acceptor() -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate("cert.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(certificate("key.pem")).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

/// Lines to a simulator that runs where the connector's tasks run.
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
struct EngineTime(Mutex<Option<Inbox>>);

impl EngineTime {
    /// True the first time.
    fn begin(&self, inbox: &Inbox) -> bool {
        self.0.lock().replace(inbox.clone()).is_none()
    }
}

impl Timer for EngineTime {
    fn now(&self) -> Moment {
        self.0.lock().as_ref().map_or(chrono::DateTime::UNIX_EPOCH, Inbox::now)
    }

    fn sleep(&self, how_long: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let inbox = self.0.lock().clone();
        Box::pin(async move {
            match inbox {
                Some(inbox) => inbox.sleep(how_long).await,
                None => std::future::pending().await,
            }
        })
    }
}
