//! Throttles: never more than the threshold in any 60 seconds, and never a refusal below it.
//!
//! A pure machine over exact stamps: one for each admitted post, kept for 60 seconds, by agent and
//! by agent and channel. Stamps belong to the agent and not to a throttle, so a throttle that is
//! put later counts the posts of the minute before; this costs each post two pushes (16 bytes for a
//! minute), even if no throttle names the agent. The caller holds one lock around the machine, so
//! that several throttles are checked together: all must admit a call, and a refused call is
//! counted by none. Time is monotonic, so setting the clock does not open a throttle.
//!
//! Rejected: a token bucket or fixed windows (each admits up to twice the threshold in some 60
//! seconds), and stamps kept by throttle (putting it again would empty it).

use crate::model::{AgentId, AgentKey, ChannelId, Throttle, ThrottleId, ThrottleKind};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How long a post counts.
const WINDOW: i64 = 60_000_000_000;
/// Most stamps in one list: more than one agent can post in a minute, so a higher threshold never
/// refuses.
const STAMPS_MAX: usize = 1 << 22;

/// Monotonic nanoseconds. Signed: posts restored at `open` may lie before the clock's zero.
type Nanos = i64;

/// What a throttle said no to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The throttle that admits the call last.
    pub(crate) throttle: ThrottleId,
    /// After this time it is admitted, if nothing else happens meanwhile.
    pub(crate) retry_after: Duration,
}

/// A transfer under way; it must be given to [`Throttles::end_transfer`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Transfer(AgentKey);

/// All throttles, and what the agents did in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Throttles {
    throttles: HashMap<ThrottleId, Throttle>,
    /// The same by agent, as the calls need them.
    limits: HashMap<AgentId, Vec<Limit>>,
    agents: HashMap<AgentKey, Past>,
    swept: Nanos,
}

#[derive(Debug)]
struct Limit {
    throttle: ThrottleId,
    kind: ThrottleKind,
    threshold: usize,
}

#[derive(Debug, Default)]
struct Past {
    posts: Stamps,
    by_channel: HashMap<ChannelId, Stamps>,
    transfers: u32,
}

/// Times of posts within the window, oldest first.
#[derive(Debug, Default)]
struct Stamps(VecDeque<Nanos>);

impl Throttles {
    /// Replaces all throttles; the counts of the agents stay.
    pub(crate) fn replace(&mut self, throttles: Vec<Throttle>) {
        self.throttles = throttles
            .into_iter()
            .map(|throttle| (throttle.id.clone(), throttle))
            .collect();
        self.index();
    }

    /// Takes a throttle, new or changed.
    pub(crate) fn put(&mut self, throttle: Throttle) {
        self.throttles.insert(throttle.id.clone(), throttle);
        self.index();
    }

    /// Forgets a throttle; false if there was none.
    pub(crate) fn remove(&mut self, id: &ThrottleId) -> bool {
        let held = self.throttles.remove(id).is_some();
        self.index();
        held
    }

    /// Admits and counts a post, or says which throttle refuses it. `now` is monotonic.
    pub(crate) fn admit_post(
        &mut self,
        agent: &AgentId,
        key: AgentKey,
        channel: &ChannelId,
        now: Duration,
    ) -> Result<(), Refusal> {
        let now = nanos(now);
        self.sweep_at(now);
        let past = self.agents.entry(key).or_default();
        let limits = self.limits.get(agent).map_or(&[][..], Vec::as_slice);
        past.posts.expire(now);
        let in_channel = match past.by_channel.get_mut(channel) {
            Some(stamps) => stamps,
            None => past.by_channel.entry(channel.clone()).or_default(),
        };
        in_channel.expire(now);
        let refusals = limits.iter().filter_map(|limit| {
            let wait = match limit.kind {
                ThrottleKind::MessagesPerMinute => past.posts.wait(limit.threshold, now),
                ThrottleKind::TargetedMessagesPerMinute => in_channel.wait(limit.threshold, now),
                ThrottleKind::ConcurrentTransfers => None,
            };
            wait.map(|wait| (wait, &limit.throttle))
        });
        if let Some((wait, throttle)) = refusals.max_by_key(|(wait, _)| *wait) {
            return Err(Refusal {
                throttle: throttle.clone(),
                retry_after: Duration::from_nanos(wait as u64),
            });
        }
        past.posts.push(now);
        in_channel.push(now);
        Ok(())
    }

