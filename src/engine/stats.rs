//! Figures of a running engine.

/// Whether the engine is ready to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    /// The database is open and can be written, every agent's link was tried once, and the engine
    /// is not stopping.
    pub ready: bool,
    /// Why it is not ready; empty if it is.
    pub reason: String,
}

/// Counts of what the engine holds now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Agents provisioned.
    pub agents: usize,
    /// Agents signed in.
    pub active_agents: usize,
    /// Live tokens.
    pub tokens: usize,
    /// Reads waiting for events.
    pub waiters: usize,
    /// Posts under way.
    pub posts_in_flight: usize,
    /// Bytes of recent records in memory.
    pub window_bytes: usize,
    /// Messages that came for conversations that no agent was ever in.
    pub strays: u64,
    /// Edits and retractions of somebody else's message, which were not applied.
    pub foreign_changes: u64,
    /// Messages of people whom their agent does not hear, because they are not provisioned and its
    /// contacts are not open ([`Broadcast::Stranger`](crate::Broadcast::Stranger)).
    pub strangers: u64,
    /// Matches that were given up because a pattern met its limit. Each counted as no match.
    pub pattern_limits: u64,
    /// Passwords hashed or verified.
    pub password_work: u64,
    /// Passwords that wait to be hashed or verified.
    pub passwords_waiting: usize,
    /// Whether the last commit succeeded.
    pub writable: bool,
}
