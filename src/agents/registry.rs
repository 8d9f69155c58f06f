//! All agents by id and key, and the links they travel on.

use super::cell::{Cell, ChannelPhase, Trouble};
use super::ground::Ground;
use super::link::LinkTask;
use super::told::{Farewell, Told};
use crate::backend::{Backend, Capabilities};
use crate::model::{
    Address, AgentId, AgentKey, AgentState, ChannelId, ChannelKind, LinkKey, ManagementMode, Place,
    ProvisioningMode,
};
use crate::waiting::Tracked;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use tokio::task::JoinHandle;

/// The chat systems the engine was built with.
pub(crate) struct Backends {
    list: Vec<Arc<dyn Backend>>,
    default: usize,
}

impl Backends {
    pub(crate) fn new(list: Vec<Arc<dyn Backend>>, default: usize) -> Backends {
        Backends { list, default }
    }

    /// Which one takes `address`: the one of its scheme, else the default.
    fn of(&self, address: &Address) -> Option<usize> {
        let scheme = address.scheme();
        let by_scheme = self
            .list
            .iter()
            .position(|backend| backend.network().as_str().split(':').next() == scheme);
        by_scheme.or((!self.list.is_empty()).then_some(self.default))
    }
}

/// What is wanted of one agent, as committed.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    pub(crate) key: AgentKey,
    pub(crate) id: AgentId,
    pub(crate) address: Address,
    pub(crate) mode: ProvisioningMode,
    pub(crate) management: ManagementMode,
    pub(crate) revision: u64,
    /// Each with the revision of the put that wants it.
    pub(crate) channels: Vec<(ChannelId, u64)>,
}

#[derive(Default)]
struct Cells {
    by_id: HashMap<AgentId, Arc<Cell>>,
    by_key: HashMap<AgentKey, Arc<Cell>>,
}

type Links = HashMap<(usize, LinkKey), (Arc<Told>, Option<JoinHandle<()>>)>;

/// The agents.
pub(crate) struct Registry {
    pub(crate) ground: Arc<Ground>,
    backends: Backends,
    cells: RwLock<Cells>,
    links: Mutex<Links>,
    this: Weak<Registry>,
}

impl Registry {
    pub(crate) fn new(ground: Arc<Ground>, backends: Backends) -> Arc<Registry> {
        Arc::new_cyclic(|this| Registry {
            ground,
            backends,
            cells: RwLock::default(),
            links: Mutex::default(),
            this: this.clone(),
        })
    }

    pub(crate) fn by_id(&self, id: &AgentId) -> Option<Arc<Cell>> {
        self.cells.read().by_id.get(id).cloned()
    }

    pub(crate) fn by_key(&self, key: AgentKey) -> Option<Arc<Cell>> {
        self.cells.read().by_key.get(&key).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.read().by_key.len()
    }

