//! Posts to a contact: into the conversation that exists, or with an invitation to a new one.
//!
//! An alert is an invitation with importance Urgent, a story is one with its subject; both begin a
//! new conversation. What is certain is told apart from what is not: an error other than
//! `OutcomeUnknown` means that nobody got the message.

use super::{People, not_joined};
use crate::backend::ucwa::account::effect::{Purpose, Say, Timer};
use crate::backend::ucwa::account::post::{Done, Post};
use crate::backend::ucwa::account::reports::Report;
use crate::backend::ucwa::account::sending::{self, Fate, answer_report, unknown};
use crate::backend::ucwa::account::talk::{Phase, Talk};
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::request::{Response, Trouble};
use crate::backend::{Accepted, Outgoing};
use std::time::Duration;

/// How long a post waits for a conversation that is being connected before it begins a new one.
pub(super) const CONNECTING_MAX: Duration = Duration::from_secs(5);

/// The conversation that a post goes into.
enum Standing {
    /// The one with that key.
    Open(String),
    /// The contact has begun one, and it is being connected.
    Coming,
    /// There is none.
    None,
}

impl People {
    /// Puts a post into its contact's line.
    pub(crate) fn post(
        &mut self,
        turn: &mut Turn<'_>,
        with: &Sip,
        message: Outgoing,
        done: Done<Accepted>,
    ) {
        let Some(contact) = self.contacts.get_mut(with) else {
            return turn.posted(done, Err(not_joined()));
        };
        contact.line.add(turn, message, done);
        self.send_next(turn, with);
    }

    /// Sends the next post to that contact, if none is under way.
    fn send_next(&mut self, turn: &mut Turn<'_>, with: &Sip) {
        let contact = self.contacts.get_mut(with);
        if let Some((number, post)) = contact.and_then(|contact| contact.line.next(turn)) {
            self.send(turn, with, number, post);
        }
    }

    /// A post is not under way any more; the next one follows.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>, with: &Sip, number: u64) {
        if let Some(contact) = self.contacts.get_mut(with) {
            contact.line.finish(number);
            self.send_next(turn, with);
        }
    }

    /// Sends a post, or keeps it while a conversation is being connected.
    fn send(&mut self, turn: &mut Turn<'_>, with: &Sip, number: u64, post: Post) {
        if post.into.is_some() {
            return self.follow(turn, with, number, post);
        }
        let content = &post.message.content;
        if content.alert || content.subject.is_some() {
            return self.invite(turn, with, number, post);
        }
        match self.standing(with) {
            Standing::Open(key) => self.say(turn, with, key, number, post),
            Standing::Coming => {
                if let Some(contact) = self.contacts.get_mut(with) {
                    contact.line.hold(post);
                    turn.wait(Timer::Connecting(with.clone(), number), CONNECTING_MAX);
                }
            }
            Standing::None => self.invite(turn, with, number, post),
        }
    }

    fn standing(&self, with: &Sip) -> Standing {
        let current = self
            .contacts
            .get(with)
            .and_then(|contact| contact.current.as_ref());
        let is_open = |key: &&String| self.talks.get(*key).is_some_and(Talk::is_open);
        if let Some(current) = current.filter(is_open) {
            return Standing::Open(current.clone());
        }
        let is_coming =
            |talk: &Talk| talk.with == *with && talk.phase == Phase::Connecting && !talk.is_ours;
        if self.talks.values().any(is_coming) {
            Standing::Coming
        } else {
            Standing::None
        }
    }

    /// A conversation with that contact has changed: a post that is kept for it leaves.
    pub(super) fn send_held(&mut self, turn: &mut Turn<'_>, with: &Sip) {
        let is_begun = |people: &People| {
            let contact = people.contacts.get(with);
            contact.is_some_and(|contact| contact.line.holds_begun())
        };
        if matches!(self.standing(with), Standing::Coming) && !is_begun(self) {
            return;
        }
        let contact = self.contacts.get_mut(with);
        if let Some((number, post)) = contact.and_then(|contact| contact.line.release()) {
            self.send(turn, with, number, post);
        }
    }

    /// A post has waited long enough for a conversation to be connected.
    pub(crate) fn connecting_is_late(&mut self, turn: &mut Turn<'_>, with: &Sip, number: u64) {
        let contact = self.contacts.get_mut(with);
        let Some(post) = contact.and_then(|contact| contact.line.release_number(number)) else {
            return;
        };
        if post.into.is_some() {
            return self.begun_in_vain(turn, with, number, post);
        }
        self.invite(turn, with, number, post);
    }

    pub(super) fn say(
        &mut self,
        turn: &mut Turn<'_>,
        with: &Sip,
        key: String,
        number: u64,
        post: Post,
    ) {
        let talk = self.talks.get(&key);
        let send = talk.and_then(|talk| Some((talk.send.as_deref()?, talk.takes_html)));
        let Some((url, takes_html)) =
            send.and_then(|(send, takes_html)| Some((turn.profile.url(send).ok()?, takes_html)))
        else {
            self.end(turn, &key);
            return self.begin_anew(turn, with, number, post);
        };
        let operation = turn.operation();
        let request = sending::request(&url, &operation, takes_html, &post.message);
        let say = Say {
            with: with.clone(),
            key,
            number,
            operation,
            post,
        };
        turn.ask(Purpose::Say(Box::new(say)), request);
    }

    /// The response to a post.
    pub(crate) fn said(
        &mut self,
        turn: &mut Turn<'_>,
        say: Say,
        result: Result<Response, Trouble>,
    ) {
        let Say {
            with,
            key,
            number,
            operation,
            post,
        } = say;
        match sending::fate(turn, result) {
            Fate::Taken(href) => self.taken(turn, &key, operation, href, post.done),
            Fate::Refused(error) => turn.posted(post.done, Err(error)),
            Fate::Ended => {
                // The far end has hung up, and the event that says so is on its way.
                self.end(turn, &key);
                return self.begin_anew(turn, &with, number, post);
            }
        }
        self.finish(turn, &with, number);
    }

    /// The conversation of a post is gone before it got the text: another is begun, once.
    fn begin_anew(&mut self, turn: &mut Turn<'_>, with: &Sip, number: u64, post: Post) {
        match post.into {
            Some(_) => self.begun_in_vain(turn, with, number, post),
            None => self.invite(turn, with, number, post),
        }
    }

    fn taken(
        &mut self,
        turn: &mut Turn<'_>,
        key: &str,
        operation: String,
        href: Option<String>,
        done: Done<Accepted>,
    ) {
        let Some(talk) = self.talks.get_mut(key) else {
            let reason = "the conversation ended before the message's delivery was reported";
            return turn.posted(done, Err(unknown(reason)));
        };
        if let Some((done, report)) = talk.reports.sent(operation, href, done) {
            answer_report(turn, key, done, &report);
        }
    }

    /// The delivery of a post was reported.
    pub(super) fn reported(&mut self, turn: &mut Turn<'_>, key: &str, report: Report) {
        let talk = self.talks.get_mut(key);
        if let Some((done, report)) = talk.and_then(|talk| talk.reports.report(report)) {
            answer_report(turn, key, done, &report);
        }
    }
}
