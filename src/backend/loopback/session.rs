//! One agent signed in: joining, posting, and the rest of what an agent asks of a chat system.
//!
//! A post is said, and in the line to the engine, when the call returns; its future has nothing left to do but to
//! wait if the engine has no room. With a delay set ([`Loopback::delay`](super::Loopback::delay)) it is said when
//! the delay has passed, in the order in which the calls were made.

use super::archive::Said;
use super::names::fold;
use super::outbox::{Item, Shared, Ticket};
use super::saying::{Speaker, Words};
use super::state::State;
use crate::backend::{
    Accepted, BackendError, BackendErrorKind, Capabilities, Found, Inbox, Joined, Manage, Managed,
    Outgoing, Received, Reply, SeenBy, Session, Upload, reply,
};
use crate::model::{ChannelId, ChannelKind, MessageId, OriginId, ResumePoint};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

/// Items in the line before a post of which it need not wait, because whoever pumps will have done so in a moment.
const BEHIND_MAX: usize = 256;
/// Posts that may wait for their delay.
const DELAYED_MAX: usize = 65_536;

type Posted = Result<Accepted, BackendError>;

/// A post that waits for its delay.
pub(super) struct Delayed {
    number: u64,
    session: u64,
    capabilities: Capabilities,
    channel: ChannelId,
    message: Outgoing,
    answer: Arc<Mutex<Option<Posted>>>,
}

/// One agent signed in; dropping it signs it out.
pub(super) struct LoopbackSession {
    pub(super) shared: Arc<Shared>,
    pub(super) inbox: Inbox,
    pub(super) capabilities: Capabilities,
    pub(super) number: u64,
    pub(super) name: Arc<str>,
}

impl Drop for LoopbackSession {
    fn drop(&mut self) {
        self.shared.act_apart(|state| {
            state.sign_out(self.number);
        });
    }
}

impl Session for LoopbackSession {
    fn join(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        let delay = self.shared.0.lock().faults.delay;
        if delay.is_zero() {
            let joined = self.join_now(&channel, resume.as_ref());
            return reply(async move { self.after_the_line(joined).await });
        }
        reply(async move {
            self.inbox.sleep(delay).await;
            let joined = self.join_now(&channel, resume.as_ref());
            self.after_the_line(joined).await
        })
    }

    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()> {
        self.shared.0.lock().leave(self.number, &channel);
        reply(ready(Ok(())))
    }

    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Accepted> {
        let posted = match self.checked(&message) {
            Ok(None) => self.act(|state| {
                state.post(
                    self.number,
                    self.capabilities,
                    &channel,
                    message,
                    self.inbox.now(),
                )
            }),
            Ok(Some(delay)) => return self.post_later(delay, channel, message),
            Err(error) => (Err(error), None),
        };
        match posted {
            (answer, ticket) if ticket.is_none_or(|ticket| ticket.behind < BEHIND_MAX) => {
                self.let_the_parrot_speak(&channel, &answer);
                Box::pin(ready(answer))
            }
            (answer, ticket) => reply(async move {
                // A connection that ended meanwhile changes nothing about what was said.
                let _ = self.shared.clone().pumped(ticket).await;
                self.let_the_parrot_speak(&channel, &answer);
                answer
            }),
        }
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        self.act(|state| state.sign_out(self.number));
        reply(ready(Ok(())))
    }

    fn look_up(self: Arc<Self>, channel: ChannelId, origin: OriginId) -> Reply<Found> {
        reply(ready(
            self.shared.0.lock().look_up(&self.name, &channel, &origin),
        ))
    }

    fn history(
        self: Arc<Self>,
        channel: ChannelId,
        before: Option<MessageId>,
        take: usize,
    ) -> Reply<Vec<Received>> {
        if !self.capabilities.history {
            return reply(ready(Err(BackendError::unsupported("history"))));
        }
        reply(ready(self.shared.0.lock().history(
            &self.name,
            &channel,
            before.as_ref(),
            take,
        )))
    }

    fn upload(self: Arc<Self>, channel: ChannelId, upload: Upload) -> Reply<Accepted> {
        reply(self.receive(channel, upload))
    }

    fn set_composing(self: Arc<Self>, channel: ChannelId, composing: bool) -> Reply<()> {
        if channel.kind() == ChannelKind::Contact {
            self.compose(&fold(channel.name()), composing);
        }
        reply(ready(Ok(())))
    }

    fn find_channels(self: Arc<Self>, query: String) -> Reply<Vec<(ChannelId, String)>> {
        reply(ready(Ok(self.shared.0.lock().find_channels(
            self.number,
            &query,
            self.capabilities,
        ))))
    }

    fn manage(self: Arc<Self>, request: Manage) -> Reply<Managed> {
        let (answer, ticket) = self.act(|state| state.manage(self.number, request));
        reply(async move {
            // Whoever was put out knows it before the manager has the answer.
            let _ = self.shared.clone().pumped(ticket).await;
            answer
        })
    }
}

impl LoopbackSession {
    pub(super) fn act<T>(&self, change: impl FnOnce(&mut State) -> T) -> (T, Option<Ticket>) {
        self.shared.act_holding(Some(self.inbox.busy()), change)
    }

    fn join_now(
        &self,
        channel: &ChannelId,
        resume: Option<&ResumePoint>,
    ) -> (Result<Joined, BackendError>, Option<Ticket>) {
        if !self.capabilities.has(channel.kind()) {
            let what = if channel.kind() == ChannelKind::Room {
                "rooms"
            } else {
                "contacts"
            };
            return (Err(BackendError::unsupported(what)), None);
        }
        self.act(|state| state.join(self.number, channel, resume))
    }

