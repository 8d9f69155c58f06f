//! The stage of the tests of the core: a world with people, a clock moved by hand, and clients that
//! follow links.

use super::answer::{Answer, Body};
use super::person::{Manner, Person};
use super::request::Request;
use super::switches::Switches;
use super::timer::Moment;
use super::world::{Config, Outcome, World};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::oneshot;

/// Lene and Tosh have accounts; Sara accepts, Dan declines, Ivy lets invitations ring.
pub struct Stage {
    pub world: World,
    pub now: Moment,
}

/// A client that is signed on.
pub struct Client {
    token: String,
    /// The resource `application` as it was created.
    pub app: Value,
    next: String,
    parked: Option<oneshot::Receiver<Answer>>,
    /// Answers of the event channel that were not packages.
    pub strange: Vec<Value>,
}

impl Stage {
    pub fn new() -> Stage {
        let config = Config {
            domain: "contoso.com".to_owned(),
            seed: 7,
            secure_port: None,
            switches: Switches::default(),
        };
        let mut world = World::new(config);
        let now = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        for (name, manner) in [
            ("lene", Manner::Offline),
            ("tosh", Manner::Offline),
            ("sara", Manner::Accept(Duration::ZERO)),
            ("dan", Manner::Decline(Duration::ZERO)),
            ("ivy", Manner::Ignore),
        ] {
            let address = super::address::Address::parse(&format!("{name}@contoso.com")).unwrap();
            let mut person = Person::new(now, &address, None);
            person.password = (manner == Manner::Offline).then(|| "secret".to_owned());
            person.manner = manner;
            world.people.insert(address, person);
        }
        Stage { world, now }
    }

