//! An IRC server in a directory of its own, and engines on it.

use super::irc_backend::Irc;
use super::person::Person;
use crate::port::Port;
use crate::xmpp::server::skipped_without;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use switchboard::backend::{NetworkId, Pace};
use switchboard::{Collaboration, Engine, NewAgent, Principal};

/// Faster than any server admits, for tests of other things.
pub(super) const FAST: Pace = Pace::new(1000, Duration::from_micros(1));

/// A running ngircd. Dropping it stops it and removes its directory.
pub(super) struct Server {
    directory: PathBuf,
    port: Port,
    script: Option<Child>,
}

impl Server {
    /// Starts one, or prints why `suite` is skipped.
    pub(super) fn open(suite: &str) -> Option<Server> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if skipped_without(suite, "/usr/sbin/ngircd") {
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("switchboard-irc-{}-{number}", std::process::id());
        let mut server = Server {
            directory: std::env::temp_dir().join(name),
            port: Port::reserve(),
            script: None,
        };
        server.start();
        Some(server)
    }

    pub(super) fn start(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/ngircd");
        let mut script = Command::new(script)
            .arg(&self.directory)
            .arg(self.port.number().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script starts");
        let said = BufReader::new(script.stdout.take().expect("piped"));
        let is_ready = said.lines().map_while(Result::ok);
        let is_ready = is_ready.into_iter().any(|line| line == "READY=yes");
        self.script = Some(script);
        assert!(is_ready, "the server does not start");
    }

    /// Kills it. Started again it is on the same port.
    pub(super) fn kill(&mut self) {
        if let Some(mut script) = self.script.take() {
            drop(script.stdin.take());
            let _ = script.wait();
        }
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    pub(super) fn person(&self, nick: &str) -> Person {
        Person::connect(&self.address(), nick)
    }

    pub(super) fn person_in(&self, nick: &str, channel: &str) -> Person {
        Person::in_channel(&self.address(), nick, channel)
    }

    pub(super) fn irc(&self, pace: Pace) -> Irc {
        Irc {
            network: NetworkId::parse("irc:test").expect("an id"),
            server: self.address(),
            pace,
        }
    }

    /// An engine in memory on it.
    pub(super) fn engine(&self, pace: Pace) -> Engine {
        let engine = Engine::builder().in_memory().backend(self.irc(pace));
        engine.open().expect("it opens")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Puts the agent of that name, whose nickname is its name, without waiting for it.
pub(super) fn put(engine: &Engine, name: &str, channels: &[&str]) -> Collaboration {
    let mut agent = NewAgent::new(name, format!("irc:{name}")).expect("an agent");
    for channel in channels {
        agent = agent.channel(*channel).expect("a channel");
    }
    let admin = engine.provisioning(&Principal::host("test"));
    admin.expect("the host may").put_agent(agent).expect("put");
    engine.agent(name).expect("it is there")
}

/// As [`put`], and waits until it is in all its channels.
#[track_caller]
pub(super) fn bot(engine: &Engine, name: &str, channels: &[&str]) -> Collaboration {
    let bot = put(engine, name, channels);
    bot.wait_active(Duration::from_secs(60)).expect("active");
    for channel in channels {
        bot.channel(*channel).expect("it is in");
    }
    bot
}
