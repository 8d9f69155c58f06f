//! What is searched for, and what is found (§search/criteria).

use super::{ChannelId, Message};
use chrono::{DateTime, Utc};

/// What to search for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SearchCriteria {
    /// Whole words, separated by blanks; blank matches everything.
    pub term: String,
    /// Whether case and diacritics count.
    pub match_case: bool,
    /// Whether the words must stand as a phrase.
    pub match_exact: bool,
    /// Whether all words must match, and not only one.
    pub match_all: bool,
    /// Not before this moment.
    pub from: Option<DateTime<Utc>>,
    /// Messages before this time: the end of the last day wanted, itself excluded.
    pub until: Option<DateTime<Utc>>,
    /// Messages over all sets, the newest kept; 0: 100.
    pub limit: usize,
    /// The channels to search; empty: all the agent's.
    pub channels: Vec<ChannelId>,
}

impl SearchCriteria {
    /// Searches for any of these words, everywhere, at any time.
    pub fn words(term: impl Into<String>) -> SearchCriteria {
        SearchCriteria {
            term: term.into(),
            ..SearchCriteria::default()
        }
    }

    /// Lets case and diacritics count. Default: they do not.
    #[must_use]
    pub fn matching_case(mut self) -> SearchCriteria {
        self.match_case = true;
        self
    }

    /// Searches for the words as one phrase. Default: each word by itself.
    #[must_use]
    pub fn as_phrase(mut self) -> SearchCriteria {
        self.match_exact = true;
        self
    }

    /// Searches for messages with all of the words. Default: one is enough.
    #[must_use]
    pub fn all_words(mut self) -> SearchCriteria {
        self.match_all = true;
        self
    }

    /// Only messages of this time or later. Default: from the beginning.
    #[must_use]
    pub fn from(mut self, time: DateTime<Utc>) -> SearchCriteria {
        self.from = Some(time);
        self
    }

    /// Only messages before this time. Default: until now.
    #[must_use]
    pub fn until(mut self, time: DateTime<Utc>) -> SearchCriteria {
        self.until = Some(time);
        self
    }

    /// At most that many messages over all sets. Default: 100.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> SearchCriteria {
        self.limit = limit;
        self
    }

    /// Searches this channel, besides those named before. Default: all the agent's.
    #[must_use]
    pub fn channel(mut self, channel: &ChannelId) -> SearchCriteria {
        self.channels.push(channel.clone());
        self
    }
}

/// What was found in one channel; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchSet {
    /// The channel.
    pub channel: ChannelId,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
}

impl SearchSet {
    pub(crate) fn new(channel: ChannelId, messages: Vec<Message>) -> SearchSet {
        SearchSet { channel, messages }
    }
}