    pub fn pass(&mut self, seconds: f64) {
        let end = self.now + chrono::TimeDelta::milliseconds((seconds * 1000.0) as i64);
        while let Some(due) = self.world.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.world.tick(self.now);
        }
        self.now = end;
        self.world.tick(self.now);
    }

    /// Sends a request without a token.
    pub fn bare(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        match self.outcome(method, path, headers, body) {
            Outcome::Now(answer) => answer,
            Outcome::Later(_) => panic!("{method} {path} has to wait"),
        }
    }

    fn outcome(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Outcome {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = Request {
            method: method.to_owned(),
            scheme: "https".to_owned(),
            host: "lyncweb.contoso.com".to_owned(),
            path: path
                .trim_start_matches("https://lyncweb.contoso.com")
                .to_owned(),
            query: query.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        };
        self.world.handle(self.now, &request)
    }

    pub fn token(&mut self, user: &str) -> String {
        let form = format!("grant_type=password&username={user}%40contoso.com&password=secret");
        let answer = json_of(&self.bare("POST", "/WebTicket/oauthtoken", &[], &form));
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Signs on with a new application.
    pub fn sign_on(&mut self, user: &str) -> Client {
        let token = self.token(user);
        let endpoint = self.world.ids.guid();
        let body =
            format!(r#"{{"UserAgent":"Stage","EndpointId":"{endpoint}","Culture":"en-US"}}"#);
        let bearer = format!("Bearer {token}");
        let answer = self.bare(
            "POST",
            "/ucwa/oauth/v1/applications",
            &[("authorization", &bearer)],
            &body,
        );
        assert_eq!(answer.status, 201);
        let app = json_of(&answer);
        let next = app["_links"]["events"]["href"].as_str().unwrap().to_owned();
        Client {
            token,
            app,
            next,
            parked: None,
            strange: Vec::new(),
        }
    }

    /// Signs on and makes the user available. The events that follow from it are already taken.
    pub fn sign_on_available(&mut self, user: &str) -> Client {
        let mut client = self.sign_on(user);
        let href = link(&client.app["_embedded"]["me"], "makeMeAvailable");
        let body =
            r#"{"supportedModalities":["Messaging"],"supportedMessageFormats":["Plain","Html"]}"#;
        assert_eq!(client.post(self, &href, body).status, 204);
        client.events(self);
        self.pass(6.0);
        client.events(self);
        client
    }
}

impl Client {
    pub fn ask(
        &self,
        stage: &mut Stage,
        method: &str,
        href: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        stage.bare(method, href, &all, body)
    }

    pub fn get(&self, stage: &mut Stage, href: &str) -> Value {
        let answer = self.ask(stage, "GET", href, &[], "");
        assert_eq!(answer.status, 200, "{href}: {answer:?}");
        json_of(&answer)
    }

    pub fn post(&self, stage: &mut Stage, href: &str, body: &str) -> Answer {
        self.ask(stage, "POST", href, &[], body)
    }

    /// Returns the status and the subcode of a POST.
    pub fn tried(&self, stage: &mut Stage, href: &str, body: &str) -> (u16, String) {
        let answer = self.post(stage, href, body);
        (
            answer.status,
            json_of(&answer)["subcode"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    }

    pub fn href(&self, path: &str) -> String {
        format!(
            "{}{path}",
            self.app["_links"]["self"]["href"].as_str().unwrap()
        )
    }

    pub fn renew(&mut self, stage: &mut Stage, user: &str) {
        self.token = stage.token(user);
    }

    /// Returns all events that are there now. A P-GET stays parked.
    pub fn events(&mut self, stage: &mut Stage) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let answer = match self.parked.take() {
                Some(mut parked) => match parked.try_recv() {
                    Ok(answer) => answer,
                    Err(oneshot::error::TryRecvError::Empty) => {
                        self.parked = Some(parked);
                        return all;
                    }
                    Err(oneshot::error::TryRecvError::Closed) => {
                        self.strange.push(Value::from("cut"));
                        self.ask_events(stage);
                        continue;
                    }
                },
                None => {
                    self.ask_events(stage);
                    continue;
                }
            };
            if !self.take(&answer, &mut all) {
                return all;
            }
        }
    }

    fn ask_events(&mut self, stage: &mut Stage) {
        let bearer = format!("Bearer {}", self.token);
        let next = self.next.clone();
        let (reply, parked) = oneshot::channel();
        match stage.outcome("GET", &next, &[("authorization", &bearer)], "") {
            Outcome::Now(answer) => {
                reply.send(answer).unwrap();
                self.parked = Some(parked);
            }
            Outcome::Later(parked) => self.parked = Some(parked),
        }
    }

    /// Takes one answer of the channel. Returns false if it is an error.
    fn take(&mut self, answer: &Answer, all: &mut Vec<Value>) -> bool {
        let package = json_of(answer);
        if answer.status != 200 {
            self.strange.push(package);
            return false;
        }
        for rel in ["resync", "resume"] {
            if !package["_links"][rel].is_null() {
                self.strange.push(Value::from(rel));
            }
        }
        let follow = ["resync", "resume", "next"]
            .into_iter()
            .find(|rel| !package["_links"][rel].is_null())
            .unwrap();
        self.next = link(&package, follow);
        for sender in package["sender"].as_array().into_iter().flatten() {
            all.extend(sender["events"].as_array().unwrap().iter().cloned());
        }
        true
    }

    /// Stops listening.
    pub fn deafen(&mut self) {
        self.parked = None;
    }
}

/// Returns the path that a link of a resource leads to.
pub fn link(resource: &Value, rel: &str) -> String {
    resource["_links"][rel]["href"]
        .as_str()
        .unwrap_or_else(|| panic!("no link {rel} in {resource}"))
        .to_owned()
}

/// Returns the `rel type` of each event.
pub fn told(events: &[Value]) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events
        .iter()
        .map(|event| format!("{} {}", word(&event["link"]["rel"]), word(&event["type"])))
        .collect()
}

/// Returns the resource that an event of that kind embeds; the last one if there are several.
pub fn embedded(events: &[Value], rel: &str, kind: &str) -> Value {
    let found = events
        .iter()
        .rev()
        .find(|event| event["link"]["rel"] == rel && event["type"] == kind);
    found.unwrap_or_else(|| panic!("no {rel} {kind} in {:?}", told(events)))["_embedded"][rel]
        .clone()
}

/// Returns the resource of an answer as a client reads it; Null if it has none.
pub fn json_of(answer: &Answer) -> Value {
    match &answer.body {
        Body::Json(value) => serde_json::from_str(&super::json::text(value)).unwrap(),
        _ => Value::Null,
    }
}
