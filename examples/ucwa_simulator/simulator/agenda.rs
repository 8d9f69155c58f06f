//! Deeds to be done later, sorted by moment. Each deed checks when it is due whether it is still
//! needed.

use super::address::Address;
use super::text::Text;
use super::timer::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// Something to do at a given moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Answer the P-GET of this application, or release an event that was held back.
    Release(String),
    /// Check whether this application has been idle for too long.
    Idle(String),
    /// End a ring that nobody answered.
    RingOut(u64),
    /// Fail a ring for a reason known at its start: the ring, a code, a subcode.
    RingFails(u64, &'static str, &'static str),
    /// Let the simulated person who is rung answer, as the person's manner says.
    Answers(u64),
    /// Connect both sides of a ring, because one leg has accepted: the ring and the number of the
    /// leg.
    Connect(u64, usize),
    /// Let an application into its meeting: application, conversation, invitation.
    Join(String, String, String),
    /// Add messaging to a conversation in a meeting: application, conversation, invitation.
    AddMessaging(String, String, String),
    /// End the delivery of a message that some client has not fetched in time.
    Undelivered(u64),
    /// Check whether the members of a talk still type.
    TypingEnds(u64),
    /// Check whether a talk with a simulated person has been quiet for too long.
    TalkIdle(u64),
    /// Warn that a presence subscription ends soon, or end it: application, subscription.
    Subscription(String, String),
    /// Forget a finished invitation: application, invitation.
    ForgetInvitation(String, String),
    /// Let a simulated person say a text: talk, person, text.
    Says(u64, Address, Text),
    /// Send an answer that a fault kept back.
    LetGo(u64),
    /// End an application's subscription to contacts and groups.
    ContactsSubscription(String),
}

/// Deeds sorted by moment.
#[derive(Debug, Default)]
pub struct Agenda {
    entries: BTreeMap<(Moment, u64), Deed>,
    counter: u64,
}

impl Agenda {
    /// Adds `deed`, to be done at `at`.
    pub fn at(&mut self, at: Moment, deed: Deed) {
        self.counter += 1;
        self.entries.insert((at, self.counter), deed);
    }

    /// Adds `deed`, to be done `wait` after `now`.
    pub fn after(&mut self, now: Moment, wait: Duration, deed: Deed) {
        self.at(later(now, wait), deed);
    }

    /// Returns the moment of the first deed.
    pub fn due(&self) -> Option<Moment> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    /// Takes the first deed that is due.
    pub fn take(&mut self, now: Moment) -> Option<Deed> {
        let entry = self
            .entries
            .first_entry()
            .filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

/// Returns the moment `wait` after `now`.
pub fn later(now: Moment, wait: Duration) -> Moment {
    now + chrono::TimeDelta::from_std(wait).unwrap_or(chrono::TimeDelta::days(3650))
}
