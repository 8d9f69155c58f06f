//! What of ours may lie in an archive and is not known to the engine: the posts that this process
//! sent, and how far each conversation has been caught up. Pure; `look_up` asks the archives.

use crate::backend::{Found, OriginId, Received};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};

/// Posts that are remembered while they are under way, and after their link was lost. Once there
/// were more, no post is taken as known.
const UNANSWERED_MAX: usize = 65_536;
/// Posts that came back and are remembered, for a caller other than the engine, which has a row for
/// each.
const ANSWERED_MAX: usize = 1024;

/// A conversation: the room, or the account and its contact.
pub(super) type Key = (Option<String>, String);

/// What is known of a conversation's archive.
enum Past {
    /// The engine has all of it.
    Whole,
    /// The engine lacks what came after that time.
    Behind(DateTime<Utc>),
    /// It was searched: our messages in it, and whether these are all.
    Searched {
        ours: HashMap<String, Received>,
        is_all: bool,
    },
}

/// A post that was sent.
struct SentPost {
    /// The bare address of the room or contact.
    to: String,
    at: DateTime<Utc>,
    /// A number that rises with each post of the list.
    number: u64,
}

/// Posts that were sent, by origin.
#[derive(Default)]
struct SentPosts {
    by_origin: HashMap<String, SentPost>,
    order: BTreeMap<u64, String>,
    next: u64,
}

impl SentPosts {
    /// Records a post. Returns true if that displaced an older one of `most`.
    fn note(&mut self, origin: &str, to: String, at: DateTime<Utc>, most: usize) -> bool {
        self.remove(origin);
        let number = self.next;
        self.next += 1;
        self.order.insert(number, origin.to_owned());
        self.by_origin
            .insert(origin.to_owned(), SentPost { to, at, number });
        if self.order.len() <= most {
            return false;
        }
        if let Some((_, oldest)) = self.order.pop_first() {
            self.by_origin.remove(&oldest);
        }
        true
    }

    fn remove(&mut self, origin: &str) -> Option<SentPost> {
        let sent = self.by_origin.remove(origin)?;
        self.order.remove(&sent.number);
        Some(sent)
    }
}

/// What is known of all archives while the backend exists.
#[derive(Default)]
pub(super) struct Pasts {
    known: HashMap<Key, Past>,
    /// Posts that were sent, without an outcome yet.
    unanswered: SentPosts,
    /// Posts with an outcome.
    answered: SentPosts,
    /// True if some posts without an outcome were forgotten.
    is_lossy: bool,
}

/// How to find out about an origin.
pub(super) enum About {
    /// The outcome is known.
    Known(Found),
    /// A post of this process: search from that time on.
    SentAt(DateTime<Utc>),
    /// Search back to that time.
    Search(Option<DateTime<Utc>>),
}

impl Pasts {
    /// Records that a catch-up was complete.
    pub(super) fn caught_up(&mut self, key: Key) {
        self.known.insert(key, Past::Whole);
    }

    /// A catch-up from that time was not complete. One that was, before in this process, counts all
    /// the same.
    pub(super) fn fell_behind(&mut self, key: Key, since: DateTime<Utc>) {
        self.known.entry(key).or_insert(Past::Behind(since));
    }

    /// The whole archive of a conversation was searched: `ours` is what it has of ours, and
    /// `is_all` whether that is all.
    pub(super) fn searched(&mut self, key: Key, ours: HashMap<String, Received>, is_all: bool) {
        self.known.insert(key, Past::Searched { ours, is_all });
    }

    /// Records that a post is sent to that room or contact.
    pub(super) fn sent(&mut self, origin: &OriginId, to: &str, at: DateTime<Utc>) {
        self.is_lossy |= self
            .unanswered
            .note(origin.as_str(), to.to_owned(), at, UNANSWERED_MAX);
    }

    /// Records that a post was not sent after all.
    pub(super) fn take_back(&mut self, origin: &OriginId) {
        self.unanswered.remove(origin.as_str());
    }

    /// Records that a post came back or that the server has it. Returns false if it was refused
    /// before or is unknown.
    pub(super) fn answered(&mut self, origin: &OriginId) -> bool {
        let Some(SentPost { to, at, .. }) = self.unanswered.remove(origin.as_str()) else {
            return false;
        };
        self.answered.note(origin.as_str(), to, at, ANSWERED_MAX);
        true
    }

    /// The post of that origin came back as an error from `from`. False if it was not sent there:
    /// nobody else's word counts.
    pub(super) fn refused(&mut self, origin: &str, from: &str) -> bool {
        let sent = self.unanswered.by_origin.get(origin);
        let is_its = sent.is_some_and(|sent| sent.to == from);
        is_its && self.unanswered.remove(origin).is_some()
    }

    pub(super) fn about(&self, key: &Key, origin: &str) -> About {
        let unanswered = self.unanswered.by_origin.get(origin);
        if let Some(sent) = unanswered.or_else(|| self.answered.by_origin.get(origin)) {
            return About::SentAt(sent.at);
        }
        match self.known.get(key) {
            _ if self.is_lossy => About::Search(None),
            Some(Past::Whole) => About::Known(Found::Absent),
            Some(Past::Behind(since)) => About::Search(Some(*since)),
            Some(Past::Searched { ours, is_all }) => About::Known(match ours.get(origin) {
                Some(found) => Found::Message(Box::new(found.clone())),
                None if *is_all => Found::Absent,
                None => Found::CannotTell,
            }),
            None => About::Search(None),
        }
    }
}
