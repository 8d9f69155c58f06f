//! The table of `mod.rs`, row by row: a state, an event, and what follows.

use super::*;
use crate::agents::infos::Infos;
use crate::backend::{BackendErrorKind, Joined, Outgoing, Posted, Reply};
use crate::model::{ChannelInfo, NetworkId, Place, ResumePoint};
use chrono::DateTime;
use std::time::Duration;

/// A session that nobody calls: the machine only keeps it and gives it back.
pub(super) struct Kept;

impl Session for Kept {
    fn join(self: Arc<Self>, _: ChannelId, _: Option<ResumePoint>) -> Reply<Joined> {
        unreachable!("the machine calls nothing")
    }
    fn leave(self: Arc<Self>, _: ChannelId) -> Reply<()> {
        unreachable!("the machine calls nothing")
    }
    fn post(self: Arc<Self>, _: ChannelId, _: Outgoing) -> Reply<Posted> {
        unreachable!("the machine calls nothing")
    }
    fn sign_out(self: Arc<Self>) -> Reply<()> {
        unreachable!("the machine calls nothing")
    }
}

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn at(monotonic: Duration) -> Now {
    Now {
        monotonic,
        date: DateTime::UNIX_EPOCH + monotonic,
    }
}

/// Every pause is the longest there is.
pub(super) fn most() -> u64 {
    // The dice are taken modulo the ceiling in ms and one: this is the ceiling of the first
    // failure.
    1_000
}

pub(super) fn room(name: &str) -> ChannelId {
    ChannelId::parse(&format!("chat-room:{name}")).unwrap()
}

pub(super) fn info(channel: &ChannelId) -> Arc<crate::agents::infos::InfoSlot> {
    let place = Place {
        network: NetworkId::parse("loopback").unwrap(),
        channel: channel.clone(),
        agent: None,
    };
    Infos::default().joined(place, ChannelInfo::named("a room"))
}

/// An agent, and the moment at which its next event happens.
struct Agent {
    life: Lifecycle,
    now: Now,
}

impl Agent {
    /// One that was put with rooms of these names.
    fn put(rooms: &[&str]) -> Agent {
        let mut agent = Agent {
            life: Lifecycle::new(DateTime::UNIX_EPOCH),
            now: at(SECOND),
        };
        let channels: Vec<(ChannelId, u64)> = rooms.iter().map(|name| (room(name), 1)).collect();
        let actions = agent.wanted(true, &channels);
        assert_eq!(actions.next, Next::Look);
        agent
    }

    /// One that is signed in.
    fn active(rooms: &[&str]) -> Agent {
        let mut agent = Agent::put(rooms);
        let epoch = agent.signs_in();
        let session = Arc::new(Kept);
        let actions = agent.on(Event::SignedIn { epoch, session });
        assert_eq!(
            (actions.show, actions.next),
            (Some(AgentState::Active), Next::Look)
        );
        agent
    }

    /// One that is in the room `ops`, by join 1.
    fn inside() -> Agent {
        let mut agent = Agent::active(&["ops"]);
        assert_eq!(agent.begins_join("ops"), 1);
        agent.enters("ops", 1);
        assert_eq!(agent.phase("ops"), ChannelPhase::In);
        agent
    }

    fn on(&mut self, event: Event<'_>) -> Actions {
        step(&mut self.life, event, self.now, most)
    }

    fn wanted(&mut self, moved: bool, channels: &[(ChannelId, u64)]) -> Actions {
        let hurry = true;
        self.on(Event::Wanted {
            moved,
            hurry,
            channels,
            open: OpenWanted::default(),
        })
    }

    fn signs_in(&mut self) -> u32 {
        match self.on(Event::Look).next {
            Next::SignIn { epoch } => epoch,
            next => panic!("{next:?}"),
        }
    }

    fn begins_join(&mut self, name: &str) -> u64 {
        let taken = self.on(Event::NextJoin).next;
        let channel = room(name);
        assert_eq!(
            taken,
            Next::Join {
                channel: channel.clone()
            }
        );
        assert_eq!(self.phase(name), ChannelPhase::Waiting);
        match self.on(ChannelEvent::JoinBegins.of(&channel)).next {
            Next::Joining { join } => join,
            next => panic!("{next:?}"),
        }
    }

    fn enters(&mut self, name: &str, join: u64) {
        let channel = &room(name);
        let info = info(channel);
        let _ = self.on(ChannelEvent::Joined { join, info }.of(channel));
    }

