//! The three example clients against a gateway that is killed under them, as it were an operator's
//! worst day.
//!
//! Goal: every message that people said is answered, and none twice. Method: the real programs, a
//! gateway with a database, `kill -9` in the middle of the talk, a restart on the same port; the
//! bot too is killed once, when it has answered what it has not acknowledged (without its key the
//! same trial finds answers given twice). The embedded chat system forgets everything with its
//! process, so what counts is the durable journal as another agent reads it: each message of a
//! person that is there has exactly one answer there. A client whose language is not installed is
//! passed over, aloud.

use super::gateway::Gateway;
use crate::port::Port;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const ROOM: &str = "chat-room:ops";

/// How often the gateway is killed.
const KILLS: usize = 4;

/// Messages said between two kills.
const SAID: usize = 6;

#[test]
fn bot_py_answers_everything_once() {
    trial("python3", "bot.py");
}

#[test]
fn bot_mjs_answers_everything_once() {
    trial("node", "bot.mjs");
}

#[test]
fn bot_sh_answers_everything_once() {
    trial("bash", "bot.sh");
}

/// Each restart of a buffered gateway begins another instance: the bot's number means nothing there
/// any more, it is told so with 410, and begins anew.
#[test]
fn another_instance_stops_no_bot() {
    for (language, program) in [
        ("python3", "bot.py"),
        ("node", "bot.mjs"),
        ("bash", "bot.sh"),
    ] {
        if Command::new(language).arg("--version").output().is_err() {
            continue;
        }
        let database = scratch(&format!("buffered-{program}"));
        let start = |listen: &str| {
            Stage::start_with(
                &database,
                listen,
                &["--events", "buffered", "--poll-timeout", "1"],
            )
        };
        let (_port, listen) = address();
        let mut stage = start(&listen);
        stage.provision();
        let _bot = Bot::start(language, program, stage.gateway.address);
        for round in 0..2 {
            stage.says(&format!("round {round}"));
            stage.answered();
            if round == 0 {
                drop(stage);
                stage = start(&listen);
                stage.joined();
            }
        }
        let _ = std::fs::remove_dir_all(database.parent().expect("a folder"));
    }
}

/// A bot's process, killed on drop.
struct Bot(Child);

