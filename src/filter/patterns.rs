//! Compiled patterns, shared by their text and bounded in bytes.
//!
//! A pattern of 1 KiB may take a megabyte when compiled, and a waiting poll holds it as long as it
//! waits: a thousand polls with a thousand patterns took 500 MiB. So a pattern has a weight, which
//! is the smallest limit that it compiles within. Patterns in use have one budget in all and one
//! for each agent; a query beyond either is `Busy`. The last quarter of the budget is for agents
//! that use no pattern yet, so that a few agents cannot take all of it. A pattern that nobody uses
//! is dropped when room is needed.
//!
//! Compiling takes some 20 ms, so a caller that must not wait asks for what is compiled already and
//! has the rest compiled elsewhere; an agent without room for the smallest pattern is refused
//! before that.
//!
//! Rejected: compiling at each match (100 to 200,000 times the cost of a match), and dropping a
//! pattern that a poll uses (the poll would have to fail).

use super::verdicts::Verdicts;
use super::{Compiled, Pattern, WEIGHT_MIN, compile};
use crate::error::{Error, Result};
use crate::model::AgentKey;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Patterns kept compiled beyond those in use, at most.
const UNUSED_MAX: usize = 256;
/// Bytes that all of them may hold.
const BYTES_MAX: usize = 64 << 20;
/// Of them, what only an agent's first pattern may use.
const FIRST_BYTES: usize = BYTES_MAX / 4;
/// Bytes of what one agent's queries use.
const AGENT_BYTES_MAX: usize = 8 << 20;

