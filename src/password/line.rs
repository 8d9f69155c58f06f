//! The line in front of the password pool: fair by lane, by network, by peer and by name.
//!
//! With one queue for everybody, anybody could lock everybody out: 64 strangers with invented names
//! kept its 32 places full, and the owner's login, a change with a password and SIGHUP were
//! refused. So three lanes take turns; in each lane the networks take turns, in each network the
//! smaller ones, and for each peer the names: whoever sends a thousand logins delays only their
//! own. A lane holds [`WAITING_MAX`] jobs. One more displaces the newest job of the longest queue,
//! so an early arrival secures no place. Nobody waits longer than [`PATIENCE`].
//!
//! A login without an agent has a lane of its own whatever its name: it can only be the super
//! user's, and a lane for the right name alone would reveal the name.
//!
//! A customer of a provider may have a /64 of IPv6, a /56 or a /48, and nobody can tell which. With
//! each /64 as a peer of its own, 1,500 of them from one /48 left the owner one login in five. So
//! turns and places are shared between the widest networks first (`NETWORKS`): a whole /48 waits as
//! long as a single neighbour, and an honest user inside it shares only what the /48 gets. The same
//! holds for a rented /24 of IPv4.
//!
//! Rejected: one width of network for all (a wide one lets an honest neighbour pay for a stranger,
//! a narrow one is what was attacked), more threads (a stranger costs 19 MiB each), known names
//! first (it reveals which names exist), and a queue for each connection (a library sees none, and
//! 64 connections are 64 places again).

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

/// The caller of a job: its lane, in it its networks from the widest on, then its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asker {
    lane: Lane,
    path: [Step; DEPTH],
}

/// Prefix lengths of the networks that share in turn, widest first: of IPv4 (mapped into IPv6), and
/// of IPv6.
const NETWORKS: [[u32; DEPTH - 1]; 2] = [[112, 120, 128, 128], [32, 48, 56, 64]];
const DEPTH: usize = 5;

/// One of several that take turns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    /// Its first bits; `None` if it is not known.
    Network(Option<u128>),
    Name(String),
}

impl Asker {
    /// A login; `peer` is the address it comes from, if that is known.
    pub(crate) fn login(peer: Option<IpAddr>, folded: &str, with_agent: bool) -> Asker {
        let lane = if with_agent {
            Lane::User
        } else {
            Lane::Administrator
        };
        Asker::new(lane, peer, folded.to_owned())
    }

    /// A change by somebody known, under the name that the audit shows.
    pub(crate) fn change(label: impl Into<String>) -> Asker {
        Asker::new(Lane::Change, None, label.into())
    }

    fn new(lane: Lane, peer: Option<IpAddr>, name: String) -> Asker {
        let [a, b, c, d] = networks(peer).map(Step::Network);
        Asker {
            lane,
            path: [a, b, c, d, Step::Name(name)],
        }
    }
}

fn networks(peer: Option<IpAddr>) -> [Option<u128>; DEPTH - 1] {
    let Some(peer) = peer else {
        return [None; DEPTH - 1];
    };
    let (bits, widths) = match peer.to_canonical() {
        IpAddr::V4(address) => (address.to_ipv6_mapped().to_bits(), NETWORKS[0]),
        IpAddr::V6(address) => (address.to_bits(), NETWORKS[1]),
    };
    widths.map(|width| Some(bits & (u128::MAX << (u128::BITS - width))))
}

/// What waits.
pub(crate) struct Line<T> {
    lanes: [Branch<T>; 3],
    /// The lane whose turn it is.
    turn: usize,
}

struct Waiting<T> {
    since: Instant,
    item: T,
}

impl<T> Default for Line<T> {
    fn default() -> Line<T> {
        Line {
            lanes: std::array::from_fn(|_| Branch::default()),
            turn: 0,
        }
    }
}

impl<T> Line<T> {
    /// Queues `item`; returns what was displaced, which may be `item` itself.
    pub(crate) fn push(&mut self, asker: Asker, item: T, now: Instant) -> Option<T> {
        let lane = &mut self.lanes[asker.lane as usize];
        lane.push(&asker.path, Waiting { since: now, item });
        if lane.len <= WAITING_MAX {
            return None;
        }
        lane.shed(&asker.path).map(|waiting| waiting.item)
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

    /// Removes the jobs that have waited too long, and those that `is_over` says nobody waits for.
    pub(crate) fn overdue(&mut self, now: Instant, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        let goes = |waiting: &Waiting<T>| {
            now.saturating_duration_since(waiting.since) >= PATIENCE || is_over(&waiting.item)
        };
        let mut overdue = Vec::new();
        for lane in &mut self.lanes {
            lane.take_out(&goes, &mut overdue);
        }
        overdue
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.len).sum()
    }
}

