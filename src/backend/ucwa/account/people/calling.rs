//! How people begin conversations with the agent.
//!
//! If the contact's channel is joined, the agent accepts. Otherwise the invitation rings for some
//! seconds, because the joins come after the sign-in, and is then declined. It is declined with
//! `Local`, so that other programs of the same account go on ringing.

use super::People;
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
        let Some(with) = from.or_else(|| resource.link("from").and_then(Sip::of_href)) else {
            return;
        };
        if !self.has_room() || self.talks.contains_key(&key) {
            return;
        }
        self.talks
            .insert(key.clone(), Talk::invited(with.clone(), resource));
        let is_joined = self.contacts.contains_key(&with);
        let ringing = Ringing::read(with, resource);
        if is_joined {
            return accept(turn, ringing);
        }
        self.ringing.insert(key.clone(), ringing);
        turn.wait(Timer::Ringing(key), RINGING_MAX);
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
    let accept = ringing.accept();
    if let Some(url) = accept.and_then(|accept| turn.profile.url(&accept).ok()) {
        turn.persist(Purpose::Accept, Request::post(url));
    }
}
