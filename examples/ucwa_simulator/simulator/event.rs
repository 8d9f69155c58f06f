//! One event of a channel: its sender, its priority, its JSON.

use serde_json::{Value, json};

/// How long an event may be held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Releases the P-GET at once.
    High,
    /// Held for the channel's `medium` seconds.
    Medium,
    /// Held for its `low` seconds.
    Low,
}

/// An event. Its JSON is made when it happens, so a client sees the resource as it was then.
#[derive(Debug, Clone)]
pub struct Event {
    /// The sender's rel and href.
    pub sender: (&'static str, String),
    /// How long it may be held back.
    pub priority: Priority,
    /// The JSON of the event.
    pub body: Value,
    /// The delivery that is complete once a client has fetched this event.
    pub delivery: Option<u64>,
}

impl Event {
    /// Returns an event of high priority: `kind` (added, updated, deleted, started, completed) of
    /// the resource `rel` at `href`.
    pub fn new(sender: (&'static str, String), kind: &str, rel: &str, href: &str) -> Event {
        Event {
            sender,
            priority: Priority::High,
            body: json!({"link": {"rel": rel, "href": href}, "type": kind}),
            delivery: None,
        }
    }

    /// Sets the priority.
    pub fn priority(mut self, priority: Priority) -> Event {
        self.priority = priority;
        self
    }

    /// Sets the title of the link.
    pub fn title(mut self, title: &str) -> Event {
        self.body["link"]["title"] = json!(title);
        self
    }

    /// Embeds the resource, under `rel`.
    pub fn embed(mut self, rel: &str, resource: Value) -> Event {
        self.body["_embedded"] = json!({rel: resource});
        self
    }

    /// Makes the event one about a member of the collection `rel` at `href`.
    pub fn within(mut self, rel: &str, href: &str) -> Event {
        self.body["in"] = json!({"rel": rel, "href": href});
        self
    }

    /// Sets the outcome of an operation.
    pub fn status(mut self, success: bool) -> Event {
        self.body["status"] = json!(if success { "Success" } else { "Failure" });
        self
    }

    /// Sets a reason. It stands beside the embedded resource, not in it.
    pub fn reason(mut self, reason: Option<&Reason>) -> Event {
        if let Some(reason) = reason {
            self.body["reason"] = reason.json();
        }
        self
    }

    /// Sets the delivery that is complete once a client has fetched this event.
    pub fn delivery(mut self, delivery: u64) -> Event {
        self.delivery = Some(delivery);
        self
    }

    /// Returns whether `newer` makes this event superfluous: both are updates of the same resource.
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
    /// An `ErrorCode`.
    pub code: String,
    /// An `ErrorSubcode`.
    pub subcode: String,
    /// The message for a person.
    pub message: String,
}

impl Reason {
    /// Returns a reason, with the message that servers send with its subcode.
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

    /// Returns the reason as it stands in events.
    pub fn json(&self) -> Value {
        json!({"code": self.code, "subcode": self.subcode, "message": self.message})
    }
}
