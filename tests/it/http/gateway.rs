//! The program under test as a child process.

use super::client::{self, Answer};
use crate::children::Deadline;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// The super user and the password that [`Gateway::start`] gives them.
pub(crate) const SUPER: (&str, &str) = (r"CONTOSO\super", "correct horse");

/// What starting or stopping takes at most, on the busiest machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running gateway; dropping it kills it.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: SocketAddr,
    /// The lines that it printed before it was ready.
    pub(crate) printed: Vec<String>,
    log: Option<JoinHandle<String>>,
}

/// The gateway's program.
pub(crate) fn program() -> PathBuf {
    example("http_gateway")
}

/// An example beside this test binary: `target/debug/deps/it-…` -> `target/debug/examples/NAME`.
pub(crate) fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().expect("this binary has a path");
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "{} is missing; `cargo test` builds it, `cargo test --test it` does not",
        path.display()
    );
    path
}

impl Gateway {
    /// In memory, on a free port, with the rooms `ops` and `a/b`, short polls, and whatever else is
    /// asked for.
    pub(crate) fn start(more: &[&str]) -> Gateway {
        let rooms = ["--room", "ops=Operations", "--room", "a/b=A slash"];
        let mut command = Command::new(program());
        command
            .args([
                "--listen",
                "127.0.0.1:0",
                "--poll-timeout",
                "1",
                "--super-user",
                SUPER.0,
            ])
            .args(rooms);
        if !more.contains(&"--database") {
            command.args(["--database", ":memory:"]);
        }
        command
            .args(more)
            .env("SWITCHBOARD_SUPER_PASSWORD", SUPER.1);
        Gateway::spawn(command)
    }

    pub(crate) fn spawn(command: Command) -> Gateway {
        Gateway::spawn_and(command, |_| ())
    }

    /// As [`Gateway::spawn`]; `at_once` is called with the number of the process as soon as there
    /// is one.
    pub(crate) fn spawn_and(mut command: Command, at_once: impl FnOnce(u32)) -> Gateway {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        at_once(child.id());
        let mut stderr = child.stderr.take().expect("piped");
        // Keeps reading, or the program would wait once the pipe is full.
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let mut printed = Vec::new();
        let _starts = Deadline::of(child.id(), PATIENCE);
        for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
            let line = line.expect("UTF-8");
            let address = line
                .strip_prefix("listening on http://")
                .or_else(|| line.strip_prefix("listening on https://"));
            if let Some(address) = address {
                let address = address.parse().expect("an address");
                return Gateway {
                    child,
                    address,
                    printed,
                    log: Some(log),
                };
            }
            printed.push(line);
        }
        let (status, log) = (child.wait(), log.join().expect("the log"));
        panic!("the gateway did not start: {status:?} {printed:?}\n{log}");
    }

    /// Sends a request with that token and returns the answer.
    pub(crate) fn call(&self, method: &str, target: &str, token: &str, body: &str) -> Answer {
        self.call_with(
            method,
            target,
            token,
            &[("Content-Type", "application/json")],
            body,
        )
    }

    /// As [`Gateway::call`], with those headers.
    pub(crate) fn call_with(
        &self,
        method: &str,
        target: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let authorization = format!("FCF {token}");
        let mut headers = headers.to_vec();
        if !token.is_empty() {
            headers.push(("Authorization", authorization.as_str()));
        }
        client::send(
            self.address,
            &client::request(method, target, &headers, body.as_bytes()),
        )
    }

    pub(crate) fn get(&self, target: &str, token: &str) -> Answer {
        self.call("GET", target, token, "")
    }

    /// Logs in and returns the token.
    #[track_caller]
    pub(crate) fn log_in(&self, username: &str, password: &str, agent: &str) -> String {
        let body =
            serde_json::json!({ "Username": username, "Password": password, "AgentId": agent })
                .to_string();
        let answer = self
            .call("POST", "/Authentication/v1/Tokens", "", &body)
            .expect(200);
        answer.json().as_str().expect("a bare string").to_owned()
    }

    pub(crate) fn super_token(&self) -> String {
        self.log_in(SUPER.0, SUPER.1, "")
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .expect("there is a kill");
        assert!(sent.success());
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory it has held so far, in KiB.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_kib(&self) -> usize {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("a line");
        peak.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number")
    }

    /// How many threads it has.
    #[cfg(target_os = "linux")]
    pub(crate) fn threads(&self) -> usize {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let threads = status
            .lines()
            .find_map(|line| line.strip_prefix("Threads:"))
            .expect("a line");
        threads.trim().parse().expect("a number")
    }

    /// Waits for its end, for a minute at most. Returns the exit status and the whole log.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let ends = Deadline::of(self.child.id(), PATIENCE);
        let status = self.child.wait().expect("it is ours");
        assert!(
            !ends.passed(),
            "the gateway does not end within {PATIENCE:?}"
        );
        (
            status,
            self.log
                .take()
                .map(|log| log.join().expect("the log"))
                .unwrap_or_default(),
        )
    }

    /// Ends it as an operator would. Returns the exit status and the whole log.
    pub(crate) fn stop(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
