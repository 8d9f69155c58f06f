//! Managing rooms: one request and one answer, so that a session needs one method for it.

use crate::model::{Category, ChannelId, ManagedRoom, NewRoom};

/// What a manager asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manage {
    /// The categories: the answer is [`Managed::Categories`].
    Categories,
    /// The rooms this agent may manage: the answer is [`Managed::Rooms`].
    Rooms,
    /// One of them: the answer is [`Managed::Room`].
    Room(ChannelId),
    /// Creates a room, managed by this agent: the answer is [`Managed::Room`].
    Create(NewRoom),
    /// Deletes a room: the answer is [`Managed::Done`].
    Delete(ChannelId),
    /// A room's members: the answer is [`Managed::Members`].
    Members(ChannelId),
    /// Replaces a room's members; agents in it that are no longer members are put out: the answer
    /// is [`Managed::Done`].
    SetMembers(ChannelId, Vec<String>),
}

/// What it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Managed {
    /// The categories.
    Categories(Vec<Category>),
    /// Rooms.
    Rooms(Vec<ManagedRoom>),
    /// A room.
    Room(ManagedRoom),
    /// Members.
    Members(Vec<String>),
    /// It is done.
    Done,
}