    /// Admits and counts a transfer, or says which throttle refuses it. Nobody knows when another
    /// transfer ends, so the caller is told to try again in a second.
    pub(crate) fn begin_transfer(
        &mut self,
        agent: &AgentId,
        key: AgentKey,
    ) -> Result<Transfer, Refusal> {
        let under_way = self.agents.get(&key).map_or(0, |past| past.transfers);
        let limits = self.limits.get(agent).map_or(&[][..], Vec::as_slice);
        let refuses = |limit: &&Limit| {
            limit.kind == ThrottleKind::ConcurrentTransfers && under_way as usize >= limit.threshold
        };
        if let Some(limit) = limits.iter().find(refuses) {
            return Err(Refusal {
                throttle: limit.throttle.clone(),
                retry_after: Duration::from_secs(1),
            });
        }
        self.agents.entry(key).or_default().transfers += 1;
        Ok(Transfer(key))
    }

    /// Notes that a transfer is over, however it ended.
    pub(crate) fn end_transfer(&mut self, transfer: Transfer) {
        if let Some(past) = self.agents.get_mut(&transfer.0) {
            past.transfers = past.transfers.saturating_sub(1);
        }
    }

    /// Counts a post made `age` ago, which the journal reports at `open`.
    pub(crate) fn restore(
        &mut self,
        key: AgentKey,
        channel: &ChannelId,
        age: Duration,
        now: Duration,
    ) {
        let (now, age) = (nanos(now), nanos(age));
        if age < WINDOW {
            let past = self.agents.entry(key).or_default();
            past.posts.insert(now - age);
            past.by_channel
                .entry(channel.clone())
                .or_default()
                .insert(now - age);
        }
    }

    /// Forgets what a deleted agent did.
    pub(crate) fn forget(&mut self, key: AgentKey) {
        self.agents.remove(&key);
    }

    /// Frees the memory of posts before the last minute. Posts trigger this once a minute; an
    /// engine without posts may call it when idle.
    pub(crate) fn sweep(&mut self, now: Duration) {
        self.swept = nanos(now);
        let now = self.swept;
        self.agents.retain(|_, past| {
            past.posts.free(now);
            past.by_channel.retain(|_, stamps| stamps.free(now));
            past.transfers > 0 || !past.posts.0.is_empty()
        });
    }

    fn sweep_at(&mut self, now: Nanos) {
        if now.saturating_sub(self.swept) >= WINDOW {
            self.sweep(Duration::from_nanos(now.max(0) as u64));
        }
    }

    fn index(&mut self) {
        self.limits.clear();
        for throttle in self.throttles.values() {
            for agent in &throttle.agents {
                self.limits.entry(agent.clone()).or_default().push(Limit {
                    throttle: throttle.id.clone(),
                    kind: throttle.kind,
                    threshold: throttle.threshold as usize,
                });
            }
        }
    }
}

impl Stamps {
    /// Drops stamps that no longer count: a post of exactly 60 seconds ago does not.
    fn expire(&mut self, now: Nanos) {
        while self
            .0
            .front()
            .is_some_and(|stamp| now.saturating_sub(*stamp) >= WINDOW)
        {
            self.0.pop_front();
        }
    }

    /// How long until fewer than `threshold` count; `None` if that is so now. Expects expired ones
    /// to be gone.
    fn wait(&self, threshold: usize, now: Nanos) -> Option<Nanos> {
        if threshold == 0 {
            return Some(WINDOW);
        }
        let binding = self.0.len().checked_sub(threshold)?;
        Some(self.0[binding] + WINDOW - now)
    }

