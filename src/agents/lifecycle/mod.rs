//! The lifecycle of an agent and its channels: one pure machine, and every transition of it in this
//! file.
//!
//! [`step`] takes what happened, changes the state, and returns what is to be done. The link's
//! task, its intake, the registry and the posts send events and carry out actions; nothing outside
//! this folder can assign a phase or a trouble, because the fields are private to it. Time and
//! randomness are arguments, so a table tests each transition (`table.rs`) and a search visits
//! every state of a small world (`search.rs`).
//!
//! **An agent.** An event of a session or a sign-in that has ended meanwhile (another epoch)
//! changes nothing.
//!
//! | from | event | to | what follows |
//! |---|---|---|---|
//! | any | `Homeless` | Homeless | waits for an administrator |
//! | any | `Wanted` with a new address | Out | the old session is signed out; every channel is Out |
//! | Out | `Look`, its pause is over | SigningIn | sign in, in a new epoch |
//! | Out | `Look`, in a pause | Out | look again when the pause is over |
//! | SigningIn | `SignedIn` | In | shown as Active; look again, for its channels |
//! | SigningIn | `SignInFailed` | Out | a pause; look again when it is over; shown as Idle |
//! | In | `Look` | In | join what is missing, with `NextJoin` |
//! | any | `SignedOut` | Out | a pause; shown as Idle; announced if it lasts |
//! | not Homeless | `LinkDown` | Out | a pause; if it was In: shown as Idle, announced if it lasts |
//! | any | `LinkUp` | same | its pause ends |
//! | any | `Deleted`, `Stopped` | Out | the session is signed out |
//!
//! The transitions of a channel are a table in `channel.rs`, those of the list of open contacts are in
//! `open.rs`.
//!
//! Rejected: setting phases where the answers arrive, as the seven files of this folder's
//! neighbours did. Each was right and none could be tested without a chat system.

mod backoff;
mod channel;
mod channel_list;
mod event;
mod open;
#[cfg(test)]
mod search;
mod state;
#[cfg(test)]
mod table;

pub(super) use backoff::{dice, pause_after};
pub(crate) use channel::{AgentChannel, ChannelPhase};
pub(super) use event::{Actions, Announce, ChannelEvent, Event, Next, Now, OpenWanted};
pub(super) use open::Wrote;
pub(crate) use state::{Lifecycle, Phase};

use super::infos::InfoSlot;
use crate::backend::{BackendError, BackendErrorKind, Session};
use crate::model::{AgentState, ChannelId};
use backoff::{after_join, backoff};
use channel::{Trouble, attempts, refusals};
use std::sync::Arc;
use std::time::Duration;

/// Where random numbers come from; asked only when something failed.
pub(super) type Dice = fn() -> u64;

/// The moment of an event, and the dice for a pause that begins then.
#[derive(Clone, Copy)]
struct At {
    now: Now,
    dice: Dice,
}

/// Applies `event` to an agent and returns what is to be done. Nothing is allocated where nothing
/// changes.
pub(super) fn step(life: &mut Lifecycle, event: Event<'_>, now: Now, dice: Dice) -> Actions {
    let at = At { now, dice };
    match event {
        Event::Wanted {
            moved,
            hurry,
            channels,
            open,
        } => wanted(life, (moved, hurry), channels, open, now),
        Event::Deleted => {
            life.deleted = true;
            life.epoch += 1;
            end_for_good(life, now)
        }
        Event::Homeless { reason } => {
            life.phase = Phase::Homeless;
            life.trouble = Some(Trouble::lasting(reason));
            Actions::default()
        }
        Event::LinkUp => {
            end_pause(life);
            Actions::look()
        }
        Event::LinkDown {
            reason,
            attempt,
            next,
        } => link_down(life, Trouble::until(reason, attempt, next), now),
        Event::Look => look(life, now),
        Event::SignedIn { epoch, session } => signed_in(life, epoch, session, now),
        Event::SignInFailed { epoch, error } => sign_in_failed(life, epoch, error, at),
        Event::SignedOut { error } => signed_out(life, error, at),
        Event::Stopped => end_for_good(life, now),
        Event::RetryRefused => retry_refused(life),
        Event::NextJoin => next_join(life, now),
        Event::Channel { channel, event } => step_channel(life, channel, event, at),
    }
}

