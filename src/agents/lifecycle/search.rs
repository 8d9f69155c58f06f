//! Every state of a small world: one agent, two rooms, a link, an administrator, and a chat system
//! that does what it likes. The search starts from an agent that was put and tries every event that
//! the world allows, in every order.
//!
//! It finds that each phase can be reached, and only those that are meant; and that no state is
//! stuck: wherever the world has come to, once everything goes well the agent is signed in and each
//! of its channels is joined or refused, with no help but what the actions asked for. The world
//! here does with the actions what the link's task does.
//!
//! Time goes in seconds, and every pause is one second, so a pause is either over or ends with the
//! next one. Counters (epochs, joins, failures) are left out of the comparison of states: only
//! whether something is of the newest matters.

use super::table::{Kept, SECOND, at, info, most, room};
use super::*;
use chrono::DateTime;
use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;
use std::time::Duration;

static ROOMS: LazyLock<[ChannelId; 2]> = LazyLock::new(|| ["dev", "ops"].map(room));
/// Sign-ins, and joins, that come too late and are remembered at once.
const LATE: usize = 1;

/// What the agent's trouble amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Fine,
    Paused,
    Over,
    Lasting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    // The administrator.
    Put(usize),
    Take(usize),
    Address,
    BadAddress,
    // The link.
    Up,
    Down,
    /// The link's task has room; what becomes of the joins that begin.
    Turn(Begins),
    Second,
    /// The first join of a room, by another agent, has ended.
    OtherJoined(usize),
    // The chat system.
    SignedIn(usize),
    SignInFailed(usize),
    Joined(usize),
    JoinFailed(usize),
    JoinRefused(usize),
    SignedOut,
    PutOut(usize, bool),
    Gone(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    Joins,
    Waits,
    Impossible,
}

#[derive(Clone)]
struct World {
    life: Lifecycle,
    seconds: u32,
    put: u64,
    /// Whether some chat system takes its address.
    has_link: bool,
    up: bool,
    /// Whether the agent is in the link's list of agents to look at.
    listed: bool,
    retry: Option<Duration>,
    sign_ins: Vec<u32>,
    /// Joins under way: room, number, epoch.
    joins: Vec<(usize, u64, u32)>,
    /// Rooms whose first joiner this agent waits for.
    waits: [bool; 2],
}

/// What distinguishes one world from another.
type Seen = (
    (Phase, Kind),
    Vec<Option<(ChannelPhase, Kind)>>,
    (bool, bool, bool),
    Option<bool>,
    Vec<bool>,
    Vec<(usize, bool, bool)>,
    [bool; 2],
);

impl World {
    fn begin() -> World {
        let mut world = World {
            life: Lifecycle::new(DateTime::UNIX_EPOCH),
            seconds: 1,
            put: 1,
            has_link: true,
            up: false,
            listed: false,
            retry: None,
            sign_ins: Vec::new(),
            joins: Vec::new(),
            waits: [false; 2],
        };
        world.wanted();
        world
    }

    fn now(&self) -> Now {
        at(SECOND * self.seconds)
    }

    fn on(&mut self, event: Event<'_>) -> Actions {
        let now = self.now();
        step(&mut self.life, event, now, most)
    }

    /// Does what the actions ask of the link's task.
    fn go_on(&mut self, next: Next) {
        match next {
            Next::Look => self.listed = true,
            Next::LookAt(due) => self.retry = Some(self.retry.map_or(due, |known| known.min(due))),
            Next::SignIn { epoch } => {
                self.sign_ins.push(epoch);
                if self.sign_ins.len() > LATE + 1 {
                    self.sign_ins.remove(0);
                }
            }
            _ => {}
        }
    }

    fn wanted(&mut self) {
        self.put += 1;
        let put = self.put;
        let channels: Vec<_> = ROOMS.iter().map(|room| (room.clone(), put)).collect();
        self.nothing_under_way();
        let actions = self.on(Event::Wanted {
            moved: true,
            hurry: true,
            channels: &channels,
            open: OpenWanted::default(),
        });
        self.go_on(actions.next);
    }

    /// The agent is on another connection: what was under way over the last one does not come home.
    fn nothing_under_way(&mut self) {
        (self.up, self.listed, self.retry) = (false, false, None);
        (self.waits, self.sign_ins, self.joins) = ([false; 2], Vec::new(), Vec::new());
    }

    fn turn(&mut self, begins: Begins) {
        self.listed = false;
        let look = self.on(Event::Look).next;
        let Next::JoinChannels { epoch } = look else {
            return self.go_on(look);
        };
        loop {
            let channel = match self.on(Event::NextJoin).next {
                Next::Join { channel } => channel,
                next => return self.go_on(next),
            };
            let at = ROOMS.iter().position(|room| *room == channel).unwrap();
            let channel = &channel;
            match if at == 0 { begins } else { Begins::Joins } {
                Begins::Waits => self.waits[at] = true,
                Begins::Impossible => {
                    let reason = "no rooms";
                    let _ = self.on(ChannelEvent::JoinImpossible { reason }.of(channel));
                }
                Begins::Joins => {
                    let begun = self.on(ChannelEvent::JoinBegins.of(channel)).next;
                    if let Next::Joining { join } = begun {
                        self.joins.push((at, join, epoch));
                        self.forget_late_joins();
                    }
                }
            }
        }
    }

