//! People, each an account driven by slixmpp: one Python child for all of them, spoken to in lines
//! of JSON (`people.py` lists the words).

use super::server::{Server, python};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than any wait inside the child.
const PATIENCE: Duration = Duration::from_secs(150);

type Answer = Result<Value, String>;

/// The child; dropping the last handle ends it.
struct Python {
    process: Mutex<Child>,
    stdin: Mutex<Option<ChildStdin>>,
    waiting: Arc<Mutex<HashMap<u64, Sender<Answer>>>>,
    next: AtomicU64,
}

/// Everybody. Cheap to clone.
#[derive(Clone)]
pub(crate) struct People(Arc<Python>);

/// One of them.
#[derive(Clone)]
pub(crate) struct Person {
    people: People,
    name: String,
}

/// A message that a person heard.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) subject: Option<String>,
    pub(crate) alert: bool,
    pub(crate) link: Option<String>,
    pub(crate) resource: String,
    /// The sender's own id.
    pub(crate) id: String,
    /// The room's id.
    pub(crate) stanza_id: String,
}

/// The ids of a message that a person sent: their own, and the room's.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) stanza_id: String,
}

impl People {
    pub(crate) fn start() -> People {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/xmpp/people.py");
        let mut command = Command::new(python());
        command
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().expect("Python starts");
        let waiting: Arc<Mutex<HashMap<u64, Sender<Answer>>>> = Arc::default();
        let (stdout, answers) = (process.stdout.take().expect("piped"), waiting.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let answer: Value = serde_json::from_str(&line)
                    .unwrap_or_else(|_| panic!("people.py said: {line}"));
                let waiter = answer["id"]
                    .as_u64()
                    .and_then(|id| answers.lock().expect("no panic").remove(&id));
                let said = match answer["error"].as_str() {
                    Some(error) => Err(error.to_owned()),
                    None => Ok(answer["ok"].clone()),
                };
                if let Some(waiter) = waiter {
                    let _ = waiter.send(said);
                }
            }
            // The dropped sender ends everybody who still waits.
            answers.lock().expect("no panic").clear();
        });
        let stdin = Mutex::new(process.stdin.take());
        People(Arc::new(Python {
            process: Mutex::new(process),
            stdin,
            waiting,
            next: AtomicU64::new(1),
        }))
    }

    /// Connects an account of that server, and returns its person.
    pub(crate) fn connect(&self, server: &Server, name: &str) -> Person {
        let person = Person {
            people: self.clone(),
            name: name.to_owned(),
        };
        person
            .log_in(server, &format!("pw-{name}"))
            .expect("they log in");
        person
    }

    fn ask(&self, who: &str, op: &str, mut request: Value) -> Answer {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = channel();
        self.0.waiting.lock().expect("no panic").insert(id, sender);
        let fields = request.as_object_mut().expect("an object");
        fields.extend([
            ("id".into(), id.into()),
            ("who".into(), who.into()),
            ("op".into(), op.into()),
        ]);
        let line = format!("{request}\n");
        let mut stdin = self.0.stdin.lock().expect("no panic");
        stdin
            .as_mut()
            .expect("open until dropped")
            .write_all(line.as_bytes())
            .expect("people.py reads");
        drop(stdin);
        receiver
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|error| Err(format!("people.py does not answer `{op}`: {error}")))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.stdin.lock().expect("no panic").take());
        let mut process = self.process.lock().expect("no panic");
        let _ = process.wait();
    }
}

impl Person {
    fn ask(&self, op: &str, request: Value) -> Answer {
        self.people.ask(&self.name, op, request)
    }

    /// As [`Person::ask`], but a failure fails the test.
    #[track_caller]
    fn want(&self, op: &str, request: Value) -> Value {
        self.ask(op, request)
            .unwrap_or_else(|error| panic!("{} could not {op}: {error}", self.name))
    }

