//! A client over HTTP that behaves as the vendor's streaming clients in Java and C# do: it keeps
//! `max(last, EventId)`, sends no `instance`, and logs in again after 401.
//!
//! Goal: each message exactly once after a replaced database, a restart in buffered mode, and with
//! a number from another server. Method: the real program, whose database is removed or which is
//! started again, and requests of one connection each. An answer that nobody took is given again:
//! that is seen in this process, where the body can be dropped unread.

use super::gateway::Gateway;
use super::world::{ROOM, World};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use switchboard::backend::Loopback;
use switchboard::rest::{Caller, Rest};
use switchboard::{Credentials, Engine, NewAgent, NewUser, Principal};

struct Streaming {
    last: i64,
    heard: Vec<String>,
}

impl Streaming {
    fn from(last: i64) -> Streaming {
        Streaming {
            last,
            heard: Vec::new(),
        }
    }

    /// One poll; false if it was empty.
    fn polls(&mut self, world: &World) -> bool {
        let query = format!("last-event={}&types=message&origin=remote", self.last);
        let events = world.events(&query);
        for event in &events {
            let id = event["EventId"].as_i64().expect("a number");
            let text = event["Content"].as_str().expect("a text");
            self.last = self.last.max(id);
            self.heard.push(text.to_owned());
        }
        !events.is_empty()
    }

    #[track_caller]
    fn hears(&mut self, world: &World, name: &str) {
        self.heard.clear();
        let said: Vec<String> = (0..6).map(|n| format!("{name} {n}")).collect();
        for text in &said {
            let body = json!({ "Channel": ROOM, "Text": text }).to_string();
            world
                .root("POST", "/Loopback/v1/Persons/ada/Say", &body)
                .expect(200);
            // A poll may come before the message is there; the next one waits for it.
            for _ in 0..5 {
                if self.heard.contains(text) || self.heard.len() > said.len() {
                    break;
                }
                self.polls(world);
            }
        }
        assert!(!self.polls(world), "nothing more comes: {:?}", self.heard);
        assert_eq!(self.heard, said, "{name}");
    }
}

/// A database in a folder that is removed at the end.
struct Scratch {
    folder: PathBuf,
    database: PathBuf,
}

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("switchboard-streaming-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let database = folder.join("switchboard.db");
        Scratch { folder, database }
    }

    fn flags(&self) -> [&str; 3] {
        let database = self.database.to_str().expect("UTF-8");
        ["--loopback-control", "--database", database]
    }

    fn world(&self, more: &[&str]) -> World {
        World::new(&[&self.flags()[..], more].concat())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn each_message_comes_once_over_replaced_databases() {
    let mut client = Streaming::from(0);
    for name in ["old", "new"] {
        let scratch = Scratch::new(name);
        client.hears(&scratch.world(&[]), name);
    }
}

#[test]
fn each_message_comes_once_over_restarts_in_buffered_mode() {
    let (scratch, mut client) = (Scratch::new("buffered"), Streaming::from(0));
    let buffered = ["--events", "buffered"];
    client.hears(&scratch.world(&buffered), "first");
    let gateway = Gateway::start(&[&scratch.flags(), &buffered[..]].concat());
    let world = World {
        root: gateway.super_token(),
        lene: gateway.log_in("lene", "lenes secret", "helper"),
        gateway,
    };
    // A join that was announced is not announced again, so the state is asked for.
    let until = Instant::now() + Duration::from_secs(20);
    while world.read("/Gateway/v1/Agents/helper")["Channels"][0]["State"] != "Active" {
        assert!(Instant::now() < until, "it never joined");
        std::thread::sleep(Duration::from_millis(20));
    }
    client.hears(&world, "second");
}

#[test]
fn each_message_comes_once_to_a_number_from_another_server() {
    let world = World::new(&["--loopback-control"]);
    for last in [5_000, 2_000_000_000] {
        let mut client = Streaming::from(last);
        // The window, once.
        client.polls(&world);
        client.hears(&world, &format!("from {last}"));
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test's own runtime")]
async fn an_answer_that_was_not_taken_is_given_again() {
    let chat = Loopback::new();
    chat.room(ROOM, "Operations");
    let engine = Engine::builder().in_memory().backend(chat.clone());
    let engine = engine.open().expect("an engine");
    let admin = engine
        .provisioning(&Principal::host("ada"))
        .expect("a host");
    let user = NewUser::new("lene", "lene").expect("a user");
    let user = user.password("lenes secret").expect("a password");
    admin.put_user_async(user).await.expect("put");
    let agent = NewAgent::new("helper", "loopback:helper").expect("an agent");
    let agent = agent.channel(ROOM).expect("a channel").user("lene");
    admin
        .put_agent_async(agent.expect("a user"))
        .await
        .expect("put");
    let helper = engine.agent("helper").expect("it is there");
    helper.wait_active_async().await.expect("active");
    let login = Credentials::agent("lene", "lenes secret", "helper");
    let token = engine.log_in_async(&login).await.expect("a token");
    chat.person("contact:ada").say(ROOM, "hello").expect("said");
    let rest = Rest::new(engine.clone());
    let poll = |method: &str, number: i64| {
        let target = format!("/Collaboration/v1/Events?last-event={number}&types=message");
        let request = http::Request::builder()
            .method(method)
            .uri(target)
            .header("Host", "gateway")
            .header("Authorization", format!("FCF {}", token.expose()))
            .body(axum::body::Body::empty())
            .expect("a request");
        rest.answer(request, Caller::default())
    };
    let text = |response: http::Response<switchboard::rest::Body>| async {
        let body = axum::body::to_bytes(axum::body::Body::new(response.into_body()), 1 << 20);
        String::from_utf8(body.await.expect("a body").to_vec()).expect("UTF-8")
    };
    let high = 2_000_000_000;
    let unread = poll("GET", high).await;
    assert_eq!(unread.status(), 200);
    drop(unread);
    for method in ["HEAD", "GET"] {
        let answer = text(poll(method, high).await).await;
        assert!(answer.contains("hello"), "{method}: {answer}");
    }
    let answer = text(poll("HEAD", high).await).await;
    assert_eq!(answer, "[]", "it was taken");
}
