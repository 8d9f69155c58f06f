//! One logged conversation, and its resources.

use super::super::address::Address;
use super::super::person::date;
use super::super::text::Text;
use super::super::timer::Moment;
use super::paths::href;
use serde_json::{Value, json};

/// Messages on one page.
const PAGE: usize = 20;

/// One logged conversation.
#[derive(Debug)]
pub struct Log {
    /// Its number.
    pub number: u64,
    /// Whom the owner talked with.
    pub with: Address,
    /// The thread.
    pub thread: String,
    /// The subject.
    pub subject: String,
    /// The importance.
    pub importance: String,
    /// When the first message was said.
    pub created: Moment,
    /// The other began it.
    pub incoming: bool,
    /// Nobody took what was said.
    pub missed: bool,
    /// Its owner has seen it.
    pub read: bool,
    /// What was said: when, by whom, what.
    pub said: Vec<(Moment, Address, Text)>,
}

impl Log {
    /// Returns the resource.
    pub fn json(&self, app: &str, base: &str) -> Value {
        let own = format!("{base}/{}", self.number);
        let person = format!("{}/people/{}", href(app), self.with.bare());
        let preview: String = self
            .said
            .last()
            .map(|(_, _, text)| text.text.chars().take(100).collect())
            .unwrap_or_default();
        json!({
            "rel": "conversationLog", "creationTime": date(self.created),
            "direction": if self.incoming { "Incoming" } else { "Outgoing" }, "importance": self.importance,
            "modalities": ["Messaging"], "previewMessage": preview,
            "status": if self.missed { "Missed" } else { "Archived" }, "subject": self.subject,
            "threadId": self.thread, "totalRecipientsCount": 1, "type": "MessagingLog",
            "_links": {"self": {"href": own}, "conversationLogTranscripts": {"href": format!("{own}/conversationLogTranscripts")},
                "markAsRead": {"href": format!("{own}/markAsRead")}},
            "_embedded": {"conversationLogRecipient": [{"rel": "conversationLogRecipient", "displayName": self.with.bare(),
                "sipUri": self.with.uri(), "_links": {"self": {"href": format!("{own}/conversationLogRecipient")}, "contact": {"href": person},
                "contactPhoto": {"href": format!("{}/photos/{}", href(app), self.with.bare())}, "contactPresence": {"href": format!("{person}/presence")}}}]},
        })
    }

    /// Returns a page of its messages.
    pub fn page(&self, app: &str, user: &Address, base: &str, page: usize) -> Value {
        let own = format!("{base}/{}/conversationLogTranscripts", self.number);
        let each = |(at, (time, from, text)): (usize, &(Moment, Address, Text))| {
            let here = format!("{own}/{page}/{at}");
            let who = match from == user {
                true => {
                    json!({"self": {"href": here}, "me": {"href": format!("{}/me", href(app))}})
                }
                false => {
                    json!({"self": {"href": here}, "contact": {"href": format!("{}/people/{}", href(app), from.bare())}})
                }
            };
            let form = if text.html {
                "htmlMessage"
            } else {
                "plainMessage"
            };
            json!({"rel": "conversationLogTranscript", "timeStamp": date(*time), "_links": who,
                "_embedded": {"messageTranscript": {"rel": "messageTranscript",
                    "_links": {"self": {"href": format!("{here}/messageTranscript")}, form: {"href": text.data_uri()}}}}})
        };
        let begin = page.saturating_mul(PAGE).min(self.said.len());
        let end = (begin + PAGE).min(self.said.len());
        let said: Vec<Value> = self.said[begin..end].iter().enumerate().map(each).collect();
        let mut out = json!({"rel": "conversationLogTranscripts", "_links": {"self": {"href": own}},
            "_embedded": {"conversationLogTranscript": said}});
        if end < self.said.len() {
            out["_links"]["nextConversationLogTranscripts"] =
                json!({"href": format!("{own}/{}", page + 1)});
        }
        out
    }
}
