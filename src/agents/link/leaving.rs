//! Leaving: sessions are signed out once their posts are answered, channels are left, and the link
//! itself ends.

use super::super::cell::Cell;
use super::super::lifecycle::Event;
use super::super::mail::Farewell;
use super::surroundings::Surroundings;
use super::{IN_FLIGHT, Landed, LinkTask};
use crate::backend::{Link, Session};
use crate::model::{Address, AgentKey, ChannelId};
use futures_util::stream::StreamExt;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How long posts in flight may take once their agent was deleted or moved, and how long leaving
/// may take.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

impl LinkTask {
    /// Leaves channels, or signs a session out once its posts in flight have been answered. Until
    /// that is done, nothing begins for its agent or its address: the end of the old session could
    /// undo the beginning of the new one.
    pub(super) fn farewell(&mut self, farewell: Farewell<Cell>) {
        let Farewell {
            agent: cell,
            session,
            address,
            channels,
            for_good,
        } = farewell;
        for channel in &channels {
            self.rooms.left(channel);
        }
        self.leaving.begin(cell.key, &address);
        let around = self.around.clone();
        self.flights.push(Box::pin(async move {
            if for_good {
                posts_done(&around, &cell).await;
                let _ = around
                    .calls
                    .ask(FAREWELL_MAX, "the sign-out", move || session.sign_out())
                    .await;
            } else {
                for channel in channels {
                    let session = session.clone();
                    let _ = around
                        .calls
                        .ask(FAREWELL_MAX, "leaving", move || session.leave(channel))
                        .await;
                }
            }
            Landed::Left { cell, address }
        }));
    }

    /// Leaves a channel whose join was answered after the channel was taken from the agent.
    pub(super) fn leave_quietly(
        &mut self,
        cell: Arc<Cell>,
        session: Arc<dyn Session>,
        address: Address,
        channel: ChannelId,
    ) {
        self.leaving.begin(cell.key, &address);
        let around = self.around.clone();
        self.flights.push(Box::pin(async move {
            let _ = around
                .calls
                .ask(FAREWELL_MAX, "leaving", move || session.leave(channel))
                .await;
            Landed::Left { cell, address }
        }));
    }

    /// A farewell is over: the agents that waited for it are looked at.
    pub(super) fn gone(&mut self, cell: Arc<Cell>, address: &Address) {
        self.leaving.end(cell.key, address);
        self.todo.push_back(cell);
        self.todo.append(&mut self.leaving.blocked);
    }

    /// The engine stops: every agent is signed out, then the connection is closed.
    pub(super) async fn stop(&mut self) {
        if let Some(link) = self.link.take() {
            let now = self.around.now();
            let sessions: Vec<Arc<dyn Session>> = self
                .agents
                .values()
                .filter_map(|cell| cell.step_on(&self.handle, Event::Stopped, now).sign_out)
                .collect();
            let around = &self.around;
            futures_util::stream::iter(sessions)
                .for_each_concurrent(IN_FLIGHT, |session| async move {
                    let _ = around
                        .calls
                        .ask(FAREWELL_MAX, "the sign-out", move || session.sign_out())
                        .await;
                })
                .await;
            self.hang_up(link).await;
        }
        self.close_intake();
        self.handle.set_down();
        self.handle.end();
        self.cut_posts();
    }

    /// Closes a connection, and waits for the end of that for [`FAREWELL_MAX`] at most.
    async fn hang_up(&mut self, link: Arc<dyn Link>) {
        let close = move || link.close();
        let _ = self.around.calls.ask(FAREWELL_MAX, "closing", close).await;
    }

    /// Nothing comes in over this connection any more.
    pub(super) fn close_intake(&mut self) {
        if let Some(intake) = self.intake.take() {
            intake.close();
        }
    }

    /// What was posted over the connection and did not come back will not. The link is down by now,
    /// so that no post is handed to this connection afterwards.
    pub(super) fn cut_posts(&self) {
        self.around.posting.cut(&self.handle.connection());
    }

    /// No agent travels on this link any more: closes the connection and ends, unless an agent came
    /// meanwhile.
    pub(super) async fn end(&mut self) -> bool {
        let Some(links) = self.links.upgrade() else {
            return true;
        };
        if !links.end(&self.key, &self.handle) {
            return false;
        }
        if let Some(link) = self.link.take() {
            self.hang_up(link).await;
        }
        self.close_intake();
        self.handle.set_down();
        self.cut_posts();
        true
    }
}

/// Agents and addresses whose sessions are being ended.
#[derive(Default)]
pub(super) struct Leaving {
    agents: HashMap<AgentKey, usize>,
    addresses: HashMap<String, usize>,
    /// Agents to look at when one of them is done.
    blocked: VecDeque<Arc<Cell>>,
}

impl Leaving {
    fn begin(&mut self, agent: AgentKey, address: &Address) {
        *self.agents.entry(agent).or_default() += 1;
        *self
            .addresses
            .entry(address.as_str().to_lowercase())
            .or_default() += 1;
    }

    fn end(&mut self, agent: AgentKey, address: &Address) {
        end_one(&mut self.agents, agent);
        end_one(&mut self.addresses, address.as_str().to_lowercase());
    }

    /// Whether a session of this agent, or of its address, is still being ended.
    pub(super) fn holds(&self, cell: &Cell) -> bool {
        if self.agents.is_empty() {
            return false;
        }
        let address = cell.look(|state| state.address.as_str().to_lowercase());
        self.agents.contains_key(&cell.key) || self.addresses.contains_key(&address)
    }

    /// Has an agent looked at when a farewell is over.
    pub(super) fn block(&mut self, cell: Arc<Cell>) {
        self.blocked.push_back(cell);
    }

    pub(super) fn clear(&mut self) {
        *self = Leaving::default();
    }
}

fn end_one<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

/// Waits until `cell` has nothing in flight, at most 5 s.
async fn posts_done(around: &Surroundings, cell: &Arc<Cell>) {
    let done = std::future::poll_fn(|cx| {
        cell.poll_state(cx, |state| {
            (state.in_flight + state.transfers == 0).then_some(())
        })
    });
    tokio::select! {
        biased;
        () = done => {}
        () = around.timer().sleep(FAREWELL_MAX) => {}
    }
}
