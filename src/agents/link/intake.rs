//! What comes in over one link: the engine's side of an [`Inbox`](crate::backend::Inbox). Messages
//! go to the writer, changes of an agent to its lifecycle.

use super::super::cell::{Cell, CellLink, CellState};
use super::super::lifecycle::{Actions, Announce, ChannelEvent, ChannelPhase, Event, Next, Wrote};
use super::super::mail::Farewell;
use super::super::roster::Roster;
use super::recent::Recent;
use super::surroundings::Surroundings;
use crate::backend::{BackendError, Closed, Full, Inbound, Intake, Received, SeenBy, StateChange};
use crate::journal::{EntryKind, NewRow};
use crate::model::{AgentKey, Broadcast, ChannelId, ChannelKind, NetworkId, Place, ResumePoint};
use crate::waiting::Busy;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

/// One connection's intake; the next connection gets another.
pub(super) struct LinkIntake {
    around: Arc<Surroundings>,
    roster: Weak<Roster>,
    link: Arc<CellLink>,
    network: NetworkId,
    /// Whether a room is one conversation for all agents of the link.
    shared_rooms: bool,
    generation: u64,
    closed: AtomicBool,
    recent: Mutex<Recent>,
}

impl LinkIntake {
    pub(super) fn new(
        around: Arc<Surroundings>,
        roster: Weak<Roster>,
        link: Arc<CellLink>,
        (network, shared_rooms): (NetworkId, bool),
        generation: u64,
    ) -> Arc<LinkIntake> {
        let (closed, recent) = (AtomicBool::new(false), Mutex::default());
        Arc::new(LinkIntake {
            around,
            roster,
            link,
            network,
            shared_rooms,
            generation,
            closed,
            recent,
        })
    }