impl Bot {
    fn start(language: &str, program: &str, gateway: SocketAddr) -> Bot {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples/clients")
            .join(program);
        let mut command = Command::new(language);
        command
            .arg(path)
            .env("GATEWAY", format!("http://{gateway}"));
        command
            .env("BOT_AGENT", "echo")
            .env("BOT_USERNAME", r"CONTOSO\bot")
            .env("BOT_PASSWORD", "the bot's \"secret\"");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Bot(child.expect("the bot starts"))
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A gateway with the agents `echo`, which is the bot's, and `watcher`, both in one room.
struct Stage {
    gateway: Gateway,
    root: String,
}

impl Stage {
    /// Short-lived tokens, so that the bot has to log in again; a long window, so that all can be
    /// read at the end.
    fn start(database: &Path, listen: &str) -> Stage {
        Stage::start_with(database, listen, &["--token-lifetime", "3"])
    }

    fn start_with(database: &Path, listen: &str, more: &[&str]) -> Stage {
        let database = database.to_str().expect("UTF-8");
        let flags = [
            "--listen",
            listen,
            "--database",
            database,
            "--loopback-control",
            "--event-window",
            "1h",
        ];
        let gateway = Gateway::start(&[&flags, more].concat());
        let root = gateway.super_token();
        Stage { gateway, root }
    }

    fn provision(&self) {
        let put = |target: &str, body: Value| {
            self.gateway
                .call(
                    "PUT",
                    &format!("/Provisioning/v1/{target}"),
                    &self.root,
                    &body.to_string(),
                )
                .expect(200);
        };
        put(
            "Users/bot",
            json!({ "UserId": "bot", "Username": r"CONTOSO\bot", "Password": "the bot's \"secret\"" }),
        );
        for agent in ["echo", "watcher"] {
            let body = json!({ "Id": agent, "UserName": format!("loopback:{agent}"), "Users": ["bot"], "Channels": [{ "Id": ROOM }] });
            put(&format!("Agents/{agent}"), body);
        }
        self.joined();
    }

    /// Waits until both agents are in the room.
    fn joined(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        for agent in ["echo", "watcher"] {
            loop {
                let status = self
                    .gateway
                    .get(&format!("/Gateway/v1/Agents/{agent}"), &self.root)
                    .expect(200)
                    .json();
                if status["Channels"][0]["State"] == "Active" {
                    break;
                }
                assert!(Instant::now() < until, "{status}");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn says(&self, text: &str) {
        let body = json!({ "Channel": ROOM, "Text": text }).to_string();
        self.gateway
            .call("POST", "/Loopback/v1/Persons/lene/Say", &self.root, &body)
            .expect(200);
    }

    /// From here until the kill, each post takes a second.
    fn delays_posts(&self) {
        self.gateway
            .call("POST", "/Loopback/v1/Delay", &self.root, r#"{"Seconds":1}"#)
            .expect(200);
    }

    /// Waits, for a minute at most, until everything that was said is answered. Returns what the
    /// journal holds then.
    fn answered(&self) -> BTreeMap<String, [usize; 2]> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let talk = self.talk();
            let done = !talk.is_empty() && talk.values().all(|[_, answers]| *answers > 0);
            if done || Instant::now() > until {
                assert!(done, "{talk:#?}");
                return talk;
            }
        }
    }

    /// What the journal holds: how often each text was said, with each answer under the text that
    /// it answers.
    fn talk(&self) -> BTreeMap<String, [usize; 2]> {
        let token = self
            .gateway
            .log_in(r"CONTOSO\bot", "the bot's \"secret\"", "watcher");
        let mut talk: BTreeMap<String, [usize; 2]> = BTreeMap::new();
        let mut last = Value::from(0);
        loop {
            let target = format!("/Collaboration/v1/Events?types=message&last-event={last}");
            let events = self.gateway.get(&target, &token).expect(200).json();
            let Some(newest) = events.as_array().and_then(|events| events.last()) else {
                return talk;
            };
            assert!(newest["EventId"].as_i64() > last.as_i64(), "{events}");
            last = newest["EventId"].clone();
            for event in events.as_array().into_iter().flatten() {
                let text = event["Content"].as_str().expect("text");
                let (text, which) = text
                    .strip_prefix("You said: ")
                    .map_or((text, 0), |text| (text, 1));
                talk.entry(text.to_owned()).or_default()[which] += 1;
            }
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "a trial that did not take place must not look like one that passed"
)]
fn trial(language: &str, program: &str) {
    if Command::new(language).arg("--version").output().is_err() {
        println!("{program} was not tried: there is no {language}");
        return;
    }
    let database = scratch(program);
    let (_port, listen) = address();
    let mut stage = Stage::start(&database, &listen);
    stage.provision();
    let address = stage.gateway.address;
    let mut bot = Bot::start(language, program, address);
    for round in 0..=KILLS {
        if round == 1 {
            stage.delays_posts();
        }
        for number in 0..SAID {
            stage.says(&format!(
                "{round}.{number}: \"quoted\", C:\\new, \u{1f980} {{\"__type\":\"MessageEvent\"}}\n,\"Content\":\"no\""
            ));
            thread::sleep(Duration::from_millis(40 * (number as u64 % 3)));
        }
        if round == KILLS {
            break;
        }
        if round == 1 {
            // By now it has answered some of a batch of which it acknowledges nothing before the
            // last: they come again.
            thread::sleep(Duration::from_millis(3300));
            drop(bot);
            bot = Bot::start(language, program, address);
        }
        // The kill meets the bot somewhere between its poll, its posts and its acknowledgement.
        thread::sleep(Duration::from_millis(60 * round as u64));
        drop(stage);
        thread::sleep(Duration::from_millis(300));
        stage = Stage::start(&database, &listen);
        stage.joined();
    }
    let talk = stage.answered();
    assert!(talk.len() >= 20, "{talk:#?}");
    // Waits a little longer, because a late second answer would count too.
    thread::sleep(Duration::from_secs(2));
    let talk = stage.talk();
    assert!(talk.values().all(|counts| *counts == [1, 1]), "{talk:#?}");
    drop((bot, stage));
    let _ = std::fs::remove_dir_all(database.parent().expect("a folder"));
}

/// Where a bot looks for the gateway, also while it is down: nobody else takes the port meanwhile.
fn address() -> (Port, String) {
    let port = Port::reserve();
    let listen = format!("127.0.0.1:{}", port.number());
    (port, listen)
}

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("switchboard-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join("switchboard.db")
}
