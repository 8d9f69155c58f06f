//! Readers that wait for their agent: a slab of wakers, whose entries are gone when the wait is
//! dropped.

use super::Hub;
use crate::model::{AgentKey, Seq};
use crate::waiting::Busy;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Why a wait ended.
#[derive(Debug)]
pub(crate) enum Woken {
    /// There may be something new; the token is held until the reader waits again.
    News(Option<Busy>),
    /// The agent was deleted, or this wait was ended by name.
    Ended,
    /// The hub is closed.
    Closed,
}

/// One entry of the slab.
#[derive(Default)]
enum Slot {
    #[default]
    Free,
    Waiting {
        agent: AgentKey,
        waker: Waker,
    },
    Fired(Woken),
}

/// All waits under way.
#[derive(Default)]
pub(super) struct Waits {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// The entries of each agent; an agent that nobody waits for has none.
    by_agent: HashMap<AgentKey, Vec<usize>>,
}

impl Waits {
    /// Begins a wait and returns its number.
    pub(super) fn begin(&mut self, agent: AgentKey, waker: Waker) -> usize {
        let slot = Slot::Waiting { agent, waker };
        let number = match self.free.pop() {
            Some(number) => {
                self.slots[number] = slot;
                number
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.by_agent.entry(agent).or_default().push(number);
        number
    }

    /// Why the wait of that number ended, which is forgotten then. `None` if it goes on, with the
    /// waker of `cx`.
    pub(super) fn poll(&mut self, number: usize, cx: &Context<'_>) -> Option<Woken> {
        if let Slot::Waiting { waker, .. } = &mut self.slots[number] {
            waker.clone_from(cx.waker());
            return None;
        }
        self.free.push(number);
        match std::mem::take(&mut self.slots[number]) {
            Slot::Fired(woken) => Some(woken),
            _ => Some(Woken::News(None)),
        }
    }

    /// Forgets a wait that is given up. What it held is returned, to be dropped outside of the
    /// lock.
    #[must_use]
    pub(super) fn forget(&mut self, number: usize) -> impl Sized + use<> {
        let slot = std::mem::take(&mut self.slots[number]);
        self.free.push(number);
        if let Slot::Waiting { agent, .. } = &slot {
            let empty = self.by_agent.get_mut(agent).is_some_and(|numbers| {
                numbers.retain(|other| *other != number);
                numbers.is_empty()
            });
            if empty {
                self.by_agent.remove(agent);
            }
        }
        slot
    }

    /// Ends the waits for an agent and returns their wakers.
    pub(super) fn end(&mut self, agent: AgentKey, why: impl Fn() -> Woken) -> Vec<Waker> {
        let Some(numbers) = self.by_agent.remove(&agent) else {
            return Vec::new();
        };
        let fired = numbers.into_iter().filter_map(|number| {
            match std::mem::replace(&mut self.slots[number], Slot::Fired(why())) {
                Slot::Waiting { waker, .. } => Some(waker),
                _ => None,
            }
        });
        fired.collect()
    }

    /// Ends all waits and returns their wakers.
    pub(super) fn end_all(&mut self, why: impl Fn() -> Woken) -> Vec<Waker> {
        let agents: Vec<AgentKey> = self.agents().collect();
        let wakers = agents.into_iter().flat_map(|agent| self.end(agent, &why));
        wakers.collect()
    }

    /// The agents that are waited for.
    pub(super) fn agents(&self) -> impl Iterator<Item = AgentKey> {
        self.by_agent.keys().copied()
    }

    /// How many agents are waited for.
    pub(super) fn agents_len(&self) -> usize {
        self.by_agent.len()
    }

    pub(super) fn is_awaited(&self, agent: &AgentKey) -> bool {
        self.by_agent.contains_key(agent)
    }

    /// How many waits are under way.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many waits for an agent are under way.
    pub(super) fn len_of(&self, agent: AgentKey) -> usize {
        self.by_agent.get(&agent).map_or(0, Vec::len)
    }
}

/// A wait under way.
pub(crate) struct Wait {
    hub: Arc<Hub>,
    agent: AgentKey,
    seen: Seq,
    number: Option<usize>,
}

impl Wait {
    pub(super) fn new(hub: Arc<Hub>, agent: AgentKey, seen: Seq) -> Wait {
        Wait {
            hub,
            agent,
            seen,
            number: None,
        }
    }
}

impl Future for Wait {
    type Output = Woken;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Woken> {
        let hub = self.hub.clone();
        match hub.poll_wait(self.agent, self.seen, &mut self.number, cx) {
            Some(woken) => Poll::Ready(woken),
            None => Poll::Pending,
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.hub.forget_wait(number);
        }
    }
}