    fn phase(&self, name: &str) -> ChannelPhase {
        self.life.channel(&room(name)).unwrap().phase
    }

    /// When the channel is tried again, in seconds.
    fn due(&self, name: &str) -> Option<Duration> {
        let trouble = self.life.channel(&room(name))?.trouble.as_ref()?;
        Some(trouble.next?.0)
    }
}

#[test]
fn a_sign_in_that_fails_is_tried_again_after_its_pause() {
    let mut agent = Agent::put(&[]);
    let error = &BackendError::unreachable("down");
    let epoch = agent.signs_in();
    let late = agent.on(Event::SignInFailed {
        epoch: epoch + 1,
        error,
    });
    assert_eq!(
        (late.next, agent.life.phase),
        (Next::Rest, Phase::SigningIn)
    );
    let failed = agent.on(Event::SignInFailed { epoch, error });
    let due = SECOND + SECOND;
    assert_eq!(
        (failed.next, failed.show),
        (Next::LookAt(due), Some(AgentState::Idle))
    );
    assert_eq!(agent.on(Event::Look).next, Next::LookAt(due));
    agent.now = at(due);
    assert_eq!(agent.signs_in(), epoch + 1);
}

#[test]
fn failures_are_counted_until_one_sign_in_goes_well() {
    let mut agent = Agent::put(&[]);
    let error = &BackendError::unreachable("down");
    for attempt in 1..4 {
        let epoch = agent.signs_in();
        let _ = agent.on(Event::SignInFailed { epoch, error });
        assert_eq!(agent.life.trouble().unwrap().attempt, attempt);
        agent.now = at(agent.now.monotonic + SECOND * 60);
    }
    let (epoch, session) = (agent.signs_in(), Arc::new(Kept));
    let _ = agent.on(Event::SignedIn { epoch, session });
    assert!(agent.life.trouble().is_none());
}

#[test]
fn a_session_that_comes_late_is_signed_out() {
    let mut agent = Agent::put(&[]);
    let epoch = agent.signs_in();
    let _ = agent.wanted(true, &[]);
    let session = Arc::new(Kept);
    let late = agent.on(Event::SignedIn { epoch, session });
    assert!(late.sign_out.is_some() && late.show.is_none());
    assert_eq!(
        (agent.life.phase, agent.life.is_active()),
        (Phase::Out, false)
    );
    assert!(agent.signs_in() > epoch);
}

#[test]
fn what_an_administrator_changes_ends_a_pause_and_a_moved_agent_begins_anew() {
    let mut agent = Agent::inside();
    let moved = agent.wanted(true, &[(room("ops"), 1)]);
    assert!(moved.sign_out.is_some() && moved.leave.is_none());
    assert_eq!((moved.left, moved.next), (vec![room("ops")], Next::Look));
    assert_eq!(
        (agent.life.phase, agent.phase("ops")),
        (Phase::Out, ChannelPhase::Out)
    );
    let (epoch, error) = (agent.signs_in(), &BackendError::unreachable("down"));
    let _ = agent.on(Event::SignInFailed { epoch, error });
    assert_eq!(agent.wanted(false, &[(room("ops"), 1)]).next, Next::Look);
    agent.signs_in();
}

#[test]
fn an_agent_that_nobody_takes_waits_for_another_address() {
    let mut agent = Agent::put(&["ops"]);
    let reason = "no chat system is configured";
    let _ = agent.on(Event::Homeless { reason });
    let (channel, put) = (&room("ops"), 2);
    let _ = agent.on(ChannelEvent::Wanted { put }.of(channel));
    assert_eq!(agent.life.trouble().unwrap().reason, reason);
    assert_eq!(agent.on(Event::Look).next, Next::Rest);
    let _ = agent.wanted(true, &[]);
    agent.signs_in();
}

#[test]
fn a_lost_link_puts_all_back_and_is_announced_if_it_was_active() {
    let (reason, attempt, next) = ("cut", 3, at(SECOND * 9).after(SECOND));
    let down = || Event::LinkDown {
        reason,
        attempt,
        next,
    };
    let mut agent = Agent::put(&[]);
    let actions = agent.on(down());
    assert_eq!(
        (actions.show, actions.announce, actions.next),
        (None, Announce::No, Next::Rest)
    );
    let mut agent = Agent::inside();
    let actions = agent.on(down());
    assert_eq!(
        (actions.show, actions.announce),
        (Some(AgentState::Idle), Announce::IfItLasts)
    );
    assert_eq!(
        (agent.phase("ops"), agent.due("ops")),
        (ChannelPhase::Out, None)
    );
    assert_eq!(agent.life.trouble().unwrap().attempt, 3);
    let _ = agent.on(Event::LinkUp);
    agent.signs_in();
}

