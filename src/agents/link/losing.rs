//! Losing: the link goes down, its agents are told, and a loss that lasts is announced.

use super::super::cell::{Cell, ChannelCell, ChannelPhase, Phase, Trouble};
use super::super::lifecycle::{dice, pause_after};
use super::super::told::Flap;
use super::intake::pause;
use super::{Dial, LinkTask, STEADY};
use crate::backend::BackendError;
use crate::journal::EntryKind;
use crate::model::{AgentState, ChannelId};
use futures_util::stream::FuturesUnordered;
use std::collections::hash_map::Entry;

impl LinkTask {
    /// The connection is gone, or never came: every agent on it is told, and the next dial is set.
    pub(super) fn link_down(&mut self, error: BackendError, attempt: u32) {
        let (now, date) = (self.around.timer().now(), self.around.timer().wall());
        let next = pause(now, date, pause_after(&error, attempt, dice()));
        self.dial = Dial::Down {
            attempt,
            next: next.0,
        };
        self.told.set_down();
        if let Some(intake) = self.intake.take() {
            intake.close();
        }
        tracing::warn!(link = %self.key, reason = error.reason, attempt, "link down");
        self.rooms.clear();
        self.leaving.clear();
        self.retries.clear();
        self.retry_of.clear();
        let mut lost = Vec::new();
        for cell in self.agents.values() {
            let (was, session) = cell.change(|state| {
                let was = state.phase;
                let (session, _) = state.sign_out(date);
                state.trouble = Some(Box::new(Trouble {
                    reason: error.reason.clone(),
                    attempt,
                    next: Some(next),
                }));
                (was, session)
            });
            drop(session);
            if was == Phase::In {
                lost.push(cell.clone());
                self.around
                    .show(cell, AgentState::Idle, Some(error.reason.clone()));
            }
        }
        if !lost.is_empty() {
            self.flap(lost.into_iter().map(|cell| (cell, None)).collect());
        }
    }

    pub(super) fn lost(&mut self, error: BackendError) {
        let attempt = match self.dial {
            Dial::Down { .. } => return,
            Dial::Dialing { attempt } => attempt,
            Dial::Up { attempt, since } => {
                if self.around.timer().now() - since < STEADY {
                    attempt
                } else {
                    0
                }
            }
        };
        self.link = None;
        self.flights = FuturesUnordered::new();
        self.todo.clear();
        self.link_down(error, attempt + 1);
    }

    pub(super) fn flap(&mut self, lost: Vec<Flap>) {
        let due = self.around.timer().now() + self.around.settings.flap_delay;
        for (cell, channel) in &lost {
            *self
                .flapping
                .entry((cell.key, channel.clone()))
                .or_default() += 1;
        }
        self.flaps.push_back((due, lost));
    }

    /// A loss has lasted: what is still not joined is announced. The writer knows what was announced before. The loss of
    /// one channel looks at that channel only: a server that puts an agent out of 40,000 rooms loses each of them.
    pub(super) fn announce(&mut self, lost: Vec<Flap>) {
        for (cell, channel) in lost {
            let flap = (cell.key, channel);
            if let Entry::Occupied(mut times) = self.flapping.entry(flap.clone()) {
                *times.get_mut() -= 1;
                if *times.get() == 0 {
                    times.remove();
                }
            }
            let is_out = |channel: &&ChannelCell| channel.phase == ChannelPhase::Out;
            let down: Vec<ChannelId> = cell.look(|state| match &flap.1 {
                Some(channel) => state
                    .channel(channel)
                    .filter(is_out)
                    .map(|channel| channel.id.clone())
                    .into_iter()
                    .collect(),
                None => state
                    .channels
                    .iter()
                    .filter(is_out)
                    .map(|channel| channel.id.clone())
                    .collect(),
            });
            for channel in down {
                self.around.entries.write(EntryKind::Down {
                    agent: cell.key,
                    channel,
                });
            }
        }
    }

    /// Whether the loss of a channel will be announced if it lasts.
    pub(super) fn is_flapping(&self, cell: &Cell, channel: &ChannelId) -> bool {
        self.flapping.contains_key(&(cell.key, None))
            || self
                .flapping
                .contains_key(&(cell.key, Some(channel.clone())))
    }
}