    /// Ends this intake: nothing from its connection is applied any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn place(&self, seen_by: SeenBy, channel: &ChannelId) -> Place {
        let agent = match seen_by {
            SeenBy::Room => None,
            SeenBy::Agent(agent) => Some(agent),
        };
        Place {
            network: self.network.clone(),
            channel: channel.clone(),
            agent,
        }
    }

    fn cell(&self, agent: AgentKey) -> Option<Arc<Cell>> {
        let cell = self.roster.upgrade()?.by_key(agent)?;
        cell.is_on(&self.link).then_some(cell)
    }

    fn message(
        &self,
        seen_by: SeenBy,
        channel: ChannelId,
        message: Box<Received>,
        resume: Option<ResumePoint>,
    ) -> Result<(), Full> {
        let place = self.place(seen_by, &channel);
        let known = {
            let has_origin = message.origin.is_some();
            self.recent.lock().knows(&(&place, &message.id, has_origin))
        };
        if known && resume.is_none() {
            return Ok(());
        }
        let bytes = message.weight();
        let entries = &self.around.entries;
        let has_room = match known {
            true => entries.has_room(),
            false => entries.reserve(bytes),
        };
        if !has_room {
            return Err(Full::Full(Inbound::Message {
                seen_by,
                channel,
                message,
                resume,
            }));
        }
        if let (true, Some(point)) = (known, &resume) {
            let point = point.clone();
            entries.write(EntryKind::Resume { place, point });
            return Ok(());
        }
        self.link.set_flowing();
        let has_origin = message.origin.is_some();
        self.recent.lock().note(&(&place, &message.id, has_origin));
        if !has_origin {
            self.note_wrote(&place);
        }
        let row = Box::new(self.row(place, *message, resume));
        self.around
            .entries
            .write_reserved(row, bytes)
            .map_err(|_| Full::Closed)
    }

    /// The row of a message that came in. One of ours that comes back gets what the book of posts knows of it: who posted
    /// it, and the content that was sent, of which a chat system may carry less.
    fn row(&self, place: Place, mut message: Received, resume: Option<ResumePoint>) -> NewRow {
        let ours = message.origin.take().and_then(|origin| {
            let agent = self.around.origins.recognise(&origin, &place.channel)?;
            Some((origin, agent))
        });
        let now = self.around.timer().wall();
        let Some((origin, agent)) = ours else {
            return NewRow {
                resume,
                ..NewRow::of(place, message, now)
            };
        };
        let about = self.around.posting.came_back(&origin, &mut message);
        NewRow {
            resume,
            origin: Some(origin),
            sender_agent: Some(agent),
            posted_by: about.posted_by,
            digest: about.digest,
            transfer: about.transfer,
            ..NewRow::of(place, message, now)
        }
    }

    /// An agent that is still joining hears from here on. The entry goes in the ordered lane, so
    /// every message that comes after it is within the agent's span.
    fn entered(&self, agent: AgentKey, channel: &ChannelId) {
        let Some(cell) = self.cell(agent) else { return };
        let joins = |state: &CellState| {
            let there = state.channel(channel)?;
            (there.phase() == ChannelPhase::Joining).then_some(there.is_open())
        };
        if let Some(open) = cell.look(joins) {
            let place = self.place(self.seen_by(agent, channel), channel);
            let entered = EntryKind::Entered { agent, place, open };
            self.around.entries.write(entered);
        }
    }

    /// Somebody wrote to an agent that has not joined them. Either they are let in, and the connector
    /// hands over what they wrote with the join; or it is told that they tried.
    fn stranger(&self, agent: AgentKey, channel: ChannelId) {
        let Some(cell) = self.cell(agent) else { return };
        // One that is provisioned, or let in, is about to be joined.
        if cell.look(|state| state.channel(&channel).is_some()) {
            return;
        }
        let now = self.around.now();
        let heard = now.date.timestamp_millis();
        let came = ChannelEvent::Stranger { heard }.of(&channel);
        let actions = cell.step_on(&self.link, came, now);
        if actions.next == Next::Rest {
            return self.turned_away(&cell, channel);
        }
        for gone in &actions.forgotten {
            let place = self.place(SeenBy::Agent(agent), gone);
            self.around.forget(agent, place);
        }
        let farewell = actions.leave.map(|session| Farewell {
            agent: cell.clone(),
            session,
            address: cell.look(|state| state.address.clone()),
            channels: actions.left,
            for_good: false,
        });
        self.link.tell(|mail| {
            mail.farewells.extend(farewell);
            mail.look.push(cell);
        });
    }

    /// Somebody wrote to an agent that does not hear them.
    fn turned_away(&self, cell: &Cell, channel: ChannelId) {
        let strangers = self.around.strangers();
        strangers.tried();
        let ring = &self.around.ring;
        if ring.is_wanted() && strangers.is_news(cell.key, &channel, self.around.timer().now()) {
            let agent = cell.id.clone();
            ring.publish([(0, Arc::new(Broadcast::Stranger { agent, channel }))]);
        }
    }

    /// An open contact wrote, if it is one.
    fn note_wrote(&self, place: &Place) {
        let Some(agent) = place.agent else { return };
        if place.channel.kind() == ChannelKind::Room || !self.around.strangers().are_open() {
            return;
        }
        let Some(cell) = self.cell(agent) else { return };
        let now = self.around.timer().wall().timestamp_millis();
        let channel = &place.channel;
        if let Some(times) = cell.wrote(channel, Wrote::Contact, now) {
            self.around.entries.write_lazily(EntryKind::Contact {
                agent,
                channel: channel.clone(),
                times,
            });
        }
    }

    /// Who sees the messages in a channel of that agent.
    fn seen_by(&self, agent: AgentKey, channel: &ChannelId) -> SeenBy {
        if self.shared_rooms && channel.kind() == ChannelKind::Room {
            SeenBy::Room
        } else {
            SeenBy::Agent(agent)
        }
    }

    fn put_out(&self, agent: AgentKey, channel: ChannelId, reason: String, may_retry: bool) {
        let Some(cell) = self.cell(agent) else { return };
        let put_out = ChannelEvent::PutOut { reason, may_retry }.of(&channel);
        let actions = cell.step_on(&self.link, put_out, self.around.now());
        if actions.announce == Announce::Left {
            let place = self.place(self.seen_by(agent, &channel), &channel);
            self.around.entries.write(EntryKind::Left { agent, place });
        }
        self.tell(cell, actions, Some(channel));
    }

    fn signed_out(&self, agent: AgentKey, error: &BackendError) {
        let Some(cell) = self.cell(agent) else { return };
        let actions = cell.step_on(&self.link, Event::SignedOut { error }, self.around.now());
        if let Some(state) = actions.show {
            self.around.show(&cell, state, Some(error.reason.clone()));
        }
        self.tell(cell, actions, None);
    }

    /// Tells the link's task what is to be done about a loss: of one channel, or of all of the
    /// agent's.
    fn tell(&self, cell: Arc<Cell>, actions: Actions, lost: Option<ChannelId>) {
        if actions.next != Next::Look {
            return;
        }
        self.link.tell(|mail| {
            mail.left.extend(actions.left);
            if actions.announce == Announce::IfItLasts {
                mail.flaps.push((cell.clone(), lost));
            }
            mail.look.push(cell);
        });
    }
}

