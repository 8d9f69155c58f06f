//! Deeds to be done later, sorted by moment. Each deed checks when it is due whether it is still
//! needed.

use super::timer::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// Something to do at its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A P-GET or a held event of this application is due.
    Release(String),
    /// Check whether this application has been idle for too long.
    Idle(String),
    /// A ring ends: nobody answered.
    RingOut(u64),
    /// A ring fails for a reason known at its start.
    RingFails(u64, &'static str, &'static str),
    /// The simulated person who is rung answers, as its manner says.
    Answers(u64),
    /// A leg of the ring (by its number) has accepted: both sides are connected.
    Connect(u64, usize),
    /// The focus lets an application's conversation into its meeting.
    Join(String, String, String),
    /// The focus adds messaging to a conversation in a meeting.
    AddMessaging(String, String, String),
    /// A message was not fetched in time.
    Undelivered(u64),
    /// A member who typed may have stopped.
    TypingEnds(u64),
    /// A conversation with a simulated person may be quiet.
    TalkIdle(u64),
    /// A presence subscription nears its end, or is there.
    Subscription(String, String),
    /// A finished invitation is forgotten.
    ForgetInvitation(String, String),
    /// A simulated person speaks: talk, who, text.
    Says(u64, super::address::Address, String),
    /// An answer that a fault kept back goes out.
    LetGo(u64),
    /// A subscription to contacts and groups ends.
    ContactsSubscription(String),
}

/// The list.
#[derive(Debug, Default)]
pub struct Agenda {
    entries: BTreeMap<(Moment, u64), Deed>,
    counter: u64,
}

impl Agenda {
    /// Adds `deed` for `at`.
    pub fn at(&mut self, at: Moment, deed: Deed) {
        self.counter += 1;
        self.entries.insert((at, self.counter), deed);
    }

    /// Adds `deed` for `wait` after `now`.
    pub fn after(&mut self, now: Moment, wait: Duration, deed: Deed) {
        self.at(later(now, wait), deed);
    }

    /// The first entry's moment.
    pub fn due(&self) -> Option<Moment> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    /// Takes the first entry that is due.
    pub fn take(&mut self, now: Moment) -> Option<Deed> {
        let entry = self
            .entries
            .first_entry()
            .filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

/// `wait` after `now`.
pub fn later(now: Moment, wait: Duration) -> Moment {
    now + chrono::TimeDelta::from_std(wait).unwrap_or(chrono::TimeDelta::days(3650))
}
