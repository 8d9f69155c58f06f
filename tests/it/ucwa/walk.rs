//! The steps of the article: discover, get a token, create the application, invite, poll until
//! connected, send, terminate.
//!
//! Goal: a plain HTTP client that follows the article gets the promised 201 and 204 from the
//! simulator, but not from the URLs in which the article is wrong. Method: HTTP over a socket,
//! following links, with nothing of this library on the client's side.

use super::simulator::core::Simulator;
use super::simulator::person::Manner;
use super::simulator::switches::Switches;
use super::simulator::timer::RealTime;
use super::simulator::world::Config;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A plain client: one connection for each request, and a token once it has one.
struct Plain {
    server: SocketAddr,
    token: Option<String>,
}

/// The answer to a request.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Plain {
    fn ask(&self, method: &str, href: &str, kind: &str, body: &str) -> Answer {
        let path = href
            .strip_prefix(&format!("http://{}", self.server))
            .unwrap_or(href);
        let mut stream = TcpStream::connect(self.server).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let token = self
            .token
            .as_ref()
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let kind = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: {kind}\r\n")
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n{token}{kind}Content-Length: {}\r\n\r\n",
            self.server,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn get(&self, href: &str) -> Answer {
        self.ask("GET", href, "", "")
    }

    fn post(&self, href: &str, body: &Value) -> Answer {
        self.ask("POST", href, "application/json", &body.to_string())
    }
}

impl Answer {
    /// Returns the resource, and checks the status.
    fn resource(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }
}

fn link(resource: &Value, rel: &str) -> String {
    resource["_links"][rel]["href"]
        .as_str()
        .unwrap_or_else(|| panic!("no link {rel} in {resource}"))
        .to_owned()
}

/// Polls until an event embeds the resource `rel` in that state. Moves `events` on.
fn poll(client: &Plain, events: &mut String, rel: &str, state: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline, "no {rel} becomes {state}");
        let package = client.get(events).resource(200);
        *events = link(&package, "next");
        let all = package["sender"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|sender| sender["events"].as_array().unwrap());
        let found = all
            .map(|event| &event["_embedded"][rel])
            .find(|resource| resource["state"] == state);
        if let Some(found) = found {
            return found.clone();
        }
    }
}

#[test]
fn the_walk_of_the_article() {
    let config = Config {
        domain: "contoso.com".to_owned(),
        seed: 1,
        secure_port: None,
        switches: Switches::default(),
    };
    let simulator = Simulator::new(config, Arc::new(RealTime));
    simulator
        .add_person(
            "sip:tosh@contoso.com",
            None,
            Some("secret"),
            Manner::Offline,
        )
        .unwrap();
    simulator
        .add_person(
            "sip:lene@contoso.com",
            None,
            None,
            Manner::Accept(Duration::ZERO),
        )
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    runtime.spawn(simulator.clone().run());
    let served = simulator.clone();
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        super::simulator::serve::listen(served, listener, None).await;
    });
    let mut client = Plain {
        server,
        token: None,
    };

    // Part 1: the user's server, the token, and the application.
    let user = link(&client.get("/").resource(200), "user");
    let refused = client.get(&user);
    assert_eq!(
        (refused.status, refused.header("WWW-Authenticate").len()),
        (401, 2)
    );
    let challenge = refused
        .header("WWW-Authenticate")
        .into_iter()
        .find(|one| one.starts_with("MsRtcOAuth"))
        .unwrap();
    let token_href = challenge.split('"').nth(1).unwrap().to_owned();
    let form = "grant_type=password&username=tosh%40contoso.com&password=secret";
    let token = client
        .ask(
            "POST",
            &token_href,
            "application/x-www-form-urlencoded;charset=UTF-8",
            form,
        )
        .resource(200);
    client.token = token["access_token"].as_str().map(str::to_owned);
    let applications = link(&client.get(&user).resource(200), "applications");
    let create = json!({"UserAgent": "UCWA Samples", "EndpointId": "a917c6f4-976c-4cf3-847d-cdfffa28ccdf", "Culture": "en-US"});
    let application = client.post(&applications, &create).resource(201);
    let own = link(&application, "self");
    let mut events = link(&application, "events");

    // The invitation: 201.
    let invitation = json!({"importance": "Normal", "sessionContext": "33dc0ef6-0570-4467-bb7e-49fcbea8e944", "telemetryId": null,
        "subject": "Sample Subject Line", "to": "sip:lene@contoso.com", "operationId": "5028e824-2268-4b14-9e59-1abad65ff393"});
    assert_eq!(
        client
            .post(
                &format!("{own}/communication/messagingInvitationse"),
                &invitation
            )
            .status,
        404
    );
    let start = link(&application["_embedded"]["communication"], "startMessaging");
    let invited = client.post(&start, &invitation);
    assert_eq!(
        (
            invited.status,
            invited.body.as_str(),
            invited.header("Location").len()
        ),
        (201, "", 1)
    );

    // Poll until the conversation is there and connected.
    let conversation = poll(&client, &mut events, "conversation", "Connecting");
    assert_eq!(conversation["subject"], "Sample Subject Line");
    let messaging = poll(&client, &mut events, "messaging", "Connected");
    assert_eq!(messaging["negotiatedMessageFormats"], json!(["Plain"]));
    let now = client.get(&link(&conversation, "self")).resource(200);
    assert_eq!(
        (&now["state"], &now["activeModalities"]),
        (&json!("Connected"), &json!(["Messaging"]))
    );

    // The message: 201, but not at the URL that the article prints.
    assert_eq!(
        client
            .ask(
                "POST",
                &link(&messaging, "self"),
                "text/plain",
                "Testing 1... 2... 3..."
            )
            .status,
        405
    );
    let sent = client.ask(
        "POST",
        &link(&messaging, "sendMessage"),
        "text/plain",
        "Testing 1... 2... 3...",
    );
    assert_eq!((sent.status, sent.body.as_str()), (201, ""));
    let lene = simulator.person("sip:lene@contoso.com").unwrap();
    let heard: Vec<String> = lene.heard().into_iter().map(|heard| heard.text).collect();
    assert_eq!(heard, ["Testing 1... 2... 3..."]);

    // The end: 204, and the events say so.
    assert_eq!(
        client
            .ask(
                "POST",
                &format!("{}/terminate", link(&conversation, "self")),
                "",
                ""
            )
            .status,
        404
    );
    assert_eq!(
        client
            .ask("POST", &link(&messaging, "stopMessaging"), "", "")
            .status,
        204
    );
    poll(&client, &mut events, "messaging", "Disconnected");
    assert_eq!(client.get(&link(&conversation, "self")).status, 404);
    assert_eq!(client.ask("DELETE", &own, "", "").status, 204);
    assert_eq!(
        client.get(&own).resource(404)["subcode"],
        "ApplicationNotFound"
    );
}
