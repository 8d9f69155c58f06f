//! What a link knows of agents, rooms and contacts, and what it has asked: data, without the lock
//! and the line.

use super::copies::Copies;
use super::errors::StanzaError;
use super::held::Held;
use super::jid::Jid;
use super::point::Reached;
use super::presence::Resources;
use super::strays::Strays;
use super::xml::Element;
use crate::backend::{BackendError, ChannelId};
use crate::model::{Address, AgentKey};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The most people who are kept as having asked for an agent's presence.
pub(super) const WATCHERS_MAX: usize = 10_000;

/// The answer to a request.
pub(super) type Answered = Result<Element, StanzaError>;

/// A request under way.
pub(super) struct Request {
    /// The entity that was asked; `None` is our own server.
    pub(super) to: Option<String>,
    pub(super) answer: oneshot::Sender<Answered>,
}

/// How far the agent's join of a room has come.
pub(super) enum Phase {
    Joining(Option<oneshot::Sender<Result<bool, StanzaError>>>),
    In,
    Leaving(Option<oneshot::Sender<()>>),
}

/// The seat of one of our agents in a room.
pub(super) struct Seat {
    pub(super) nick: String,
    pub(super) phase: Phase,
    /// True until the room has sent its subject: what is delayed before that is the room's past.
    pub(super) is_entering: bool,
}

/// A contact of one agent.
pub(super) struct Contact {
    pub(super) channel: ChannelId,
    /// The resource that wrote last, which gets the answers.
    pub(super) spoke: Option<Jid>,
    pub(super) resources: Resources,
    pub(super) held: Option<Held>,
    /// True if something is missing before the live messages, so that no point can be resumed from.
    pub(super) has_gap: bool,
    /// How far it was heard, if it has an archive.
    pub(super) trail: Option<Reached>,
    /// The server's reason for refusing the subscription.
    pub(super) refused: Option<StanzaError>,
    pub(super) composing: bool,
    /// Whether nobody provisioned them: they were not asked for their presence, nor shown the
    /// agent's.
    pub(super) is_open: bool,
}

/// An agent that is signed in.
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
    /// The presence of people on an account's roster who are not joined.
    pub(super) early: HashMap<String, Resources>,
    /// When it signed in.
    pub(super) since: DateTime<Utc>,
    /// The attempt to begin with at the next join, by room.
    pub(super) attempts: HashMap<String, usize>,
    /// Messages of people who are not joined yet.
    pub(super) strays: Strays,
}

/// A room on this link.
pub(super) struct Room {
    pub(super) channel: ChannelId,
    pub(super) info: Option<RoomInfo>,
    pub(super) subject: Option<String>,
    /// The last messages, which all links share that see the room.
    pub(super) copies: Arc<Mutex<Copies>>,
    /// This link's bit among those.
    pub(super) link: u64,
    pub(super) held: Option<Held>,
    /// True if something is missing before the live messages, so that no point can be resumed from.
    pub(super) has_gap: bool,
    /// How far it was heard, if it has an archive.
    pub(super) trail: Option<Reached>,
    /// The addresses of occupants by nickname, if the room tells them.
    pub(super) real: HashMap<String, String>,
}

/// The state of a link, under one lock.
#[derive(Default)]
pub(super) struct LinkState {
    pub(super) over: Option<BackendError>,
    pub(super) agents: HashMap<String, Agent>,
    pub(super) rooms: HashMap<String, Room>,
    /// The upload service, once it was looked for.
    pub(super) upload: Option<Option<Service>>,
    /// Messages for agents of the component that have not signed in.
    pub(super) strays: Strays,
    /// Whether archives can be asked for an origin, by the host of their rooms; the account's own
    /// has no name.
    pub(super) knows_origins: HashMap<String, bool>,
    /// The account's contacts: the name, and whether the account sees the presence.
    pub(super) roster: HashMap<String, (Option<String>, bool)>,
    pub(super) requests: HashMap<String, Request>,
    /// The messages of an archive's query so far, with the archive that was asked.
    pub(super) results: HashMap<String, (Option<String>, Vec<Element>)>,
    pub(super) fence: Fence,
    /// The number in the last id.
    pub(super) next: u64,
}

/// Callers that wait until the server has everything sent so far. One request is under way at a
/// time.
#[derive(Default)]
pub(super) struct Fence {
    pub(super) asked: Option<String>,
    /// The id of a second request, sent when the first has no answer for long.
    pub(super) again: Option<String>,
    pub(super) waiting: Vec<oneshot::Sender<()>>,
    pub(super) next: Vec<oneshot::Sender<()>>,
}

/// A room's properties.
#[derive(Clone, Default)]
pub(super) struct RoomInfo {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) has_archive: bool,
    /// True if it gives occupants ids.
    pub(super) names_occupants: bool,
    /// The namespace of moderation that it knows, if it knows one (XEP-0425).
    pub(super) moderation: Option<&'static str>,
    /// True if every occupant sees the others' addresses.
    pub(super) tells_who: bool,
}

/// The service that takes files.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) host: String,
    /// The most bytes of a file.
    pub(super) bytes_max: u64,
}
