//! Rooms managed: categories, privacy, members (§management/calls, §management/members).
//!
//! A room opened by the host is Open and managed by every agent that may manage at all; a room
//! created by an agent is managed by that agent. A member is compared with an agent's user name,
//! case aside.

use super::access::Access;
use super::names::fold;
use super::state::ChatState;
use crate::backend::{BackendError, BackendErrorKind, Manage, Managed};
use crate::model::{ChannelId, ManagedRoom, NewRoom};
use std::collections::HashSet;

/// The most rooms.
const ROOMS_MAX: usize = 100_000;
/// The most members of a room.
const MEMBERS_MAX: usize = 10_000;

impl ChatState {
    /// Carries out a manager's request.
    pub(super) fn manage(
        &mut self,
        session: u64,
        request: Manage,
    ) -> Result<Managed, BackendError> {
        let Some(signed) = self.sessions.get(&session) else {
            return Err(BackendError::unreachable(
                "the agent is no longer signed in",
            ));
        };
        let address = signed.address.clone();
        match request {
            Manage::Categories => Ok(Managed::Categories(self.categories.clone())),
            Manage::Rooms => {
                let managed = self
                    .rooms
                    .iter()
                    .filter(|(_, room)| room.access.may_manage(&address));
                let mut rooms: Vec<ManagedRoom> =
                    managed.map(|(id, room)| shown(id, room)).collect();
                rooms.sort_by(|one, other| one.id.cmp(&other.id));
                Ok(Managed::Rooms(rooms))
            }
            Manage::Room(id) => {
                self.managed(&id, &address)?;
                Ok(Managed::Room(shown(&id, &self.rooms[&id])))
            }
            Manage::Create(room) => self.create(room, &address),
            Manage::Delete(id) => {
                self.managed(&id, &address)?;
                self.put_out_unless(&id, "the room was deleted", |_| false);
                self.rooms.remove(&id);
                Ok(Managed::Done)
            }
            Manage::Members(id) => Ok(Managed::Members(
                self.managed(&id, &address)?.members.clone(),
            )),
            Manage::SetMembers(id, members) => {
                self.managed(&id, &address)?;
                if let Some(room) = self.rooms.get_mut(&id) {
                    room.access.members = distinct(members)?;
                }
                self.put_out_unless(&id, "it is no longer a member", |room| room);
                Ok(Managed::Done)
            }
        }
    }

    fn managed(&self, id: &ChannelId, address: &str) -> Result<&Access, BackendError> {
        let access = self
            .rooms
            .get(id)
            .map(|room| &room.access)
            .filter(|access| access.may_manage(address));
        access.ok_or_else(|| {
            BackendError::new(
                BackendErrorKind::ChannelGone,
                format!("no room `{id}` to manage"),
            )
        })
    }

    fn create(&mut self, room: NewRoom, address: &str) -> Result<Managed, BackendError> {
        let rejected = |reason: String| BackendError::new(BackendErrorKind::Rejected, reason);
        if room.name.trim().is_empty() {
            return Err(rejected("a room needs a name".into()));
        }
        if !self
            .categories
            .iter()
            .any(|category| category.id == room.category)
        {
            return Err(rejected(format!("no category `{}`", room.category)));
        }
        if self.rooms.len() >= ROOMS_MAX {
            return Err(rejected("there are too many rooms".into()));
        }
        self.last_room += 1;
        let id = ChannelId::parse(&format!("chat-room:{}", self.prefix.text(self.last_room)))
            .map_err(|error| rejected(error.to_string()))?;
        let log = self.archive.new_log();
        let access = Access {
            privacy: room.privacy,
            members: distinct(room.members)?,
            category: room.category,
            description: room.description.filter(|text| !text.is_empty()),
            manager: Some(fold(address)),
        };
        let made = super::state::Room {
            log,
            display_name: room.name,
            subject: None,
            members: HashSet::new(),
            access,
        };
        let answer = shown(&id, &made);
        self.rooms.insert(id, made);
        Ok(Managed::Room(answer))
    }

    /// Puts out every agent that may not be in a room. `kept` says whether those who may join stay.
    fn put_out_unless(&mut self, id: &ChannelId, reason: &str, kept: impl Fn(bool) -> bool) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let out: Vec<u64> = room
            .members
            .iter()
            .filter(|session| {
                let may = self
                    .sessions
                    .get(session)
                    .is_some_and(|signed| room.access.may_join(&signed.address));
                !kept(may)
            })
            .copied()
            .collect();
        for session in out {
            self.put_out(session, id, reason);
        }
    }
}

fn shown(id: &ChannelId, room: &super::state::Room) -> ManagedRoom {
    ManagedRoom {
        id: id.clone(),
        name: room.display_name.clone(),
        privacy: room.access.privacy,
    }
}

fn distinct(members: Vec<String>) -> Result<Vec<String>, BackendError> {
    let mut seen = HashSet::new();
    let members: Vec<String> = members
        .into_iter()
        .filter(|member| !member.is_empty() && seen.insert(member.clone()))
        .collect();
    if members.len() > MEMBERS_MAX {
        return Err(BackendError::new(
            BackendErrorKind::Rejected,
            format!("a room has at most {MEMBERS_MAX} members"),
        ));
    }
    Ok(members)
}
