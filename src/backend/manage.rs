//! Managing rooms: one request and one answer, so that a session needs one method for it.

use crate::model::{Category, ChannelId, ManagedRoom, NewRoom};

/// What a manager asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manage {
    /// The categories: answers [`Managed::Categories`].
    Categories,
    /// The rooms this agent may manage: answers [`Managed::Rooms`].
    Rooms,
    /// One of them: answers [`Managed::Room`].
    Room(ChannelId),
    /// Creates a room, managed by this agent: answers [`Managed::Room`].
    Create(NewRoom),
    /// Deletes a room: answers [`Managed::Done`].
    Delete(ChannelId),
    /// A room's members: answers [`Managed::Members`].
    Members(ChannelId),
    /// Replaces a room's members; who is in it and no longer may is put out: answers [`Managed::Done`].
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