impl Intake for LinkIntake {
    fn take(&self, item: Inbound) -> Result<(), Full> {
        if self.is_closed() {
            return Err(Full::Closed);
        }
        match item {
            // Each of these may become an entry, so it waits while the queue is full.
            Inbound::Entered { .. } | Inbound::Inactive { .. } | Inbound::Stranger { .. }
                if !self.around.entries.has_room() =>
            {
                Err(Full::Full(item))
            }
            Inbound::Message {
                seen_by,
                channel,
                message,
                resume,
            } => self.message(seen_by, channel, message, resume),
            Inbound::Entered { agent, channel } => {
                self.entered(agent, &channel);
                Ok(())
            }
            Inbound::Stranger { agent, channel } => {
                if channel.kind() == ChannelKind::Contact {
                    self.stranger(agent, channel);
                }
                Ok(())
            }
            Inbound::Inactive {
                agent,
                channel,
                reason,
                may_retry,
            } => {
                self.put_out(agent, channel, reason, may_retry);
                Ok(())
            }
            Inbound::SignedOut { agent, error } => {
                self.signed_out(agent, &error);
                Ok(())
            }
            Inbound::PostRefused { origin, error } => {
                self.around.posting.refused(&self.network, &origin, error);
                Ok(())
            }
        }
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        let room = self.around.entries.poll_room(cx);
        if room.is_pending() {
            self.link.set_stuck(self.around.timer().now());
        }
        room
    }

    // This wait has no deadline of its own: the writer completes each entry, also when it cannot
    // write, and only the connector's own task waits, which ends with the link.
    fn flush(&self) -> Pin<Box<dyn Future<Output = Result<(), Closed>> + Send + 'static>> {
        if self.is_closed() {
            return Box::pin(std::future::ready(Err(Closed)));
        }
        let flushed = self.around.entries.write_through(EntryKind::Flush);
        Box::pin(async move { flushed.await.map_err(|_| Closed) })
    }

    fn state(&self, change: StateChange) {
        if self.is_closed() {
            return;
        }
        let place = match &change {
            StateChange::Presence {
                seen_by, channel, ..
            }
            | StateChange::Subject {
                seen_by, channel, ..
            } => self.place(*seen_by, channel),
            StateChange::Composing {
                agent,
                channel,
                composing,
            } => {
                if let Some(cell) = self.cell(*agent)
                    && self.around.ring.is_wanted()
                {
                    let item = Broadcast::Composing {
                        agent: cell.id.clone(),
                        channel: channel.clone(),
                        composing: *composing,
                    };
                    self.around.ring.publish([(0, Arc::new(item))]);
                }
                return;
            }
        };
        self.around.infos.change(&place, change);
    }

    fn lost(&self, error: BackendError) {
        if !self.is_closed() {
            self.close();
            self.link
                .tell(|mail| mail.lost = Some((self.generation, error)));
        }
    }

    fn identity(&self, of: &str) -> [u8; 16] {
        self.around.origins.identity(of)
    }

    fn recorded_until(&self) -> Option<DateTime<Utc>> {
        self.around.settings.recorded_until
    }

    fn busy(&self) -> Busy {
        self.around.calls.activity().busy()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        Box::pin(self.around.timer().sleep(duration))
    }

    fn now(&self) -> DateTime<Utc> {
        self.around.timer().wall()
    }
}
