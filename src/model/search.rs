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
