//! What a reader wants of what there is: kinds, channels, origin and a pattern (reference 3.8.2).
//!
//! A pattern is compiled once and shared by its text, because compiling costs 100 to 200,000 times a match; the
//! cache is bounded, what is in use stays valid without it. The pattern is .NET's, translated ([`dotnet`]) for
//! `fancy-regex`, which hands all that needs no backtracking to `regex` (linear), and counts steps in the rest: a
//! pattern over its limit does not match, and is counted, never an error or an event.
//!
//! Rejected: PCRE2 (C, and 25 times slower on ordinary patterns), a time limit (a busy machine would change the
//! answer), and taking the pattern as it is (`fancy-regex` has recursion and possessive quantifiers, .NET has not).

mod class;
mod dotnet;
mod escape;

use crate::error::{Error, Result};
use crate::model::{ChannelId, EventKinds, EventQuery};
use fancy_regex::{CompileError, Error as RegexError, Regex, RegexBuilder};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a pattern at most.
const PATTERN_BYTES_MAX: usize = 1024;
/// Bytes of a compiled pattern at most, and of what it remembers while it matches.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// Parts of a pattern that backtracks are compiled each by itself and share [`COMPILED_BYTES_MAX`], but a part that
/// is smaller than this could not hold one `\w`.
const PART_BYTES_MIN: usize = 128 << 10;
/// Backtracking steps of one match at most: 0.3 ms on a message of 300 bytes.
const STEPS_MAX: usize = 10_000;
/// Instructions of the backtracking program at most.
const PROGRAM_MAX: usize = 20_000;
/// Patterns kept compiled.
const CACHED_MAX: usize = 256;

/// The compiled patterns of one engine.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    cache: Mutex<Cache>,
    limit_hits: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Cache {
    by_text: HashMap<Box<str>, Cached>,
    uses: u64,
}

#[derive(Debug)]
struct Cached {
    pattern: Arc<Pattern>,
    /// The cache's count of uses when it was last asked for.
    used: u64,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    limit_hits: Arc<AtomicU64>,
}

/// A query, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    kinds: EventKinds,
    /// Empty: all.
    channels: HashSet<Box<str>>,
    local: bool,
    remote: bool,
    pattern: Option<Arc<Pattern>>,
}

impl Patterns {
    pub(crate) fn new() -> Patterns {
        Patterns::default()
    }

    /// Makes a query ready.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its pattern is too long, too large, or cannot be compiled; a construct of .NET's that
    /// is not supported is named.
    pub(crate) fn compile(&self, query: &EventQuery) -> Result<Filter> {
        Ok(Filter {
            kinds: query.kinds,
            channels: query.channels.iter().map(|channel| channel.as_str().into()).collect(),
            local: query.local,
            remote: query.remote,
            pattern: query.regex.as_deref().map(|text| self.pattern(text)).transpose()?,
        })
    }

    /// How often a match was given up at its limit.
    pub(crate) fn limit_hits(&self) -> u64 {
        self.limit_hits.load(Ordering::Relaxed)
    }

    fn pattern(&self, text: &str) -> Result<Arc<Pattern>> {
        if let Some(pattern) = self.cache.lock().find(text) {
            return Ok(pattern);
        }
        // Compiled without the lock, which a large pattern would hold for 20 ms; a second one made meanwhile is dropped.
        let pattern = Arc::new(Pattern { regex: compile(text)?, limit_hits: self.limit_hits.clone() });
        Ok(self.cache.lock().keep(text, pattern))
    }
}

impl Cache {
    fn find(&mut self, text: &str) -> Option<Arc<Pattern>> {
        self.uses += 1;
        let cached = self.by_text.get_mut(text)?;
        cached.used = self.uses;
        Some(cached.pattern.clone())
    }

    fn keep(&mut self, text: &str, pattern: Arc<Pattern>) -> Arc<Pattern> {
        if let Some(first) = self.find(text) {
            return first;
        }
        if self.by_text.len() >= CACHED_MAX {
            // One that nobody uses goes before one that somebody does, then the one longest unasked for.
            let oldest = self.by_text.iter().min_by_key(|(_, cached)| (Arc::strong_count(&cached.pattern) > 1, cached.used));
            if let Some(oldest) = oldest.map(|(text, _)| text.clone()) {
                self.by_text.remove(&oldest);
            }
        }
        self.by_text.insert(text.into(), Cached { pattern: pattern.clone(), used: self.uses });
        pattern
    }
}

impl Filter {
    /// Whether a message is wanted; `local`: the reading agent said it itself.
    pub(crate) fn message(&self, channel: &ChannelId, text: &str, local: bool) -> bool {
        self.kinds.messages
            && (if local { self.local } else { self.remote })
            && self.channel(channel)
            && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
    }

    /// Whether changes of metadata are wanted; neither channels nor the pattern apply to them.
    pub(crate) fn metadata(&self) -> bool {
        self.kinds.metadata
    }

    /// Whether a change of this channel's state is wanted.
    pub(crate) fn channel_state(&self, channel: &ChannelId) -> bool {
        self.kinds.channel_states && self.channel(channel)
    }

    /// Whether anything of this channel can be wanted at all.
    pub(crate) fn channel(&self, channel: &ChannelId) -> bool {
        self.channels.is_empty() || self.channels.contains(channel.as_str())
    }
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text).unwrap_or_else(|_| {
            self.limit_hits.fetch_add(1, Ordering::Relaxed);
            false
        })
    }
}

fn compile(text: &str) -> Result<Regex> {
    if text.len() > PATTERN_BYTES_MAX {
        let length = text.len();
        return Err(Error::Invalid(format!("the regex has {length} bytes, the limit is {PATTERN_BYTES_MAX}")));
    }
    let refused = |why: String| Error::Invalid(format!("the regex `{text}` is refused: {why}"));
    let translated = dotnet::translate(text).map_err(refused)?;
    let part = (COMPILED_BYTES_MAX / (1 + translated.backtracking)).max(PART_BYTES_MIN);
    RegexBuilder::new(&translated.pattern)
        .backtrack_limit(STEPS_MAX)
        .delegate_size_limit(part)
        .delegate_dfa_size_limit(part)
        .max_prog_size(PROGRAM_MAX)
        .build()
        .map_err(|error| refused(reason(&error)))
}

/// Why `fancy-regex` would not have it, in our words where it speaks of what it was given and not of the pattern.
fn reason(error: &RegexError) -> String {
    if let RegexError::CompileError(error) = error {
        match &**error {
            CompileError::LookBehindNotConst | CompileError::VariableLookBehindRequiresFeature => {
                return "a look-behind of variable length is not supported".into();
            }
            CompileError::InnerError(error) if error.size_limit().is_some() => return "it is too large when compiled".into(),
            CompileError::PatternTooComplex => return "it is too large when compiled".into(),
            _ => {}
        }
    }
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_lowercase()
}

#[cfg(test)]
#[path = "filter_test.rs"]
mod tests;
