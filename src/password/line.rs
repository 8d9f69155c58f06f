//! The line in front of the password pool: fair by lane, by peer and by name.
//!
//! One queue for everybody was a way to lock everybody out: 64 strangers with invented names kept its 32 places full,
//! and the owner's login, a change with a password and SIGHUP were refused. Now three lanes take turns, in each lane
//! the peers, of each peer the names: whoever sends a thousand waits for themselves. A lane holds [`WAITING_MAX`]; one
//! more, and the newest of the longest queue goes, so a place is never held by being early. Nobody waits longer than
//! [`PATIENCE`].
//!
//! A login without an agent has a lane of its own, whatever its name: it can only be the super user's, and a lane for
//! the right name alone would tell what that name is.
//!
//! Rejected: more threads (a stranger costs 19 MiB each), known names first (it tells which names exist), and a queue
//! by connection (a library sees none, and 64 connections are 64 places again).

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Jobs that may wait in one lane.
pub(crate) const WAITING_MAX: usize = 1024;
/// How long a job may wait, in real time, because the work ahead of it takes real time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Whose turn it is among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Changes by somebody known: users' passwords, the super user's.
    Change,
    /// Logins without an agent.
    Administrator,
    /// Logins through an agent.
    User,
}

/// Who wants a password hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asker {
    lane: Lane,
    peer: Peer,
    name: String,
}

/// Where a login comes from: an address, or for IPv6 the network of 64 bits, which is what one customer is given.
type Peer = Option<[u8; 16]>;

impl Asker {
    /// A login; `peer` is the address it comes from, if that is known.
    pub(crate) fn login(peer: Option<IpAddr>, folded: &str, with_agent: bool) -> Asker {
        let lane = if with_agent { Lane::User } else { Lane::Administrator };
        Asker { lane, peer: peer.map(network), name: folded.to_owned() }
    }

    /// A change by somebody known, under the name that the audit shows.
    pub(crate) fn change(label: impl Into<String>) -> Asker {
        Asker { lane: Lane::Change, peer: None, name: label.into() }
    }
}

fn network(address: IpAddr) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => (address.to_bits() & !u128::from(u64::MAX)).to_be_bytes(),
    }
}

/// What waits.
pub(crate) struct Line<T> {
    lanes: [Ring<Peer, Names<T>>; 3],
    /// The lane whose turn it is.
    turn: usize,
}

/// What waits of one peer.
type Names<T> = Ring<String, VecDeque<Waiting<T>>>;

struct Waiting<T> {
    since: Instant,
    item: T,
}

impl<T> Default for Line<T> {
    fn default() -> Line<T> {
        Line { lanes: std::array::from_fn(|_| Ring::default()), turn: 0 }
    }
}

impl<T> Line<T> {
    /// Takes a place; what lost its own by that comes back, which may be `item` itself.
    pub(crate) fn push(&mut self, asker: Asker, item: T, now: Instant) -> Option<T> {
        let Asker { lane, peer, name } = asker;
        let lane = &mut self.lanes[lane as usize];
        lane.entry(peer).entry(name.clone()).push_back(Waiting { since: now, item });
        if lane.len() <= WAITING_MAX {
            return None;
        }
        // The newcomer's own queue goes first where several are the longest.
        let longest = lane.longest(&peer)?;
        let names = lane.entry(longest);
        let longest_name = names.longest(&name)?;
        let displaced = names.entry(longest_name.clone()).pop_back();
        names.tidy(&longest_name);
        lane.tidy(&longest);
        displaced.map(|waiting| waiting.item)
    }

    /// Whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<T> {
        for _ in 0..self.lanes.len() {
            let lane = self.turn;
            self.turn = (lane + 1) % self.lanes.len();
            if let Some(waiting) = self.lanes[lane].next() {
                return Some(waiting.item);
            }
        }
        None
    }

    /// Takes out what has waited too long, and what `is_over` says nobody waits for.
    pub(crate) fn overdue(&mut self, now: Instant, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        let goes = |waiting: &Waiting<T>| now.saturating_duration_since(waiting.since) >= PATIENCE || is_over(&waiting.item);
        let mut overdue = Vec::new();
        for lane in &mut self.lanes {
            for names in lane.queues.values_mut() {
                for queue in names.queues.values_mut() {
                    if queue.iter().any(&goes) {
                        let (gone, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(queue).into_iter().partition(&goes);
                        overdue.extend(gone.into_iter().map(|waiting| waiting.item));
                        *queue = kept;
                    }
                }
                names.tidy_all();
            }
            lane.tidy_all();
        }
        overdue
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.turns.is_empty())
    }

    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(Ring::len).sum()
    }
}

/// Something that waits in turn.
trait Queue: Default {
    type Item;
    fn len(&self) -> usize;
    fn next(&mut self) -> Option<Self::Item>;
}

impl<T> Queue for VecDeque<T> {
    type Item = T;

    fn len(&self) -> usize {
        VecDeque::len(self)
    }

    fn next(&mut self) -> Option<T> {
        self.pop_front()
    }
}