#[test]
fn an_agent_that_the_chat_system_signs_out_comes_back() {
    let mut agent = Agent::inside();
    let error = &BackendError::refused("another client");
    let out = agent.on(Event::SignedOut { error });
    assert_eq!(
        (out.next, out.show, out.announce, out.left),
        (
            Next::Look,
            Some(AgentState::Idle),
            Announce::IfItLasts,
            vec![room("ops")]
        )
    );
    assert_eq!(agent.on(Event::Look).next, Next::LookAt(SECOND * 301));
}

#[test]
fn one_that_is_deleted_or_stopped_is_signed_out() {
    for event in [Event::Deleted, Event::Stopped] {
        let mut agent = Agent::inside();
        let actions = agent.on(event);
        assert!(actions.sign_out.is_some());
        assert_eq!(actions.left, [room("ops")]);
        assert_eq!(agent.life.phase, Phase::Out);
    }
}

#[test]
fn a_join_that_failed_in_passing_is_tried_again_and_a_refused_one_waits_for_a_put() {
    let mut agent = Agent::active(&["ops"]);
    let (channel, join) = (&room("ops"), agent.begins_join("ops"));
    let failed = |agent: &mut Agent, join, error: &BackendError| {
        agent.on(ChannelEvent::JoinFailed { join, error }.of(channel))
    };
    let passing = BackendError::unreachable("away");
    let late = failed(&mut agent, join + 1, &passing);
    assert_eq!((late.next, late.announce), (Next::Rest, Announce::No));
    let actions = failed(&mut agent, join, &passing);
    let due = SECOND + SECOND;
    assert_eq!(
        (actions.next, actions.announce),
        (Next::LookAt(due), Announce::Down)
    );
    assert_eq!(agent.on(Event::NextJoin).next, Next::LookAt(due));
    agent.now = at(due);
    let join = agent.begins_join("ops");
    let actions = failed(&mut agent, join, &BackendError::refused("members only"));
    assert_eq!(
        (actions.next, actions.announce),
        (Next::Rest, Announce::Left)
    );
    assert_eq!(agent.phase("ops"), ChannelPhase::Refused);
    assert_eq!(agent.on(Event::NextJoin).next, Next::Rest);
    let _ = agent.on(ChannelEvent::Wanted { put: 1 }.of(channel));
    assert_eq!(agent.phase("ops"), ChannelPhase::Refused, "the same put");
    let _ = agent.on(ChannelEvent::Wanted { put: 2 }.of(channel));
    agent.begins_join("ops");
}

#[test]
fn a_channel_waits_for_another_agents_join_without_being_found_again() {
    let mut agent = Agent::active(&["ops"]);
    let channel = &room("ops");
    assert!(matches!(agent.on(Event::NextJoin).next, Next::Join { .. }));
    assert_eq!(agent.on(Event::NextJoin).next, Next::Rest);
    assert!(!agent.life.is_settled());
    let actions = agent.on(ChannelEvent::JoinPossible.of(channel));
    assert_eq!(
        (actions.next, agent.phase("ops")),
        (Next::Look, ChannelPhase::Out)
    );
    agent.begins_join("ops");
    let _ = agent.on(ChannelEvent::JoinPossible.of(channel));
    assert_eq!(agent.phase("ops"), ChannelPhase::Joining);
    assert_eq!(
        agent.on(ChannelEvent::JoinBegins.of(channel)).next,
        Next::Rest,
        "one join at a time"
    );
}

#[test]
fn a_kind_of_channel_that_there_is_not_is_refused() {
    let mut agent = Agent::active(&["ops"]);
    let (channel, reason) = (&room("ops"), "this chat system has no rooms");
    let _ = agent.on(Event::NextJoin);
    let _ = agent.on(ChannelEvent::JoinImpossible { reason }.of(channel));
    assert_eq!(agent.life.channel(channel).unwrap().reason(), Some(reason));
    assert!(agent.life.is_settled());
}

