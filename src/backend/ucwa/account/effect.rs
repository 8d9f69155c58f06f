//! What an account wants done, and what for: the vocabulary between the account and the shell
//! around it.

use super::post::{Done, Post};
use crate::backend::ucwa::protocol::address::{MeetingUri, Sip};
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::package::Event;
use crate::backend::ucwa::protocol::request::Request;
use crate::backend::{Accepted, BackendError, ChannelId, Joined, StateChange};
use crate::model::ResumePoint;
use std::collections::VecDeque;
use std::time::Duration;

/// One thing that the shell does for the account, in the order of the list.
pub(crate) enum Output {
    /// Hand everything that [`super::Account::next_inbound`] returns to the engine.
    HandOver,
    /// Tell the engine of a change that is not journaled.
    State(StateChange),
    /// Make a request; its response comes back as an input with the same purpose.
    Request(Call),
    /// Come back with the timer after that time.
    Wait(Timer, Duration),
    /// Answer a post.
    Posted(Done<Accepted>, Result<Accepted, BackendError>),
    /// Answer a join.
    Joined(Done<Joined>, Result<Joined, BackendError>),
    /// Answer another command.
    Confirmed(Done<()>, Result<(), BackendError>),
}

/// A request, and what to do with its response.
pub(crate) struct Call {
    pub(crate) purpose: Purpose,
    pub(crate) request: Request,
    /// It does no harm twice: it is repeated for some seconds if the trouble may pass.
    pub(crate) persists: bool,
}

/// What a request is made for.
pub(crate) enum Purpose {
    /// The resource that the event of that number lacks.
    Resource(u64),
    /// The conversation of a message, which is in none that is known.
    Conversation(Box<Event>),
    /// The meeting that this conversation belongs to.
    MeetingBehind(Box<Event>),
    /// The messages of this conversation, which is with one contact.
    Messaging(Box<Event>, Sip),
    /// Who said this in a meeting.
    Participant(Box<Event>),
    /// Who a contact is that is being joined.
    LookUp {
        channel: ChannelId,
        with: Sip,
        done: Done<Joined>,
        resume: Option<ResumePoint>,
    },
    /// What contacts said while the agent was away; the number is the reading's.
    Logs(u64, LogStep),
    /// What a contact's presence is.
    Look(Box<Look>),
    /// The presence subscription. `had`: one existed and was extended.
    Subscribe { had: bool },
    /// More time for the presence subscription.
    Extend,
    /// A report that the account is active.
    Active,
    /// A post into a conversation with a contact.
    Say(Box<Say>),
    /// A post with an invitation to a new conversation.
    Invite(Box<Invite>),
    /// The way into a meeting. `is_invited`: by accepting an invitation.
    Enter {
        uri: MeetingUri,
        operation: String,
        is_invited: bool,
    },
    /// A meeting that the agent is in already, and nobody knows in which conversation.
    Find(Box<Finding>),
    /// Messages added to a meeting.
    AddMessages { uri: MeetingUri, number: u64 },
    /// A post into a meeting.
    Speak {
        uri: MeetingUri,
        number: u64,
        operation: String,
        done: Done<Accepted>,
    },
    /// An invitation of somebody else, accepted.
    Accept,
    /// The end of a conversation, for which a command or the sign-out waits.
    LastWord,
    /// Something whose response changes nothing.
    Aside(&'static str),
}

impl Purpose {
    /// Whether the task that carries out the step waits for the response: a sign-out waits until
    /// everything has ended.
    pub(crate) fn is_waited_for(&self) -> bool {
        matches!(self, Purpose::LastWord)
    }

    /// The event that is not done before the response has come: later events of its conversation
    /// must not overtake it.
    pub(crate) fn event(&self) -> Option<&Event> {
        match self {
            Purpose::Conversation(event)
            | Purpose::MeetingBehind(event)
            | Purpose::Messaging(event, _)
            | Purpose::Participant(event) => Some(event),
            _ => None,
        }
    }
}

/// What a reading of the logs of conversations asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogStep {
    /// How many items there are.
    Count,
    /// Which logs there are.
    List,
    /// A log.
    Log,
    /// Messages of a log.
    Page,
}

/// A look at a contact's presence, then at its note.
pub(crate) struct Look {
    pub(crate) who: Sip,
    /// The presence, once it is there.
    pub(crate) presence: Option<Document>,
    /// The join that waits for it; without one the engine is told of a change.
    pub(crate) joining: Option<(Joined, Done<Joined>)>,
}

/// A post into a conversation with a contact.
pub(crate) struct Say {
    pub(crate) with: Sip,
    /// The conversation's key.
    pub(crate) key: String,
    /// Which post of the contact's line it is.
    pub(crate) number: u64,
    pub(crate) operation: String,
    pub(crate) post: Post,
}

/// A post with an invitation to a new conversation.
pub(crate) struct Invite {
    pub(crate) with: Sip,
    /// Which post of the contact's line it is.
    pub(crate) number: u64,
    pub(crate) operation: String,
    pub(crate) post: Post,
    /// The thread that it continues.
    pub(crate) thread: Option<String>,
    /// The conversation that it replaces, by key.
    pub(crate) before: Option<String>,
}

/// The search for the conversation of a meeting that the agent is in already.
pub(crate) struct Finding {
    pub(crate) uri: MeetingUri,
    /// The operation of the join that wants it.
    pub(crate) operation: String,
    /// Conversations that are still to be looked at.
    pub(crate) hrefs: VecDeque<String>,
    pub(crate) asked: Asked,
}

/// What the search for a meeting's conversation has asked for.
pub(crate) enum Asked {
    /// The list of all conversations.
    List,
    /// The conversation at that address.
    Conversation(String),
    /// The meeting of that conversation.
    Meeting(String, Document),
    /// The messages of that conversation, which is the right one.
    Messaging(String, Document),
}

/// What a wait is for. A timer whose time has passed for something else is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Timer {
    /// A contact whose channel is not joined rings in that conversation.
    Ringing(String),
    /// The text of an invitation to that conversation was not repeated as a message.
    Toast(String),
    /// A post waits for a conversation that the contact began.
    Connecting(Sip, u64),
    /// An invitation of ours rings.
    Rings(String),
    /// The agent types; `left` more notices follow.
    Typing { with: Sip, number: u64, left: u32 },
    /// An invitation to a meeting rings, in that conversation.
    MeetingRings(String),
    /// The server brings the agent into a meeting.
    Enter(MeetingUri, String),
    /// The agent waits in a meeting's lobby.
    Lobby(MeetingUri, String),
    /// Messages are added to a meeting.
    Adding(MeetingUri, u64),
    /// The pause before messages are added once more.
    AddingPause(MeetingUri, u64),
    /// A post waits until the meeting takes messages.
    Open(MeetingUri, u64),
    /// The logs of conversations are read, in the reading of that number.
    Logs(u64),
    /// News of missed items have waited long enough.
    LogsDue,
}