/// Applies an event of one channel.
fn step_channel(
    life: &mut Lifecycle,
    channel: &ChannelId,
    event: ChannelEvent<'_>,
    at: At,
) -> Actions {
    match event {
        ChannelEvent::Wanted { put } => channel_wanted(life, channel, put),
        ChannelEvent::Unwanted => channel_unwanted(life, channel),
        ChannelEvent::JoinBegins => join_begins(life, channel),
        ChannelEvent::JoinPossible => {
            let _ = life.channels.change(channel, |channel| {
                if channel.phase == ChannelPhase::Waiting {
                    channel.phase = ChannelPhase::Out;
                }
            });
            Actions::look()
        }
        ChannelEvent::JoinImpossible { reason } => {
            let trouble = Trouble::lasting(reason);
            let _ = life
                .channels
                .change(channel, |channel| refuse(channel, trouble));
            open::forget(life, channel);
            Actions::default()
        }
        ChannelEvent::Joined { join, info } => joined(life, channel, join, info),
        ChannelEvent::JoinAnswered { epoch } => join_answered(life, channel, epoch),
        ChannelEvent::JoinFailed { join, error } => join_failed(life, channel, join, error, at),
        ChannelEvent::PutOut { reason, may_retry } => put_out(life, channel, reason, may_retry, at),
        ChannelEvent::Gone { join, reason } => channel_gone(life, channel, join, reason),
        ChannelEvent::Stranger { heard } => open::stranger(life, channel, heard),
    }
}

/// Brings an agent to what an administrator wants of it.
fn wanted(
    life: &mut Lifecycle,
    (moved, hurry): (bool, bool),
    channels: &[(ChannelId, u64)],
    open: OpenWanted<'_>,
    now: Now,
) -> Actions {
    let mut actions = Actions::look();
    if moved {
        life.epoch += 1;
        actions = end_for_good(life, now);
        life.phase = Phase::Out;
        life.trouble = None;
        life.channels.change_all(|channel| {
            channel.phase = ChannelPhase::Out;
            channel.trouble = None;
        });
    } else if hurry {
        end_pause(life);
    }
    let keeps_open = open.most > 0 && !moved;
    let mut left = life.channels.replace(channels, keeps_open, wanted_again);
    let forgotten = open::wanted(life, open, &mut left);
    if !moved {
        actions = leave(life, left);
    }
    Actions {
        forgotten,
        ..actions
    }
}

fn channel_wanted(life: &mut Lifecycle, channel: &ChannelId, put: u64) -> Actions {
    let again = |known: &mut AgentChannel| wanted_again(known, put);
    if life.channels.change(channel, again).is_none() {
        life.channels.push(AgentChannel::new(channel.clone(), put));
    }
    end_pause(life);
    Actions::look()
}

fn channel_unwanted(life: &mut Lifecycle, channel: &ChannelId) -> Actions {
    let was_in = life.channels.remove(channel) == Some(ChannelPhase::In);
    end_pause(life);
    let left = was_in.then(|| channel.clone());
    leave(life, Vec::from_iter(left))
}

/// A later put ends a channel's refusal, or its pause.
fn wanted_again(channel: &mut AgentChannel, put: u64) {
    if channel.put == put {
        return;
    }
    channel.put = put;
    // An open contact that is provisioned now is joined again, as what it is.
    let was_open = channel.open.take().is_some();
    if was_open || !matches!(channel.phase, ChannelPhase::Joining | ChannelPhase::In) {
        channel.phase = ChannelPhase::Out;
        channel.trouble = None;
    }
}

fn retry_refused(life: &mut Lifecycle) -> Actions {
    life.channels.change_all(|channel| {
        if channel.phase == ChannelPhase::Refused {
            channel.phase = ChannelPhase::Out;
            channel.trouble = None;
        }
    });
    Actions::look()
}

/// Whatever the agent waits for, it is tried at once. One that no chat system takes stays as it is.
fn end_pause(life: &mut Lifecycle) {
    if life.phase != Phase::Homeless {
        life.trouble = None;
    }
}

/// Has the session that goes on leave the channels `left`.
fn leave(life: &Lifecycle, left: Vec<ChannelId>) -> Actions {
    let session = life.session.clone().filter(|_| !left.is_empty());
    Actions {
        leave: session,
        left,
        ..Actions::look()
    }
}

/// Ends the session because somebody wants it: it is signed out.
fn end_for_good(life: &mut Lifecycle, now: Now) -> Actions {
    let left = life.channels_in();
    let sign_out = end_session(life, now);
    Actions {
        sign_out,
        left,
        ..Actions::look()
    }
}

