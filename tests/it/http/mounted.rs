//! The contract in an application of somebody else's: mounted under a prefix in axum, in this
//! process.
//!
//! Goal: a host writes `nest_service` and nothing more. Method: the vendor's walkthrough, as
//! `walkthrough.sh` plays it, over real sockets; the engine, which the host has in hand, waits for
//! the agents.

use super::client::{self, Answer, request};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use switchboard::Engine;
use switchboard::backend::Loopback;
use switchboard::rest::{Caller, Rest};
use switchboard::serve::Server;
use tokio::runtime::Runtime;

const ROOM: &str = "chat-room:f9a694eb-3cae-4235-bcb6-b8aeefb83284";
const PREFIX: &str = "/mindlink";
const SUPER: &str = r"domain\mindlinksuperuser";
const SOON: Duration = Duration::from_secs(20);

/// An application that has a page of its own, and the contract under [`PREFIX`].
struct Application {
    engine: Engine,
    address: SocketAddr,
    runtime: Option<Runtime>,
    /// How the client spells the version: `V1` or `v1`.
    version: &'static str,
    token: String,
}

impl Application {
    fn start(version: &'static str) -> Application {
        let chat = Loopback::new();
        chat.room(ROOM, "TestChatRoom");
        chat.room("chat-room:a/b", "A slash");
        let engine = Engine::builder()
            .in_memory()
            .backend(chat)
            .super_user(SUPER, "Password1")
            .open()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let rest = Rest::builder(engine.clone()).prefix(PREFIX);
        let rest = rest.poll_timeout(Duration::from_secs(2)).build();
        let router = axum::Router::new()
            .route("/", axum::routing::get(|| async { "somebody else's page" }))
            .nest_service(PREFIX, rest);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        Application {
            engine,
            address,
            runtime: Some(runtime),
            version,
            token: String::new(),
        }
    }

    fn send(&self, method: &str, target: &str, body: &str) -> Answer {
        let authorization = format!("FCF {}", self.token);
        let mut headers = vec![("Content-Type", "application/json")];
        if !self.token.is_empty() {
            headers.push(("Authorization", authorization.as_str()));
        }
        let request = request(method, target, &headers, body.as_bytes());
        client::send(self.address, &request)
    }

