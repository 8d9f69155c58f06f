//! What a reader wants of what there is: kinds, channels, origin and a pattern (§events/filter).
//!
//! A pattern is compiled once and shared by its text ([`patterns`]). It is .NET's, translated ([`dotnet`]) for
//! `fancy-regex`, which hands all that needs no backtracking to `regex` (linear), and counts steps in the rest: a
//! pattern over its limit does not match, and is counted, never an error or an event. What a match may cost at worst is
//! known before it is made ([`cost`]).
//!
//! Rejected: PCRE2 (C, and 25 times slower on ordinary patterns), a time limit (a busy machine would change the
//! answer), and taking the pattern as it is (`fancy-regex` has recursion and possessive quantifiers, .NET has not).

mod class;
mod cost;
mod dotnet;
mod escape;
mod patterns;
mod verdicts;

pub(crate) use patterns::Patterns;

use crate::error::{Error, Result};
use crate::model::{AgentKey, ChannelId, EventKinds, EventQuery, Seq};
use cost::{STEPS, Size};
use fancy_regex::{CompileError, Error as RegexError, Regex, RegexBuilder};
use patterns::InUse;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use verdicts::Verdicts;

/// Channels of a query at most: a waiting poll holds them as long as it waits.
const CHANNELS_MAX: usize = 1024;
/// Bytes of a pattern at most.
const PATTERN_BYTES_MAX: usize = 1024;
/// Bytes of a compiled pattern at most, and of what it remembers while it matches.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// Parts of a pattern that backtracks are compiled each by itself and share [`COMPILED_BYTES_MAX`], but a part that
/// is smaller than this could not hold one `\w`.
const PART_BYTES_MIN: usize = 128 << 10;
/// Limits that are tried before the largest, so that an ordinary pattern weighs little.
const SMALLER: [usize; 2] = [32 << 10, 256 << 10];
/// Threads that match at a time and each remember something.
const THREADS: usize = 2;
/// What the smallest pattern weighs.
const WEIGHT_MIN: usize = SMALLER[0] * (1 + THREADS);
/// Instructions of the backtracking program at most.
const PROGRAM_MAX: usize = 20_000;
/// Bytes of text that a small pattern without backtracking may be asked about where others wait: microseconds, unless
/// it has many places.
const QUICK_BYTES: usize = 4096;

#[derive(Debug)]
struct Pattern {
    program: Program,
    /// Bytes that it may hold: the program, and what three threads remember while they match.
    weight: usize,
    /// Small when compiled and without backtracking: its time is some nanoseconds for each byte of text.
    quick: bool,
    verdicts: Verdicts,
    limit_hits: Arc<AtomicU64>,
}

/// A pattern as it is matched.
#[derive(Debug)]
struct Program {
    regex: Regex,
    size: Size,
    /// Of one that backtracks: the same with fewer steps, made when it is first asked about so long a text. They are
    /// not weighed: a weight has each part at its limit, which hardly one reaches.
    fewer: Option<Fewer>,
}

#[derive(Debug)]
struct Fewer {
    translated: String,
    part: usize,
    regexes: [OnceLock<Option<Regex>>; STEPS.len() - 1],
}

/// A message, as far as a query looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) seq: Seq,
    pub(crate) channel: &'a ChannelId,
    pub(crate) text: &'a str,
    /// The reading agent said it itself.
    pub(crate) local: bool,
}

/// What [`compile`] makes of a pattern.
struct Compiled {
    program: Program,
    weight: usize,
    quick: bool,
}

/// A query, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    kinds: EventKinds,
    /// Empty: all.
    channels: HashSet<Box<str>>,
    local: bool,
    remote: bool,
    pattern: Option<InUse>,
}

impl Patterns {
    /// Makes a query of `agent` ready.
    ///
    /// # Errors
    /// [`Error::Invalid`] above 1,024 channels, or if its pattern is too long, too large, or cannot be compiled; a construct of .NET's that
    /// is not supported is named. [`Error::Busy`] if the patterns in use leave no room for it.
    pub(crate) fn compile(&self, agent: AgentKey, query: &EventQuery) -> Result<Filter> {
        check_channels(query)?;
        let pattern = query
            .regex
            .as_deref()
            .map(|text| self.find(agent, text))
            .transpose()?;
        Ok(Filter::new(query, pattern))
    }

    /// As [`Patterns::compile`], where nobody may wait: none if its pattern is yet to be compiled.
    ///
    /// # Errors
    /// As [`Patterns::compile`].
    pub(crate) fn ready(&self, agent: AgentKey, query: &EventQuery) -> Result<Option<Filter>> {
        check_channels(query)?;
        let Some(text) = &query.regex else {
            return Ok(Some(Filter::new(query, None)));
        };
        check_length(text)?;
        Ok(self
            .known(agent, text)?
            .map(|pattern| Filter::new(query, Some(pattern))))
    }
}

fn check_channels(query: &EventQuery) -> Result<()> {
    let length = query.channels.len();
    if length > CHANNELS_MAX {
        return Err(Error::Invalid(format!(
            "the query names {length} channels, the limit is {CHANNELS_MAX}"
        )));
    }
    Ok(())
}

