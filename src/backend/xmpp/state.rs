//! What a link knows of agents, rooms and contacts, and what it has asked: data, without the lock
//! and the line.

use super::errors::StanzaError;
use super::held::{Held, Recent};
use super::jid::Jid;
use super::presence::Resources;
use super::strays::Strays;
use super::xml::Element;
use crate::backend::{BackendError, ChannelId, ResumePoint};
use crate::model::{Address, AgentKey};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use tokio::sync::oneshot;

/// People who asked for an agent's presence that are kept.
pub(super) const WATCHERS_MAX: usize = 10_000;

/// What a request was answered.
pub(super) type Answered = Result<Element, StanzaError>;

/// A question that is under way.
pub(super) struct Request {
    /// Who was asked; none: our own server.
    pub(super) to: Option<String>,
    pub(super) answer: oneshot::Sender<Answered>,
}

/// How far an agent has come with a room.
pub(super) enum Phase {
    Joining(Option<oneshot::Sender<Result<bool, StanzaError>>>),
    In,
    Leaving(Option<oneshot::Sender<()>>),
}

/// A seat of one of our agents in a room.
pub(super) struct Seat {
    pub(super) nick: String,
    pub(super) phase: Phase,
}

/// A contact of one agent.
pub(super) struct Contact {
    pub(super) channel: ChannelId,
    /// Who of its resources spoke last: it is answered there.
    pub(super) spoke: Option<Jid>,
    pub(super) resources: Resources,
    pub(super) held: Option<Held>,
    /// Something is missing before what comes live: it is no point to go on from.
    pub(super) has_gap: bool,
    /// Why the server refuses the subscription.
    pub(super) refused: Option<StanzaError>,
    pub(super) composing: bool,
}

/// An agent signed in.
pub(super) struct Agent {
    pub(super) key: AgentKey,
    pub(super) address: Address,
    pub(super) jid: Jid,
    pub(super) session: u64,
    pub(super) seats: HashMap<String, Seat>,
    pub(super) contacts: HashMap<String, Contact>,
    /// Who else was shown the agent's presence: people who asked. On an account the server knows
    /// them.
    pub(super) watchers: HashSet<String>,
    /// How people of an account's roster are who are not joined.
    pub(super) early: HashMap<String, Resources>,
    /// When it signed in.
    pub(super) since: DateTime<Utc>,
    /// Messages of people who are not joined yet.
    pub(super) strays: Strays,
}

/// A room on this link.
pub(super) struct Room {
    pub(super) channel: ChannelId,
    pub(super) info: Option<RoomInfo>,
    pub(super) subject: Option<String>,
    pub(super) recent: Recent,
    pub(super) held: Option<Held>,
    /// Something is missing before what comes live: it is no point to go on from.
    pub(super) has_gap: bool,
    /// Nicknames and who they are, where the room tells.
    pub(super) real: HashMap<String, String>,
    /// The point to resume from.
    pub(super) last: Option<ResumePoint>,
}

/// What a link knows, under one lock.
#[derive(Default)]
pub(super) struct LinkState {
    pub(super) over: Option<BackendError>,
    pub(super) agents: HashMap<String, Agent>,
    pub(super) rooms: HashMap<String, Room>,
    /// Files' service, once it was looked for.
    pub(super) upload: Option<Option<Service>>,
    /// Messages for agents of the component that have not signed in.
    pub(super) strays: Strays,
    /// Whether archives can be asked for an origin, by the host of their rooms; the account's own
    /// has no name.
    pub(super) knows_origins: HashMap<String, bool>,
    /// The account's contacts, and whether it sees them.
    pub(super) roster: HashMap<String, (Option<String>, bool)>,
    pub(super) requests: HashMap<String, Request>,
    /// Messages of archives that have come, by query, with the archive that was asked.
    pub(super) results: HashMap<String, (Option<String>, Vec<Element>)>,
    pub(super) fence: Fence,
    /// The number in the last id that was made.
    pub(super) next: u64,
}

/// Who waits until the server has everything sent so far: one question is under way at a time.
#[derive(Default)]
pub(super) struct Fence {
    pub(super) asked: Option<String>,
    /// Asked beside it when it was long unanswered.
    pub(super) again: Option<String>,
    pub(super) waiting: Vec<oneshot::Sender<()>>,
    pub(super) next: Vec<oneshot::Sender<()>>,
}

/// What a room says of itself.
#[derive(Clone, Default)]
pub(super) struct RoomInfo {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) has_archive: bool,
    /// Everybody in it sees who the others are.
    pub(super) tells_who: bool,
}

/// What takes files.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) host: String,
    /// Bytes of a file at most.
    pub(super) bytes_max: u64,
}