    /// Every agent, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Cell>> {
        self.cells.read().by_key.values().cloned().collect()
    }

    /// Whether a channel of that kind is one conversation for all agents of a link.
    pub(super) fn is_shared(&self, told: &Told, channel: &ChannelId) -> bool {
        channel.kind() == ChannelKind::Room
            && self.backends.list[told.backend].capabilities().shared_rooms
    }

    /// What the chat system of `cell` can do, and where `channel` is said for it.
    pub(crate) fn place(&self, cell: &Cell, channel: &ChannelId) -> Option<(Capabilities, Place)> {
        let backend =
            &self.backends.list[cell.look(|state| state.link.as_ref().map(|link| link.backend))?];
        let capabilities = backend.capabilities();
        let shared = channel.kind() == ChannelKind::Room && capabilities.shared_rooms;
        let place = Place {
            network: backend.network().clone(),
            channel: channel.clone(),
            agent: (!shared).then_some(cell.key),
        };
        Some((capabilities, place))
    }

    /// Makes memory and chat system follow what was committed: idempotent, in the order of revisions. `hurry`: an
    /// administrator is waiting, so what is in a pause is tried at once.
    pub(crate) fn apply(&self, desired: Desired, hurry: bool) {
        let now = self.ground.clock.wall();
        let known = self.by_key(desired.key);
        let fresh = known.is_none();
        let cell = known.unwrap_or_else(|| {
            Cell::new(
                desired.key,
                desired.id.clone(),
                desired.address.clone(),
                now,
            )
        });
        if fresh {
            self.ground
                .hub
                .add_agent(desired.key, desired.id.clone(), Vec::new());
            let mut cells = self.cells.write();
            cells.by_id.insert(desired.id.clone(), cell.clone());
            cells.by_key.insert(desired.key, cell.clone());
        }
        let moved = fresh || cell.look(|state| state.address != desired.address);
        let mut farewells: Vec<(Arc<Told>, Farewell)> = Vec::new();
        cell.change(|state| {
            if moved {
                state.epoch += 1;
                let link = state.link.take();
                let (session, channels) = state.sign_out(now);
                if let (Some(session), Some(link)) = (session, link) {
                    let address = state.address.clone();
                    farewells.push((
                        link,
                        Farewell {
                            cell: cell.clone(),
                            session,
                            address,
                            channels,
                            for_good: true,
                        },
                    ));
                }
                state.channels.change_all(|channel| {
                    channel.phase = ChannelPhase::Out;
                    channel.trouble = None;
                });
                state.address = desired.address.clone();
                state.trouble = None;
            } else if hurry && state.link.is_some() {
                state.trouble = None;
            }
            state.mode = desired.mode;
            state.management = desired.management;
            state.revision = desired.revision;
            let left = state.channels.replace(&desired.channels);
            if let (false, Some(session), Some(link)) =
                (left.is_empty(), &state.session, &state.link)
            {
                let (session, address) = (session.clone(), state.address.clone());
                let farewell = Farewell {
                    cell: cell.clone(),
                    session,
                    address,
                    channels: left,
                    for_good: false,
                };
                farewells.push((link.clone(), farewell));
            }
        });
        for (link, farewell) in farewells {
            link.tell(|mail| mail.farewells.push(farewell));
        }
        if moved {
            self.connect(&cell, &desired.address);
        }
        self.look_at(&cell, hurry);
    }

    /// As [`Registry::apply`], for one channel that was put: it costs the same however many the agent has.
    pub(crate) fn put_channel(&self, key: AgentKey, channel: &ChannelId, revision: u64) {
        let Some(cell) = self.by_key(key) else { return };
        cell.change(|state| {
            state.revision = revision;
            state.channels.put(channel, revision);
            if state.link.is_some() {
                state.trouble = None;
            }
        });
        self.look_at(&cell, true);
    }

    /// As [`Registry::apply`], for one channel that was taken.
    pub(crate) fn remove_channel(&self, key: AgentKey, channel: &ChannelId, revision: u64) {
        let Some(cell) = self.by_key(key) else { return };
        let farewell = cell.change(|state| {
            state.revision = revision;
            let left = state.channels.remove(channel);
            if state.link.is_some() {
                state.trouble = None;
            }
            let (Some(session), Some(link), true) =
                (state.session.clone(), state.link.clone(), left)
            else {
                return None;
            };
            let (address, channels) = (state.address.clone(), vec![channel.clone()]);
            Some((
                link,
                Farewell {
                    cell: cell.clone(),
                    session,
                    address,
                    channels,
                    for_good: false,
                },
            ))
        });
        if let Some((link, farewell)) = farewell {
            link.tell(|mail| mail.farewells.push(farewell));
        }
        self.look_at(&cell, true);
    }

    /// Forgets an agent; its session is wound up.
    pub(crate) fn remove(&self, key: AgentKey) {
        let Some(cell) = self.by_key(key) else { return };
        let mut cells = self.cells.write();
        cells.by_key.remove(&key);
        if cells
            .by_id
            .get(&cell.id)
            .is_some_and(|there| there.key == key)
        {
            cells.by_id.remove(&cell.id);
        }
        drop(cells);
        let now = self.ground.clock.wall();
        let (link, (session, channels), address) = cell.change(|state| {
            state.deleted = true;
            state.epoch += 1;
            (
                state.link.clone(),
                state.sign_out(now),
                state.address.clone(),
            )
        });
        let Some(link) = link else { return };
        link.tell(|mail| {
            if let Some(session) = session {
                mail.farewells.push(Farewell {
                    cell: cell.clone(),
                    session,
                    address,
                    channels,
                    for_good: true,
                });
            }
            mail.look.push(cell.clone());
        });
    }

    /// Puts the agent on the link of its address.
    fn connect(&self, cell: &Arc<Cell>, address: &Address) {
        let Some(at) = self.backends.of(address) else {
            let reason = "no chat system is configured".to_owned();
            cell.change(|state| {
                state.trouble = Some(Box::new(Trouble {
                    reason,
                    attempt: 0,
                    next: None,
                }))
            });
            return;
        };
        let backend = &self.backends.list[at];
        let key = backend.link_key(address);
        let mut links = self.links.lock();
        let told = match links.get(&(at, key.clone())) {
            Some((told, _)) => told.clone(),
            None => {
                let told = Told::new(at, self.ground.activity.clone());
                let task = LinkTask::new(
                    self.ground.clone(),
                    self.this.clone(),
                    backend.clone(),
                    key.clone(),
                    told.clone(),
                );
                let task = self
                    .ground
                    .runtime
                    .spawn(Tracked::new(self.ground.activity.clone(), task.run()));
                links.insert((at, key), (told.clone(), Some(task)));
                told
            }
        };
        // Still under the lock of the links, so that the task cannot end between the two.
        cell.change(|state| state.link = Some(told.clone()));
        told.tell(|mail| mail.look.push(cell.clone()));
    }

    fn look_at(&self, cell: &Arc<Cell>, hurry: bool) {
        let link = cell.change(|state| {
            let fresh = !std::mem::replace(&mut state.queued, true);
            state.link.clone().filter(|_| fresh || hurry)
        });
        if let Some(link) = link {
            link.tell(|mail| {
                mail.hurry |= hurry;
                mail.look.push(cell.clone());
            });
        }
    }

    /// The task of an empty link asks to end; false if somebody came.
    pub(super) fn end_link(&self, backend: usize, key: &LinkKey, told: &Arc<Told>) -> bool {
        let mut links = self.links.lock();
        if !told.end() {
            return false;
        }
        if links
            .get(&(backend, key.clone()))
            .is_some_and(|(there, _)| Arc::ptr_eq(there, told))
        {
            links.remove(&(backend, key.clone()));
        }
        true
    }

    /// Whether every link was tried at least once.
    pub(crate) fn all_tried(&self) -> bool {
        self.links.lock().values().all(|(told, _)| told.was_tried())
    }

    /// Has every link sign its agents out and end; the tasks to wait for.
    pub(crate) fn stop(&self) -> Vec<JoinHandle<()>> {
        let mut links = self.links.lock();
        links
            .values_mut()
            .filter_map(|(told, task)| {
                told.tell(|mail| mail.stop = true);
                task.take()
            })
            .collect()
    }

    /// How many agents are signed in.
    pub(crate) fn active(&self) -> usize {
        self.cells
            .read()
            .by_key
            .values()
            .filter(|cell| cell.look(|state| state.shown() == AgentState::Active))
            .count()
    }
}