fn check_length(text: &str) -> Result<()> {
    let length = text.len();
    if length > PATTERN_BYTES_MAX {
        return Err(Error::Invalid(format!(
            "the regex has {length} bytes, the limit is {PATTERN_BYTES_MAX}"
        )));
    }
    Ok(())
}

impl Filter {
    fn new(query: &EventQuery, pattern: Option<InUse>) -> Filter {
        Filter {
            kinds: query.kinds,
            channels: query
                .channels
                .iter()
                .map(|channel| channel.as_str().into())
                .collect(),
            local: query.local,
            remote: query.remote,
            pattern,
        }
    }

    /// Whether a message is wanted.
    pub(crate) fn message(&self, said: Said<'_>) -> bool {
        self.may_want(said)
            && self
                .pattern
                .as_ref()
                .is_none_or(|used| used.pattern.matches(said))
    }

    /// Whether all of these are asked about in some microseconds, or need no question at all.
    pub(crate) fn is_quick<'a>(&self, said: impl IntoIterator<Item = Said<'a>>) -> bool {
        let Some(used) = &self.pattern else {
            return true;
        };
        let unknown = said
            .into_iter()
            .filter(|said| self.may_want(*said) && used.pattern.verdicts.of(said.seq).is_none());
        let bytes: usize = unknown.map(|said| said.text.len().max(1)).sum();
        bytes == 0
            || (used.pattern.quick
                && bytes <= QUICK_BYTES
                && used.pattern.program.size.is_quick(bytes))
    }

    /// Whether it has a pattern, whose cost grows with what was said.
    pub(crate) fn has_pattern(&self) -> bool {
        self.pattern.is_some()
    }

    fn may_want(&self, said: Said<'_>) -> bool {
        self.kinds.messages
            && (if said.local { self.local } else { self.remote })
            && self.channel(said.channel)
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
    fn matches(&self, said: Said<'_>) -> bool {
        if let Some(known) = self.verdicts.of(said.seq) {
            return known;
        }
        let verdict = self.program.is_match(said.text).unwrap_or_else(|| {
            self.limit_hits.fetch_add(1, Ordering::Relaxed);
            false
        });
        self.verdicts.keep(said.seq, verdict);
        verdict
    }
}

impl Program {
    /// Whether `text` matches; none if that would cost too much.
    fn is_match(&self, text: &str) -> Option<bool> {
        let Some(fewer) = &self.fewer else {
            return if self.size.is_linear(text.len()) {
                self.regex.is_match(text).ok()
            } else {
                None
            };
        };
        let regex = match self.size.steps(text.len())? {
            0 => &self.regex,
            n => fewer.regexes[n - 1]
                .get_or_init(|| build(&fewer.translated, fewer.part, STEPS[n]).ok())
                .as_ref()?,
        };
        regex.is_match(text).ok()
    }
}

fn build(translated: &str, part: usize, steps: usize) -> std::result::Result<Regex, RegexError> {
    RegexBuilder::new(translated)
        .backtrack_limit(steps)
        .delegate_size_limit(part)
        .delegate_dfa_size_limit(part)
        .max_prog_size(PROGRAM_MAX)
        .build()
}

/// Compiles `text` within the smallest limit that is large enough.
fn compile(text: &str) -> Result<Compiled> {
    check_length(text)?;
    let refused = |why: String| Error::Invalid(format!("the regex `{text}` is refused: {why}"));
    let translated = dotnet::translate(text).map_err(refused)?;
    let most = (COMPILED_BYTES_MAX / (1 + translated.backtracking)).max(PART_BYTES_MIN);
    let size = Size::of(&translated.pattern);
    let within = |part: usize| {
        let regex = build(&translated.pattern, part, STEPS[0])?;
        let backtracks = translated.backtracking > 0;
        let fewer = backtracks.then(|| Fewer {
            translated: translated.pattern.clone(),
            part,
            regexes: Default::default(),
        });
        Ok(Compiled {
            program: Program { regex, size, fewer },
            weight: part * (1 + translated.backtracking) + THREADS * part,
            quick: !backtracks && part <= SMALLER[0],
        })
    };
    let smaller = SMALLER
        .iter()
        .filter(|part| **part < most)
        .find_map(|part| within(*part).ok());
    smaller
        .map_or_else(|| within(most), Ok)
        .map_err(|error| refused(reason(&error)))
}

/// Why `fancy-regex` would not have it, in our words where it speaks of what it was given and not of the pattern.
fn reason(error: &RegexError) -> String {
    if let RegexError::CompileError(error) = error {
        match &**error {
            CompileError::LookBehindNotConst | CompileError::VariableLookBehindRequiresFeature => {
                return "a look-behind of variable length is not supported".into();
            }
            CompileError::InnerError(error) if error.size_limit().is_some() => {
                return "it is too large when compiled".into();
            }
            CompileError::PatternTooComplex => return "it is too large when compiled".into(),
            _ => {}
        }
    }
    let text = error.to_string();
    text.lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .to_lowercase()
}

#[cfg(test)]
#[path = "filter_test.rs"]
mod tests;
