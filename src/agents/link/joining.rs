//! Joining: what is missing is joined, a shared room is caught up once, a refusal waits for an administrator.

use super::super::cell::{Cell, CellState, ChannelPhase, Trouble};
use super::super::infos::InfoSlot;
use super::super::lifecycle::{after_join, dice};
use super::intake::pause;
use super::surroundings::Surroundings;
use super::{IN_FLIGHT, Landed, LinkTask, Room};
use crate::backend::{BackendError, BackendErrorKind, Joined, Session};
use crate::journal::{self, EntryKind};
use crate::model::{AgentKey, ChannelId, ChannelKind, Place};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A join, its catch-up included, that takes longer counts as failed. A catch-up may be that long: a busy room of a week's
/// outage comes in pages. Meanwhile the agent posts elsewhere, joins its other channels, and can be stopped.
const JOIN_MAX: Duration = Duration::from_secs(600);

impl LinkTask {
    /// Starts the joins that are missing and due, as far as there is room for them. Costs what it starts.
    pub(super) fn join_all(&mut self, cell: Arc<Cell>, epoch: u32) {
        let now = self.around.timer().now();
        let Some(session) = cell.look(|state| state.session.clone()) else {
            return;
        };
        // A channel that must wait for another agent's join takes no room, so that looks are counted too: one agent with
        // 40,000 of them must not keep the others waiting.
        for _ in 0..IN_FLIGHT {
            if self.flights.len() >= IN_FLIGHT {
                break;
            }
            let Some(channel) = cell.change(|state| state.channels.take_due(now)) else {
                break;
            };
            if self.backend.capabilities().has(channel.kind()) {
                self.join(&cell, epoch, session.clone(), channel);
            } else {
                let kind = if channel.kind() == ChannelKind::Room {
                    "rooms"
                } else {
                    "contacts"
                };
                let reason = format!("this chat system has no {kind}");
                cell.change(|state| {
                    state.change_channel(&channel, |channel| {
                        channel.phase = ChannelPhase::Refused;
                        channel.trouble = Some(Box::new(Trouble {
                            reason,
                            attempt: 0,
                            next: None,
                        }));
                    })
                });
            }
        }
        match cell.look(|state| state.channels.next_due()) {
            Some(due) if due > now => self.retry(due, cell),
            // The rest is looked at when there is room for it.
            Some(_) => self.todo.push_back(cell),
            None => {}
        }
    }

    fn place(&self, channel: &ChannelId, agent: AgentKey) -> Place {
        let shared =
            channel.kind() == ChannelKind::Room && self.backend.capabilities().shared_rooms;
        Place {
            network: self.backend.network().clone(),
            channel: channel.clone(),
            agent: (!shared).then_some(agent),
        }
    }

    fn join(
        &mut self,
        cell: &Arc<Cell>,
        epoch: u32,
        session: Arc<dyn Session>,
        channel: ChannelId,
    ) {
        let place = self.place(&channel, cell.key);
        let mut first = true;
        if place.agent.is_none() {
            match self.rooms.get_mut(&channel) {
                Some(Room::Catching(waiting)) => {
                    waiting.insert(cell.key, cell.clone());
                    return;
                }
                Some(Room::Ready(_)) => first = false,
                None => {
                    self.rooms
                        .insert(channel.clone(), Room::Catching(BTreeMap::new()));
                }
            }
        }
        let join = cell.change(|state| state.begin_join(&channel));
        let (around, cell) = (self.around.clone(), cell.clone());
        self.flights.push(Box::pin(async move {
            let outcome = join_through(&around, &cell, join, session, place, first).await;
            Landed::Joined {
                cell,
                epoch,
                join,
                channel,
                first,
                outcome,
            }
        }));
    }

    pub(super) fn joined(
        &mut self,
        cell: &Arc<Cell>,
        (epoch, join): (u32, u64),
        channel: ChannelId,
        first: bool,
        outcome: Result<Joined, BackendError>,
    ) {
        let place = self.place(&channel, cell.key);
        let current = self.is_here(cell) && cell.look(|state| state.is_of(&channel, join));
        if place.agent.is_none() {
            self.room_joined(&channel, first, outcome.is_ok() && current);
        }
        match outcome {
            Ok(_) if !current => {
                let gone =
                    |state: &CellState| state.channel(&channel).is_none() && state.epoch == epoch;
                let session = cell.look(|state| state.session.clone().filter(|_| gone(state)));
                if let Some(session) = session {
                    let (cell, address) = (cell.clone(), cell.look(|state| state.address.clone()));
                    // It was never counted as inside, so there is no room to be counted out of.
                    self.leave_quietly(cell, session, address, channel);
                }
            }
            Err(_) if !current => {}
            // Entered when it was committed.
            Ok(_) => {}
            Err(error) => self.join_failed(cell, &channel, place, error),
        }
    }

