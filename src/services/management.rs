//! Management (§management/calls): creates and deletes rooms and changes their members,
//! through the agent's session.

use super::AsyncResult;
use super::sessions::{Sessions, deleted};
use crate::agents::{Cell, error_of};
use crate::backend::{BackendErrorKind, Manage, Managed};
use crate::error::{Error, Result};
use crate::model::{Category, ChannelId, Id, ManagedRoom, ManagementMode, NewRoom, Principal, Who};
use crate::waiting::park;
use std::sync::Arc;
use std::time::Duration;

/// How long the chat system may take. It needs hundreds of requests to change the members of a
/// large room.
const MANAGE_MAX: Duration = Duration::from_secs(120);

/// What one principal manages through one agent. Cheap to clone.
#[derive(Clone)]
pub struct Management {
    sessions: Arc<Sessions>,
    cell: Arc<Cell>,
    principal: Principal,
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Management")
            .field("agent", &self.cell.id)
            .finish_non_exhaustive()
    }
}

impl Management {
    /// A view for an agent that may manage.
    ///
    /// # Errors
    /// `Forbidden` if the agent's management mode is not Groups.
    pub(super) fn new(
        sessions: Arc<Sessions>,
        cell: Arc<Cell>,
        principal: Principal,
    ) -> Result<Management> {
        let view = Management {
            sessions,
            cell,
            principal,
        };
        view.check()?;
        Ok(view)
    }

    fn check(&self) -> Result<()> {
        self.principal.check()?;
        let (mode, is_deleted) = self
            .cell
            .look(|state| (state.management, state.life().is_deleted()));
        if is_deleted {
            return Err(deleted(&self.cell));
        }
        let is_bound = !matches!(self.principal.who(), Who::Host(_));
        if is_bound && mode != ManagementMode::Groups {
            return Err(Error::Forbidden(format!(
                "agent `{}` may not manage rooms",
                self.cell.id
            )));
        }
        Ok(())
    }

    async fn ask(self, request: Manage) -> Result<Managed> {
        self.check()?;
        let session = self.sessions.of(&self.cell)?;
        let changes = !matches!(
            request,
            Manage::Categories | Manage::Rooms | Manage::Room(_) | Manage::Members(_)
        );
        let late = if changes {
            BackendErrorKind::OutcomeUnknown
        } else {
            BackendErrorKind::Unreachable
        };
        let asked =
            self.sessions
                .ask_within(MANAGE_MAX, late, "the management of rooms", move || {
                    session.manage(request)
                });
        asked.await.map_err(|error| match error.kind {
            BackendErrorKind::ChannelGone => Error::NotFound(error.reason),
            _ => error_of(error, ""),
        })
    }

