//! Tokens: 256 random bits for the owner, their SHA-256 for us, and the table of those that are good now.
//!
//! The table is looked up by digest, so no comparison depends on a secret, and neither memory nor the database
//! holds what could be shown to us. A token that ends leaves the table at once and marks its principals, so that a
//! view made from it refuses its next call.
//!
//! A token ends by monotonic time: the date may jump, and one that was made while it was 60 days ahead lived for 60 days
//! after it was set back. The date is only shown.
//!
//! Tokens are bounded by user: [`PAIR_MAX`] for one user of one agent, [`USER_MAX`] for one user, the oldest of their own
//! first. With one bound for all, a user whose password is checked from memory made 4,612 tokens a second, and held a
//! million of them after four minutes. A thousand bots that share a user are within it, twice.
//!
//! Rejected: signed tokens without a table (they cannot be ended), and a table keyed by the token itself.

use crate::clock::STEP;
use crate::error::{Error, Result};
use crate::model::{AgentId, AgentKey, Principal, Token, TokenDetails, UserId, Who};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a token is known by.
pub(crate) type Digest = [u8; 32];

/// Live tokens at most (about 300 MB): logins that nobody uses must not fill the memory of a process that runs for years.
pub(crate) const GRANTS_MAX: usize = 1_000_000;

/// Live tokens of one user of one agent, and of the super user.
pub(crate) const PAIR_MAX: usize = 2048;

/// Live tokens of one user, all agents together.
pub(crate) const USER_MAX: usize = 8192;

/// Characters of a token: 32 bytes as base64url without padding.
const TOKEN_CHARS: usize = 43;

/// Makes a new token, and what it is known by.
///
/// # Errors
/// [`Error::Internal`] if the system has no randomness to give.
pub(crate) fn fresh() -> Result<(Token, Digest)> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)
        .map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    let text = URL_SAFE_NO_PAD.encode(bits);
    let digest = Sha256::digest(text.as_bytes()).into();
    Ok((Token::new(text), digest))
}

/// What a token is known by; `None` if this text was never a token.
pub(crate) fn digest(token: &Token) -> Option<Digest> {
    let text = token.expose().as_bytes();
    let plausible = text.len() == TOKEN_CHARS
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    plausible.then(|| Sha256::digest(text).into())
}

/// What a live token grants.
pub(crate) struct Grant {
    /// Who its bearer is.
    pub(crate) principal: Principal,
    /// When it ends by itself, monotonic.
    pub(crate) ends: Duration,
    /// The date of that when it was made, milliseconds since 1970.
    expires: i64,
    /// Shared with every principal made from it.
    ended: Arc<AtomicBool>,
}

impl Grant {
    /// A right of `who` from `now` (monotonic) on for `lasts`; `wall` is the date of now, milliseconds since 1970.
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
    fn owner(&self) -> Owner {
        match self.principal.who() {
            Who::Agent { user, key, .. } => (Some(user.clone()), Some(*key)),
            _ => (None, None),
        }
    }

    /// What may be told of it (reference 2.2). If the date jumped since it was made, its end is told by today's date.
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

#[derive(Default)]
struct Table {
    by_digest: HashMap<Digest, Arc<Grant>>,
    /// The same, soonest end first: for the sweep.
    by_end: BTreeSet<(Duration, Digest)>,
    /// The same by user: who has too many, or most, is who must give one up.
    by_user: HashMap<Option<UserId>, Own>,
}

/// Whose a token is: the user and the agent; the super user has neither.
pub(crate) type Owner = (Option<UserId>, Option<AgentKey>);

/// The tokens of one user, those of each agent with the soonest end first.
#[derive(Default)]
struct Own {
    count: usize,
    by_agent: HashMap<Option<AgentKey>, BTreeSet<(Duration, Digest)>>,
}

impl Own {
    /// So many of the agent with most of them.
    fn oldest(&self, count: usize) -> impl Iterator<Item = Digest> {
        let most = self
            .by_agent
            .values()
            .max_by_key(|tokens| (tokens.len(), Reverse(tokens.first())));
        most.into_iter()
            .flatten()
            .take(count)
            .map(|(_, digest)| *digest)
    }
}

/// The tokens that are good now.
///
/// What ended is handed back, so that the caller can wake the waits made with it, outside the table's lock.
pub(crate) struct Grants {
    table: RwLock<Table>,
    capacity: usize,
    pair_max: usize,
    user_max: usize,
}

impl Grants {
    pub(crate) fn new() -> Grants {
        Grants::bounded(GRANTS_MAX, PAIR_MAX, USER_MAX)
    }

    fn bounded(capacity: usize, pair_max: usize, user_max: usize) -> Grants {
        Grants {
            table: RwLock::new(Table::default()),
            capacity,
            pair_max,
            user_max,
        }
    }