    fn join_failed(
        &mut self,
        cell: &Arc<Cell>,
        channel: &ChannelId,
        place: Place,
        error: BackendError,
    ) {
        let (now, date) = (self.around.timer().now(), self.around.timer().wall());
        let next = cell.change(|state| {
            state.change_channel(channel, |channel| {
                let attempt = channel
                    .trouble
                    .as_ref()
                    .map_or(0, |trouble| trouble.attempt)
                    + 1;
                let next = after_join(&error, attempt, dice()).map(|wait| pause(now, date, wait));
                channel.phase = if next.is_some() {
                    ChannelPhase::Out
                } else {
                    ChannelPhase::Refused
                };
                channel.trouble = Some(Box::new(Trouble {
                    reason: error.reason.clone(),
                    attempt,
                    next,
                }));
                next
            })?
        });
        tracing::info!(agent = %cell.id, %channel, reason = error.reason, "join failed");
        match next {
            Some((due, _)) => {
                if !self.is_flapping(cell, channel) {
                    self.note(EntryKind::Down {
                        agent: cell.key,
                        channel: channel.clone(),
                    });
                }
                self.retry(due, cell.clone());
            }
            None => self.note(EntryKind::Left {
                agent: cell.key,
                place,
            }),
        }
    }

    /// Writes what became of a join. It keeps the join's room until it is committed: 40,000 refusals handed over at once
    /// stood before everybody's posts.
    fn note(&mut self, entry: EntryKind) {
        let noted = self.around.entries.write_through(entry);
        self.flights.push(Box::pin(async move {
            let _ = noted.await;
            Landed::Noted
        }));
    }

    fn room_joined(&mut self, channel: &ChannelId, first: bool, ok: bool) {
        match self.rooms.get_mut(channel) {
            Some(Room::Ready(inside)) if ok => *inside += 1,
            Some(Room::Catching(waiting)) if first => {
                for cell in std::mem::take(waiting).into_values() {
                    cell.change(|state| state.channels.reopen(channel));
                    self.todo.push_back(cell);
                }
                if ok {
                    self.rooms.insert(channel.clone(), Room::Ready(1));
                } else {
                    self.rooms.remove(channel);
                }
            }
            _ => {}
        }
    }
}

/// The channel counts as joined.
fn enter(state: &mut CellState, channel: &ChannelId, slot: Arc<InfoSlot>) {
    let _ = state.change_channel(channel, |channel| {
        channel.phase = ChannelPhase::In;
        channel.info = Some(slot);
        channel.trouble = None;
    });
}

/// Joins, catches up, and has the span begin before the channel counts as joined.
async fn join_through(
    around: &Arc<Surroundings>,
    cell: &Arc<Cell>,
    join: u64,
    session: Arc<dyn Session>,
    place: Place,
    first: bool,
) -> Result<Joined, BackendError> {
    let failed = |error: crate::error::Error| {
        BackendError::new(BackendErrorKind::Protocol, error.to_string())
    };
    let mut resume = None;
    if first {
        let asked = place.clone();
        resume = around
            .readers
            .read(move |connection| {
                journal::resume(connection, &asked).map_err(crate::database::storage)
            })
            .await
            .map_err(failed)?;
    }
    let channel = place.channel.clone();
    let joined = around
        .calls
        .ask(JOIN_MAX, "the join", move || session.join(channel, resume))
        .await?;
    // Its channel was deleted, or put again, meanwhile: the stay that would be recorded is nobody's.
    if !cell.look(|state| state.is_of(&place.channel, join)) {
        return Ok(joined);
    }
    // Whoever reads the event that says so may post at once: the channel counts as joined just before it is told.
    let (slot, inside, id) = (
        around.infos.joined(place.clone(), joined.info.clone()),
        cell.clone(),
        place.channel.clone(),
    );
    let before = Box::new(move || {
        inside.change(|state| {
            if state.is_of(&id, join) {
                enter(state, &id, slot);
            }
        });
    });
    let entered = EntryKind::Joined {
        agent: cell.key,
        place,
        resume: joined.resume.clone(),
    };
    around
        .entries
        .write_with(entered, Some(before))
        .await
        .map_err(failed)?;
    Ok(joined)
}
