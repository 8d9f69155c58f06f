//! How people begin conversations with the agent.
//!
//! If the contact's channel is joined, the agent accepts. Otherwise the invitation rings for some
//! seconds, because the joins come after the sign-in, and is then declined. It is declined with
//! `Local`, so that other programs of the same account go on ringing. The engine is told who rings:
//! where the agent's contacts are open, the join follows (§ucwa/strangers).

use super::People;
use super::hearing::stranger;
use crate::backend::ucwa::account::effect::{Purpose, Timer};
use crate::backend::ucwa::account::ringing::Ringing;
use crate::backend::ucwa::account::talk::Talk;
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::{Sip, key_of};
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::ucwa::protocol::request::Request;
use std::time::Duration;

/// How long an invitation rings whose contact is not joined.
const RINGING_MAX: Duration = Duration::from_secs(10);
/// How long the message that repeats an invitation's text is waited for.
const TOAST_MAX: Duration = Duration::from_secs(8);
/// Invitations kept of which it is not known whose they are.
const NAMELESS_MAX: usize = 16;

impl People {
    /// An event about an invitation that somebody else made.
    pub(crate) fn call(&mut self, turn: &mut Turn<'_>, event: &Event) {
        let Some(resource) = &event.resource else {
            return;
        };
        let Some(key) = resource.link("conversation").map(key_of) else {
            return;
        };
        match event.kind {
            Kind::Started => self.call_begins(turn, key, resource),
            Kind::Completed => self.call_ends(turn, key, event.succeeded != Some(false)),
            _ => {}
        }
    }

    fn call_begins(&mut self, turn: &mut Turn<'_>, key: String, resource: &Document) {
        let from = resource
            .embedded("from")
            .and_then(|from| from.text("uri"))
            .and_then(Sip::parse);
        let from = from
            .or_else(|| resource.link("from").and_then(Sip::of_href))
            .or_else(|| self.talks.get(&key).map(|talk| talk.with.clone()));
        let Some(with) = from else {
            return self.nameless_call(turn, key, resource);
        };
        let has_room = self.has_room();
        match self.talks.get_mut(&key) {
            // The first message has overtaken its invitation.
            Some(talk) if talk.is_adopted => talk.note_invitation(resource),
            Some(_) => return,
            None if !has_room => return,
            None => {
                let talk = Talk::invited(with.clone(), resource);
                self.talks.insert(key.clone(), talk);
            }
        }
        let is_joined = self.contacts.contains_key(&with);
        if !is_joined {
            // What they wrote comes once it is accepted.
            stranger(turn, &with);
        }
        let ringing = Ringing::read(with, resource);
        if is_joined {
            return accept(turn, ringing);
        }
        self.ringing.insert(key.clone(), ringing);
        turn.wait(Timer::Ringing(key), RINGING_MAX);
    }

    /// An invitation that does not say whose it is. It is accepted, because the participants of the
    /// conversation are told of only after that.
    fn nameless_call(&mut self, turn: &mut Turn<'_>, key: String, resource: &Document) {
        if self.contacts.is_empty() {
            return;
        }
        if self.nameless.len() >= NAMELESS_MAX {
            self.nameless.pop_front();
        }
        self.nameless.push_back((key, resource.clone()));
        accept_at(turn, resource.link("accept"));
    }

    /// Somebody takes part in a conversation: whoever began it, if its invitation did not say who.
    pub(crate) fn takes_part(&mut self, turn: &mut Turn<'_>, key: &str, event: &Event) {
        if event.kind == Kind::Added
            && event.within.is_none()
            && let Some(with) = Sip::of_href(&event.link.href)
        {
            self.name_caller(turn, key, with);
        }
    }

    /// It is known now with whom a conversation is, whose invitation did not say it.
    pub(super) fn name_caller(&mut self, turn: &mut Turn<'_>, key: &str, with: Sip) {
        let is_it = |(nameless, _): &(String, Document)| nameless == key;
        let index = self.nameless.iter().position(is_it);
        if let Some((key, resource)) = index.and_then(|index| self.nameless.remove(index)) {
            let talk = self.talks.entry(key.clone());
            talk.or_insert_with(|| Talk::adopted(with))
                .note_invitation(&resource);
            turn.wait(Timer::Toast(key), TOAST_MAX);
        }
    }

    /// Nobody has joined the channel of somebody who rings.
    pub(crate) fn decline(&mut self, turn: &mut Turn<'_>, key: &str) {
        if let Some(ringing) = self.ringing.remove(key) {
            ringing.decline(turn);
        }
    }

    fn call_ends(&mut self, turn: &mut Turn<'_>, key: String, succeeded: bool) {
        self.ringing.remove(&key);
        if !succeeded {
            self.nameless.retain(|(nameless, _)| *nameless != key);
            self.end(turn, &key);
            self.talks.remove(&key);
            return;
        }
        if self
            .talks
            .get(&key)
            .is_some_and(|talk| talk.toast.is_some())
        {
            turn.wait(Timer::Toast(key), TOAST_MAX);
        }
    }

    /// A contact was joined: its messages and its invitations have waited for that.
    pub(super) fn welcome(&mut self, turn: &mut Turn<'_>, with: &Sip) {
        let (mine, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.strays)
            .into_iter()
            .partition(|(from, _)| from == with);
        self.strays = others.into();
        for (from, message) in mine {
            self.deliver(turn, from, message);
        }
        let keys: Vec<String> = self
            .ringing
            .iter()
            .filter(|(_, ringing)| ringing.of == *with)
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            if let Some(ringing) = self.ringing.remove(&key) {
                accept(turn, ringing);
            }
        }
        let talks: Vec<String> = self
            .talks
            .iter()
            .filter(|(_, talk)| talk.with == *with)
            .map(|(key, _)| key.clone())
            .collect();
        for key in talks {
            self.settle(turn, &key);
        }
    }
}

/// Accepts an invitation, unless the server has accepted it itself.
fn accept(turn: &mut Turn<'_>, ringing: Ringing<Sip>) {
    accept_at(turn, ringing.accept().as_deref());
}

fn accept_at(turn: &mut Turn<'_>, accept: Option<&str>) {
    if let Some(url) = accept.and_then(|accept| turn.profile.url(accept).ok()) {
        turn.persist(Purpose::Accept, Request::post(url));
    }
}