/// Queues that take turns; one that is empty is not kept.
struct Ring<K, Q> {
    queues: HashMap<K, Q>,
    turns: VecDeque<K>,
}

impl<K, Q> Default for Ring<K, Q> {
    fn default() -> Ring<K, Q> {
        Ring { queues: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<K: Eq + Hash + Clone, Q: Queue> Ring<K, Q> {
    /// The queue of `key`; a new one is last in turn.
    fn entry(&mut self, key: K) -> &mut Q {
        if !self.queues.contains_key(&key) {
            self.turns.push_back(key.clone());
        }
        self.queues.entry(key).or_default()
    }

    /// The key of the longest queue; of several, `preferred` if it is one of them.
    fn longest(&self, preferred: &K) -> Option<K> {
        let longest = self.queues.iter().max_by_key(|(key, queue)| (queue.len(), *key == preferred));
        longest.map(|(key, _)| key.clone())
    }

    fn tidy(&mut self, key: &K) {
        if self.queues.get(key).is_some_and(|queue| queue.len() == 0) {
            self.queues.remove(key);
            self.turns.retain(|turn| turn != key);
        }
    }

    fn tidy_all(&mut self) {
        self.queues.retain(|_, queue| queue.len() > 0);
        let Ring { queues, turns } = self;
        turns.retain(|turn| queues.contains_key(turn));
    }
}

impl<K: Eq + Hash + Clone, Q: Queue> Queue for Ring<K, Q> {
    type Item = Q::Item;

    fn len(&self) -> usize {
        self.queues.values().map(Queue::len).sum()
    }

    fn next(&mut self) -> Option<Q::Item> {
        let key = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&key)?;
        let item = queue.next();
        if queue.len() > 0 {
            self.turns.push_back(key);
        } else {
            self.queues.remove(&key);
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: u8, name: &str) -> Asker {
        Asker::login(Some(IpAddr::from([192, 0, 2, peer])), name, true)
    }

    fn drained(line: &mut Line<String>) -> Vec<String> {
        std::iter::from_fn(|| line.pop()).collect()
    }

    #[test]
    fn lanes_peers_and_names_take_turns() {
        let (mut line, now) = (Line::default(), Instant::now());
        for n in 0..3 {
            assert_eq!(line.push(from(1, &format!("x{n}")), format!("stranger {n}"), now), None);
        }
        line.push(from(1, "x0"), "stranger again".to_owned(), now);
        line.push(from(2, "lene"), "lene".to_owned(), now);
        line.push(Asker::login(None, "root", false), "root".to_owned(), now);
        line.push(Asker::change("host:ada"), "ada".to_owned(), now);
        assert_eq!(line.len(), 7);
        let order = ["ada", "root", "stranger 0", "lene", "stranger 1", "stranger 2", "stranger again"];
        assert_eq!(drained(&mut line), order);
        assert!(line.is_empty() && line.lanes.iter().all(|lane| lane.queues.is_empty()));
    }

    #[test]
    fn in_a_full_lane_the_newest_of_the_longest_queue_goes() {
        let (mut line, now) = (Line::default(), Instant::now());
        for n in 0..WAITING_MAX {
            assert_eq!(line.push(from(1, &format!("x{n}")), format!("{n}"), now), None);
        }
        assert_eq!(line.push(from(1, "one more"), "late".to_owned(), now).as_deref(), Some("late"));
        let displaced = line.push(from(2, "lene"), "lene".to_owned(), now).expect("a stranger goes");
        assert!(displaced.parse::<usize>().is_ok());
        assert_eq!(line.push(Asker::change("host:ada"), "ada".to_owned(), now), None, "another lane has room");
        assert_eq!(line.len(), WAITING_MAX + 1);
        let order = drained(&mut line);
        assert!(order.iter().position(|item| item == "lene").is_some_and(|place| place < 4), "her peer is next but one");
    }

    #[test]
    fn one_name_of_many_of_a_peer_is_not_displaced_by_the_others() {
        let (mut line, now) = (Line::default(), Instant::now());
        line.push(from(1, "lene"), "lene".to_owned(), now);
        for n in 0..2 * WAITING_MAX {
            line.push(from(1, "stranger"), format!("{n}"), now);
        }
        assert_eq!(line.len(), WAITING_MAX);
        assert_eq!(line.pop().as_deref(), Some("lene"));
    }

    #[test]
    fn who_waited_too_long_or_left_comes_out() {
        let (mut line, now) = (Line::default(), Instant::now());
        line.push(from(1, "a"), "early".to_owned(), now);
        line.push(from(1, "a"), "left".to_owned(), now + PATIENCE / 2);
        line.push(from(1, "b"), "late".to_owned(), now + PATIENCE / 2);
        assert_eq!(line.overdue(now + PATIENCE, |item| item == "left"), ["early", "left"]);
        assert_eq!(drained(&mut line), ["late"]);
        assert!(line.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_peer_and_a_mapped_address_is_the_ipv4_one() {
        let peer = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }
}