    pub(crate) fn log_in(&self, server: &Server, password: &str) -> Result<(), String> {
        let request = json!({
            "jid": format!("{}@{}", self.name, server.value("DOMAIN")), "password": password,
            "port": server.port("C2S"), "certificate": server.certificate(),
        });
        self.ask("connect", request).map(drop)
    }

    /// Connects again once the server is there, and joins the rooms again.
    #[track_caller]
    pub(crate) fn reconnect(&self) {
        self.want("reconnect", json!({}));
    }

    pub(crate) fn disconnect(&self) {
        self.want("disconnect", json!({}));
    }

    #[track_caller]
    pub(crate) fn join(&self, room: &str) {
        self.want("join", json!({ "room": room }));
    }

    /// Joins under another nickname than their name.
    #[track_caller]
    pub(crate) fn join_as(&self, room: &str, nick: &str) {
        self.want("join", json!({ "room": room, "nick": nick }));
    }

    #[track_caller]
    pub(crate) fn leave(&self, room: &str) {
        self.want("leave", json!({ "room": room }));
    }

    pub(crate) fn try_join(&self, room: &str) -> Result<(), String> {
        self.ask("join", json!({ "room": room })).map(drop)
    }

    /// Says it in a room they are in, or to a contact; returns when the server has it.
    ///
    /// # Errors
    /// Why it could not be said.
    pub(crate) fn try_say(&self, to: &str, text: &str) -> Result<(), String> {
        self.ask("say", json!({ "to": to, "text": text })).map(drop)
    }

    #[track_caller]
    pub(crate) fn say(&self, to: &str, text: &str) {
        self.want("say", json!({ "to": to, "text": text }));
    }

    /// Says it with a piece of XML beside the body.
    #[track_caller]
    pub(crate) fn say_with(&self, to: &str, text: &str, extra: &str) {
        self.want("say", json!({ "to": to, "text": text, "extra": extra }));
    }

    /// Sends a message with these elements, to a room they are in or to a contact.
    #[track_caller]
    pub(crate) fn send(&self, to: &str, body: Option<&str>, xml: &str) -> Sent {
        let sent = self.want("send", json!({ "to": to, "body": body, "xml": xml }));
        let text = |name: &str| sent[name].as_str().unwrap_or_default().to_owned();
        Sent {
            id: text("id"),
            stanza_id: text("stanza_id"),
        }
    }

    /// Asks an entity to do something.
    ///
    /// # Errors
    /// The condition with which it refuses.
    pub(crate) fn request(&self, to: &str, xml: &str) -> Result<(), String> {
        self.ask("request", json!({ "to": to, "xml": xml }))
            .map(drop)
    }

    /// Waits for a message from there that has an element of that name about that message. Returns
    /// the whole message, with `body`, `id` and `marks`.
    #[track_caller]
    pub(crate) fn waits_for_mark(&self, place: &str, name: &str, id: &str) -> Value {
        self.want(
            "wait_mark",
            json!({ "place": place, "name": name, "about": id }),
        )
    }

    #[track_caller]
    pub(crate) fn show(&self, show: &str, status: &str) {
        let show = if show.is_empty() {
            Value::Null
        } else {
            show.into()
        };
        self.want("show", json!({ "show": show, "status": status }));
    }

    /// Sends a chat state: `composing`, `paused`, `active`.
    #[track_caller]
    pub(crate) fn state(&self, to: &str, state: &str) {
        self.want("state", json!({ "to": to, "state": state }));
    }

    #[track_caller]
    pub(crate) fn subscribe(&self, to: &str) {
        self.want("subscribe", json!({ "to": to }));
    }

    /// Puts whoever has that address or nickname out of the room.
    #[track_caller]
    pub(crate) fn kick(&self, room: &str, address: &str, reason: &str) {
        self.want(
            "kick",
            json!({ "room": room, "jid": address, "reason": reason }),
        );
    }

