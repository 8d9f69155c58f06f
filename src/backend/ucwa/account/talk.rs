//! The state of one conversation with one contact, as events tell it. Pure.
//!
//! The server names everything by address, so a conversation is identified by the key of its
//! address. The links of the last `messaging` event say what can be done in it. Two conversations
//! with one person may exist at the same time: both sides invited each other, or one replaces the
//! other.

use super::reports::Reports;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::ucwa::protocol::{data_uri, markup};
use crate::model::Part;

/// How far a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// We have invited, or were invited, and it is not connected yet.
    Connecting,
    /// Messages may be sent.
    Connected,
    /// It has ended.
    Over,
}

/// The text of an invitation, kept until a message event repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toast {
    /// The text as a data URI.
    pub(crate) href: String,
    /// The text was delivered, because no message event came.
    pub(crate) delivered: bool,
}

impl Toast {
    /// Whether a message says the same, perhaps as HTML where the invitation has plain text.
    pub(crate) fn says(&self, href: &str) -> bool {
        let words = words_of(href);
        words.is_some() && words == words_of(&self.href)
    }
}

/// The visible words of a message that is a data URI.
fn words_of(href: &str) -> Option<Vec<String>> {
    let (format, text) = data_uri::decode(href)?;
    let parts = markup::read(format, &text)?;
    let text: String = parts.iter().map(Part::visible).collect();
    Some(text.split_whitespace().map(str::to_owned).collect())
}

/// Subject and importance of the contact's invitation. They belong to the first message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) subject: Option<String>,
    pub(crate) alert: bool,
}

/// A conversation with one contact.
pub(crate) struct Talk {
    pub(crate) with: Sip,
    pub(crate) phase: Phase,
    /// The agent began it.
    pub(crate) is_ours: bool,
    /// Somebody else has joined it, so messages for one contact do not go into it.
    pub(crate) is_crowded: bool,
    /// The link that sends messages, if it is allowed now.
    pub(crate) send: Option<String>,
    pub(crate) typing: Option<String>,
    pub(crate) stop: Option<String>,
    /// The contact's program accepts HTML.
    pub(crate) takes_html: bool,
    pub(crate) thread: Option<String>,
    pub(crate) toast: Option<Toast>,
    /// Its first event was a message: it existed before this sign-in, or its invitation is late.
    pub(crate) is_adopted: bool,
    /// The first message of such a conversation, as a data URI: a late invitation repeats it.
    pub(crate) first: Option<String>,
    pub(crate) opening: Opening,
    pub(crate) reports: Reports,
}

impl Talk {
    pub(crate) fn new(with: Sip, is_ours: bool) -> Talk {
        Talk {
            with,
            phase: Phase::Connecting,
            is_ours,
            is_crowded: false,
            send: None,
            typing: None,
            stop: None,
            takes_html: false,
            thread: None,
            toast: None,
            is_adopted: false,
            first: None,
            opening: Opening::default(),
            reports: Reports::default(),
        }
    }

    /// A conversation that somebody else begins, from the resource of the invitation.
    pub(crate) fn invited(with: Sip, invitation: &Document) -> Talk {
        let mut talk = Talk::new(with, false);
        talk.note_invitation(invitation);
        talk
    }

