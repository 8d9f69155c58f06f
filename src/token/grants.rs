//! The table of valid tokens, and which tokens must end when there are too many.

use super::grant::{Grant, Owner};
use super::{Digest, digest};
use crate::model::{AgentKey, Token, UserId, Who};
use parking_lot::RwLock;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Most valid tokens (about 300 MB): unused logins must not fill the memory of a process that runs
/// for years.
pub(crate) const GRANTS_MAX: usize = 1_000_000;

/// Most valid tokens of one user of one agent, and of the super user.
pub(crate) const PAIR_MAX: usize = 2048;

/// Live tokens of one user, all agents together.
pub(crate) const USER_MAX: usize = 8192;

#[derive(Default)]
struct Table {
    by_digest: HashMap<Digest, Arc<Grant>>,
    /// The same, soonest end first: for the sweep.
    by_end: BTreeSet<(Duration, Digest)>,
    /// The same by user: a user with too many tokens, or with most of them, must give one up.
    by_user: HashMap<Option<UserId>, Own>,
}

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

/// The valid tokens.
///
/// Functions that end tokens return them, so that the caller can wake the waits made with them
/// after the table's lock is released.
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

    /// Adds a valid token. The caller asks [`Grants::surplus`] first.
    pub(crate) fn insert(&self, digest: Digest, grant: Grant) {
        let mut table = self.table.write();
        table.remove(&digest);
        let entry = (grant.ends, digest);
        table.by_end.insert(entry);
        let (user, agent) = grant.owner();
        let own = table.by_user.entry(user).or_default();
        own.count += 1;
        own.by_agent.entry(agent).or_default().insert(entry);
        table.by_digest.insert(digest, Arc::new(grant));
    }

    /// The tokens that must end, their rows first, before each of these owners can have one more.
    ///
    /// If a user has too many, they are that user's tokens with the soonest end. If all users
    /// together have too many, they are those of the user with most tokens: somebody who logs in a
    /// million times ends only their own tokens. The token with the soonest end of all would be
    /// somebody else's.
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

    /// The grant of this token; `None` if it is not valid. `now` is monotonic. Allocates nothing.
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

    /// Ends all tokens of an agent. It reads the whole table, so it is for deletions and not for
    /// every call.
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

    /// Ends the tokens that have expired. The cost depends on how many those are, not on how many
    /// are valid.
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

    /// Everybody who has a valid token, once for each agent.
    pub(crate) fn bearers(&self) -> Vec<Who> {
        let table = self.table.read();
        let newest = table.by_user.values().flat_map(|own| own.by_agent.values());
        newest
            .filter_map(|tokens| table.by_digest.get(&tokens.last()?.1))
            .map(|grant| grant.principal.who().clone())
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.read().by_digest.len()
    }
}

impl Table {
    fn remove(&mut self, digest: &Digest) -> Option<Arc<Grant>> {
        let grant = self.by_digest.remove(digest)?;
        let entry = (grant.ends, *digest);
        self.by_end.remove(&entry);
        let (user, agent) = grant.owner();
        if let Some(own) = self.by_user.get_mut(&user) {
            own.count -= 1;
            if own.count == 0 {
                self.by_user.remove(&user);
            } else if let Some(tokens) = own.by_agent.get_mut(&agent) {
                tokens.remove(&entry);
                if tokens.is_empty() {
                    own.by_agent.remove(&agent);
                }
            }
        }
        grant.end();
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

#[cfg(test)]
mod tests {
    use super::super::fresh;
    use super::*;
    use crate::model::AgentId;

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
}
