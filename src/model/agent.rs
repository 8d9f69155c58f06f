//! Agents and users: what an administrator provisions, and what can be seen of it
//! (§agents/document, §users/document).

use super::names::names;
use super::{Address, AgentId, ChannelId, Contacts, Id, ReaderName, Secret, UserId};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};

/// The state of an agent (§agents/state); the numbers are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AgentState {
    /// Not connected, waiting for the next try or for an administrator.
    #[default]
    Idle = 0,
    /// Dialing or signing in.
    Activating = 1,
    /// Signed in.
    Active = 2,
}

/// The state of an agent's channel (§agents/state); the numbers are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum JoinState {
    /// Not joined, waiting for the next try or for an administrator.
    #[default]
    Idle = 0,
    /// Being joined.
    Activating = 1,
    /// Joined.
    Active = 2,
}

/// What an agent may do through the provisioning calls (§provisioning/modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ProvisioningMode {
    /// Nothing.
    #[default]
    None = 1,
    /// Everything.
    System = 2,
    /// Its own channels and metadata, and channel search.
    Own = 3,
}

/// Whether an agent may manage rooms (§management/mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ManagementMode {
    /// It may not.
    #[default]
    None = 1,
    /// It may.
    Groups = 2,
}

names!(
    AgentState,
    "state of an agent",
    [Idle = "idle", Activating = "activating", Active = "active",]
);
names!(
    JoinState,
    "state of a channel",
    [Idle = "idle", Activating = "activating", Active = "active",]
);
names!(
    ProvisioningMode,
    "provisioning mode",
    [None = "none", System = "system", Own = "own",]
);
names!(
    ManagementMode,
    "management mode",
    [None = "none", Groups = "groups",]
);

/// An agent to be put: the put creates it, or replaces the stored one (§agents/put).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewAgent {
    /// Its id.
    pub id: AgentId,
    /// Its address on the chat system.
    pub address: Address,
    /// The channels it may use.
    pub channels: Vec<ChannelId>,
    /// Who may act through it.
    pub users: Vec<UserId>,
    /// Its application's configuration.
    pub metadata: Vec<(String, String)>,
    /// What it may provision; `None` leaves the decision to `can_provision`.
    pub mode: Option<ProvisioningMode>,
    /// The older form of `mode`: true leaves an agent that is `Own` as it is and makes any other
    /// `System`.
    pub can_provision: bool,
    /// Whether it may manage rooms; `None` keeps the stored value.
    pub management: Option<ManagementMode>,
    /// Whether people who are not provisioned can talk with it; `None` keeps the stored value.
    pub contacts: Option<Contacts>,
    /// If given, the put fails with [`Error::Conflict`] unless the agent is at this revision (0:
    /// does not exist).
    pub expected_revision: Option<u64>,
}

impl NewAgent {
    /// An agent without channels, users or metadata.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `id` or `address` is not valid.
    pub fn new(id: impl Id<AgentId>, address: impl Id<Address>) -> Result<NewAgent> {
        Ok(NewAgent {
            id: id.into_id()?,
            address: address.into_id()?,
            channels: Vec::new(),
            users: Vec::new(),
            metadata: Vec::new(),
            mode: None,
            can_provision: false,
            management: None,
            contacts: None,
            expected_revision: None,
        })
    }

    /// Adds a channel.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `id` is not a channel id.
    pub fn channel(mut self, id: impl Id<ChannelId>) -> Result<NewAgent> {
        self.channels.push(id.into_id()?);
        Ok(self)
    }

    /// Adds a user, which need not exist yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `id` is not a user id.
    pub fn user(mut self, id: impl Id<UserId>) -> Result<NewAgent> {
        self.users.push(id.into_id()?);
        Ok(self)
    }

    /// Adds a metadata entry.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> NewAgent {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Sets what it may provision. Default: nothing.
    #[must_use]
    pub fn mode(mut self, mode: ProvisioningMode) -> NewAgent {
        self.mode = Some(mode);
        self
    }