    /// Gives that address an affiliation: `outcast`, `none`, `member`, `admin`, `owner`.
    #[track_caller]
    pub(crate) fn affiliate(&self, room: &str, address: &str, affiliation: &str, reason: &str) {
        self.want(
            "affiliate",
            json!({ "room": room, "jid": address, "affiliation": affiliation, "reason": reason }),
        );
    }

    /// Sets fields of the room's configuration form, each name without `muc#roomconfig_`.
    #[track_caller]
    pub(crate) fn configure(&self, room: &str, fields: &[(&str, &str)]) {
        let field =
            |(name, value): &(&str, &str)| (format!("muc#roomconfig_{name}"), Value::from(*value));
        let fields: serde_json::Map<String, Value> = fields.iter().map(field).collect();
        self.want("configure", json!({ "room": room, "fields": fields }));
    }

    #[track_caller]
    pub(crate) fn destroy(&self, room: &str, reason: &str) {
        self.want("destroy", json!({ "room": room, "reason": reason }));
    }

    #[track_caller]
    pub(crate) fn set_subject(&self, room: &str, subject: &str) {
        self.want("set_subject", json!({ "room": room, "subject": subject }));
    }

    /// Sends those bytes as they are.
    #[track_caller]
    pub(crate) fn raw(&self, xml: &str) {
        self.want("raw", json!({ "xml": xml }));
    }

    /// What others have said in the room, or the contact to this person, since they came; oldest
    /// first.
    #[track_caller]
    pub(crate) fn heard(&self, place: &str) -> Vec<Heard> {
        let heard = self.want("tell_heard", json!({ "place": place }));
        heard
            .as_array()
            .expect("a list")
            .iter()
            .map(heard_of)
            .collect()
    }

    /// Waits until they hear that text there.
    #[track_caller]
    pub(crate) fn hears(&self, place: &str, text: &str) -> Heard {
        heard_of(&self.want("wait_heard", json!({ "place": place, "text": text })))
    }

    /// As whom they see that address: the show (`""` for plainly available) and the status; `None`
    /// for offline.
    #[track_caller]
    pub(crate) fn sees(&self, address: &str) -> Option<(String, Option<String>)> {
        let seen = self.want("sees", json!({ "jid": address }));
        let show = seen["show"].as_str()?.to_owned();
        Some((show, seen["status"].as_str().map(str::to_owned)))
    }

    /// Waits until they see that address online, or offline.
    #[track_caller]
    pub(crate) fn waits_to_see(&self, address: &str, online: bool) {
        self.want("wait_sees", json!({ "jid": address, "online": online }));
    }

    /// Waits until the newest chat state of that address is that one.
    #[track_caller]
    pub(crate) fn waits_for_state(&self, address: &str, state: &str) {
        self.want("wait_state", json!({ "jid": address, "state": state }));
    }

    /// The nicknames in the room, the person's own among them.
    #[track_caller]
    pub(crate) fn occupants(&self, room: &str) -> Vec<String> {
        let found = self.want("occupants", json!({ "room": room }));
        let nick = |one: &Value| one[0].as_str().unwrap_or_default().to_owned();
        found
            .as_array()
            .expect("a list")
            .iter()
            .map(nick)
            .filter(|nick| !nick.is_empty())
            .collect()
    }

    /// What lies behind a link.
    pub(crate) fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let bytes = self.ask("fetch", json!({ "url": url }))?;
        Ok(base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            bytes.as_str().unwrap_or_default(),
        )
        .expect("base64"))
    }
}

fn heard_of(value: &Value) -> Heard {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Heard {
        text: text("text").unwrap_or_default(),
        subject: text("subject"),
        alert: value["alert"] == true,
        link: text("link"),
        resource: text("resource").unwrap_or_default(),
        id: text("id").unwrap_or_default(),
        stanza_id: text("stanza_id").unwrap_or_default(),
    }
}
