//! The account's one presence subscription: made, extended, and made anew when the server has ended
//! it.

use super::Presences;
use crate::backend::ucwa::account::effect::Purpose;
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::request::{Request, Response, Trouble};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::collections::HashSet;

/// Minutes that a subscription lasts: the most that the server gives.
const SUBSCRIBED_MINUTES: u64 = 30;
/// A subscription is extended when that much of it has passed.
const EXTENDED_AFTER: TimeDelta = TimeDelta::minutes(20);
/// A subscription this young is not extended, whatever an event says: the event is about its
/// beginning.
const FRESH: TimeDelta = TimeDelta::minutes(1);

/// The account's presence subscription.
#[derive(Default)]
pub(super) struct Subscription {
    /// Its address, and the link that adds people.
    exists: Option<(String, Option<String>)>,
    since: Option<DateTime<Utc>>,
    /// Who is not in it yet.
    missing: HashSet<Sip>,
    /// A request is under way. Whoever is missing meanwhile is in the next one.
    is_asking: bool,
    /// The server has ended it.
    is_lost: bool,
}

impl Subscription {
    pub(super) fn add(&mut self, with: Sip) {
        self.missing.insert(with);
    }

    pub(super) fn remove(&mut self, with: &Sip) {
        self.missing.remove(with);
    }

    fn lose(&mut self) {
        self.exists = None;
        self.is_lost = true;
    }
}

impl Presences {
    /// The server has ended the subscription.
    pub(crate) fn forgotten(&mut self) {
        self.subscription.lose();
    }

    /// Puts everybody who is missing into the subscription, unless a request is under way.
    pub(super) fn subscribe(&mut self, turn: &mut Turn<'_>) {
        let subscription = &mut self.subscription;
        if subscription.is_asking {
            return;
        }
        if std::mem::take(&mut subscription.is_lost) {
            subscription.missing = self.watched.keys().cloned().collect();
        }
        if subscription.missing.is_empty() {
            return;
        }
        let people = std::mem::take(&mut subscription.missing);
        let uris: Vec<String> = people.iter().map(Sip::uri).collect();
        let had = subscription.exists.is_some();
        let (url, body) = match &subscription.exists {
            Some((_, Some(add))) => (turn.profile.url(add), json!({"contactUris": uris})),
            _ => (
                turn.profile.link("presenceSubscriptions"),
                json!({"duration": SUBSCRIBED_MINUTES, "uris": uris}),
            ),
        };
        match url {
            Ok(url) => {
                subscription.is_asking = true;
                turn.ask(Purpose::Subscribe { had }, Request::post(url).json(&body));
            }
            // The link leads nowhere: once more, with a new subscription.
            Err(_) if had => {
                subscription.lose();
                self.subscribe(turn);
            }
            // The server does not allow it: the next round of the upkeep tries again.
            Err(_) => subscription.is_lost = true,
        }
    }

    /// The response to a subscription.
    pub(crate) fn subscribed(
        &mut self,
        turn: &mut Turn<'_>,
        had: bool,
        result: Result<Response, Trouble>,
    ) {
        let subscription = &mut self.subscription;
        subscription.is_asking = false;
        match result {
            Ok(response) => {
                let document = Document::read(&response.body).unwrap_or_default();
                if let Some(own) = document.own() {
                    let add = document
                        .link("addToPresenceSubscription")
                        .map(str::to_owned);
                    if subscription.exists.is_none() {
                        subscription.since = Some(turn.now);
                    }
                    subscription.exists = Some((own.to_owned(), add));
                }
            }
            // The subscription may have ended unseen: once more, with a new one.
            Err(_) if had => subscription.lose(),
            Err(trouble) => {
                let reason = trouble.error("the presence subscription").reason;
                tracing::info!(address = %turn.profile.address, reason, "no presence of contacts");
                // The next round of the upkeep tries again.
                subscription.is_lost = true;
                return;
            }
        }
        self.subscribe(turn);
    }

    /// Extends the subscription if that is due, and makes it anew if it was lost. Called now and
    /// then.
    pub(crate) fn keep_subscribed(&mut self, turn: &mut Turn<'_>) {
        let subscription = &self.subscription;
        let is_due = subscription
            .since
            .is_some_and(|since| turn.now - since >= EXTENDED_AFTER);
        if let Some((own, _)) = subscription.exists.as_ref().filter(|_| is_due)
            && let Ok(url) = turn.profile.url(own)
        {
            let url = url.with("duration", &SUBSCRIBED_MINUTES.to_string());
            return turn.ask(Purpose::Extend, Request::post(url));
        }
        if subscription.is_lost {
            self.subscribe(turn);
        }
    }

    /// The response to an extension.
    pub(crate) fn extended(&mut self, turn: &mut Turn<'_>, result: Result<Response, Trouble>) {
        match result {
            Ok(_) => self.subscription.since = Some(turn.now),
            Err(Trouble::Failed(failure)) if !failure.status.is_passing() => {
                self.subscription.lose()
            }
            Err(_) => {}
        }
        if self.subscription.is_lost {
            self.subscribe(turn);
        }
    }

    /// An event says that the subscription has ended, or is about to end.
    pub(crate) fn subscription_changed(&mut self, turn: &mut Turn<'_>, is_gone: bool) {
        let subscription = &mut self.subscription;
        if is_gone {
            subscription.lose();
        } else if subscription
            .since
            .is_some_and(|since| turn.now - since > FRESH)
        {
            subscription.since = Some(DateTime::UNIX_EPOCH);
        } else {
            return;
        }
        self.keep_subscribed(turn);
    }
}