    /// Adds the newest stamp. Two threads may have read the clock in another order than they took
    /// the lock.
    fn push(&mut self, now: Nanos) {
        let newest = self.0.back().map_or(now, |last| now.max(*last));
        self.0.push_back(newest);
        if self.0.len() > STAMPS_MAX {
            self.0.pop_front();
        }
    }

    /// Adds one wherever it belongs.
    fn insert(&mut self, stamp: Nanos) {
        let index = self.0.partition_point(|held| *held <= stamp);
        self.0.insert(index, stamp);
        if self.0.len() > STAMPS_MAX {
            self.0.pop_front();
        }
    }

    /// Drops what no longer counts and gives its memory back; false if nothing is left.
    fn free(&mut self, now: Nanos) -> bool {
        self.expire(now);
        if self.0.capacity() > 4 * self.0.len().max(4) {
            self.0.shrink_to(2 * self.0.len());
        }
        !self.0.is_empty()
    }
}

/// Room for 292 years.
fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ThrottleKind::{ConcurrentTransfers, MessagesPerMinute, TargetedMessagesPerMinute};
    use proptest::prelude::*;

    const ECHO: AgentKey = AgentKey(7);

    fn echo() -> AgentId {
        AgentId::parse("echo").unwrap()
    }

    fn room(name: &str) -> ChannelId {
        ChannelId::parse(&format!("chat-room:{name}")).unwrap()
    }

    fn throttle(id: &str, kind: ThrottleKind, threshold: u32) -> Throttle {
        Throttle {
            id: ThrottleId::parse(id).unwrap(),
            kind,
            threshold,
            agents: vec![echo()],
        }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn with(list: Vec<Throttle>) -> Throttles {
        let mut throttles = Throttles::default();
        throttles.replace(list);
        throttles
    }

    fn post(throttles: &mut Throttles, channel: &str, at: u64) -> Result<(), (String, u64)> {
        let answer = throttles.admit_post(&echo(), ECHO, &room(channel), seconds(at));
        answer.map_err(|refusal| (refusal.throttle.to_string(), refusal.retry_after.as_secs()))
    }

    #[test]
    fn any_sixty_seconds_hold_no_more_than_the_threshold() {
        let mut throttles = with(vec![throttle("slow", MessagesPerMinute, 2)]);
        assert_eq!(post(&mut throttles, "ops", 0), Ok(()));
        assert_eq!(post(&mut throttles, "lab", 50), Ok(()));
        assert_eq!(post(&mut throttles, "ops", 59), Err(("slow".into(), 1)));
        assert_eq!(
            post(&mut throttles, "ops", 60),
            Ok(()),
            "refused calls do not count"
        );
        assert_eq!(post(&mut throttles, "ops", 61), Err(("slow".into(), 49)));
        let other = AgentId::parse("Echo").unwrap();
        assert_eq!(
            throttles.admit_post(&other, AgentKey(8), &room("ops"), seconds(61)),
            Ok(())
        );
    }

    #[test]
    fn several_throttles_all_admit_or_none_counts() {
        let mut throttles = with(vec![
            throttle("agent", MessagesPerMinute, 3),
            throttle("room", TargetedMessagesPerMinute, 1),
        ]);
        assert_eq!(post(&mut throttles, "ops", 0), Ok(()));
        assert_eq!(post(&mut throttles, "ops", 10), Err(("room".into(), 50)));
        assert_eq!(post(&mut throttles, "lab", 20), Ok(()));
        assert_eq!(post(&mut throttles, "den", 30), Ok(()));
        assert_eq!(
            post(&mut throttles, "ops", 40).unwrap_err().1,
            20,
            "both refuse until then"
        );
        assert_eq!(
            post(&mut throttles, "lab", 40),
            Err(("room".into(), 40)),
            "the last to admit is named"
        );
    }

    #[test]
    fn a_throttle_put_later_sees_the_minute_before_it() {
        let mut throttles = Throttles::default();
        assert_eq!(post(&mut throttles, "ops", 0), Ok(()));
        throttles.put(throttle("slow", TargetedMessagesPerMinute, 1));
        assert_eq!(post(&mut throttles, "ops", 1), Err(("slow".into(), 59)));
        throttles.put(throttle("slow", TargetedMessagesPerMinute, 0));
        assert_eq!(
            post(&mut throttles, "lab", 1),
            Err(("slow".into(), 60)),
            "0 blocks all"
        );
        assert!(throttles.remove(&ThrottleId::parse("slow").unwrap()));
        assert_eq!(post(&mut throttles, "lab", 1), Ok(()));
    }

    #[test]
    fn transfers_count_while_they_run() {
        let mut throttles = with(vec![throttle("files", ConcurrentTransfers, 1)]);
        let first = throttles.begin_transfer(&echo(), ECHO).unwrap();
        let refusal = throttles.begin_transfer(&echo(), ECHO).unwrap_err();
        assert_eq!(refusal.retry_after, seconds(1));
        assert_eq!(post(&mut throttles, "ops", 0), Ok(()));
        throttles.sweep(seconds(500));
        assert!(
            throttles.begin_transfer(&echo(), ECHO).is_err(),
            "a sweep forgets no transfer"
        );
        throttles.end_transfer(first);
        let second = throttles.begin_transfer(&echo(), ECHO).unwrap();
        throttles.forget(ECHO);
        throttles.end_transfer(second);
    }

    #[test]
    fn counts_are_rebuilt_from_the_journal_even_from_before_the_clocks_zero() {
        let mut throttles = with(vec![throttle("slow", MessagesPerMinute, 2)]);
        throttles.restore(ECHO, &room("ops"), seconds(10), seconds(5));
        throttles.restore(ECHO, &room("ops"), seconds(30), seconds(5));
        throttles.restore(ECHO, &room("ops"), seconds(60), seconds(5));
        assert_eq!(post(&mut throttles, "ops", 5), Err(("slow".into(), 30)));
        assert_eq!(post(&mut throttles, "ops", 35), Ok(()));
    }

    #[test]
    fn a_quiet_minute_later_nothing_is_held() {
        let mut throttles = Throttles::default();
        for n in 0..1_000 {
            assert_eq!(post(&mut throttles, &n.to_string(), 0), Ok(()));
        }
        throttles.sweep(seconds(60));
        assert!(throttles.agents.is_empty());
    }

    proptest! {
        /// Against a model that keeps every admitted post for ever and counts anew each time.
        #[test]
        fn it_admits_exactly_what_a_naive_count_admits(
            steps in prop::collection::vec((0u64..15_000, 0usize..3), 1..200),
            thresholds in (0u32..12, 0u32..6),
        ) {
            let mut throttles = with(vec![
                throttle("agent", MessagesPerMinute, thresholds.0),
                throttle("room", TargetedMessagesPerMinute, thresholds.1),
            ]);
            let rooms = ["ops", "lab", "den"].map(room);
            let mut admitted: Vec<(u64, usize)> = Vec::new();
            let counts = |admitted: &[(u64, usize)], now: u64, place: usize| {
                let within: Vec<_> = admitted.iter().filter(|(at, _)| now - at < 60_000).collect();
                let in_room = within.iter().filter(|(_, other)| *other == place).count();
                within.len() < thresholds.0 as usize && in_room < thresholds.1 as usize
            };
            let mut now = 0;
            for (pause, place) in steps {
                now += pause;
                let answer = throttles.admit_post(&echo(), ECHO, &rooms[place], Duration::from_millis(now));
                prop_assert_eq!(answer.is_ok(), counts(&admitted, now, place));
                match answer {
                    Ok(()) => admitted.push((now, place)),
                    Err(refusal) if thresholds.0 > 0 && thresholds.1 > 0 => {
                        let due = now + refusal.retry_after.as_millis() as u64;
                        prop_assert!(counts(&admitted, due, place), "too early");
                        prop_assert!(!counts(&admitted, due - 1, place), "too late");
                    }
                    Err(refusal) => prop_assert_eq!(refusal.retry_after, Duration::from_secs(60)),
                }
            }
        }
    }
}