/// The compiled patterns of one engine. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    cache: Arc<Mutex<Cache>>,
    limit_hits: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Cache {
    by_text: HashMap<Arc<str>, Cached>,
    /// What each agent uses: each pattern once, with the number of its queries.
    agents: HashMap<AgentKey, HashMap<Arc<str>, usize>>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Cached {
    pattern: Arc<Pattern>,
    /// Queries that use it, of any agent.
    queries: usize,
    /// The cache's count of uses when it was last asked for.
    used: u64,
}

/// A pattern in use by queries of one agent; given back when the last copy is dropped.
#[derive(Debug, Clone)]
pub(super) struct InUse {
    pub(super) pattern: Arc<Pattern>,
    _share: Arc<Share>,
}

#[derive(Debug)]
struct Share {
    cache: Arc<Mutex<Cache>>,
    agent: AgentKey,
    text: Arc<str>,
}

impl Patterns {
    pub(crate) fn new() -> Patterns {
        Patterns::default()
    }

    /// How often a match was given up at its limit.
    pub(crate) fn limit_hits(&self) -> u64 {
        self.limit_hits.load(Ordering::Relaxed)
    }

    /// The pattern `text` for a query of `agent`, if it is compiled already.
    ///
    /// # Errors
    /// `Busy` if the patterns in use leave no room, not even for the smallest one where it is not
    /// known.
    pub(super) fn known(&self, agent: AgentKey, text: &str) -> Result<Option<InUse>> {
        let mut cache = self.cache.lock();
        match cache.known(text) {
            Some((text, pattern)) => {
                let pattern = cache.take(agent, &text, pattern)?;
                drop(cache);
                Ok(Some(self.in_use(agent, text, pattern)))
            }
            None => cache.room_of(agent, WEIGHT_MIN).map(|()| None),
        }
    }

    /// The pattern `text` for a query of `agent`; compiled if it is not known, which takes some 20
    /// ms at most.
    ///
    /// # Errors
    /// `Invalid` if it cannot be compiled; `Busy` if the patterns in use leave no room.
    pub(super) fn find(&self, agent: AgentKey, text: &str) -> Result<InUse> {
        if let Some(known) = self.known(agent, text)? {
            return Ok(known);
        }
        // Compiled without the lock; a second one made meanwhile is dropped.
        let Compiled {
            program,
            weight,
            quick,
        } = compile(text)?;
        let limit_hits = self.limit_hits.clone();
        let (text, pattern) = (
            Arc::from(text),
            Arc::new(Pattern {
                program,
                weight,
                quick,
                verdicts: Verdicts::new(),
                limit_hits,
            }),
        );
        let pattern = self.cache.lock().take(agent, &text, pattern)?;
        Ok(self.in_use(agent, text, pattern))
    }

    fn in_use(&self, agent: AgentKey, text: Arc<str>, pattern: Arc<Pattern>) -> InUse {
        InUse {
            pattern,
            _share: Arc::new(Share {
                cache: self.cache.clone(),
                agent,
                text,
            }),
        }
    }
}

impl Cache {
    fn known(&mut self, text: &str) -> Option<(Arc<str>, Arc<Pattern>)> {
        self.uses += 1;
        let uses = self.uses;
        let text = self.by_text.get_key_value(text)?.0.clone();
        let cached = self.by_text.get_mut(&text)?;
        cached.used = uses;
        Some((text, cached.pattern.clone()))
    }

    /// Counts one more query of `agent` for that pattern.
    fn take(
        &mut self,
        agent: AgentKey,
        text: &Arc<str>,
        pattern: Arc<Pattern>,
    ) -> Result<Arc<Pattern>> {
        let weight = pattern.weight;
        let own = self.agents.get(&agent);
        if own.is_none_or(|own| !own.contains_key(text)) {
            self.room_of(agent, weight)?;
        }
        if !self.by_text.contains_key(text) {
            self.make_room(
                weight,
                if own.is_none() {
                    BYTES_MAX
                } else {
                    BYTES_MAX - FIRST_BYTES
                },
            )?;
            self.bytes += weight;
            self.by_text.insert(
                text.clone(),
                Cached {
                    pattern,
                    queries: 0,
                    used: self.uses,
                },
            );
        }
        *self
            .agents
            .entry(agent)
            .or_default()
            .entry(text.clone())
            .or_default() += 1;
        let cached = self
            .by_text
            .get_mut(text)
            .ok_or_else(|| Error::Internal("a pattern was not kept".into()))?;
        cached.queries += 1;
        Ok(cached.pattern.clone())
    }

    /// Whether `agent` may use another pattern of that weight.
    fn room_of(&self, agent: AgentKey, weight: usize) -> Result<()> {
        let own = self.agents.get(&agent).into_iter().flat_map(HashMap::keys);
        let used: usize = own
            .filter_map(|text| self.by_text.get(text))
            .map(|it| it.pattern.weight)
            .sum();
        if used + weight > AGENT_BYTES_MAX {
            Err(busy("the agent's event patterns"))
        } else {
            Ok(())
        }
    }

    /// Drops patterns that nobody uses, the longest unused first.
    fn make_room(&mut self, weight: usize, most: usize) -> Result<()> {
        loop {
            let unused = self
                .by_text
                .iter()
                .filter(|(_, cached)| cached.queries == 0);
            if unused.clone().count() < UNUSED_MAX && self.bytes + weight <= most {
                return Ok(());
            }
            let oldest = unused
                .min_by_key(|(_, cached)| cached.used)
                .map(|(text, _)| text.clone());
            let oldest = oldest.ok_or_else(|| busy("the event patterns"))?;
            if let Some(cached) = self.by_text.remove(&oldest) {
                self.bytes -= cached.pattern.weight;
            }
        }
    }

    fn give_back(&mut self, agent: AgentKey, text: &Arc<str>) {
        if let Some(cached) = self.by_text.get_mut(text) {
            cached.queries -= 1;
        }
        let Some(own) = self.agents.get_mut(&agent) else {
            return;
        };
        if let Some(queries) = own.get_mut(text) {
            *queries -= 1;
            if *queries == 0 {
                own.remove(text);
            }
        }
        if own.is_empty() {
            self.agents.remove(&agent);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.cache.lock().give_back(self.agent, &self.text);
    }
}

fn busy(what: &str) -> Error {
    Error::Busy {
        what: what.to_owned(),
        retry_after: Duration::from_secs(5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(number: usize) -> String {
        format!(r"\w{{8}}{number}")
    }

    #[test]
    fn a_pattern_is_shared_by_its_text_and_weighs_what_it_needs() {
        let patterns = Patterns::new();
        let one = patterns
            .find(AgentKey(1), "disk (\\d+)")
            .expect("a pattern");
        let other = patterns.find(AgentKey(2), "disk (\\d+)").expect("the same");
        assert!(Arc::ptr_eq(&one.pattern, &other.pattern));
        let heavy = patterns.find(AgentKey(1), &large(0)).expect("a large one");
        assert!(
            heavy.pattern.weight > one.pattern.weight,
            "{} {}",
            heavy.pattern.weight,
            one.pattern.weight
        );
    }

    #[test]
    fn one_agent_meets_its_bound_before_the_others_do_and_gives_back_what_it_drops() {
        let patterns = Patterns::new();
        let mut held = Vec::new();
        let refused = loop {
            match patterns.find(AgentKey(1), &large(held.len())) {
                Ok(pattern) => held.push(pattern),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::Busy { .. }), "{refused:?}");
        assert!(held.iter().map(|it| it.pattern.weight).sum::<usize>() <= AGENT_BYTES_MAX);
        patterns
            .find(AgentKey(1), &large(0))
            .expect("the same again costs nothing");
        patterns
            .find(AgentKey(2), &large(9999))
            .expect("others have room");
        while let Ok(small) = patterns.find(AgentKey(1), &format!("small {}", held.len())) {
            held.push(small);
        }
        assert!(
            matches!(
                patterns.known(AgentKey(1), "unknown"),
                Err(Error::Busy { .. })
            ),
            "before it is compiled"
        );
        assert!(matches!(patterns.known(AgentKey(2), "unknown"), Ok(None)));
        held.clear();
        patterns
            .find(AgentKey(1), &large(9998))
            .expect("what was dropped is given back");
    }

    #[test]
    fn all_agents_together_stay_within_the_budget() {
        let patterns = Patterns::new();
        let mut held = Vec::new();
        let refused = (0..200).find_map(|n| {
            match patterns.find(AgentKey(n), &large(usize::try_from(n).unwrap_or(0))) {
                Ok(pattern) => {
                    held.push(pattern);
                    None
                }
                Err(error) => Some(error),
            }
        });
        assert!(matches!(refused, Some(Error::Busy { .. })), "{refused:?}");
        assert!(patterns.cache.lock().bytes <= BYTES_MAX);
        held.clear();
        for n in 0..300 {
            patterns
                .find(AgentKey(n), &format!("ordinary {n}"))
                .expect("unused ones make room");
        }
        assert!(patterns.cache.lock().by_text.len() <= UNUSED_MAX + 1);
    }

    #[test]
    fn greedy_agents_leave_a_first_pattern_to_the_others() {
        let patterns = Patterns::new();
        let mut held = Vec::new();
        for agent in 0..20 {
            for number in 0..100 {
                held.extend(patterns.find(AgentKey(agent), &format!("greedy {agent} {number}")));
            }
        }
        assert!(patterns.find(AgentKey(0), "one more").is_err());
        for agent in 100..200 {
            held.push(
                patterns
                    .find(AgentKey(agent), &format!("bot {agent}"))
                    .expect("its first"),
            );
        }
        assert!(patterns.cache.lock().bytes <= BYTES_MAX);
    }
}