    /// Answers a join when what was said meanwhile has entered the inbox.
    async fn after_the_line(
        &self,
        joined: (Result<Joined, BackendError>, Option<Ticket>),
    ) -> Result<Joined, BackendError> {
        let (joined, ticket) = joined;
        let joined = joined?;
        let pumped = self.shared.clone().pumped(ticket).await;
        pumped.map_err(|_| {
            BackendError::unreachable("the connection was closed while catching up")
        })?;
        Ok(joined)
    }

    /// Whether a post can go on, and after which delay.
    fn checked(&self, message: &Outgoing) -> Result<Option<Duration>, BackendError> {
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
            return Err(BackendError::new(
                BackendErrorKind::RetryAfter(Duration::from_secs(1)),
                "too much waits for the engine",
            ));
        }
        Ok(delay)
    }

    fn post_later(
        self: Arc<Self>,
        delay: Duration,
        channel: ChannelId,
        message: Outgoing,
    ) -> Reply<Accepted> {
        let answer = Arc::new(Mutex::new(None));
        let mut state = self.shared.0.lock();
        if state.faults.delayed.len() >= DELAYED_MAX {
            drop(state);
            let error = BackendError::new(
                BackendErrorKind::RetryAfter(Duration::from_secs(1)),
                "too many posts are delayed",
            );
            return reply(ready(Err(error)));
        }
        state.faults.next_delayed += 1;
        let number = state.faults.next_delayed;
        let (session, capabilities) = (self.number, self.capabilities);
        let delayed = Delayed {
            number,
            session,
            capabilities,
            channel: channel.clone(),
            message,
            answer: answer.clone(),
        };
        state.faults.delayed.push_back(delayed);
        drop(state);
        reply(async move {
            self.inbox.sleep(delay).await;
            let now = self.inbox.now();
            let ((), ticket) = self.act(|state| state.post_delayed(number, now));
            let _ = self.shared.clone().pumped(ticket).await;
            let posted = answer.lock().take();
            let posted = posted
                .unwrap_or_else(|| Err(BackendError::unreachable("the connection was closed")));
            self.let_the_parrot_speak(&channel, &posted);
            posted
        })
    }

    /// The parrot speaks after the post was answered. Its words must follow those it repeats, but an answer takes a way
    /// of its own to the journal: so those go into the line first, as an echo would; whichever copy comes first is kept.
    fn let_the_parrot_speak(&self, channel: &ChannelId, posted: &Posted) {
        let Ok(accepted) = posted else { return };
        if channel.kind() != ChannelKind::Contact {
            return;
        }
        let to = fold(channel.name());
        let is_parrot = |state: &State| {
            state
                .people
                .get(&to)
                .and_then(|to| to.person.as_ref())
                .is_some_and(|one| one.parrots)
        };
        if !is_parrot(&self.shared.0.lock()) {
            return;
        }
        let (shared, inbox, name, id) = (
            self.shared.clone(),
            self.inbox.clone(),
            self.name.clone(),
            accepted.id.clone(),
        );
        let (session, channel) = (self.number, channel.clone());
        let busy = self.inbox.busy();
        self.inbox.spawn(async move {
            tokio::task::yield_now().await;
            let _ = shared.act_holding(Some(inbox.busy()), |state| {
                let log = state.talk(&name, &to);
                let said = state
                    .prefix
                    .number_of(&id)
                    .and_then(|number| state.archive.at(log, number).cloned());
                if let Some(said) = said {
                    if let Some(agent) = state.sessions.get(&session).map(|signed| signed.agent) {
                        let (seen_by, resume) =
                            (SeenBy::Agent(agent), state.prefix.resume(said.number));
                        state.place(Item::Said {
                            seen_by,
                            channel,
                            said: said.clone(),
                            resume,
                        });
                    }
                    state.parrot(&to, &name, &said);
                }
            });
            drop(busy);
        });
    }
}

impl State {
    fn post(
        &mut self,
        session: u64,
        capabilities: Capabilities,
        channel: &ChannelId,
        message: Outgoing,
        now: DateTime<Utc>,
    ) -> Posted {
        let Some(signed) = self.sessions.get(&session) else {
            return Err(BackendError::unreachable(
                "the agent is not signed in any more",
            ));
        };
        let kind = channel.kind();
        if kind == ChannelKind::Room && !signed.rooms.contains(channel) {
            return Err(BackendError::new(
                BackendErrorKind::ChannelGone,
                "the agent is not in this room",
            ));
        }
        let sender = signed.address.clone();
        let speaker = Speaker {
            name: signed.name.clone(),
            sender: sender.clone(),
            alias: None,
            session: Some((session, capabilities.echoes(kind))),
        };
        let said: Arc<Said> = match kind {
            ChannelKind::Room => self.say_in_room(channel, speaker, message.into(), now)?,
            ChannelKind::Contact => self.say_to(channel, speaker, Words::from(message), now)?,
        };
        let resume = Some(self.prefix.resume(said.number));
        Ok(Accepted::new(said.received.id.clone(), sender)
            .with_time(now)
            .with_resume(resume))
    }

    /// Says every delayed post up to that one, in order.
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
            let posted = self.post(
                delayed.session,
                delayed.capabilities,
                &delayed.channel,
                delayed.message,
                now,
            );
            *delayed.answer.lock() = Some(posted);
        }
    }
}