    /// Sets whether it may manage rooms. Default: it may not.
    #[must_use]
    pub fn management(mut self, mode: ManagementMode) -> NewAgent {
        self.management = Some(mode);
        self
    }

    /// Sets whether people who are not provisioned can talk with it. Default: they cannot. A put
    /// never touches the list itself, but for [`Contacts::Provisioned`] and another address: both
    /// forget it. What was said stays.
    ///
    /// ```
    /// # use switchboard::{Contacts, NewAgent};
    /// let bot = NewAgent::new("helpdesk", "xmpp:helpdesk@example.org")?
    ///     .contacts(Contacts::Open { most: 1000 });
    /// # Ok::<(), switchboard::Error>(())
    /// ```
    #[must_use]
    pub fn contacts(mut self, contacts: Contacts) -> NewAgent {
        self.contacts = Some(contacts);
        self
    }

    /// Refuses the put unless the agent is at this revision.
    #[must_use]
    pub fn expecting(mut self, revision: u64) -> NewAgent {
        self.expected_revision = Some(revision);
        self
    }
}

/// A user to be put (§users/put).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// The name it logs in with; compared without case, and not necessarily unique.
    pub username: String,
    /// Its password; `None` keeps the stored one.
    pub password: Option<Secret>,
}

impl NewUser {
    /// A user without a password; one that exists keeps its password.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `id` is not a user id, or `username` is empty, too long, or has
    /// control characters.
    pub fn new(id: impl Id<UserId>, username: &str) -> Result<NewUser> {
        Address::parse(username)?;
        Ok(NewUser {
            id: id.into_id()?,
            username: username.to_owned(),
            password: None,
        })
    }

    /// Sets the password, 1 to 1,024 bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is empty or longer.
    pub fn password(mut self, password: impl Into<Secret>) -> Result<NewUser> {
        let password = password.into();
        if !(1..=1024).contains(&password.expose().len()) {
            return Err(Error::invalid("a password has 1 to 1,024 bytes"));
        }
        self.password = Some(password);
        Ok(self)
    }
}

/// What a put or delete did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It changed something.
    Applied,
    /// It changed nothing (304 on the wire for a channel, §channels/put).
    Unchanged,
}

names!(
    Change,
    "change",
    [Applied = "applied", Unchanged = "unchanged",]
);

/// A channel an agent may use, with its state (§agents/state).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvisionedChannel {
    /// Its id.
    pub id: ChannelId,
    /// Whether the agent is in it.
    pub state: JoinState,
}

impl ProvisionedChannel {
    pub(crate) fn new(id: ChannelId, state: JoinState) -> ProvisionedChannel {
        ProvisionedChannel { id, state }
    }
}

/// An agent as provisioned, with its state (§agents/state).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvisionedAgent {
    /// Its id.
    pub id: AgentId,
    /// Its address on the chat system.
    pub address: Address,
    /// Its channels, in the order in which they were put.
    pub channels: Vec<ProvisionedChannel>,
    /// Its application's configuration, in the order in which it was put.
    pub metadata: Vec<(String, String)>,
    /// Who may act through it, in the order in which they were put.
    pub users: Vec<UserId>,
    /// What it may provision.
    pub mode: ProvisioningMode,
    /// Whether it may manage rooms.
    pub management: ManagementMode,
    /// Whether people who are not provisioned can talk with it.
    pub contacts: Contacts,
    /// Whether it is signed in.
    pub state: AgentState,
    /// The number of the last change that touched this agent; all changes of the database are
    /// counted together.
    pub revision: u64,
}

impl ProvisionedAgent {
    #[expect(
        clippy::too_many_arguments,
        reason = "one place makes it, from one row and its lists"
    )]
    pub(crate) fn new(
        id: AgentId,
        address: Address,
        channels: Vec<ProvisionedChannel>,
        metadata: Vec<(String, String)>,
        users: Vec<UserId>,
        mode: ProvisioningMode,
        (management, contacts): (ManagementMode, Contacts),
        state: AgentState,
        revision: u64,
    ) -> ProvisionedAgent {
        ProvisionedAgent {
            id,
            address,
            channels,
            metadata,
            users,
            mode,
            management,
            contacts,
            state,
            revision,
        }
    }
}

