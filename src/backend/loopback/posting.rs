//! Posts of agents.
//!
//! A post is said, and in the line to the engine, when the call returns; its future has nothing
//! left to do but to wait if the engine has no room. With a delay set
//! ([`Loopback::delay`](super::Loopback::delay)) it is said when the delay has passed, in the order
//! in which the calls were made.

use super::archive::Said;
use super::delayed::{Delayed, Spoken};
use super::line::Item;
use super::names::fold;
use super::saying::{Speaker, Words};
use super::session::LoopbackSession;
use super::state::ChatState;
use crate::backend::{
    Accepted, BackendError, BackendErrorKind, Capabilities, Outgoing, Posted, Reply, SeenBy, reply,
};
use crate::model::{ChannelId, ChannelKind};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

/// A post does not wait behind fewer queued items than this, because they are handed over in a
/// moment.
const BEHIND_MAX: usize = 256;
/// The most posts that may wait for their delay.
const DELAYED_MAX: usize = 65_536;

impl LoopbackSession {
    /// Sends a message, now or after the delay.
    pub(super) fn send(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Posted> {
        let (spoken, ticket) = match self.delay_of(&message) {
            Ok(None) => self.act(|state| {
                state.post(
                    self.number,
                    self.capabilities,
                    &channel,
                    message,
                    self.inbox.now(),
                )
            }),
            Ok(Some(delay)) => return self.send_later(delay, channel, message),
            Err(error) => (Err(error), None),
        };
        if ticket.is_none_or(|ticket| ticket.behind < BEHIND_MAX) {
            return Box::pin(ready(self.posted(&channel, spoken)));
        }
        reply(async move {
            // If the connection has ended meanwhile, the message was sent all the same.
            let _ = self.shared.clone().pumped(ticket).await;
            self.posted(&channel, spoken)
        })
    }

    /// The delay of a post, if there is one.
    ///
    /// # Errors
    /// `Rejected` if it is longer than a message, `RetryAfter` if too much waits for the engine.
    fn delay_of(&self, message: &Outgoing) -> Result<Option<Duration>, BackendError> {
        if !self.capabilities.limits.hold(&message.text) {
            let (kind, reason) = (BackendErrorKind::Rejected, "it is longer than a message");
            return Err(BackendError::new(kind, reason));
        }
        let state = self.shared.0.lock();
        let faults = &state.faults;
        let panics = !faults.panics_on.is_empty() && faults.panics_on.contains(&message.text);
        let delay = (!faults.delay.is_zero() || !faults.delayed.is_empty()).then_some(faults.delay);
        let is_overlong = state
            .connection
            .as_ref()
            .is_some_and(|connection| connection.is_overlong());
        drop(state);
        assert!(!panics, "the loopback was told to panic on this text");
        if is_overlong {
            return Err(too_much("too much waits for the engine"));
        }
        Ok(delay)
    }

    fn send_later(
        self: Arc<Self>,
        delay: Duration,
        channel: ChannelId,
        message: Outgoing,
    ) -> Reply<Posted> {
        let outcome = Arc::new(Mutex::new(None));
        let mut state = self.shared.0.lock();
        if state.faults.delayed.len() >= DELAYED_MAX {
            drop(state);
            return reply(ready(Err(too_much("too many posts are delayed"))));
        }
        state.faults.next_delayed += 1;
        let number = state.faults.next_delayed;
        let delayed = Delayed {
            number,
            session: self.number,
            capabilities: self.capabilities,
            channel: channel.clone(),
            message,
            outcome: outcome.clone(),
        };
        state.faults.delayed.push_back(delayed);
        drop(state);
        reply(async move {
            self.inbox.sleep(delay).await;
            let now = self.inbox.now();
            let ((), ticket) = self.act(|state| state.post_delayed(number, now));
            let _ = self.shared.clone().pumped(ticket).await;
            let spoken = outcome.lock().take();
            let closed = || Err(BackendError::unreachable("the connection was closed"));
            self.posted(&channel, spoken.unwrap_or_else(closed))
        })
    }

    /// Returns the result of a post. The parrot repeats a post to it afterwards.
    fn posted(
        &self,
        channel: &ChannelId,
        spoken: Result<Spoken, BackendError>,
    ) -> Result<Posted, BackendError> {
        let Spoken { said, resume } = spoken?;
        self.let_the_parrot_speak(channel, &said);
        if self.capabilities.echoes(channel.kind()) {
            return Ok(Posted::Sent);
        }
        let received = &said.received;
        let mut accepted = Accepted::new(received.id.clone(), received.sender.clone());
        accepted.time = received.time;
        Ok(accepted.with_resume(resume).into())
    }

    /// The parrot's words must follow those it repeats, but an answer takes a way of its own to the
    /// journal. So those it repeats go into the line first, as an echo would; the first copy is
    /// kept.
    fn let_the_parrot_speak(&self, channel: &ChannelId, said: &Arc<Said>) {
        if channel.kind() != ChannelKind::Contact || said.received.changes.is_some() {
            return;
        }
        let to = fold(channel.name());
        let is_parrot = |state: &ChatState| {
            state
                .people
                .get(&to)
                .and_then(|to| to.person.as_ref())
                .is_some_and(|one| one.parrots)
        };
        if !is_parrot(&self.shared.0.lock()) {
            return;
        }
        let (shared, inbox) = (self.shared.clone(), self.inbox.clone());
        let (session, name) = (self.number, self.name.clone());
        let (channel, said) = (channel.clone(), said.clone());
        let busy = self.inbox.busy();
        self.inbox.spawn(async move {
            tokio::task::yield_now().await;
            let _ = shared.act_holding(Some(inbox.busy()), |state| {
                if let Some(agent) = state.sessions.get(&session).map(|signed| signed.agent) {
                    let resume = state.prefix.resume(said.number);
                    state.queue(Item::Said {
                        seen_by: SeenBy::Agent(agent),
                        channel,
                        said: said.clone(),
                        resume,
                    });
                }
                state.parrot(&to, &name, &said);
            });
            drop(busy);
        });
    }
}

fn too_much(reason: &str) -> BackendError {
    let kind = BackendErrorKind::RetryAfter(Duration::from_secs(1));
    BackendError::new(kind, reason)
}

impl ChatState {
    fn post(
        &mut self,
        session: u64,
        capabilities: Capabilities,
        channel: &ChannelId,
        mut message: Outgoing,
        now: DateTime<Utc>,
    ) -> Result<Spoken, BackendError> {
        let Some(signed) = self.sessions.get(&session) else {
            return Err(BackendError::unreachable(
                "the agent is no longer signed in",
            ));
        };
        let kind = channel.kind();
        if kind == ChannelKind::Room && !signed.rooms.contains(channel) {
            return Err(BackendError::new(
                BackendErrorKind::ChannelGone,
                "the agent is not in this room",
            ));
        }
        let speaker = Speaker {
            name: signed.name.clone(),
            sender: signed.address.clone(),
            alias: None,
            session: Some((session, capabilities.echoes(kind))),
        };
        let said = match (message.changes.take(), kind) {
            (Some(change), _) => self.change_by_agent(channel, speaker, message, *change, now)?,
            (None, ChannelKind::Room) => self.say_in_room(channel, speaker, message.into(), now)?,
            (None, ChannelKind::Contact) => {
                self.say_to(channel, speaker, Words::from(message), now)?
            }
        };
        let resume = (!capabilities.echoes(kind)).then(|| self.prefix.resume(said.number));
        Ok(Spoken { said, resume })
    }

    /// Sends every delayed post up to that one, in order.
    fn post_delayed(&mut self, number: u64, now: DateTime<Utc>) {
        while self
            .faults
            .delayed
            .front()
            .is_some_and(|delayed| delayed.number <= number)
        {
            let Some(delayed) = self.faults.delayed.pop_front() else {
                break;
            };
            let spoken = self.post(
                delayed.session,
                delayed.capabilities,
                &delayed.channel,
                delayed.message,
                now,
            );
            *delayed.outcome.lock() = Some(spoken);
        }
    }
}
