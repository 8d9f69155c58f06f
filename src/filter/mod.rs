//! Filters: the kinds, channels, origin and pattern that a query accepts (§events/filter).
//!
//! A pattern is compiled once and shared by its text ([`patterns`]). It is written in .NET's syntax
//! and translated ([`dotnet`]) for `fancy-regex`, which passes everything without backtracking to
//! `regex` (linear) and counts the steps of the rest. A pattern over its limit does not match and
//! is counted; it is never an error or an event. The worst cost of a match is known beforehand
//! ([`cost`]).
//!
//! Rejected: PCRE2 (C, and 25 times slower on ordinary patterns), a time limit (a busy machine
//! would change the result), and passing the pattern unchanged (`fancy-regex` has recursion and
//! possessive quantifiers, .NET has not).

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

/// Most channels of a query: a waiting poll holds them as long as it waits.
const CHANNELS_MAX: usize = 1024;
/// Bytes of a pattern at most.
const PATTERN_BYTES_MAX: usize = 1024;
/// Bytes of a compiled pattern at most, and of what it remembers while it matches.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// The parts of a backtracking pattern are compiled one by one and share [`COMPILED_BYTES_MAX`]; a
/// smaller share could not hold one `\w`.
const PART_BYTES_MIN: usize = 128 << 10;
/// Smaller limits that are tried first, so that an ordinary pattern has a small weight.
const SMALLER: [usize; 2] = [32 << 10, 256 << 10];
/// Threads that match at a time and each remember something.
const THREADS: usize = 2;
/// What the smallest pattern weighs.
const WEIGHT_MIN: usize = SMALLER[0] * (1 + THREADS);
/// Instructions of the backtracking program at most.
const PROGRAM_MAX: usize = 20_000;
/// Bytes of text that a small pattern without backtracking may match while others wait: this takes
/// microseconds, unless the pattern has many positions.
const QUICK_BYTES: usize = 4096;

#[derive(Debug)]
struct Pattern {
    program: Program,
    /// Bytes that it may hold: the program, and what three threads remember while they match.
    weight: usize,
    /// Small when compiled and without backtracking: it takes some nanoseconds for each byte of
    /// text.
    quick: bool,
    verdicts: Verdicts,
    limit_hits: Arc<AtomicU64>,
}

/// A pattern as it is matched.
#[derive(Debug)]
struct Program {
    regex: Regex,
    size: Size,
    /// A backtracking pattern's variants with fewer steps, made when such a long text is first
    /// matched. They have no weight of their own, because a weight assumes each part at its limit,
    /// which hardly any part reaches.
    fewer: Option<Fewer>,
}

#[derive(Debug)]
struct Fewer {
    translated: String,
    part: usize,
    regexes: [OnceLock<Option<Regex>>; STEPS.len() - 1],
}

/// A message that may match a query: what the query looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// The seq of the message, or of the newest change that its text includes: a verdict on one
    /// state says nothing of the next.
    pub(crate) state: Seq,
    pub(crate) channel: &'a ChannelId,
    pub(crate) text: &'a str,
    /// The reading agent said it itself.
    pub(crate) local: bool,
    /// A program wrote it by itself.
    pub(crate) automatic: bool,
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
    automatic: bool,
    changes: bool,
    pattern: Option<InUse>,
}

impl Patterns {
    /// Makes a query of `agent` ready.
    ///
    /// # Errors
    /// [`Error::Invalid`] above 1,024 channels, or if its pattern is too long, too large, or cannot
    /// be compiled; a construct of .NET's that is not supported is named. [`Error::Busy`] if the
    /// patterns in use leave no room for it.
    pub(crate) fn compile(&self, agent: AgentKey, query: &EventQuery) -> Result<Filter> {
        check_channels(query)?;
        let pattern = query
            .regex
            .as_deref()
            .map(|text| self.find(agent, text))
            .transpose()?;
        Ok(Filter::new(query, pattern))
    }

    /// As [`Patterns::compile`], for callers that must not wait: `None` if the pattern is not
    /// compiled yet.
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
            automatic: query.automatic,
            changes: query.changes,
            pattern,
        }
    }

    /// Whether a message is wanted.
    pub(crate) fn message(&self, said: Candidate<'_>) -> bool {
        self.may_want(said)
            && self
                .pattern
                .as_ref()
                .is_none_or(|used| used.pattern.matches(said))
    }

    /// Whether matching all of these takes some microseconds, or needs no match at all.
    pub(crate) fn is_quick<'a>(&self, said: impl IntoIterator<Item = Candidate<'a>>) -> bool {
        let Some(used) = &self.pattern else {
            return true;
        };
        let unknown = said
            .into_iter()
            .filter(|said| self.may_want(*said) && used.pattern.verdicts.of(said.state).is_none());
        let bytes: usize = unknown.map(|said| said.text.len().max(1)).sum();
        bytes == 0
            || (used.pattern.quick
                && bytes <= QUICK_BYTES
                && used.pattern.program.size.is_quick(bytes))
    }

    /// Whether the query has a pattern, whose cost grows with the text.
    pub(crate) fn has_pattern(&self) -> bool {
        self.pattern.is_some()
    }

    fn may_want(&self, said: Candidate<'_>) -> bool {
        self.kinds.messages
            && (if said.local { self.local } else { self.remote })
            && (self.automatic || !said.automatic)
            && self.channel(said.channel)
    }

    /// Whether changes of messages can be wanted at all.
    pub(crate) fn changes(&self) -> bool {
        self.changes
    }

    /// Whether a change of a message in that channel is wanted; `local` if the reading agent made
    /// it.
    pub(crate) fn change(&self, channel: &ChannelId, local: bool) -> bool {
        self.changes && (if local { self.local } else { self.remote }) && self.channel(channel)
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
    fn matches(&self, said: Candidate<'_>) -> bool {
        if let Some(known) = self.verdicts.of(said.state) {
            return known;
        }
        let verdict = self.program.is_match(said.text).unwrap_or_else(|| {
            self.limit_hits.fetch_add(1, Ordering::Relaxed);
            false
        });
        self.verdicts.keep(said.state, verdict);
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

/// Why `fancy-regex` refuses the pattern; in our words where its error is about the translation and
/// not about the pattern.
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