/// The session is over, and everything is to be done again. Returns the session.
fn end_session(life: &mut Lifecycle, now: Now) -> Option<Arc<dyn Session>> {
    if life.phase != Phase::Homeless {
        if life.phase != Phase::Out {
            life.since = now.date;
        }
        life.phase = Phase::Out;
    }
    life.channels.change_all(|channel| {
        if channel.phase != ChannelPhase::Refused {
            channel.phase = ChannelPhase::Out;
            channel.trouble = None;
        }
        channel.info = None;
    });
    life.session.take()
}

/// The chat system ended the session, or did not give one: a pause begins. Returns the channels
/// that the agent was in, and when the pause is over.
fn lose_session(life: &mut Lifecycle, error: &BackendError, at: At) -> (Vec<ChannelId>, Duration) {
    let left = life.channels_in();
    drop(end_session(life, at.now));
    let attempt = attempts(life.trouble.as_deref()) + 1;
    let is_refused = error.kind == BackendErrorKind::Refused;
    // Lost connections are no wrong passwords.
    let refused = refusals(life.trouble.as_deref()) + u32::from(is_refused);
    let failures = if is_refused { refused } else { attempt };
    let next = at.now.after(pause_after(error, failures, (at.dice)()));
    let mut trouble = Trouble::until(&error.reason, attempt, next);
    trouble.refusals = refused;
    life.trouble = Some(trouble);
    (left, next.0)
}

fn link_down(life: &mut Lifecycle, mut trouble: Box<Trouble>, now: Now) -> Actions {
    let was_in = life.phase == Phase::In;
    drop(end_session(life, now));
    trouble.refusals = refusals(life.trouble.as_deref());
    life.trouble = Some(trouble);
    if !was_in {
        return Actions::default();
    }
    Actions {
        show: Some(AgentState::Idle),
        announce: Announce::IfItLasts,
        ..Actions::default()
    }
}

/// Its link is up and has room for it: whatever is missing begins.
fn look(life: &mut Lifecycle, now: Now) -> Actions {
    let pause = life.trouble.as_ref().and_then(|trouble| trouble.next);
    let next = match (life.phase, pause) {
        (Phase::Out, Some((due, _))) if due > now.monotonic => Next::LookAt(due),
        (Phase::Out, _) => {
            life.epoch += 1;
            life.phase = Phase::SigningIn;
            life.since = now.date;
            Next::SignIn { epoch: life.epoch }
        }
        (Phase::SigningIn | Phase::Homeless, _) => Next::Rest,
        (Phase::In, _) => Next::JoinChannels { epoch: life.epoch },
    };
    Actions::next(next)
}

fn signed_in(life: &mut Lifecycle, epoch: u32, session: Arc<dyn Session>, now: Now) -> Actions {
    if !life.is_signing_in(epoch) {
        return Actions::sign_out(session);
    }
    life.phase = Phase::In;
    life.since = now.date;
    life.trouble = None;
    life.session = Some(session);
    Actions {
        show: Some(AgentState::Active),
        ..Actions::look()
    }
}

fn sign_in_failed(life: &mut Lifecycle, epoch: u32, error: &BackendError, at: At) -> Actions {
    if !life.is_signing_in(epoch) {
        return Actions::default();
    }
    let (_, due) = lose_session(life, error, at);
    Actions {
        show: Some(AgentState::Idle),
        ..Actions::next(Next::LookAt(due))
    }
}

fn signed_out(life: &mut Lifecycle, error: &BackendError, at: At) -> Actions {
    let (left, _) = lose_session(life, error, at);
    Actions {
        show: Some(AgentState::Idle),
        announce: Announce::IfItLasts,
        left,
        ..Actions::look()
    }
}

/// Takes the channel that has been due for longest; the agent is looked at when the next one is.
fn next_join(life: &mut Lifecycle, now: Now) -> Actions {
    let next = match life.channels.next_due() {
        None => Next::Rest,
        Some(_) if life.phase != Phase::In => Next::Rest,
        Some((due, _)) if due > now.monotonic => Next::LookAt(due),
        Some((_, number)) => {
            let taken = life.channels.change_numbered(number, |channel| {
                channel.phase = ChannelPhase::Waiting;
                channel.id.clone()
            });
            taken.map_or(Next::Rest, |channel| Next::Join { channel })
        }
    };
    Actions::next(next)
}