    /// Notes what the invitation says, perhaps after the first message has come.
    pub(crate) fn note_invitation(&mut self, invitation: &Document) {
        let text = |name| {
            invitation
                .text(name)
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        self.thread = text("threadId").or_else(|| self.thread.take());
        let alert =
            text("importance").is_some_and(|importance| !importance.eq_ignore_ascii_case("Normal"));
        let toast = invitation.link("message").map(|href| Toast {
            href: href.to_owned(),
            delivered: false,
        });
        let first = self.first.take();
        self.is_adopted = false;
        self.toast = toast.filter(|toast| !first.as_ref().is_some_and(|first| toast.says(first)));
        if first.is_none() {
            self.opening = Opening {
                subject: text("subject"),
                alert,
            };
        }
    }

    /// A conversation whose first event is a message.
    pub(crate) fn adopted(with: Sip) -> Talk {
        let mut talk = Talk::new(with, false);
        talk.is_adopted = true;
        talk
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether messages may be sent in it.
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Connected && self.send.is_some() && !self.is_crowded
    }

    /// Applies a `messaging` resource; true if the phase changed, or if messages may be sent now.
    pub(crate) fn messaging(&mut self, messaging: &Document) -> bool {
        let was_open = self.is_open();
        let link = |rel| messaging.link(rel).map(str::to_owned);
        (self.send, self.typing, self.stop) = (
            link("sendMessage"),
            link("setIsTyping"),
            link("stopMessaging"),
        );
        self.takes_html = messaging
            .texts("negotiatedMessageFormats")
            .any(|format| format.eq_ignore_ascii_case("Html"));
        let before = self.phase;
        match messaging.text("state") {
            Some("Connected") => self.phase = Phase::Connected,
            // In a conversation that the agent begins, messages are disconnected at first.
            Some("Disconnected") if self.phase == Phase::Connected => self.phase = Phase::Over,
            _ => {}
        }
        before != self.phase || !was_open && self.is_open()
    }

    /// Applies a `conversation` event; true if the phase changed or somebody else joined.
    pub(crate) fn conversation(&mut self, event: &Event) -> bool {
        let before = (self.phase, self.is_crowded);
        if let Some(conversation) = &event.resource {
            match conversation.text("state") {
                Some("Disconnected") => self.phase = Phase::Over,
                Some("Conferencing" | "Conferenced" | "InLobby") => self.is_crowded = true,
                _ => {}
            }
            if let Some(thread) = conversation
                .text("threadId")
                .filter(|thread| !thread.is_empty())
            {
                self.thread = Some(thread.to_owned());
            }
        }
        if event.kind == Kind::Deleted {
            self.phase = Phase::Over;
        }
        before != (self.phase, self.is_crowded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::ucwa::protocol::package::Package;

    fn lene() -> Sip {
        Sip::parse("lene@contoso.com").expect("an address")
    }

    fn document(json: &str) -> Document {
        Document::read(json.as_bytes()).expect("a document")
    }

    fn event(kind: &str, conversation: &str) -> Event {
        let package = format!(
            r#"{{"_links":{{"next":{{"href":"/e?ack=2"}}}},"sender":[{{"rel":"communication","href":"/c","events":[
                {{"link":{{"rel":"conversation","href":"/c/1"}},"type":"{kind}","_embedded":{{"conversation":{conversation}}}}}]}}]}}"#
        );
        Package::read(package.as_bytes())
            .expect("a package")
            .events
            .remove(0)
    }

    const CONNECTED: &str = r#"{"state":"Connected","negotiatedMessageFormats":["Plain","Html"],"_links":{
        "sendMessage":{"href":"/c/1/messages"},"setIsTyping":{"href":"/c/1/typing"},"stopMessaging":{"href":"/c/1/terminate"}}}"#;

    #[test]
    fn messages_may_be_sent_while_the_server_gives_a_link_for_it() {
        let mut talk = Talk::new(lene(), true);
        assert!(!talk.messaging(&document(
            r#"{"state":"Connecting","_links":{"stopMessaging":{"href":"/c/1/terminate"}}}"#
        )));
        assert!(!talk.is_open() && talk.stop.is_some());
        // Messages of a conversation that the agent begins are disconnected at first, and that is
        // no end.
        assert!(!talk.messaging(&document(r#"{"state":"Disconnected"}"#)));
        assert!(talk.messaging(&document(CONNECTED)) && talk.is_open() && talk.takes_html);
        assert!(!talk.messaging(&document(r#"{"state":"Connected","_links":{}}"#)));
        assert!(!talk.is_open(), "no link, no message");
        assert!(talk.messaging(&document(
            r#"{"state":"Disconnected","_links":{"addMessaging":{"href":"/x"}}}"#
        )));
        assert_eq!((talk.phase, talk.stop.as_deref()), (Phase::Over, None));
    }

    #[test]
    fn a_conversation_that_others_came_into_is_no_place_for_what_is_meant_for_one() {
        let mut talk = Talk::new(lene(), false);
        talk.messaging(&document(CONNECTED));
        assert!(!talk.conversation(&event(
            "updated",
            r#"{"state":"Connected","threadId":"t1"}"#
        )));
        assert_eq!(talk.thread.as_deref(), Some("t1"));
        assert!(talk.conversation(&event("updated", r#"{"state":"Conferencing"}"#)));
        assert!(!talk.is_open() && talk.phase == Phase::Connected);
        assert!(talk.conversation(&event("deleted", "null")));
        assert_eq!(talk.phase, Phase::Over);
    }

    #[test]
    fn an_invitation_says_how_its_first_message_is_meant() {
        let talk = Talk::invited(
            lene(),
            &document(
                r#"{"importance":"Emergency","subject":" Plans ","threadId":"t","_links":{"message":{"href":"data:,Hi"}}}"#,
            ),
        );
        assert_eq!(
            talk.opening,
            Opening {
                subject: Some("Plans".into()),
                alert: true
            }
        );
        assert_eq!(
            talk.toast,
            Some(Toast {
                href: "data:,Hi".into(),
                delivered: false
            })
        );
        let talk = Talk::invited(lene(), &document(r#"{"importance":"Normal","subject":""}"#));
        assert_eq!((talk.opening, talk.toast), (Opening::default(), None));
    }
}
