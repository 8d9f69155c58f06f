//! Rooms as a manager sees them (§management/calls).

use super::ChannelId;

/// Who may find a room and join it; the numbers are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Privacy {
    /// Everybody finds it and joins it.
    #[default]
    Open = 0,
    /// Everybody finds it, members join it.
    Closed = 1,
    /// Members alone find it and join it.
    Secret = 2,
}

/// What rooms lie in; read-only through this API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A room that the agent may manage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedRoom {
    /// Its channel id.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// Who may find and join it.
    pub privacy: Privacy,
}

/// A room to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoom {
    /// The category it is to lie in.
    pub category: String,
    /// Its name, not empty.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// Its members: addresses, or `resource:` entries, which are kept but match nobody.
    pub members: Vec<String>,
    /// Who may find and join it.
    pub privacy: Privacy,
}
