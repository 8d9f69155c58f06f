//! What of ours may lie in an archive and is not known to the engine: the posts that this process
//! sent, and how far each conversation has been caught up. Pure; `look_up` asks the archives.

use super::identity::{Kept, kept};
use crate::backend::text::body_of;
use crate::backend::{Found, OriginId, Received};
use crate::model::{Address, Part};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};

/// Posts that are remembered while they are under way, and after their link was lost. Once there
/// were more, no post is taken as known.
const UNANSWERED_MAX: usize = 65_536;
/// Posts that came back and are remembered, for a caller other than the engine, which has a row for
/// each.
const ANSWERED_MAX: usize = 1024;

/// The most bytes of texts that are kept of posts to rooms, to recognise those that come back
/// without their id.
const TEXTS_MAX: usize = 4 * 1024 * 1024;

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

/// The text of a post, as our agent says it and as the chat system is given it.
pub(super) struct PostText {
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

/// A post to be sent.
pub(super) struct Post {
    /// The bare address of the room or contact.
    pub(super) to: String,
    pub(super) by: Address,
    pub(super) at: DateTime<Utc>,
    /// The text, for rooms, which may send it back without the post's id.
    pub(super) text: Option<PostText>,
}

/// A message of one of our agents that came back without a post's origin-id.
pub(super) struct CameBack<'a> {
    /// The `id` attribute.
    pub(super) id: Option<&'a str>,
    pub(super) room: &'a str,
    pub(super) sender: &'a str,
    pub(super) body: &'a str,
    /// True if nobody but this engine speaks from that seat.
    pub(super) is_sole: bool,
}

/// A post that was sent.
struct SentPost {
    post: Post,
    /// A number that rises with each post of the list.
    number: u64,
}

/// Posts that were sent, by origin.
#[derive(Default)]
struct SentPosts {
    by_origin: HashMap<String, SentPost>,
    order: BTreeMap<u64, String>,
    next: u64,
    /// Posts with lower numbers have no text any more.
    texts_from: u64,
    /// Bytes of all texts.
    bytes: usize,
}

impl Post {
    fn bytes(&self) -> usize {
        let text = self.text.as_ref();
        text.map_or(0, |text| 2 * text.text.len() + size_of::<Post>())
    }
}

impl SentPosts {
    /// Records a post. Returns true if that displaced an older one of `most`.
    fn note(&mut self, origin: &str, post: Post, most: usize) -> bool {
        self.remove(origin);
        let number = self.next;
        self.next += 1;
        self.order.insert(number, origin.to_owned());
        self.bytes += post.bytes();
        self.by_origin
            .insert(origin.to_owned(), SentPost { post, number });
        self.forget_texts();
        if self.order.len() <= most {
            return false;
        }
        if let Some((_, oldest)) = self.order.pop_first() {
            self.take(&oldest);
        }
        true
    }

    /// Forgets the oldest texts if there are too many.
    fn forget_texts(&mut self) {
        while self.bytes > TEXTS_MAX
            && let Some((number, oldest)) = self.order.range(self.texts_from..).next()
        {
            self.texts_from = number + 1;
            if let Some(sent) = self.by_origin.get_mut(oldest) {
                self.bytes -= sent.post.bytes();
                sent.post.text = None;
            }
        }
    }

    fn take(&mut self, origin: &str) -> Option<SentPost> {
        let sent = self.by_origin.remove(origin)?;
        self.bytes -= sent.post.bytes();
        Some(sent)
    }

    /// Returns the post of which most is left in what came back, the oldest of several.
    fn likest(&self, came: &CameBack<'_>) -> Option<&str> {
        let least = if came.is_sole {
            Kept::Half
        } else {
            Kept::Words
        };
        let mut likest: Option<(&str, Kept)> = None;
        for origin in self
            .order
            .range(self.texts_from..)
            .map(|(_, origin)| origin)
        {
            let post = self.by_origin.get(origin).map(|sent| &sent.post);
            let is_its = |post: &&Post| post.to == came.room && post.by.as_str() == came.sender;
            let Some(text) = post.filter(is_its).and_then(|post| post.text.as_ref()) else {
                continue;
            };
            let kept = kept(&text.text, came.body).max(kept(&body_of(&text.parts), came.body));
            if kept >= least && likest.is_none_or(|(_, best)| kept > best) {
                likest = Some((origin, kept));
            }
        }
        likest.map(|(origin, _)| origin)
    }

    fn remove(&mut self, origin: &str) -> Option<SentPost> {
        let sent = self.take(origin)?;
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

    /// Records that a post is sent.
    pub(super) fn sent(&mut self, origin: &OriginId, post: Post) {
        self.is_lossy |= self.unanswered.note(origin.as_str(), post, UNANSWERED_MAX);
    }

    /// Returns the origin of the post that came back, if it is one: by its id, else by its text. A
    /// room sends posts back in the order in which it got them.
    pub(super) fn own_post(&self, came: &CameBack<'_>) -> Option<OriginId> {
        let is_sent = |id: &&str| {
            let sent = self.unanswered.by_origin.get(*id);
            let sent = sent.or_else(|| self.answered.by_origin.get(*id));
            sent.is_some_and(|sent| sent.post.to == came.room)
        };
        let by_id = came.id.filter(is_sent);
        OriginId::parse(by_id.or_else(|| self.unanswered.likest(came))?).ok()
    }

    /// Records that a post was not sent after all.
    pub(super) fn take_back(&mut self, origin: &OriginId) {
        self.unanswered.remove(origin.as_str());
    }

    /// Records that a post came back or that the server has it. Returns false if it was refused
    /// before or is unknown.
    pub(super) fn answered(&mut self, origin: &OriginId) -> bool {
        let Some(SentPost { mut post, .. }) = self.unanswered.remove(origin.as_str()) else {
            return false;
        };
        post.text = None;
        self.answered.note(origin.as_str(), post, ANSWERED_MAX);
        true
    }

    /// The post of that origin came back as an error from `from`. False if it was not sent there:
    /// nobody else's word counts.
    pub(super) fn refused(&mut self, origin: &str, from: &str) -> bool {
        let sent = self.unanswered.by_origin.get(origin);
        let is_its = sent.is_some_and(|sent| sent.post.to == from);
        is_its && self.unanswered.remove(origin).is_some()
    }

    pub(super) fn about(&self, key: &Key, origin: &str) -> About {
        let unanswered = self.unanswered.by_origin.get(origin);
        if let Some(sent) = unanswered.or_else(|| self.answered.by_origin.get(origin)) {
            return About::SentAt(sent.post.at);
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
