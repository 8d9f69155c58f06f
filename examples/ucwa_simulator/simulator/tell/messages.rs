//! The events of messages and of their reports.

use super::super::address::Address;
use super::super::event::{Event, Reason};
use super::super::model::conversation::MESSAGES_MAX;
use super::super::model::paths::{conversation_href, href, participant_href};
use super::super::model::talk::Delivery;
use super::super::person::date;
use super::super::switches::MessageType;
use super::super::text::Text;
use super::super::timer::Moment;
use super::super::world::World;
use serde_json::{Value, json};

impl World {
    /// Sends a message to an application. Returns false if the application no longer takes part in
    /// messaging.
    pub fn tell_message(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        from: &Address,
        text: &Text,
        delivery: u64,
    ) -> bool {
        let live = self.view(app, conversation);
        if live.is_none_or(|own| own.messaging != "Connected") {
            return false;
        }
        let number = self.take_message_number(app, conversation);
        let at = conversation_href(app, conversation);
        let own = format!("{at}/messaging/messages/{number}");
        let (rel, kind) = if text.html {
            ("htmlMessage", "Html")
        } else {
            ("plainMessage", "Plain")
        };
        let shows = self
            .applications
            .get(app)
            .is_some_and(|own| own.formats().iter().any(|format| format == kind));
        let shown = if shows {
            text.clone()
        } else {
            Text {
                text: plain(&text.text),
                html: false,
            }
        };
        let rel = if shows { rel } else { "plainMessage" };
        let mut resource = json!({
            "direction": "Incoming", "timeStamp": date(now), "rel": "message",
            "_links": {"self": {"href": own}, "messaging": {"href": format!("{at}/messaging")},
                "contact": {"href": format!("{}/people/{}", href(app), from.bare())},
                "participant": {"href": participant_href(&at, from), "title": self.title_of(from)}},
        });
        resource["_links"][rel] = json!({"href": shown.data_uri()});
        self.keep_message(app, conversation, number, &resource);
        let started = self.switches.message_type == MessageType::Started;
        self.push_conversation(now, app, conversation, |sender| {
            let event = Event::new(
                sender,
                if started { "started" } else { "completed" },
                "message",
                &own,
            );
            let event = event.embed("message", resource).delivery(delivery);
            if started { event } else { event.status(true) }
        });
        true
    }

    /// Sends the delivery report of a message to the application that sent it.
    pub fn tell_report(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        number: u32,
        operation: Option<&str>,
        delivery: &Delivery,
    ) {
        let at = conversation_href(app, conversation);
        let own = format!("{at}/messaging/messages/{number}");
        if !self
            .applications
            .get(app)
            .is_some_and(|own| own.conversations.contains_key(conversation))
        {
            return;
        }
        let mut resource = json!({"direction": "Outgoing", "timeStamp": date(now), "rel": "message",
            "_links": {"self": {"href": own}, "messaging": {"href": format!("{at}/messaging")}}});
        if let Some(operation) = operation {
            resource["operationId"] = json!(operation);
        }
        if delivery.conference && !delivery.failed.is_empty() {
            let missed: Vec<Value> = delivery
                .failed
                .iter()
                .map(|who| json!({"href": participant_href(&at, who)}))
                .collect();
            resource["_links"]["failedDeliveryParticipant"] = json!(missed);
        }
        self.keep_message(app, conversation, number, &resource);
        let reason = (!delivery.failed.is_empty()).then(|| Reason::new("RemoteFailure", "Timeout"));
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "completed", "message", &own)
                .embed("message", resource)
                .status(reason.is_none())
                .reason(reason.as_ref())
        });
    }

    /// Returns the number of the next message of a conversation.
    pub fn take_message_number(&mut self, app: &str, conversation: &str) -> u32 {
        let Some(own) = self.view_mut(app, conversation) else {
            return 0;
        };
        own.next_message += 1;
        own.next_message - 1
    }

    pub(super) fn keep_message(
        &mut self,
        app: &str,
        conversation: &str,
        number: u32,
        resource: &Value,
    ) {
        let Some(own) = self.view_mut(app, conversation) else {
            return;
        };
        own.messages.push_back((number, resource.clone()));
        if own.messages.len() > MESSAGES_MAX {
            own.messages.pop_front();
        }
    }
}

/// Returns HTML as plain text, for a client that cannot show HTML.
fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => inside = false,
            other if !inside => out.push(other),
            _ => {}
        }
    }
    out.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}
