//! A person on the embedded chat system, driven by a test or a program from any thread.
//!
//! A person keeps no queue of its own, only how far it has heard in each conversation, so that a
//! room full of people costs a post nothing.

use super::archive::{LogKey, Said};
use super::faults::wait_for;
use super::heard::HeardMessage;
use super::names::{contact, fold};
use super::outbox::Shared;
use super::saying::{Speaker, Words};
use super::state::{ChatState, PersonState};
use crate::error::{Error, Result};
use crate::model::{
    ChannelId, ChannelKind, Id, MessageId, MessageRef, NewMessage, PresenceState, Ref,
};
use crate::waiting::park_until;
use chrono::{DateTime, Utc};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How long [`Person::hears`] waits, in real time.
const HEARS_WITHIN: Duration = Duration::from_secs(5);
/// The longest message a person can say, in bytes of visible text: enough for every test of a
/// limit.
const SAID_BYTES_MAX: usize = 64 * 1024;
/// The most messages that are named when nothing was heard.
const NAMED_MAX: usize = 10;

/// A person. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Person {
    pub(super) shared: Arc<Shared>,
    /// The folded name, by which people are found.
    pub(super) name: Arc<str>,
    pub(super) display_name: String,
}

impl Person {
    pub(super) fn new(shared: Arc<Shared>, name: Arc<str>, display_name: String) -> Person {
        Person {
            shared,
            name,
            display_name,
        }
    }

    /// Says a plain text in a room, or to somebody (`contact:NAME`; an agent's is its address'
    /// name). It is in the engine's inbox when this returns; to an agent that is away it is caught
    /// up later.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such room or nobody of that name, [`Error::Invalid`] for
    /// a bad id or an empty text, [`Error::TooLarge`] over 65,536 bytes, [`Error::Busy`] if too
    /// much waits for the engine.
    pub fn say(&self, channel: impl Id<ChannelId>, text: impl Into<String>) -> Result<MessageId> {
        self.say_message(channel, NewMessage::text(text))
    }

    /// As [`Person::say`], for a message of any kind: parts, alerts, stories. Its key is ignored.
    ///
    /// # Errors
    /// As [`Person::say`].
    pub fn say_message(
        &self,
        channel: impl Id<ChannelId>,
        message: NewMessage,
    ) -> Result<MessageId> {
        let channel = channel.into_id()?;
        let length = message.content.visible_text().len();
        if length == 0 {
            return Err(Error::invalid("there is nothing to say"));
        }
        if length > SAID_BYTES_MAX {
            return Err(Error::TooLarge {
                what: "message text",
                length: length as u64,
                limit: SAID_BYTES_MAX as u64,
            });
        }
        let now = self.now();
        let (said, ticket) = self
            .shared
            .act(|state| self.speak(state, &channel, message, now));
        wait_for(&self.shared, ticket);
        said.map(|said| said.received.id.clone())
    }