#[test]
fn a_join_counts_only_under_its_own_number() {
    let mut agent = Agent::active(&["ops"]);
    let (channel, join) = (&room("ops"), agent.begins_join("ops"));
    agent.enters("ops", join + 1);
    assert_eq!(agent.phase("ops"), ChannelPhase::Joining);
    let _ = agent.on(ChannelEvent::Unwanted.of(channel));
    let put = 2;
    let _ = agent.on(ChannelEvent::Wanted { put }.of(channel));
    agent.enters("ops", join);
    assert_eq!(agent.phase("ops"), ChannelPhase::Out, "of an earlier stay");
    let newer = agent.begins_join("ops");
    agent.enters("ops", newer);
    assert_eq!(agent.phase("ops"), ChannelPhase::In);
    assert!(agent.life.channel(channel).unwrap().info().is_some());
}

#[test]
fn a_join_of_a_channel_that_was_taken_away_is_undone_within_the_same_session() {
    let mut agent = Agent::active(&["ops"]);
    let channel = &room("ops");
    agent.begins_join("ops");
    let epoch = agent.life.epoch;
    let there = agent.on(ChannelEvent::JoinAnswered { epoch }.of(channel));
    assert!(there.leave.is_none());
    let taken = agent.on(ChannelEvent::Unwanted.of(channel));
    assert!(taken.leave.is_none(), "it was not in yet");
    let earlier = agent.on(ChannelEvent::JoinAnswered { epoch: epoch - 1 }.of(channel));
    assert!(earlier.leave.is_none());
    let gone = agent.on(ChannelEvent::JoinAnswered { epoch }.of(channel));
    assert!(gone.leave.is_some());
}

#[test]
fn a_channel_that_is_taken_away_is_left() {
    let mut agent = Agent::inside();
    let channel = &room("ops");
    let actions = agent.on(ChannelEvent::Unwanted.of(channel));
    assert!(actions.leave.is_some() && actions.sign_out.is_none());
    assert_eq!(actions.left, [room("ops")]);
    let mut agent = Agent::inside();
    let actions = agent.wanted(false, &[(room("dev"), 2)]);
    assert!(actions.leave.is_some());
    assert_eq!(actions.left, [room("ops")]);
    assert_eq!(agent.phase("dev"), ChannelPhase::Out);
}

#[test]
fn one_that_is_put_out_of_a_channel_comes_back_or_stays_out() {
    let put_out = |agent: &mut Agent, may_retry| {
        let (channel, reason) = (&room("ops"), "kicked".to_owned());
        agent.on(ChannelEvent::PutOut { reason, may_retry }.of(channel))
    };
    let mut fresh = Agent::active(&["ops"]);
    assert_eq!(put_out(&mut fresh, false).next, Next::Rest);
    assert_eq!(fresh.phase("ops"), ChannelPhase::Out, "of an earlier stay");
    for (may_retry, phase, announce) in [
        (true, ChannelPhase::Out, Announce::IfItLasts),
        (false, ChannelPhase::Refused, Announce::Left),
    ] {
        let mut agent = Agent::inside();
        let actions = put_out(&mut agent, may_retry);
        assert_eq!((agent.phase("ops"), actions.announce), (phase, announce));
        assert_eq!(
            (actions.left, actions.next),
            (vec![room("ops")], Next::Look)
        );
        let again = put_out(&mut agent, may_retry);
        assert!(again.left.is_empty(), "it was out already");
        let trouble = agent.life.channel(&room("ops")).unwrap().trouble.as_ref();
        assert_eq!(trouble.unwrap().attempt, 2);
    }
}

#[test]
fn a_post_that_finds_its_channel_gone_ends_the_stay_that_it_was_sent_in() {
    let mut agent = Agent::inside();
    let (channel, reason) = (&room("ops"), "destroyed");
    let gone = |join| ChannelEvent::Gone { join, reason }.of(channel);
    assert_eq!(agent.on(gone(2)).announce, Announce::No);
    assert_eq!(agent.phase("ops"), ChannelPhase::In);
    let actions = agent.on(gone(1));
    assert_eq!(
        (actions.announce, actions.left),
        (Announce::Left, vec![room("ops")])
    );
    assert_eq!(agent.phase("ops"), ChannelPhase::Refused);
    assert_eq!(agent.on(gone(1)).announce, Announce::No);
}

#[test]
fn a_retry_that_the_chat_system_asks_for_is_kept() {
    let mut agent = Agent::put(&[]);
    let kind = BackendErrorKind::RetryAfter(SECOND * 9);
    let (epoch, error) = (agent.signs_in(), &BackendError::new(kind, "slow down"));
    let actions = agent.on(Event::SignInFailed { epoch, error });
    assert_eq!(actions.next, Next::LookAt(SECOND * 10));
}