fn join_begins(life: &mut Lifecycle, channel: &ChannelId) -> Actions {
    let join = life.joins + 1;
    let begun = life.channels.change(channel, |channel| {
        let waits = channel.phase == ChannelPhase::Waiting;
        if waits {
            channel.phase = ChannelPhase::Joining;
            channel.join = join;
        }
        waits
    });
    if begun != Some(true) {
        return Actions::default();
    }
    life.joins = join;
    Actions::next(Next::Joining { join })
}

fn joined(life: &mut Lifecycle, channel: &ChannelId, join: u64, info: Arc<InfoSlot>) -> Actions {
    if life.is_of(channel, join) {
        let _ = life.channels.change(channel, |channel| {
            channel.phase = ChannelPhase::In;
            channel.trouble = None;
            channel.info = Some(info);
        });
    }
    Actions::default()
}

/// A join went well. If its channel was taken from the agent within the same session, it is undone.
fn join_answered(life: &Lifecycle, channel: &ChannelId, epoch: u32) -> Actions {
    let is_undone = life.epoch == epoch && life.channel(channel).is_none();
    Actions {
        leave: life.session.clone().filter(|_| is_undone),
        ..Actions::default()
    }
}

fn join_failed(
    life: &mut Lifecycle,
    channel: &ChannelId,
    join: u64,
    error: &BackendError,
    at: At,
) -> Actions {
    if !life.is_of(channel, join) {
        return Actions::default();
    }
    let next = life.channels.change(channel, |channel| {
        let attempt = attempts(channel.trouble.as_deref()) + 1;
        let pause = after_join(error, attempt, (at.dice)());
        let next = pause.map(|pause| at.now.after(pause));
        match next {
            Some(next) => {
                channel.phase = ChannelPhase::Out;
                channel.trouble = Some(Trouble::until(&error.reason, attempt, next));
            }
            None => refuse(channel, Trouble::refused(&error.reason, attempt)),
        }
        next
    });
    match next.flatten() {
        Some((due, _)) => Actions {
            announce: Announce::Down,
            ..Actions::next(Next::LookAt(due))
        },
        None => {
            open::forget(life, channel);
            Actions::announce(Announce::Left)
        }
    }
}

fn put_out(
    life: &mut Lifecycle,
    channel: &ChannelId,
    reason: String,
    may_retry: bool,
    at: At,
) -> Actions {
    // One that was put again and not joined yet: what is lost is an earlier stay.
    if life.channel(channel).is_none_or(AgentChannel::is_fresh) {
        return Actions::default();
    }
    let was = life.channels.change(channel, |channel| {
        let was = channel.phase;
        let attempt = attempts(channel.trouble.as_deref()) + 1;
        if may_retry {
            let next = at.now.after(backoff(attempt, (at.dice)()));
            channel.phase = ChannelPhase::Out;
            channel.trouble = Some(Trouble::until(&reason, attempt, next));
        } else {
            refuse(channel, Trouble::refused(&reason, attempt));
        }
        channel.info = None;
        was
    });
    let left = (was == Some(ChannelPhase::In)).then(|| channel.clone());
    let announce = if may_retry {
        Announce::IfItLasts
    } else {
        open::forget(life, channel);
        Announce::Left
    };
    Actions {
        announce,
        left: Vec::from_iter(left),
        ..Actions::look()
    }
}

/// The chat system answers a post with the end of its channel. Only if the agent is in it by the
/// join that the post was sent under: a late one shut a channel that was put again meanwhile.
fn channel_gone(life: &mut Lifecycle, channel: &ChannelId, join: u64, reason: &str) -> Actions {
    let is_in = |channel: &AgentChannel| channel.phase == ChannelPhase::In && channel.join == join;
    if !life.channel(channel).is_some_and(is_in) {
        return Actions::default();
    }
    let _ = life.channels.change(channel, |channel| {
        refuse(channel, Trouble::lasting(reason));
        channel.info = None;
    });
    open::forget(life, channel);
    Actions {
        announce: Announce::Left,
        left: vec![channel.clone()],
        ..Actions::default()
    }
}

/// A channel is not tried again before an administrator's next put.
fn refuse(channel: &mut AgentChannel, trouble: Box<Trouble>) {
    channel.phase = ChannelPhase::Refused;
    channel.trouble = Some(trouble);
}