    fn asking<T: Send + 'static>(
        &self,
        request: Result<Manage>,
        take: fn(Managed) -> Option<T>,
    ) -> AsyncResult<T> {
        let this = self.clone();
        Box::pin(async move {
            let managed = this.ask(request?).await?;
            take(managed)
                .ok_or_else(|| Error::Internal("the chat system gave an unexpected answer".into()))
        })
    }

    /// The rooms and people whose display name contains `query`, without regard to case
    /// (§channels/find).
    ///
    /// # Errors
    /// `Invalid` for an empty query; `AgentInactive`; `Unsupported` where the chat system has no
    /// search; what the chat system refuses; `Forbidden`; `Unauthorized`.
    pub fn find_channels(&self, query: &str) -> Result<Vec<(ChannelId, String)>> {
        park(self.find_channels_async(query))
    }

    /// As [`Management::find_channels`], on any executor.
    pub fn find_channels_async(&self, query: &str) -> AsyncResult<Vec<(ChannelId, String)>> {
        let (this, query) = (self.clone(), query.to_owned());
        Box::pin(async move {
            this.check()?;
            this.sessions.find_channels(&this.cell, query).await
        })
    }

    /// The categories that a room can be created in.
    ///
    /// # Errors
    /// `AgentInactive`; `Unsupported` where the chat system has no management;
    /// `Forbidden`; `Unauthorized`.
    pub fn categories(&self) -> Result<Vec<Category>> {
        park(self.categories_async())
    }

    /// As [`Management::categories`], on any executor.
    pub fn categories_async(&self) -> AsyncResult<Vec<Category>> {
        self.asking(Ok(Manage::Categories), |managed| match managed {
            Managed::Categories(found) => Some(found),
            _ => None,
        })
    }

    /// The rooms that this agent may manage.
    ///
    /// # Errors
    /// As [`Management::categories`].
    pub fn rooms(&self) -> Result<Vec<ManagedRoom>> {
        park(self.rooms_async())
    }

    /// As [`Management::rooms`], on any executor.
    pub fn rooms_async(&self) -> AsyncResult<Vec<ManagedRoom>> {
        self.asking(Ok(Manage::Rooms), |managed| match managed {
            Managed::Rooms(found) => Some(found),
            _ => None,
        })
    }

    /// One room.
    ///
    /// # Errors
    /// `NotFound` for a room that the agent may not manage; as [`Management::categories`].
    pub fn room(&self, id: impl Id<ChannelId>) -> Result<ManagedRoom> {
        park(self.room_async(id))
    }

    /// As [`Management::room`], on any executor.
    pub fn room_async(&self, id: impl Id<ChannelId>) -> AsyncResult<ManagedRoom> {
        self.asking(id.into_id().map(Manage::Room), as_room)
    }

    /// Creates a room, which this agent then manages.
    ///
    /// # Errors
    /// `Rejected` for an unknown category or an empty name; as [`Management::categories`].
    pub fn create_room(&self, new: NewRoom) -> Result<ManagedRoom> {
        park(self.create_room_async(new))
    }

    /// As [`Management::create_room`], on any executor.
    pub fn create_room_async(&self, new: NewRoom) -> AsyncResult<ManagedRoom> {
        self.asking(Ok(Manage::Create(new)), as_room)
    }

    /// Deletes a room and removes everybody from it.
    ///
    /// # Errors
    /// `NotFound`; as [`Management::categories`].
    pub fn delete_room(&self, id: impl Id<ChannelId>) -> Result<()> {
        park(self.delete_room_async(id))
    }

    /// As [`Management::delete_room`], on any executor.
    pub fn delete_room_async(&self, id: impl Id<ChannelId>) -> AsyncResult<()> {
        self.asking(id.into_id().map(Manage::Delete), as_done)
    }

    /// A room's members.
    ///
    /// # Errors
    /// `NotFound`; as [`Management::categories`].
    pub fn members(&self, id: impl Id<ChannelId>) -> Result<Vec<String>> {
        park(self.members_async(id))
    }

    /// As [`Management::members`], on any executor.
    pub fn members_async(&self, id: impl Id<ChannelId>) -> AsyncResult<Vec<String>> {
        self.asking(id.into_id().map(Manage::Members), |managed| match managed {
            Managed::Members(found) => Some(found),
            _ => None,
        })
    }

    /// Replaces a room's members. An agent that is no longer allowed is removed as by a kick.
    ///
    /// # Errors
    /// `NotFound`; as [`Management::categories`].
    pub fn put_members(&self, id: impl Id<ChannelId>, members: Vec<String>) -> Result<()> {
        park(self.put_members_async(id, members))
    }

    /// As [`Management::put_members`], on any executor.
    pub fn put_members_async(
        &self,
        id: impl Id<ChannelId>,
        members: Vec<String>,
    ) -> AsyncResult<()> {
        self.asking(
            id.into_id().map(|id| Manage::SetMembers(id, members)),
            as_done,
        )
    }
}

fn as_room(managed: Managed) -> Option<ManagedRoom> {
    match managed {
        Managed::Room(room) => Some(room),
        _ => None,
    }
}

fn as_done(managed: Managed) -> Option<()> {
    matches!(managed, Managed::Done).then_some(())
}
