//! What a reader asks for: kinds, channels, origin, pattern (§events/filter), and from where on.

use super::{ChannelId, EventId, InstanceId};

/// Which of the three kinds of event are wanted (§events/kinds).
///
/// ```
/// use switchboard::{EventKinds, EventQuery};
///
/// let query = EventQuery::all().kinds(EventKinds::NONE.messages().metadata());
/// assert!(query.kinds.messages && !query.kinds.channel_states);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EventKinds {
    /// Messages.
    pub messages: bool,
    /// Changes of metadata.
    pub metadata: bool,
    /// Changes of channel state.
    pub channel_states: bool,
}

impl EventKinds {
    /// All kinds.
    pub const ALL: EventKinds = EventKinds {
        messages: true,
        metadata: true,
        channel_states: true,
    };
    /// No kind, to add some to.
    pub const NONE: EventKinds = EventKinds {
        messages: false,
        metadata: false,
        channel_states: false,
    };

    /// These and messages.
    #[must_use]
    pub const fn messages(mut self) -> EventKinds {
        self.messages = true;
        self
    }

    /// These and changes of metadata.
    #[must_use]
    pub const fn metadata(mut self) -> EventKinds {
        self.metadata = true;
        self
    }

    /// These and changes of channel state.
    #[must_use]
    pub const fn channel_states(mut self) -> EventKinds {
        self.channel_states = true;
        self
    }
}

/// A filter over an agent's events. Every part that is left out accepts everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EventQuery {
    /// The kinds wanted.
    pub kinds: EventKinds,
    /// Channels wanted, as text: an id that names nothing is accepted and matches nothing. Empty
    /// accepts all. Metadata events ignore this filter.
    pub channels: Vec<String>,
    /// A pattern the message text must match (.NET syntax). Applies to messages only.
    pub regex: Option<String>,
    /// Whether the agent's own messages are wanted.
    pub local: bool,
    /// Whether other people's messages are wanted.
    pub remote: bool,
    /// Whether messages that a program wrote by itself ([`Content::automatic`]) are wanted.
    ///
    /// [`Content::automatic`]: super::Content::automatic
    pub automatic: bool,
    /// Whether changes of messages are wanted, see [`EventQuery::changes`].
    pub changes: bool,
}

impl EventQuery {
    /// All kinds, but no changes of messages: see [`EventQuery::changes`].
    pub fn all() -> EventQuery {
        EventQuery {
            kinds: EventKinds::ALL,
            channels: Vec::new(),
            regex: None,
            local: true,
            remote: true,
            automatic: true,
            changes: false,
        }
    }

    /// Messages only.
    pub fn messages() -> EventQuery {
        EventQuery {
            kinds: EventKinds::NONE.messages(),
            ..EventQuery::all()
        }
    }

    /// Changes of metadata only.
    pub fn metadata() -> EventQuery {
        EventQuery {
            kinds: EventKinds::NONE.metadata(),
            ..EventQuery::all()
        }
    }

    /// Changes of channel state only.
    pub fn channel_states() -> EventQuery {
        EventQuery {
            kinds: EventKinds::NONE.channel_states(),
            ..EventQuery::all()
        }
    }

    /// Only the agent's own messages.
    #[must_use]
    pub fn local(mut self) -> EventQuery {
        (self.local, self.remote) = (true, false);
        self
    }

    /// Only other people's messages: what a bot that answers wants.
    #[must_use]
    pub fn remote(mut self) -> EventQuery {
        (self.local, self.remote) = (false, true);
        self
    }

    /// No messages that are marked as written by a program ([`Content::automatic`]): a bot that
    /// leaves them unanswered talks to no other bot for ever. Not every chat system has the mark.
    ///
    /// [`Content::automatic`]: super::Content::automatic
    #[must_use]
    pub fn not_automatic(mut self) -> EventQuery {
        self.automatic = false;
        self
    }

    /// Only these kinds.
    #[must_use]
    pub fn kinds(mut self, kinds: EventKinds) -> EventQuery {
        self.kinds = kinds;
        self
    }

    /// And changes of messages: edits, retractions, reactions and receipts
    /// ([`EventBody::Change`](super::EventBody::Change)). Channels and origin apply to them, the
    /// origin by who made the change; the pattern does not.
    #[must_use]
    pub fn changes(mut self) -> EventQuery {
        self.changes = true;
        self
    }

    /// Only messages and channel states of these channels, besides those named before.
    #[must_use]
    pub fn channel(mut self, channel: &ChannelId) -> EventQuery {
        self.channels.push(channel.as_str().to_owned());
        self
    }

    /// Only messages whose text matches `pattern` anywhere (.NET syntax, at most 1,024 bytes). The
    /// pattern is compiled when the query is first used; then a pattern that cannot be compiled is
    /// [`Error::Invalid`](crate::Error::Invalid).
    #[must_use]
    pub fn regex(mut self, pattern: impl Into<String>) -> EventQuery {
        self.regex = Some(pattern.into());
        self
    }
}

/// Where events begin (§events/last-event, §events/instance).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cursor {
    /// The last event seen; 0 (or -1) for what was recorded within the window.
    pub last: EventId,
    /// The instance it belongs to. Without one, a number above the newest begins with the window,
    /// and the next request with the same number continues after what was returned.
    pub instance: Option<InstanceId>,
}

impl Cursor {
    /// What was recorded within the window, 15 seconds by default.
    pub fn window() -> Cursor {
        Cursor {
            last: EventId(0),
            instance: None,
        }
    }

    /// The oldest event of the present instance that there still is. In buffered mode that is what
    /// was recorded within the window.
    pub fn beginning() -> Cursor {
        Cursor {
            last: EventId::BEFORE_ALL,
            instance: None,
        }
    }

    /// After that event of that instance.
    pub fn after(last: EventId, instance: &InstanceId) -> Cursor {
        Cursor {
            last,
            instance: Some(instance.clone()),
        }
    }

    /// After that number, of whatever instance is the present one.
    pub fn after_id(last: EventId) -> Cursor {
        Cursor {
            last,
            instance: None,
        }
    }
}