    /// The engine's time, if there is an engine.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let inbox = self
            .shared
            .0
            .lock()
            .connection
            .as_ref()
            .map(|connection| connection.inbox.clone());
        inbox.map_or_else(Utc::now, |inbox| inbox.now())
    }

    /// The next message that somebody else said in that channel and this has not returned yet,
    /// waiting for it at most 5 seconds of real time.
    ///
    /// # Errors
    /// [`Error::TimedOut`] saying what was heard instead; [`Error::NotFound`] if there is no such
    /// room, [`Error::Invalid`] for a bad id.
    pub fn hears(&self, channel: impl Id<ChannelId>) -> Result<HeardMessage> {
        let channel = channel.into_id()?;
        let heard = poll_fn(|cx| self.poll_heard(&channel, cx));
        park_until(heard, Instant::now() + HEARS_WITHIN).map_err(|error| match error {
            Error::TimedOut(_) => Error::TimedOut(self.what_was_heard_instead(&channel)),
            other => other,
        })
    }

    /// Like [`Person::hears`], but waits for any length of time, on any executor.
    #[cfg(feature = "rest")]
    pub(crate) async fn heard(&self, channel: &ChannelId) -> Result<HeardMessage> {
        poll_fn(|cx| self.poll_heard(channel, cx)).await
    }

    /// What others said, in all rooms and to this person, that [`Person::hears`] has not returned,
    /// oldest first.
    pub fn unheard(&self) -> Vec<HeardMessage> {
        let state = self.shared.0.lock();
        let Some(person) = state.person(&self.name) else {
            return Vec::new();
        };
        let rooms = state
            .rooms
            .iter()
            .map(|(channel, room)| (channel.clone(), room.log));
        let talks = state.talks.iter().filter_map(|((one, other), log)| {
            let with = match () {
                () if *one == self.name => other,
                () if *other == self.name => one,
                () => return None,
            };
            let name = state
                .people
                .get(with)
                .map_or(&**with, |somebody| &somebody.name);
            Some((contact(name)?, *log))
        });
        let mut unheard: Vec<(u64, HeardMessage)> = rooms
            .chain(talks)
            .flat_map(|(channel, log)| {
                let said = state
                    .archive
                    .after(log, person.heard_up_to(log))
                    .filter(|said| said.speaker != self.name && said.received.changes.is_none());
                said.map(|said| (said.number, HeardMessage::new(&channel, said)))
                    .collect::<Vec<_>>()
            })
            .collect();
        drop(state);
        unheard.sort_by_key(|(number, _)| *number);
        unheard.into_iter().map(|(_, heard)| heard).collect()
    }

    /// Begins or stops typing to an agent, `contact:NAME`; false if no agent of that name is signed
    /// in.
    ///
    /// # Panics
    /// If `to` is no id of a contact.
    pub fn types(&self, to: impl Id<ChannelId>, typing: bool) -> bool {
        let to = fold(super::literal(to, ChannelKind::Contact).name());
        let (there, ticket) = self.shared.act(|state| {
            state.show_typing(&self.name, &to, typing);
            state
                .people
                .get(&to)
                .is_some_and(|somebody| !somebody.sessions.is_empty())
        });
        wait_for(&self.shared, ticket);
        there
    }

    /// Whether an agent, `contact:NAME`, is seen typing to this person. It ends by itself 30
    /// seconds after the last notice (§channels/typing).
    ///
    /// # Panics
    /// If `from` is no id of a contact.
    pub fn sees_typing(&self, from: impl Id<ChannelId>) -> bool {
        let from = fold(super::literal(from, ChannelKind::Contact).name());
        self.shared
            .0
            .lock()
            .typing
            .contains_key(&(from, self.name.clone()))
    }

    /// Changes how present this person is, and what it says beside it; agents that watch it are
    /// told.
    pub fn presence(&self, presence: PresenceState, text: Option<&str>) {
        let ((), ticket) = self.shared.act(|state| {
            let Some(person) = state.person_mut(&self.name) else {
                return;
            };
            person.presence = presence;
            person.presence_text = text.map(str::to_owned);
            state.announce(&self.name);
        });
        wait_for(&self.shared, ticket);
    }

    /// How present somebody else, `contact:NAME`, is seen: an agent is available while signed in,
    /// and offline after.
    ///
    /// # Panics
    /// If `of` is no id of a contact.
    pub fn sees_presence(&self, of: impl Id<ChannelId>) -> PresenceState {
        let of = fold(super::literal(of, ChannelKind::Contact).name());
        self.shared.0.lock().presence_of(&of).0
    }

    fn speak(
        &self,
        state: &mut ChatState,
        channel: &ChannelId,
        message: NewMessage,
        now: chrono::DateTime<Utc>,
    ) -> Result<Arc<Said>> {
        if state
            .connection
            .as_ref()
            .is_some_and(|connection| connection.is_overlong())
        {
            return Err(Error::Busy {
                what: "the engine's inbox".into(),
                retry_after: Duration::from_secs(1),
            });
        }
        let mut content = message.content;
        content.subject = content.subject.filter(|subject| !subject.is_empty());
        match message.reply_to.map(|MessageRef(answered)| answered) {
            None => {}
            Some(Ref::Id(id)) => content.in_reply_to = Some(id),
            Some(_) => {
                return Err(Error::invalid("a person names a message by its id"));
            }
        }
        let words = Words {
            origin: None,
            content,
            changes: None,
        };
        let speaker = self.speaker();
        let said = match channel.kind() {
            ChannelKind::Room => state.say_in_room(channel, speaker, words, now),
            ChannelKind::Contact => state.say_to(channel, speaker, words, now),
        };
        let said = said.map_err(|_| match channel.kind() {
            ChannelKind::Room => Error::unknown("room", channel),
            ChannelKind::Contact => Error::unknown("person or agent", channel),
        })?;
        if channel.kind() == ChannelKind::Contact {
            state.parrot(&fold(channel.name()), &self.name, &said);
        }
        Ok(said)
    }

    pub(super) fn speaker(&self) -> Speaker {
        Speaker {
            name: self.name.clone(),
            sender: format!("loopback:{}", self.display_name),
            alias: Some(self.display_name.clone()),
            session: None,
        }
    }

    fn poll_heard(&self, channel: &ChannelId, cx: &mut Context<'_>) -> Poll<Result<HeardMessage>> {
        let mut state = self.shared.0.lock();
        let log = match channel.kind() {
            ChannelKind::Room => match state.rooms.get(channel) {
                Some(room) => room.log,
                None => return Poll::Ready(Err(Error::unknown("room", channel))),
            },
            ChannelKind::Contact => state.talk(&self.name, &fold(channel.name())),
        };
        let Some(person) = state.person(&self.name) else {
            return Poll::Ready(Err(Error::unknown("person", &self.name)));
        };
        let after = person.heard_up_to(log);
        let next = state
            .archive
            .after(log, after)
            .find(|said| said.speaker != self.name && said.received.changes.is_none())
            .cloned();
        match next {
            Some(said) => {
                if let Some(person) = state.person_mut(&self.name) {
                    person.heard.insert(log, said.number);
                }
                Poll::Ready(Ok(HeardMessage::new(channel, &said)))
            }
            None => {
                // A wait that is polled again keeps only one waker.
                state.waiting.retain(|waker| !waker.will_wake(cx.waker()));
                state.waiting.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn what_was_heard_instead(&self, channel: &ChannelId) -> String {
        let unheard = self.unheard();
        let (name, seconds) = (&self.display_name, HEARS_WITHIN.as_secs());
        let mut text = format!("{name} heard nothing in `{channel}` within {seconds} s");
        if unheard.is_empty() {
            return text + ", and nothing elsewhere";
        }
        text += "; heard instead:";
        for heard in unheard.iter().take(NAMED_MAX) {
            text += &format!(
                " `{}` from `{}` in `{}`;",
                heard.text, heard.sender, heard.channel
            );
        }
        if unheard.len() > NAMED_MAX {
            text += &format!(" and {} more;", unheard.len() - NAMED_MAX);
        }
        text.pop();
        text
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({:?})", self.display_name)
    }
}

impl PersonState {
    fn heard_up_to(&self, log: LogKey) -> u64 {
        self.heard.get(&log).copied().unwrap_or(self.since)
    }
}

impl ChatState {
    fn person(&self, name: &Arc<str>) -> Option<&PersonState> {
        self.people.get(name)?.person.as_ref()
    }

    fn person_mut(&mut self, name: &Arc<str>) -> Option<&mut PersonState> {
        self.people.get_mut(name)?.person.as_mut()
    }
}