    /// Makes a token good. The caller first asks [`Grants::surplus`].
    pub(crate) fn insert(&self, digest: Digest, grant: Grant) {
        let mut table = self.table.write();
        table.remove(&digest);
        let place = (grant.ends, digest);
        table.by_end.insert(place);
        let (user, agent) = grant.owner();
        let own = table.by_user.entry(user).or_default();
        own.count += 1;
        own.by_agent.entry(agent).or_default().insert(place);
        table.by_digest.insert(digest, Arc::new(grant));
    }

    /// The tokens that must go, their rows first, before there is room for one more of each of these.
    ///
    /// They are of a user who has too many, those that end soonest, or where all have too many, of the user who has most:
    /// somebody who logs in a million times ends tokens of their own. Whichever end soonest of all would be somebody else's.
    pub(crate) fn surplus(&self, wanted: &[Owner]) -> Vec<Digest> {
        let mut more: HashMap<&Option<UserId>, HashMap<Option<AgentKey>, usize>> = HashMap::new();
        for (user, agent) in wanted {
            *more.entry(user).or_default().entry(*agent).or_default() += 1;
        }
        let table = self.table.read();
        let mut surplus = Vec::new();
        for (user, agents) in more {
            let Some(own) = table.by_user.get(user) else {
                continue;
            };
            let before = surplus.len();
            for (agent, more) in &agents {
                let Some(tokens) = own.by_agent.get(agent) else {
                    continue;
                };
                let over = (tokens.len() + more).saturating_sub(self.pair_max);
                surplus.extend(tokens.iter().take(over).map(|(_, digest)| *digest));
            }
            let stays = own.count - (surplus.len() - before);
            let over = (stays + agents.values().sum::<usize>()).saturating_sub(self.user_max);
            take_more(&mut surplus, own, over);
        }
        let over =
            (table.by_digest.len() + wanted.len()).saturating_sub(self.capacity + surplus.len());
        if over > 0
            && let Some(most) = table.by_user.values().max_by_key(|own| own.count)
        {
            take_more(&mut surplus, most, over);
        }
        surplus
    }

    /// Who shows this token; `None` if it is none, or no longer. `now` is monotonic. Allocates nothing.
    pub(crate) fn authenticate(&self, token: &Token, now: Duration) -> Option<Arc<Grant>> {
        let digest = digest(token)?;
        let table = self.table.read();
        table
            .by_digest
            .get(&digest)
            .filter(|grant| grant.ends > now)
            .cloned()
    }

    /// Ends these tokens.
    pub(crate) fn end(&self, digests: &[Digest]) -> Vec<Arc<Grant>> {
        let mut table = self.table.write();
        digests
            .iter()
            .filter_map(|digest| table.remove(digest))
            .collect()
    }

    /// Ends all tokens of an agent. Looks at every token: for a deletion, not for a call.
    pub(crate) fn end_agent(&self, agent: AgentKey) -> Vec<Arc<Grant>> {
        let mut table = self.table.write();
        let of_agent = |grant: &Grant| grant.agent().is_some_and(|(key, _)| key == agent);
        let digests: Vec<Digest> = table
            .by_digest
            .iter()
            .filter(|(_, grant)| of_agent(grant))
            .map(|(digest, _)| *digest)
            .collect();
        digests
            .iter()
            .filter_map(|digest| table.remove(digest))
            .collect()
    }

    /// Ends what has expired. Costs what has, not what is there.
    pub(crate) fn sweep(&self, now: Duration) -> Vec<Arc<Grant>> {
        let mut table = self.table.write();
        let mut ended = Vec::new();
        while let Some((ends, digest)) = table.by_end.first().copied()
            && ends <= now
        {
            ended.extend(table.remove(&digest));
        }
        ended
    }

