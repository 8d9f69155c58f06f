//! One event in a channel: its sender, its urgency, its text.

use serde_json::{Value, json};

/// How long an event may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Releases the P-GET at once.
    High,
    /// Held for the channel's `medium` seconds.
    Medium,
    /// Held for its `low` seconds.
    Low,
}

/// An event, rendered when it happened, so that a client sees the resource as it was then.
#[derive(Debug, Clone)]
pub struct Event {
    /// The sender's rel and href.
    pub sender: (&'static str, String),
    /// Its urgency.
    pub priority: Priority,
    /// The event itself.
    pub body: Value,
    /// The delivery that is complete when this event was fetched.
    pub delivery: Option<u64>,
}

impl Event {
    /// A high event `kind` (added, updated, deleted, started, completed) of the resource `rel` at `href`.
    pub fn new(sender: (&'static str, String), kind: &str, rel: &str, href: &str) -> Event {
        Event {
            sender,
            priority: Priority::High,
            body: json!({"link": {"rel": rel, "href": href}, "type": kind}),
            delivery: None,
        }
    }

    /// With another urgency.
    pub fn priority(mut self, priority: Priority) -> Event {
        self.priority = priority;
        self
    }

    /// With the link's title.
    pub fn title(mut self, title: &str) -> Event {
        self.body["link"]["title"] = json!(title);
        self
    }

    /// With the resource itself, under `rel`.
    pub fn embed(mut self, rel: &str, resource: Value) -> Event {
        self.body["_embedded"] = json!({rel: resource});
        self
    }

    /// As a member of the collection `rel` at `href`.
    pub fn within(mut self, rel: &str, href: &str) -> Event {
        self.body["in"] = json!({"rel": rel, "href": href});
        self
    }

    /// With the outcome of an operation.
    pub fn status(mut self, success: bool) -> Event {
        self.body["status"] = json!(if success { "Success" } else { "Failure" });
        self
    }

    /// With a reason; it stands beside the embedded resource, not in it.
    pub fn reason(mut self, reason: Option<&Reason>) -> Event {
        if let Some(reason) = reason {
            self.body["reason"] = reason.json();
        }
        self
    }

    /// Completes a delivery when it is fetched.
    pub fn delivery(mut self, delivery: u64) -> Event {
        self.delivery = Some(delivery);
        self
    }

    /// Returns whether `newer` replaces this event: the same resource, updated again.
    pub fn is_outdone_by(&self, newer: &Event) -> bool {
        let updated =
            |event: &Event| event.priority != Priority::High && event.body["type"] == "updated";
        updated(self)
            && updated(newer)
            && self.body["link"]["href"] == newer.body["link"]["href"]
            && self.body["link"]["rel"] == newer.body["link"]["rel"]
            && self.body["in"] == newer.body["in"]
    }
}

/// The reason why something failed, or why the server did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Of `ErrorCode`.
    pub code: String,
    /// Of `ErrorSubcode`.
    pub subcode: String,
    /// The message for a person.
    pub message: String,
}

impl Reason {
    /// A reason with the text that servers send with it.
    pub fn new(code: &str, subcode: &str) -> Reason {
        let message = match subcode {
            "Declined" => "Your invitation was declined.",
            "DestinationNotFound" => "The person or meeting doesn't exist.",
            "Timeout" => "The other person didn't answer.",
            "DoNotDisturb" => "The other person doesn't want to be disturbed.",
            "TemporarilyUnavailable" => "The other person isn't available right now.",
            "Canceled" => "The invitation was canceled.",
            "ConnectedElsewhere" => "The conversation was answered elsewhere.",
            "Ejected" => "You were removed from the meeting.",
            "Ended" => "The meeting has ended.",
            "Missed" => "The invitation was missed.",
            _ => "Something went wrong.",
        };
        Reason {
            code: code.to_owned(),
            subcode: subcode.to_owned(),
            message: message.to_owned(),
        }
    }

    /// As events carry it.
    pub fn json(&self) -> Value {
        json!({"code": self.code, "subcode": self.subcode, "message": self.message})
    }
}
