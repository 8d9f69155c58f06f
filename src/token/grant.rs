//! What a live token grants, to whom, and until when.

use crate::clock::STEP;
use crate::model::{AgentId, AgentKey, Principal, TokenDetails, UserId, Who};
use chrono::DateTime;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whose a token is: the user and the agent; the super user has neither.
pub(crate) type Owner = (Option<UserId>, Option<AgentKey>);

/// What a live token grants.
pub(crate) struct Grant {
    /// Who its bearer is.
    pub(crate) principal: Principal,
    /// When it ends by itself, monotonic.
    pub(crate) ends: Duration,
    /// The date of the end as it was when the token was made, milliseconds since 1970.
    expires: i64,
    /// Shared with every principal made from it.
    ended: Arc<AtomicBool>,
}

impl Grant {
    /// A grant to `who` that begins at `now` (monotonic) and lasts for `lasts`; `wall` is the
    /// present date in milliseconds since 1970.
    pub(crate) fn new(who: Who, now: Duration, wall: i64, lasts: Duration) -> Grant {
        let ended = Arc::new(AtomicBool::new(false));
        let expires = wall.saturating_add(milliseconds(lasts));
        Grant {
            principal: Principal::granted(who, ended.clone()),
            ends: now.saturating_add(lasts),
            expires,
            ended,
        }
    }

    /// The agent it acts through; `None` for the super user.
    pub(crate) fn agent(&self) -> Option<(AgentKey, &AgentId)> {
        match self.principal.who() {
            Who::Agent { agent, key, .. } => Some((*key, agent)),
            _ => None,
        }
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> Owner {
        match self.principal.who() {
            Who::Agent { user, key, .. } => (Some(user.clone()), Some(*key)),
            _ => (None, None),
        }
    }

    /// Marks every principal made from it: the views made with it refuse their next call.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// The public details of the token (§tokens/details). If the date jumped since the token was
    /// made, its end is computed from today's date.
    pub(crate) fn details(&self, now: Duration, wall: i64) -> TokenDetails {
        let due = wall.saturating_add(milliseconds(self.ends.saturating_sub(now)));
        let expires = if due.abs_diff(self.expires) > STEP.unsigned_abs() {
            due
        } else {
            self.expires
        };
        let (agent, username) = match self.principal.who() {
            Who::Agent {
                agent, username, ..
            } => (Some(agent.clone()), username.clone()),
            Who::SuperUser(name) | Who::Host(name) => (None, name.clone()),
        };
        TokenDetails::new(
            agent,
            username,
            DateTime::from_timestamp_millis(expires).unwrap_or(DateTime::UNIX_EPOCH),
        )
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grant({} until {:?})", self.principal.label(), self.ends)
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lene(agent: i64) -> Who {
        Who::Agent {
            agent: AgentId::parse("echo").unwrap(),
            key: AgentKey(agent),
            user: UserId::parse("lene").unwrap(),
            username: "CONTOSO\\Lene".into(),
        }
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn its_end_is_told_by_the_date_it_was_made_at_until_that_jumps() {
        let grant = Grant::new(lene(7), at(5_000), 1_000_000, at(3_600_000));
        let told = |now, wall| grant.details(at(now), wall).expires.timestamp_millis();
        assert_eq!(told(5_000, 1_000_000), 4_600_000);
        assert_eq!(
            told(6_000, 1_000_990),
            4_600_000,
            "a clock that is a little slow"
        );
        assert_eq!(
            told(6_000, 9_001_000),
            9_001_000 + 3_599_000,
            "two hours ahead"
        );
    }
}
