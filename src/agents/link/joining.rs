//! Joining: the channels that are missing are joined, a shared room is caught up once, and a
//! refusal waits for an administrator.

use super::super::cell::Cell;
use super::super::lifecycle::{AgentChannel, Announce, ChannelEvent, Event, Next};
use super::surroundings::Surroundings;
use super::{IN_FLIGHT, Landed, LinkTask};
use crate::backend::{BackendError, BackendErrorKind, Joined, Session};
use crate::journal::{self, EntryKind};
use crate::model::{AgentKey, ChannelId, ChannelKind, Place};
use std::sync::Arc;
use std::time::Duration;

/// A join that takes longer, its catch-up included, counts as failed. A catch-up may take that
/// long: the messages of a busy room after an outage of a week come in pages. Meanwhile the agent
/// posts elsewhere, joins its other channels, and can be stopped.
const JOIN_MAX: Duration = Duration::from_secs(600);

impl LinkTask {
    /// Starts the joins that are missing and due, as far as there is room for them. The cost is
    /// that of what it starts.
    pub(super) fn join_channels(&mut self, cell: Arc<Cell>, epoch: u32) {
        let now = self.around.now();
        let Some(session) = cell.session() else {
            return;
        };
        // A channel that must wait for another agent's join takes no place among the flights, so
        // looks are counted too: an agent with 40,000 such channels must not keep the others
        // waiting.
        for _ in 0..IN_FLIGHT {
            if self.flights.len() >= IN_FLIGHT {
                break;
            }
            let channel = match cell.step_on(&self.handle, Event::NextJoin, now).next {
                Next::Join { channel } => channel,
                next => return self.go_on(cell, next),
            };
            if self.backend.capabilities().has(channel.kind()) {
                self.join(&cell, epoch, session.clone(), channel);
            } else {
                self.refuse(&cell, &channel);
            }
        }
        // The rest is looked at when there is room for it.
        self.todo.push_back(cell);
    }

    fn refuse(&self, cell: &Arc<Cell>, channel: &ChannelId) {
        let reason = if channel.kind() == ChannelKind::Room {
            "this chat system has no rooms"
        } else {
            "this chat system has no contacts"
        };
        let impossible = ChannelEvent::JoinImpossible { reason }.of(channel);
        let _ = cell.step_on(&self.handle, impossible, self.around.now());
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
        let is_shared = place.agent.is_none();
        if is_shared && self.rooms.wait(&channel, cell) {
            return;
        }
        let begins = ChannelEvent::JoinBegins.of(&channel);
        let begun = cell.step_on(&self.handle, begins, self.around.now());
        let Next::Joining { join } = begun.next else {
            return;
        };
        let first = !is_shared || self.rooms.begin(&channel);
        let is_open = |channel: &AgentChannel| channel.is_open();
        let open = cell.look(|state| state.channel(&channel).is_some_and(is_open));
        let (around, cell) = (self.around.clone(), cell.clone());
        self.flights.push(Box::pin(async move {
            let outcome = join_through(&around, &cell, (join, open), session, place, first).await;
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
        if place.agent.is_none() {
            let counts = outcome.is_ok()
                && cell
                    .look(|state| state.is_on(&self.handle) && state.life().is_of(&channel, join));
            self.room_joined(&channel, first, counts);
        }
        match outcome {
            // A join that counts was applied when it was committed.
            Ok(_) => {
                let channel = &channel;
                let answered = ChannelEvent::JoinAnswered { epoch }.of(channel);
                let actions = cell.step_on(&self.handle, answered, self.around.now());
                if let Some(session) = actions.leave {
                    let address = cell.look(|state| state.address.clone());
                    // The agent was never counted among those in the room.
                    self.leave_quietly(cell.clone(), session, address, channel.clone());
                }
            }
            Err(error) => self.join_failed(cell, join, &channel, place, &error),
        }
    }

    fn join_failed(
        &mut self,
        cell: &Arc<Cell>,
        join: u64,
        channel: &ChannelId,
        place: Place,
        error: &BackendError,
    ) {
        let failed = ChannelEvent::JoinFailed { join, error }.of(channel);
        let agent = cell.key;
        let actions = cell.step_on(&self.handle, failed, self.around.now());
        if actions.announce != Announce::No {
            tracing::info!(agent = %cell.id, %channel, reason = error.reason, "join failed");
        }
        match actions.announce {
            Announce::Down if !self.flaps.holds(agent, channel) => self.note(EntryKind::Down {
                agent,
                channel: channel.clone(),
            }),
            Announce::Left => self.note(EntryKind::Left { agent, place }),
            _ => {}
        }
        self.go_on(cell.clone(), actions.next);
    }

    /// Writes what became of a join. The entry keeps the join's place among the flights until it is
    /// committed: 40,000 refusals that were queued at once delayed everybody's posts.
    fn note(&mut self, entry: EntryKind) {
        let noted = self.around.entries.write_through(entry);
        self.flights.push(Box::pin(async move {
            let _ = noted.await;
            Landed::Noted
        }));
    }

    /// A join of a shared room has ended: the agents that waited for it are looked at.
    fn room_joined(&mut self, channel: &ChannelId, first: bool, ok: bool) {
        let now = self.around.now();
        for cell in self.rooms.joined(channel, first, ok) {
            let possible = ChannelEvent::JoinPossible.of(channel);
            let actions = cell.step_on(&self.handle, possible, now);
            self.go_on(cell, actions.next);
        }
    }
}

/// Joins, catches up, and has the span committed before the channel counts as joined.
async fn join_through(
    around: &Arc<Surroundings>,
    cell: &Arc<Cell>,
    (join, open): (u64, bool),
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
            .reads
            .read(move |connection| {
                journal::resume(connection, &asked).map_err(crate::database::storage)
            })
            .await
            .map_err(failed)?;
    }
    if open {
        // What the contact wrote already is to be heard, so the stay begins before it comes.
        let (agent, place) = (cell.key, place.clone());
        let entered = EntryKind::Entered { agent, place, open };
        around.entries.write(entered);
    }
    let channel = place.channel.clone();
    let joined = around
        .calls
        .ask(JOIN_MAX, "the join", move || match open {
            true => session.admit(channel, resume),
            false => session.join(channel, resume),
        })
        .await?;
    // The channel was deleted, or put again, meanwhile: no stay is to be recorded.
    if !cell.look(|state| state.life().is_of(&place.channel, join)) {
        return Ok(joined);
    }
    // A caller that reads the event of the join may post at once, so the channel counts as joined
    // just before the event is shown.
    let (info, inside, id) = (
        around.infos.joined(place.clone(), joined.info.clone()),
        cell.clone(),
        place.channel.clone(),
    );
    let now = around.now();
    let before = Box::new(move || {
        let channel = &id;
        let joined = ChannelEvent::Joined { join, info }.of(channel);
        let _ = inside.step(joined, now);
    });
    let entered = EntryKind::Joined {
        agent: cell.key,
        place,
        resume: joined.resume.clone(),
        open,
    };
    around
        .entries
        .write_with(entered, Some(before))
        .await
        .map_err(failed)?;
    Ok(joined)
}