    /// Calls the resource that is `path` of `service`.
    fn call(&self, method: &str, service: &str, path: &str, body: Value) -> Answer {
        let target = format!("{PREFIX}/{service}/{}/{path}", self.version);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, &target, &body)
    }

    fn get(&self, service: &str, path: &str) -> Value {
        let answer = self.call("GET", service, path, Value::Null);
        answer.expect(200).json()
    }

    fn put(&self, path: &str, body: Value) {
        let answer = self.call("PUT", "Provisioning", path, body);
        assert_eq!(answer.expect(200).body, "");
    }

    #[track_caller]
    fn log_in(&mut self, username: &str, agent: &str) -> String {
        self.token.clear();
        let body = json!({ "Username": username, "Password": "Password1", "AgentId": agent });
        let answer = self.call("POST", "Authentication", "Tokens", body);
        let token = answer.expect(200).json().as_str().unwrap().to_owned();
        let details = self.get("Authentication", &format!("Tokens/{token}"));
        assert_eq!(
            (&details["AgentId"], &details["Username"]),
            (&json!(agent), &json!(username))
        );
        self.token.clone_from(&token);
        token
    }

    /// Waits until an agent is signed in and in its channels, and returns it.
    fn active(&self, id: &str) -> Value {
        let agent = self.engine.agent(id).unwrap();
        agent.wait_active(SOON).unwrap();
        self.get("Provisioning", &format!("Agents/{id}"))
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn agent(id: &str, channels: Value, can_provision: bool, user: &str, address: &str) -> Value {
    json!({
        "CanProvision": can_provision, "Channels": channels, "Id": id, "ManagementMode": 1, "MetaData": [],
        "ProvisioningMode": if can_provision { 2 } else { 1 }, "State": 2, "UserName": address, "Users": [user],
    })
}

fn play(version: &'static str) {
    let mut application = Application::start(version);
    let root = application.log_in(SUPER, "");
    let admin = json!({ "UserId": "admin1", "Username": r"domain\mindlinkadmin1", "Password": "Password1" });
    application.put("Users/admin1", admin);
    assert_eq!(
        application.get("Provisioning", "Users/admin1"),
        json!({ "UserId": "admin1", "UserName": r"domain\mindlinkadmin1", "Username": r"domain\mindlinkadmin1" })
    );
    assert_eq!(application.get("Provisioning", "Agents"), json!([]));
    let slave = "sip:mindlinkslave@domain.com";
    let new = json!({ "Id": "slaveagent", "UserName": slave, "Channels": [], "MetaData": [], "Users": ["admin1"], "CanProvision": "true" });
    application.put("Agents/slaveagent", new);
    let expected = agent("slaveagent", json!([]), true, "admin1", slave);
    assert_eq!(application.active("slaveagent"), expected);

    application.log_in(r"domain\mindlinkadmin1", "slaveagent");
    let user =
        json!({ "UserId": "user1", "Username": r"domain\mindlinkuser1", "Password": "Password1" });
    application.put("Users/user1", user);
    let missing = application.call("GET", "Provisioning", "Agents/agent1", Value::Null);
    missing.expect_code(404, "not_found");
    let address = "sip:agent1@domain.com";
    let new = json!({ "Id": "agent1", "UserName": address, "Channels": [], "MetaData": [], "Users": ["user1"], "CanProvision": "false" });
    application.put("Agents/agent1", new);
    let found = application.get("Provisioning", "Channels?query=TestChatRoom");
    assert_eq!(found, json!([{ "Key": ROOM, "Value": "TestChatRoom" }]));
    application.put(&format!("Agents/agent1/Channels/{ROOM}"), Value::Null);
    let channels = json!([{ "Id": ROOM, "State": 2 }]);
    let expected = agent("agent1", channels, false, "user1", address);
    assert_eq!(application.active("agent1"), expected);
    let again = format!("Agents/agent1/Channels/{ROOM}");
    let again = application.call("PUT", "Provisioning", &again, Value::Null);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    // axum must not decode what the contract splits first.
    application.put("Agents/agent1/Channels/chat-room%3Aa%2Fb", Value::Null);

    application.log_in(r"domain\mindlinkuser1", "agent1");
    application.active_channel();
    let messages = format!("Channels/{ROOM}/Messages");
    let text = json!({ "IsAlert": false, "Text": "hello" });
    let posted = application.call("POST", "Collaboration", &messages, text);
    let posted = posted.expect(200).json();
    assert_eq!(
        (&posted["Text"], &posted["Id"]),
        (&json!("hello"), &posted["Token"])
    );
    let newest = application.get("Collaboration", &format!("{messages}?take=1"));
    assert_eq!(newest, json!([posted]));
    let events = application.get("Collaboration", "Events?last-event=0&types=message");
    assert_eq!(events[0]["Content"], "hello");

    let refused = application.call("GET", "Provisioning", "Agents", Value::Null);
    refused.expect_code(403, "forbidden");
    application.token = root;
    let refused = application.call("GET", "Collaboration", "Channels", Value::Null);
    refused.expect_code(400, "invalid");
    application.token.clear();
    let refused = application.call("GET", "Collaboration", "Channels", Value::Null);
    refused.expect_code(401, "unauthorized");
    let wrong = json!({ "Username": r"domain\mindlinkuser1", "Password": "Password2", "AgentId": "agent1" });
    let refused = application.call("POST", "Authentication", "Tokens", wrong);
    refused.expect_code(401, "unauthorized");
}

impl Application {
    /// Checks the one channel of `agent1` by what its user sees.
    fn active_channel(&self) {
        let channels = self.get("Collaboration", "Channels");
        let own = channels.as_array().unwrap().iter();
        let own: Vec<&Value> = own.filter(|channel| channel["Id"] == ROOM).collect();
        assert_eq!(own.len(), 1, "{channels}");
        assert_eq!(own[0]["DisplayName"], "TestChatRoom");
        assert_eq!(own[0]["MaxMessageLength"], 500);
    }
}

#[test]
fn the_walkthrough_passes_under_a_prefix_in_somebody_elses_application() {
    play("V1");
    play("v1");
}

#[test]
fn the_application_keeps_its_own_paths() {
    let application = Application::start("v1");
    let page = application.send("GET", "/", "");
    assert_eq!(
        (page.status, page.body.as_str()),
        (200, "somebody else's page")
    );
    assert_eq!(application.send("GET", "/healthz", "").status, 404);
    let health = application.send("GET", "/mindlink/healthz", "").expect(200);
    assert_eq!(health.json(), json!("ok"));
    let description = application
        .send("GET", "/mindlink/openapi.json", "")
        .expect(200);
    assert_eq!(description.json()["servers"], json!([{ "url": PREFIX }]));
    // What the contract does not know is answered as the contract says.
    for target in [
        "/mindlink",
        "/mindlink/",
        "/mindlink/nothing",
        "/mindlink/Loopback/v1/Cut",
    ] {
        application
            .send("GET", target, "")
            .expect_code(404, "not_found");
    }
    let other = application.send("POST", "/mindlink/Collaboration/v1/Events", "");
    assert_eq!(
        other.expect_code(405, "method_not_allowed").header("allow"),
        Some("GET, HEAD, OPTIONS")
    );
}

/// A host without a web server of its own: the library's server, over a router or the contract
/// alone, and a client that its proxy names.
#[test]
fn the_librarys_server_serves_any_service_and_ends_in_order() {
    let engine = Engine::builder()
        .in_memory()
        .backend(Loopback::new())
        .open()
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entered = runtime.enter();
    let listener = switchboard::serve::listen("127.0.0.1:0").unwrap();
    drop(entered);
    let address = listener.local_addr().unwrap();
    let seen = |caller: axum::Extension<Caller>| async move { format!("{:?}", caller.address()) };
    let router = axum::Router::new()
        .route("/who", axum::routing::get(seen))
        .nest_service(PREFIX, Rest::builder(engine).prefix(PREFIX).build());
    let server = Server::new(router)
        .connections(2, Some(2))
        .trusted_proxies(vec!["127.0.0.0/8".parse().unwrap()]);
    let server = std::sync::Arc::new(server);
    let accepting = server.clone();
    let accepting = runtime.spawn(async move { accepting.accept(listener).await });
    let forwarded = [("X-Forwarded-For", "198.51.100.7"), ("Connection", "close")];
    let who = client::send(address, &request("GET", "/who", &forwarded, b""));
    assert_eq!(who.expect(200).body, "Some(198.51.100.7)");
    let close = [("Connection", "close")];
    let health = request("GET", "/mindlink/healthz", &close, b"");
    assert_eq!(
        client::send(address, &health).expect(200).json(),
        json!("ok")
    );
    // The connections above are given back a moment after their end is seen, so only a connection
    // that was answered is known to have its place.
    let deadline = std::time::Instant::now() + SOON;
    let mut held = Vec::new();
    while held.len() < 2 {
        assert!(std::time::Instant::now() < deadline, "no place is free");
        held.extend(answered(address, "/mindlink/healthz"));
    }
    let refused = client::send(address, &health);
    assert_eq!(
        (refused.status, &refused.json()["Code"]),
        (503, &json!("busy"))
    );
    accepting.abort();
    drop(held);
    let (ended, waited) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        server.end().await;
        ended.send(()).unwrap();
    });
    waited.recv_timeout(SOON).expect("every connection ends");
    runtime.shutdown_background();
}

/// Opens a connection that stays open after its first answer; `None` if that answer is not 200.
fn answered(address: SocketAddr, target: &str) -> Option<std::net::TcpStream> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    // A connection that is refused may be closed before the request is written.
    write!(stream, "GET {target} HTTP/1.1\r\nHost: gateway\r\n\r\n").ok()?;
    let mut status = [0; b"HTTP/1.1 200".len()];
    stream.read_exact(&mut status).ok()?;
    (&status == b"HTTP/1.1 200").then_some(stream)
}
