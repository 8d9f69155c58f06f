//! What contacts say to the agent.
//!
//! The text of an invitation comes again as the first message, and that one counts. If it does not
//! come, the text of the invitation is delivered.

use super::People;
use crate::backend::fairness::{domain, gives_way};
use crate::backend::ucwa::account::effect::Purpose;
use crate::backend::ucwa::account::message::{is_outgoing, text_of};
use crate::backend::ucwa::account::reports::Report;
use crate::backend::ucwa::account::talk::{Talk, Toast};
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::{Sip, key_of, last_segment};
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::ucwa::protocol::{data_uri, markup};
use crate::backend::{ChannelId, Inbound, Received, StateChange};
use crate::model::Content;

/// Messages kept of people whose channels are not joined yet.
const STRAYS_MAX: usize = 64;

impl People {
    /// A `message` event of a conversation that is no meeting's.
    pub(crate) fn message(&mut self, turn: &mut Turn<'_>, event: Box<Event>) {
        let Some(resource) = &event.resource else {
            return;
        };
        let key = key_of(&event.sender.href);
        if is_outgoing(resource) {
            if event.kind == Kind::Completed {
                let report = Report::of(&event, key_of(&event.link.href));
                self.reported(turn, &key, report);
            }
            return;
        }
        if text_of(resource).is_none() {
            return;
        }
        if self.talks.contains_key(&key) {
            return self.hear(turn, &key, &event);
        }
        // A conversation that existed before this sign-in: the application was found again.
        let Some(with) = sender_of(resource) else {
            return;
        };
        let messaging = resource.link("messaging");
        match messaging.and_then(|messaging| turn.profile.url(messaging).ok()) {
            Some(url) => turn.fetch(Purpose::Messaging(event, with), url),
            None => self.adopt(turn, &event, with, None),
        }
    }

    /// Continues a conversation that existed before this sign-in, and delivers its message.
    pub(crate) fn adopt(
        &mut self,
        turn: &mut Turn<'_>,
        event: &Event,
        with: Sip,
        messaging: Option<&Document>,
    ) {
        let key = key_of(&event.sender.href);
        self.name_caller(turn, &key, with.clone());
        if self.has_room() {
            let talk = self
                .talks
                .entry(key.clone())
                .or_insert_with(|| Talk::adopted(with));
            if let Some(messaging) = messaging {
                talk.messaging(messaging);
            }
            self.settle(turn, &key);
        }
        self.hear(turn, &key, event);
    }

    /// Delivers a message of a known conversation.
    fn hear(&mut self, turn: &mut Turn<'_>, key: &str, event: &Event) {
        let (Some(talk), Some(resource)) = (self.talks.get_mut(key), &event.resource) else {
            return;
        };
        let Some(href) = text_of(resource) else {
            return;
        };
        let with = sender_of(resource).unwrap_or_else(|| talk.with.clone());
        let repeats = |toast: &Toast| toast.delivered && toast.says(href);
        if talk.toast.take().as_ref().is_some_and(repeats) {
            return;
        }
        if talk.is_adopted {
            talk.first.get_or_insert_with(|| href.to_owned());
        }
        let opening = std::mem::take(&mut talk.opening);
        let number = last_segment(&event.link.href);
        if let Some(mut message) = received(turn, key, number, href, &with, Some(resource)) {
            (message.content.subject, message.content.alert) = (opening.subject, opening.alert);
            self.deliver(turn, with, message);
        }
    }

    /// Delivers an invitation's text that no message has repeated.
    pub(crate) fn deliver_toast(&mut self, turn: &mut Turn<'_>, key: &str) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        let Some(toast) = talk.toast.as_mut().filter(|toast| !toast.delivered) else {
            return;
        };
        toast.delivered = true;
        let opening = std::mem::take(&mut talk.opening);
        let with = talk.with.clone();
        if let Some(mut message) = received(turn, key, "i", &toast.href, &with, None) {
            (message.content.subject, message.content.alert) = (opening.subject, opening.alert);
            self.deliver(turn, with, message);
        }
    }

    /// Hands a message over, or keeps it until its sender's channel is joined.
    pub(super) fn deliver(&mut self, turn: &mut Turn<'_>, with: Sip, mut message: Received) {
        if let Some(contact) = self.contacts.get_mut(&with) {
            message.sender_alias = message.sender_alias.or_else(|| contact.name.clone());
            let time = message.time.unwrap_or(turn.now);
            contact.heard.hear(time, &message.content.visible_text());
            let resume = contact.heard.resume();
            return turn.hand_over_message(contact.channel.clone(), message, resume);
        }
        stranger(turn, &with);
        self.strays.push_back((with, message));
        if self.strays.len() > STRAYS_MAX
            && let Some(index) = gives_way(
                self.strays
                    .iter()
                    .map(|(from, _)| (domain(from.as_str()), from.as_str(), 1)),
            )
        {
            self.strays.remove(index);
        }
    }

    /// Hands over what the logs have of a contact and was not heard.
    pub(crate) fn catch_up(&mut self, turn: &mut Turn<'_>, with: &Sip, logged: Vec<Received>) {
        let Some(contact) = self.contacts.get(with) else {
            return;
        };
        let of = |message: &Received| {
            let time = message.time.unwrap_or(turn.now);
            (time, message.content.visible_text())
        };
        for message in contact.heard.missed(logged, of) {
            self.deliver(turn, with.clone(), message);
        }
    }

    /// A contact began or stopped typing in that conversation.
    pub(crate) fn types(&mut self, turn: &mut Turn<'_>, key: &str, event: &Event) {
        let Some(talk) = self.talks.get(key).filter(|talk| !talk.is_over()) else {
            return;
        };
        if Sip::of_href(&event.link.href).as_ref() != Some(&talk.with) {
            return;
        }
        if let Some(contact) = self.contacts.get(&talk.with) {
            turn.state(StateChange::Composing {
                agent: turn.profile.agent,
                channel: contact.channel.clone(),
                composing: event.kind == Kind::Added,
            });
        }
    }
}

/// Tells the engine that somebody writes whose channel is not joined.
pub(super) fn stranger(turn: &mut Turn<'_>, with: &Sip) {
    if let Ok(channel) = ChannelId::parse(&format!("contact:{}", with.uri())) {
        let agent = turn.profile.agent;
        turn.hand_over(Inbound::Stranger { agent, channel });
    }
}

fn sender_of(message: &Document) -> Option<Sip> {
    message
        .link("participant")
        .or_else(|| message.link("contact"))
        .and_then(Sip::of_href)
}

/// A message as the engine takes it; `None` if it has no text.
fn received(
    turn: &Turn<'_>,
    key: &str,
    number: &str,
    href: &str,
    with: &Sip,
    resource: Option<&Document>,
) -> Option<Received> {
    let (format, text) = data_uri::decode(href)?;
    let parts = markup::read(format, &text)?;
    let participant = resource.and_then(|resource| resource.anchor("participant"));
    let id = turn.profile.message_id(key, number)?;
    let time = resource
        .and_then(|resource| resource.time("timeStamp"))
        .unwrap_or(turn.now);
    let received = Received::new(id, with.uri(), Content::parts(parts))
        .with_alias(participant.and_then(|participant| participant.title.clone()))
        .with_time(time);
    Some(received)
}