/// One level of the line: either branches that take turns, or a queue at the end. An empty branch
/// is removed.
struct Branch<T> {
    /// All that wait below it.
    len: usize,
    queue: VecDeque<Waiting<T>>,
    branches: HashMap<Step, Branch<T>>,
    turns: VecDeque<Step>,
}

impl<T> Default for Branch<T> {
    fn default() -> Branch<T> {
        Branch {
            len: 0,
            queue: VecDeque::new(),
            branches: HashMap::new(),
            turns: VecDeque::new(),
        }
    }
}

impl<T> Branch<T> {
    /// A step that is new is last in turn.
    fn push(&mut self, path: &[Step], waiting: Waiting<T>) {
        self.len += 1;
        let Some((step, rest)) = path.split_first() else {
            return self.queue.push_back(waiting);
        };
        if !self.branches.contains_key(step) {
            self.turns.push_back(step.clone());
        }
        self.branches
            .entry(step.clone())
            .or_default()
            .push(rest, waiting);
    }

    fn next(&mut self) -> Option<Waiting<T>> {
        let Some(step) = self.turns.pop_front() else {
            let waiting = self.queue.pop_front()?;
            self.len -= 1;
            return Some(waiting);
        };
        let branch = self.branches.get_mut(&step)?;
        let waiting = branch.next();
        self.len -= usize::from(waiting.is_some());
        if branch.len > 0 {
            self.turns.push_back(step);
        } else {
            self.branches.remove(&step);
        }
        waiting
    }

    /// Removes the newest job of the longest queue; of several longest queues, that on `path`,
    /// which is the newcomer's.
    fn shed(&mut self, path: &[Step]) -> Option<Waiting<T>> {
        let (own, rest) = path
            .split_first()
            .map_or((None, path), |(own, rest)| (Some(own), rest));
        let longest = self
            .branches
            .iter()
            .max_by_key(|(step, branch)| (branch.len, Some(*step) == own));
        let Some(step) = longest.map(|(step, _)| step.clone()) else {
            let waiting = self.queue.pop_back()?;
            self.len -= 1;
            return Some(waiting);
        };
        let branch = self.branches.get_mut(&step)?;
        let waiting = branch.shed(rest);
        self.len -= usize::from(waiting.is_some());
        if branch.len == 0 {
            self.branches.remove(&step);
            self.turns.retain(|turn| *turn != step);
        }
        waiting
    }

