//! The smallest world a test needs: Lene may act through the agent `helper`, which is in the room
//! `ops`.

use super::client::Answer;
use super::gateway::Gateway;
use serde_json::{Value, json};

pub(crate) const ROOM: &str = "chat-room:ops";
pub(crate) const MESSAGES: &str = "/Collaboration/v1/Channels/chat-room:ops/Messages";
pub(crate) const NAMESPACE: &str = "http://schemas.fcg.im/foundation/v1/collaboration";

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    /// The super user's token.
    pub(crate) root: String,
    /// Lene's token for `helper`.
    pub(crate) lene: String,
}

impl World {
    pub(crate) fn new(flags: &[&str]) -> World {
        let gateway = Gateway::start(flags);
        let root = gateway.super_token();
        let mut world = World {
            gateway,
            root,
            lene: String::new(),
        };
        world.put_user("lene", "lenes secret");
        world.put_agent(
            "helper",
            json!({ "Channels": [{ "Id": ROOM }, { "Id": "contact:parrot" }], "Users": ["lene"] }),
        );
        world.lene = world.gateway.log_in("lene", "lenes secret", "helper");
        world.joined(&world.lene, ROOM);
        world.joined(&world.lene, "contact:parrot");
        world
    }

    pub(crate) fn put_user(&self, id: &str, password: &str) {
        let body = json!({ "UserId": id, "Username": id, "Password": password }).to_string();
        self.root("PUT", &format!("/Provisioning/v1/Users/{id}"), &body)
            .expect(200);
    }

    pub(crate) fn put_agent(&self, id: &str, members: Value) {
        let mut body = json!({ "Id": id, "UserName": format!("loopback:{id}") });
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        self.root(
            "PUT",
            &format!("/Provisioning/v1/Agents/{id}"),
            &body.to_string(),
        )
        .expect(200);
    }

    /// Waits for the event that the token's agent has joined the channel.
    #[track_caller]
    pub(crate) fn joined(&self, token: &str, channel: &str) {
        let target =
            format!("/Collaboration/v1/Events?last-event=0&types=channel-state&channels={channel}");
        for _ in 0..20 {
            let events = self.gateway.get(&target, token).expect(200).json();
            if events
                .as_array()
                .is_some_and(|events| events.iter().any(|event| event["Active"] == true))
            {
                return;
            }
        }
        panic!("never joined {channel}");
    }

    /// As the super user.
    pub(crate) fn root(&self, method: &str, target: &str, body: &str) -> Answer {
        self.gateway.call(method, target, &self.root, body)
    }

    /// As Lene through `helper`.
    pub(crate) fn lene(&self, method: &str, target: &str, body: &str) -> Answer {
        self.gateway.call(method, target, &self.lene, body)
    }

    /// The document of a resource, as the super user.
    #[track_caller]
    pub(crate) fn read(&self, target: &str) -> Value {
        self.root("GET", target, "").expect(200).json()
    }

    /// As [`refused`], with the super user's token.
    #[track_caller]
    pub(crate) fn root_is_refused(&self, requests: &[Refused<'_>]) {
        refused(&self.gateway, &self.root, requests);
    }

    /// As [`refused`], with Lene's token.
    #[track_caller]
    pub(crate) fn lene_is_refused(&self, requests: &[Refused<'_>]) {
        refused(&self.gateway, &self.lene, requests);
    }

    /// Posts a text as Lene, and returns the message.
    #[track_caller]
    pub(crate) fn post(&self, text: &str) -> Value {
        self.lene("POST", MESSAGES, &json!({ "Text": text }).to_string())
            .expect(200)
            .json()
    }

    #[track_caller]
    pub(crate) fn events(&self, query: &str) -> Vec<Value> {
        let answer = self
            .lene("GET", &format!("/Collaboration/v1/Events?{query}"), "")
            .expect(200);
        answer.json().as_array().expect("a list").clone()
    }
}

/// A request (method, target, body) and the status and code of the error that it ends with.
pub(crate) type Refused<'a> = (&'a str, &'a str, &'a str, u16, &'a str);

/// Sends each request with that token and expects its error.
#[track_caller]
pub(crate) fn refused(gateway: &Gateway, token: &str, requests: &[Refused<'_>]) {
    for (method, target, body, status, code) in requests {
        let answer = gateway.call(method, target, token, body);
        let shown = format!("{method} {target} {body}: {answer:?}");
        assert_eq!(answer.status, *status, "{shown}");
        answer.expect_code(*status, code);
    }
}
