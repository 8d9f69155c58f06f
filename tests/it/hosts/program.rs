//! One of the programs as a child process over XMPP, which is killed when a trial says so.

use crate::http::gateway::example;
use crate::world::Disk;
use crate::xmpp::town::Town;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything takes: a server that was not there is dialled up to a minute later.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often a program is killed: `SWITCHBOARD_CRASH_TRIALS` over ten, 5 without it.
pub(super) fn kills() -> usize {
    let trials = std::env::var("SWITCHBOARD_CRASH_TRIALS").ok();
    let trials = trials.and_then(|text| text.parse().ok());
    trials.unwrap_or(50_usize).div_ceil(10)
}

/// What a program needs over all its lives: a database and a configuration.
pub(super) struct Home {
    _disk: Disk,
    name: &'static str,
    arguments: Vec<String>,
}

/// A running program; dropping it kills it.
pub(super) struct Program {
    child: Child,
    pub(super) input: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Home {
    /// The home of the example `name`, whose agent is `bot0` of that town. The arguments after the
    /// address are `more`.
    pub(super) fn new(town: &Town, name: &'static str, more: &[&str]) -> Home {
        let disk = Disk::new();
        let address = town.address_of("bot0");
        let secrets = disk.directory().join("accounts");
        std::fs::create_dir(&secrets).unwrap();
        std::fs::write(secrets.join(&address), "pw-bot0").unwrap();
        let server = &town.server;
        let config = format!(
            "domain = {:?}\nrooms_host = {:?}\nca_file = {:?}\n\
             [accounts]\nhost = \"127.0.0.1\"\nport = {}\nsecrets = {{ directory = {:?} }}\n",
            server.value("DOMAIN"),
            server.value("ROOMS"),
            server.certificate(),
            server.port("C2S"),
            secrets,
        );
        let file = disk.directory().join("xmpp.toml");
        std::fs::write(&file, config).unwrap();
        let text = |path: PathBuf| path.into_os_string().into_string().unwrap();
        let mut arguments = vec![text(disk.path()), text(file), address];
        arguments.extend(more.iter().map(|&one| one.to_owned()));
        Home {
            _disk: disk,
            name,
            arguments,
        }
    }

    pub(super) fn start(&self) -> Program {
        let mut child = Command::new(example(self.name))
            .args(&self.arguments)
            .env("APP_PASSWORD", "sesame")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (said, input) = (child.stdout.take().unwrap(), child.stdin.take());
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(said).lines().map_while(Result::ok);
            lines
                .map(|line| sender.send(line))
                .take_while(Result::is_ok)
                .count()
        });
        Program {
            child,
            input,
            said: receiver,
        }
    }
}

impl Program {
    /// The next line that it prints, which must come.
    #[track_caller]
    pub(super) fn line(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("it prints a line")
    }

    /// Ends it as `kill -9` does, and returns what it printed that nobody read.
    pub(super) fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
        self.said.iter().collect()
    }

    /// Closes its input, and returns what it printed until it ended, which must be in order.
    #[track_caller]
    pub(super) fn end(mut self) -> Vec<String> {
        drop(self.input.take());
        let said = self.said.iter().collect();
        let status = self.child.wait().expect("it has ended");
        assert!(status.success(), "{status}");
        said
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