    /// When the next one expires, monotonic.
    pub(crate) fn next_end(&self) -> Option<Duration> {
        self.table.read().by_end.first().map(|(ends, _)| *ends)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.read().by_digest.len()
    }
}

impl Table {
    fn remove(&mut self, digest: &Digest) -> Option<Arc<Grant>> {
        let grant = self.by_digest.remove(digest)?;
        let place = (grant.ends, *digest);
        self.by_end.remove(&place);
        let (user, agent) = grant.owner();
        if let Some(own) = self.by_user.get_mut(&user) {
            own.count -= 1;
            if own.count == 0 {
                self.by_user.remove(&user);
            } else if let Some(tokens) = own.by_agent.get_mut(&agent) {
                tokens.remove(&place);
                if tokens.is_empty() {
                    own.by_agent.remove(&agent);
                }
            }
        }
        grant.ended.store(true, Ordering::Release);
        Some(grant)
    }
}

/// So many more of one user's, but none twice.
fn take_more(surplus: &mut Vec<Digest>, own: &Own, over: usize) {
    if over > 0 {
        let known: HashSet<Digest> = surplus.iter().copied().collect();
        surplus.extend(
            own.oldest(known.len() + over)
                .filter(|digest| !known.contains(digest))
                .take(over),
        );
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

    fn owner(agent: i64) -> Owner {
        (Some(UserId::parse("lene").unwrap()), Some(AgentKey(agent)))
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn until(who: Who, ends: u64) -> Grant {
        Grant::new(who, Duration::ZERO, 0, at(ends))
    }

    fn log_in(grants: &Grants, who: Who, ends: u64) -> (Token, Digest) {
        let (token, digest) = fresh().unwrap();
        grants.insert(digest, until(who, ends));
        (token, digest)
    }

    #[test]
    fn a_token_is_good_until_it_ends() {
        let grants = Grants::new();
        let (token, digest) = log_in(&grants, lene(7), 1_000);
        let grant = grants.authenticate(&token, at(999)).unwrap();
        assert_eq!(grant.details(at(999), 999).username, "CONTOSO\\Lene");
        assert!(
            grants.authenticate(&token, at(1_000)).is_none(),
            "the moment it expires it is none"
        );
        assert!(!grant.principal.has_ended());
        assert_eq!(grants.end(&[digest, digest]).len(), 1);
        assert!(grant.principal.has_ended(), "the views made from it know");
        assert!(grants.authenticate(&token, at(0)).is_none());
    }

    #[test]
    fn an_agent_takes_its_tokens_with_it_and_the_sweep_takes_the_expired() {
        let grants = Grants::new();
        let (of_echo, _) = log_in(&grants, lene(7), 1_000);
        let (of_other, _) = log_in(&grants, lene(8), 2_000);
        let (of_ada, _) = log_in(&grants, Who::SuperUser("ada".into()), 3_000);
        assert_eq!(grants.end_agent(AgentKey(7)).len(), 1);
        assert!(grants.authenticate(&of_echo, at(0)).is_none());
        assert_eq!(grants.next_end(), Some(at(2_000)));
        assert_eq!(grants.sweep(at(1_999)).len(), 0);
        assert_eq!(grants.sweep(at(2_000)).len(), 1);
        assert!(grants.authenticate(&of_other, at(0)).is_none());
        assert!(grants.authenticate(&of_ada, at(2_999)).is_some());
        assert_eq!(grants.len(), 1);
    }

    #[test]
    fn one_too_many_ends_one_of_whoever_has_most() {
        let grants = Grants::bounded(4, 4, 4);
        let one = &[owner(9)];
        let (of_ada, _) = log_in(&grants, Who::SuperUser("ada".into()), 50);
        log_in(&grants, lene(1), 300);
        let (soonest, digest) = log_in(&grants, lene(2), 100);
        assert!(grants.surplus(one).is_empty());
        log_in(&grants, lene(3), 200);
        assert_eq!(
            grants.surplus(one),
            [digest],
            "not ada's, which ends sooner"
        );
        grants.end(&[digest]);
        assert!(grants.authenticate(&soonest, at(0)).is_none());
        assert!(grants.authenticate(&of_ada, at(0)).is_some());
        assert_eq!((grants.surplus(one), grants.len()), (Vec::new(), 3));
    }

    #[test]
    fn a_user_with_too_many_ends_the_oldest_of_their_own() {
        let grants = Grants::bounded(1_000, 3, 5);
        log_in(&grants, Who::SuperUser("ada".into()), 1);
        let digests: Vec<Digest> = (0..3)
            .map(|n| log_in(&grants, lene(1), 100 + n).1)
            .collect();
        assert_eq!(
            grants.surplus(&[owner(1)]),
            digests[..1],
            "too many for one agent"
        );
        assert_eq!(grants.surplus(&[owner(1), owner(1)]), digests[..2]);
        assert!(
            grants.surplus(&[owner(2), (None, None)]).is_empty(),
            "another agent, another user"
        );
        (0..2).for_each(|n| drop(log_in(&grants, lene(2), 50 + n)));
        assert_eq!(
            grants.surplus(&[owner(3)]),
            digests[..1],
            "too many in all: of the agent with most"
        );
        assert_eq!(
            grants.surplus(&[owner(1)]),
            digests[..1],
            "what goes counts once"
        );
        for n in 0..100 {
            let goes = grants.surplus(&[owner(1)]);
            grants.end(&goes);
            log_in(&grants, lene(1), 200 + n);
        }
        assert_eq!(grants.len(), 6, "five of hers, and ada's");
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

    #[test]
    fn what_cannot_be_a_token_is_none_before_it_is_hashed() {
        let (token, known) = fresh().unwrap();
        assert_eq!(
            (token.expose().len(), digest(&token)),
            (TOKEN_CHARS, Some(known))
        );
        let text = token.expose();
        for wrong in [
            "",
            "x",
            &text[1..],
            &format!("{text}="),
            &text.replace(&text[..1], " "),
            &"ü".repeat(22)[..43 - 1],
        ] {
            assert_eq!(digest(&Token::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_million_tokens_do_not_repeat() {
        let tokens: std::collections::HashSet<_> =
            (0..1_000_000).map(|_| fresh().unwrap().1).collect();
        assert_eq!(tokens.len(), 1_000_000);
    }
}
