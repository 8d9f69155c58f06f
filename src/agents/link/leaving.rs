//! Leaving: sessions wound up once their posts are answered, and the link's own end.

use super::super::cell::{Cell, ChannelPhase};
use super::super::ground::Ground;
use super::super::posting::call;
use super::super::told::Farewell;
use super::{IN_FLIGHT, Landed, LinkTask, Room, within};
use crate::backend::Session;
use crate::model::ChannelId;
use futures_util::stream::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// How long posts in flight may take once their agent is deleted or moved.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

impl LinkTask {
    /// Winds a session up, or leaves some of its channels, once its posts in flight have been answered.
    pub(super) fn farewell(&mut self, farewell: Farewell) {
        let Farewell { cell, session, channels } = farewell;
        let left: &[ChannelId] = channels.as_deref().unwrap_or(&[]);
        for channel in left {
            self.left(channel);
        }
        if channels.is_none() {
            // All its rooms: a later joiner of an empty room has to catch up again.
            let rooms: Vec<ChannelId> = self.rooms.keys().cloned().collect();
            for room in rooms {
                if !self.agents.values().any(|other| other.key != cell.key && is_in(other, &room)) {
                    self.rooms.remove(&room);
                }
            }
        }
        let ground = self.ground.clone();
        self.flights.push(Box::pin(async move {
            match channels {
                Some(channels) => {
                    for channel in channels {
                        let session = session.clone();
                        let reply = call(&ground, move || session.leave(channel));
                        let _ = within(&ground, FAREWELL_MAX, "leaving", reply).await;
                    }
                }
                None => {
                    posts_done(&ground, &cell).await;
                    let reply = call(&ground, move || session.sign_out());
                    let _ = within(&ground, FAREWELL_MAX, "the sign-out", reply).await;
                }
            }
            Landed::Done
        }));
    }

    fn left(&mut self, channel: &ChannelId) {
        if let Some(Room::Ready(inside)) = self.rooms.get_mut(channel) {
            *inside -= 1;
            if *inside == 0 {
                self.rooms.remove(channel);
            }
        }
    }

    /// The engine stops: everybody out, then the link.
    pub(super) async fn stop(&mut self) {
        if let Some(link) = self.link.take() {
            let date = self.ground.clock.wall();
            let sessions: Vec<Arc<dyn Session>> =
                self.agents.values().filter_map(|cell| cell.change(|state| state.sign_out(date))).collect();
            let ground = &self.ground;
            futures_util::stream::iter(sessions)
                .for_each_concurrent(IN_FLIGHT, |session| async move {
                    let reply = call(ground, move || session.sign_out());
                    let _ = reply.await;
                })
                .await;
            let reply = call(&self.ground, move || link.close());
            let _ = reply.await;
        }
        if let Some(intake) = self.intake.take() {
            intake.close();
        }
        self.told.end();
    }

    /// Nobody travels here any more: hang up and end, unless somebody came meanwhile.
    pub(super) async fn end(&mut self) -> bool {
        let Some(registry) = self.registry.upgrade() else { return true };
        if !registry.end_link(self.told.backend, &self.key, &self.told) {
            return false;
        }
        if let Some(link) = self.link.take() {
            let reply = call(&self.ground, move || link.close());
            let _ = within(&self.ground, FAREWELL_MAX, "closing", reply).await;
        }
        if let Some(intake) = self.intake.take() {
            intake.close();
        }
        true
    }
}

fn is_in(cell: &Cell, room: &ChannelId) -> bool {
    cell.look(|state| state.channel(room).is_some_and(|channel| channel.phase == ChannelPhase::In))
}

/// Waits until `cell` has nothing in flight, at most 5 s.
async fn posts_done(ground: &Ground, cell: &Arc<Cell>) {
    let done = std::future::poll_fn(|cx| cell.poll_state(cx, |state| (state.in_flight == 0).then_some(())));
    tokio::select! {
        biased;
        () = done => {}
        () = ground.timer.sleep(FAREWELL_MAX) => {}
    }
}