    fn take_out(&mut self, goes: &impl Fn(&Waiting<T>) -> bool, out: &mut Vec<T>) {
        for branch in self.branches.values_mut() {
            branch.take_out(goes, out);
        }
        self.branches.retain(|_, branch| branch.len > 0);
        let Branch {
            branches, turns, ..
        } = self;
        turns.retain(|turn| branches.contains_key(turn));
        if self.queue.iter().any(goes) {
            let (gone, kept): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(&mut self.queue).into_iter().partition(goes);
            out.extend(gone.into_iter().map(|waiting| waiting.item));
            self.queue = kept;
        }
        self.len = self.queue.len()
            + self
                .branches
                .values()
                .map(|branch| branch.len)
                .sum::<usize>();
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
            assert_eq!(
                line.push(from(1, &format!("x{n}")), format!("stranger {n}"), now),
                None
            );
        }
        line.push(from(1, "x0"), "stranger again".to_owned(), now);
        line.push(from(2, "lene"), "lene".to_owned(), now);
        line.push(Asker::login(None, "root", false), "root".to_owned(), now);
        line.push(Asker::change("host:ada"), "ada".to_owned(), now);
        assert_eq!(line.len(), 7);
        let order = [
            "ada",
            "root",
            "stranger 0",
            "lene",
            "stranger 1",
            "stranger 2",
            "stranger again",
        ];
        assert_eq!(drained(&mut line), order);
        assert!(
            line.is_empty()
                && line
                    .lanes
                    .iter()
                    .all(|lane| lane.branches.is_empty() && lane.turns.is_empty())
        );
    }

    #[test]
    fn in_a_full_lane_the_newest_of_the_longest_queue_goes() {
        let (mut line, now) = (Line::default(), Instant::now());
        for n in 0..WAITING_MAX {
            assert_eq!(
                line.push(from(1, &format!("x{n}")), format!("{n}"), now),
                None
            );
        }
        assert_eq!(
            line.push(from(1, "one more"), "late".to_owned(), now)
                .as_deref(),
            Some("late")
        );
        let displaced = line
            .push(from(2, "lene"), "lene".to_owned(), now)
            .expect("a stranger goes");
        assert!(displaced.parse::<usize>().is_ok());
        assert_eq!(
            line.push(Asker::change("host:ada"), "ada".to_owned(), now),
            None,
            "another lane has room"
        );
        assert_eq!(line.len(), WAITING_MAX + 1);
        let order = drained(&mut line);
        assert!(
            order
                .iter()
                .position(|item| item == "lene")
                .is_some_and(|place| place < 4),
            "her peer is next but one"
        );
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
        assert_eq!(
            line.overdue(now + PATIENCE, |item| item == "left"),
            ["early", "left"]
        );
        assert_eq!(drained(&mut line), ["late"]);
        assert!(line.is_empty());
    }

    #[test]
    fn the_networks_of_one_customer_wait_for_themselves() {
        // A /48 of IPv6, its /56es, many /48s of one /32; a /24 of IPv4.
        let crowds: [fn(u16) -> IpAddr; 4] = [
            |n| IpAddr::from([0x2001, 0xdb8, 1, n, 0, 0, 0, 1]),
            |n| IpAddr::from([0x2001, 0xdb8, 1, n << 8, n, 0, 0, 1]),
            |n| IpAddr::from([0x2001, 0xdb8, n, 0, 0, 0, 0, 1]),
            |n| IpAddr::from([203, 0, 113, n as u8]),
        ];
        let owner = |line: &mut Line<String>, address: &str, now| {
            let lene = Asker::login(Some(address.parse().expect("an address")), "lene", true);
            line.push(lene, "lene".to_owned(), now)
        };
        for (crowd, owners) in
            crowds
                .into_iter()
                .zip(["2001:db9::1", "198.51.100.7", "2001:db9::1", "203.0.114.1"])
        {
            for arrives_first in [true, false] {
                let (mut line, now) = (Line::default(), Instant::now());
                if arrives_first {
                    assert_eq!(owner(&mut line, owners, now), None);
                }
                let mut displaced = Vec::new();
                for n in 0..1_500 {
                    displaced.extend(line.push(
                        Asker::login(Some(crowd(n)), &format!("n{n}"), true),
                        n.to_string(),
                        now,
                    ));
                }
                if !arrives_first {
                    displaced.extend(owner(&mut line, owners, now));
                }
                assert!(
                    !displaced.contains(&"lene".to_owned()),
                    "{owners} lost its place"
                );
                assert_eq!(
                    (line.len(), displaced.len()),
                    (WAITING_MAX, 1_501 - WAITING_MAX)
                );
                let place = drained(&mut line).iter().position(|item| item == "lene");
                assert!(
                    place.is_some_and(|place| place < 2),
                    "{owners} is {place:?}"
                );
                assert!(line.is_empty());
            }
        }
    }

    #[test]
    fn somebody_honest_inside_a_network_that_attacks_keeps_a_share_of_it() {
        let (mut line, now) = (Line::default(), Instant::now());
        let inside = |subnet: u16| Some(IpAddr::from([0x2001, 0xdb8, 1, subnet, 0, 0, 0, 1]));
        line.push(
            Asker::login(inside(0x100), "lene", true),
            "lene".to_owned(),
            now,
        );
        for n in 0..1_500 {
            line.push(
                Asker::login(inside(n % 256), &format!("n{n}"), true),
                n.to_string(),
                now,
            );
        }
        assert!(
            drained(&mut line)
                .iter()
                .position(|item| item == "lene")
                .is_some_and(|place| place < 2)
        );
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one_and_nobody_known_is_apart() {
        let of = |text: &str| networks(Some(text.parse().expect("an address")));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(networks(None), [None; 4]);
    }
}
