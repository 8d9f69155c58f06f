//! Rooms as a manager sees them (§management/calls).

use super::ChannelId;
use super::names::names;

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

names!(
    Privacy,
    "privacy",
    [Open = "open", Closed = "closed", Secret = "secret",]
);

/// What rooms lie in; read-only through this API.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Category {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Category {
    /// A category of that id and name.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Category {
        Category {
            id: id.into(),
            name: name.into(),
        }
    }
}

/// A room that the agent may manage.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManagedRoom {
    /// Its channel id.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// Who may find and join it.
    pub privacy: Privacy,
}

impl ManagedRoom {
    /// A room of that id and name.
    pub fn new(id: ChannelId, name: impl Into<String>, privacy: Privacy) -> ManagedRoom {
        ManagedRoom {
            id,
            name: name.into(),
            privacy,
        }
    }
}

/// A room to be created.
///
/// ```
/// use switchboard::{NewRoom, Privacy};
///
/// let room = NewRoom::new("general", "War room").member("xmpp:ada@example.org").privacy(Privacy::Closed);
/// assert_eq!(room.members, ["xmpp:ada@example.org"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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

impl NewRoom {
    /// A room of that name in that category: without a description, without members, open.
    pub fn new(category: impl Into<String>, name: impl Into<String>) -> NewRoom {
        NewRoom {
            category: category.into(),
            name: name.into(),
            description: None,
            members: Vec::new(),
            privacy: Privacy::Open,
        }
    }

    /// Sets the description. Default: none.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> NewRoom {
        self.description = Some(description.into());
        self
    }

    /// Adds a member: an address, or a `resource:` entry.
    #[must_use]
    pub fn member(mut self, address: impl Into<String>) -> NewRoom {
        self.members.push(address.into());
        self
    }

    /// Sets who may find and join it. Default: everybody.
    #[must_use]
    pub fn privacy(mut self, privacy: Privacy) -> NewRoom {
        self.privacy = privacy;
        self
    }
}