/// A user as provisioned; the password is never returned (§users/document).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvisionedUser {
    /// Its id.
    pub id: UserId,
    /// The name it logs in with.
    pub username: String,
    /// Whether a password is stored.
    pub has_password: bool,
}

impl ProvisionedUser {
    pub(crate) fn new(id: UserId, username: String, has_password: bool) -> ProvisionedUser {
        ProvisionedUser {
            id,
            username,
            has_password,
        }
    }
}

/// The state of one channel of an agent, and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStatus {
    /// The channel.
    pub id: ChannelId,
    /// How far it has come.
    pub state: JoinState,
    /// Why it is not active, or not yet.
    pub reason: Option<String>,
    /// When the next try is due.
    pub next_try: Option<DateTime<Utc>>,
}

/// The state of an agent and of its channels, and the reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentStatus {
    /// The agent.
    pub id: AgentId,
    /// How far it has come.
    pub state: AgentState,
    /// Why it is not active, or not yet.
    pub reason: Option<String>,
    /// Since when it is in this state.
    pub since: DateTime<Utc>,
    /// Tries since it was last active.
    pub attempt: u32,
    /// When the next try is due.
    pub next_try: Option<DateTime<Utc>>,
    /// What looks like a mistake and keeps nothing from working: the address has a scheme that no
    /// backend has, so the default backend has the agent.
    pub warning: Option<String>,
    /// Its channels.
    pub channels: Vec<ChannelStatus>,
    /// How many open contacts it has; they are not among `channels`.
    pub open_contacts: usize,
}

impl AgentStatus {
    pub(crate) fn new(id: AgentId, since: DateTime<Utc>) -> AgentStatus {
        AgentStatus {
            id,
            state: AgentState::Idle,
            reason: None,
            since,
            attempt: 0,
            next_try: None,
            warning: None,
            channels: Vec::new(),
            open_contacts: 0,
        }
    }
}

impl ChannelStatus {
    pub(crate) fn new(
        id: ChannelId,
        state: JoinState,
        reason: Option<String>,
        next_try: Option<DateTime<Utc>>,
    ) -> ChannelStatus {
        ChannelStatus {
            id,
            state,
            reason,
            next_try,
        }
    }
}

/// Somebody who wrote to an agent and can be answered, though nobody provisioned their channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenContact {
    /// The channel, to be posted to like any other.
    pub id: ChannelId,
    /// Whether the agent hears them now.
    pub state: JoinState,
    /// When they wrote last; after a restart it may be up to an hour too early.
    pub heard: DateTime<Utc>,
    /// When the agent posted to them last, as exact as `heard`; none if it never did.
    pub answered: Option<DateTime<Utc>>,
}

impl OpenContact {
    pub(crate) fn new(
        id: ChannelId,
        state: JoinState,
        heard: DateTime<Utc>,
        answered: Option<DateTime<Utc>>,
    ) -> OpenContact {
        OpenContact {
            id,
            state,
            heard,
            answered,
        }
    }
}

/// A named reader and how far behind it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReaderStatus {
    /// The agent it reads.
    pub agent: AgentId,
    /// Its name.
    pub name: ReaderName,
    /// Journal rows between the reader and the newest row: an upper bound of the events that it has
    /// not acknowledged.
    pub lag: u64,
    /// When its place last moved.
    pub moved: DateTime<Utc>,
}

impl ReaderStatus {
    pub(crate) fn new(
        agent: AgentId,
        name: ReaderName,
        lag: u64,
        moved: DateTime<Utc>,
    ) -> ReaderStatus {
        ReaderStatus {
            agent,
            name,
            lag,
            moved,
        }
    }
}