    fn forget_late_joins(&mut self) {
        let is_late = |(at, join, _): &&(usize, u64, u32)| !self.life.is_of(&ROOMS[*at], *join);
        let late: Vec<_> = self.joins.iter().filter(is_late).copied().collect();
        if late.len() > LATE {
            self.joins.retain(|join| *join != late[0]);
        }
    }

    fn kind(&self, trouble: Option<&Trouble>) -> Kind {
        match trouble.map(|trouble| trouble.next) {
            None => Kind::Fine,
            Some(None) => Kind::Lasting,
            Some(Some((due, _))) if due > self.now().monotonic => Kind::Paused,
            Some(Some(_)) => Kind::Over,
        }
    }

    fn phase(&self) -> (Phase, Kind) {
        (self.life.phase, self.kind(self.life.trouble()))
    }

    fn channel(&self, at: usize) -> Option<(ChannelPhase, Kind)> {
        let channel = self.life.channel(&ROOMS[at])?;
        Some((channel.phase, self.kind(channel.trouble.as_deref())))
    }

    fn seen(&self) -> Seen {
        let current = |(at, join, epoch): &(usize, u64, u32)| {
            let is_of = self.life.is_of(&ROOMS[*at], *join);
            (*at, is_of, self.life.epoch == *epoch)
        };
        (
            self.phase(),
            (0..ROOMS.len()).map(|at| self.channel(at)).collect(),
            (self.has_link, self.up, self.listed),
            self.retry.map(|due| due > self.now().monotonic),
            (self.sign_ins.iter())
                .map(|epoch| self.life.is_signing_in(*epoch))
                .collect(),
            self.joins.iter().map(current).collect(),
            self.waits,
        )
    }

    /// Everything that may happen next.
    fn moves(&self) -> Vec<Move> {
        let mut moves = vec![Move::Address, Move::BadAddress, Move::Second];
        // The second room is only joined, or not: what else may happen to a room, happens to the
        // first.
        moves.extend([Move::Put(0), Move::Take(0), Move::Put(1)]);
        if !self.has_link {
            return moves;
        }
        if !self.up {
            moves.extend([Move::Up, Move::Down]);
            return moves;
        }
        moves.extend([Move::Down, Move::SignedOut]);
        if self.listed {
            moves.extend([Begins::Joins, Begins::Waits, Begins::Impossible].map(Move::Turn));
        }
        moves.extend([Move::PutOut(0, true), Move::PutOut(0, false), Move::Gone(0)]);
        let waits = (0..ROOMS.len()).filter(|at| self.waits[*at]);
        moves.extend(waits.map(Move::OtherJoined));
        for at in 0..self.sign_ins.len() {
            moves.extend([Move::SignedIn(at), Move::SignInFailed(at)]);
        }
        for at in 0..self.joins.len() {
            moves.extend([
                Move::Joined(at),
                Move::JoinFailed(at),
                Move::JoinRefused(at),
            ]);
        }
        moves
    }

    fn make(&mut self, chosen: Move) {
        match chosen {
            Move::Put(at) => {
                self.put += 1;
                let (channel, put) = (&ROOMS[at], self.put);
                let actions = self.on(ChannelEvent::Wanted { put }.of(channel));
                self.go_on(actions.next);
            }
            Move::Take(at) => {
                let channel = &ROOMS[at];
                let actions = self.on(ChannelEvent::Unwanted.of(channel));
                self.go_on(actions.next);
            }
            Move::Address => {
                self.has_link = true;
                self.wanted();
            }
            Move::BadAddress => {
                self.has_link = false;
                self.wanted();
                let reason = "no chat system";
                let _ = self.on(Event::Homeless { reason });
            }
            Move::Up => {
                self.up = true;
                let actions = self.on(Event::LinkUp);
                self.go_on(actions.next);
            }
            Move::Down => {
                self.nothing_under_way();
                let (reason, attempt, next) = ("down", 1, self.now().after(SECOND));
                let actions = self.on(Event::LinkDown {
                    reason,
                    attempt,
                    next,
                });
                self.go_on(actions.next);
            }
            Move::Second => {
                self.seconds += 1;
                let now = self.now().monotonic;
                if self.up && self.retry.take_if(|due| *due <= now).is_some() {
                    self.listed = true;
                }
            }
            Move::Turn(begins) => self.turn(begins),
            Move::OtherJoined(at) => {
                self.waits[at] = false;
                let channel = &ROOMS[at];
                let actions = self.on(ChannelEvent::JoinPossible.of(channel));
                self.go_on(actions.next);
            }
            chosen => self.answer(chosen),
        }
    }

    /// Something that the chat system does.
    fn answer(&mut self, chosen: Move) {
        let error = &BackendError::unreachable("away");
        let refused = &BackendError::refused("no");
        let actions = match chosen {
            Move::SignedIn(at) => {
                let (epoch, session) = (self.sign_ins.remove(at), Arc::new(Kept));
                self.on(Event::SignedIn { epoch, session })
            }
            Move::SignInFailed(at) => {
                let epoch = self.sign_ins.remove(at);
                self.on(Event::SignInFailed { epoch, error })
            }
            Move::Joined(at) => {
                let (at, join, epoch) = self.joins.remove(at);
                let (channel, info) = (&ROOMS[at], info(&ROOMS[at]));
                let _ = self.on(ChannelEvent::Joined { join, info }.of(channel));
                self.on(ChannelEvent::JoinAnswered { epoch }.of(channel))
            }
            Move::JoinFailed(at) | Move::JoinRefused(at) => {
                let (at, join, _) = self.joins.remove(at);
                let channel = &ROOMS[at];
                let error = match chosen {
                    Move::JoinFailed(_) => error,
                    _ => refused,
                };
                self.on(ChannelEvent::JoinFailed { join, error }.of(channel))
            }
            Move::SignedOut => self.on(Event::SignedOut { error }),
            Move::PutOut(at, may_retry) => {
                let (channel, reason) = (&ROOMS[at], "kicked".to_owned());
                self.on(ChannelEvent::PutOut { reason, may_retry }.of(channel))
            }
            Move::Gone(at) => {
                let (channel, reason) = (&ROOMS[at], "destroyed");
                let join = self.life.channel(channel).map_or(0, |known| known.join);
                self.on(ChannelEvent::Gone { join, reason }.of(channel))
            }
            _ => unreachable!("not the chat system's"),
        };
        self.go_on(actions.next);
    }

    /// The next thing that happens if everything goes well and nobody but the machine asks for
    /// anything.
    fn good_weather(&self) -> Move {
        let wait = self.waits.iter().position(|waits| *waits);
        if !self.up {
            Move::Up
        } else if !self.sign_ins.is_empty() {
            Move::SignedIn(0)
        } else if !self.joins.is_empty() {
            Move::Joined(0)
        } else if let Some(at) = wait {
            Move::OtherJoined(at)
        } else if self.listed {
            Move::Turn(Begins::Joins)
        } else {
            Move::Second
        }
    }

    /// Whether nothing is left to do: an agent without a chat system waits for an administrator.
    fn is_at_rest(&self) -> bool {
        self.life.is_settled() || self.life.phase == Phase::Homeless
    }
}

/// Every world that can be reached, each with the number of the one before it and the move from
/// there.
fn worlds() -> Vec<(World, Option<(usize, Move)>)> {
    let begin = World::begin();
    let mut known: HashSet<Seen> = HashSet::from([begin.seen()]);
    let mut found = vec![(begin, None)];
    let mut at = 0;
    while at < found.len() {
        for chosen in found[at].0.moves() {
            let mut next = found[at].0.clone();
            next.make(chosen);
            if known.insert(next.seen()) {
                found.push((next, Some((at, chosen))));
            }
        }
        at += 1;
        assert!(found.len() < 100_000, "the world is small");
    }
    found
}

/// The moves that led to a world.
fn way(worlds: &[(World, Option<(usize, Move)>)], mut at: usize) -> Vec<Move> {
    let mut way = Vec::new();
    while let Some((before, chosen)) = worlds[at].1 {
        way.insert(0, chosen);
        at = before;
    }
    way
}

#[test]
fn each_phase_is_reached_and_no_state_is_stuck() {
    let (mut agents, mut channels) = (BTreeSet::new(), BTreeSet::new());
    let worlds = worlds();
    for (at, (world, _)) in worlds.iter().enumerate() {
        let mut world = world.clone();
        agents.insert(world.phase());
        channels.extend(world.channel(0));
        let mut calm = 0;
        while !world.is_at_rest() {
            world.make(world.good_weather());
            calm += 1;
            assert!(calm < 50, "stuck after {:?}", way(&worlds, at));
        }
    }
    use ChannelPhase as Channel;
    let agents: Vec<_> = agents.into_iter().collect();
    let channels: Vec<_> = channels.into_iter().collect();
    assert_eq!(
        agents,
        [
            (Phase::Homeless, Kind::Lasting),
            (Phase::Out, Kind::Fine),
            (Phase::Out, Kind::Paused),
            (Phase::Out, Kind::Over),
            (Phase::SigningIn, Kind::Fine),
            (Phase::SigningIn, Kind::Over),
            (Phase::In, Kind::Fine),
        ]
    );
    assert_eq!(
        channels,
        [
            (Channel::Out, Kind::Fine),
            (Channel::Out, Kind::Paused),
            (Channel::Out, Kind::Over),
            (Channel::Waiting, Kind::Fine),
            (Channel::Waiting, Kind::Over),
            (Channel::Joining, Kind::Fine),
            (Channel::Joining, Kind::Over),
            (Channel::In, Kind::Fine),
            (Channel::Refused, Kind::Lasting),
        ]
    );
}
