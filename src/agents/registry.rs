//! All agents by id and key, and the links they travel on.

use super::cell::{Cell, ChannelPhase, Trouble};
use super::link::{LinkTask, Surroundings};
use super::links::Links;
use super::roster::Roster;
use super::told::{Farewell, Told};
use crate::backend::{Backend, Capabilities};
use crate::clock::Clock;
use crate::hub::Hub;
use crate::model::{
    Address, AgentId, AgentKey, ChannelId, ChannelKind, ManagementMode, Place, ProvisioningMode,
};
use std::sync::Arc;
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

/// The agents, and the links they travel on.
pub(crate) struct Registry {
    surroundings: Arc<Surroundings>,
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    backends: Backends,
    roster: Arc<Roster>,
    links: Arc<Links>,
}

impl Registry {
    pub(crate) fn new(
        surroundings: Arc<Surroundings>,
        hub: Arc<Hub>,
        clock: Arc<dyn Clock>,
        backends: Backends,
    ) -> Arc<Registry> {
        Arc::new(Registry {
            surroundings,
            hub,
            clock,
            backends,
            roster: Arc::default(),
            links: Arc::default(),
        })
    }

    pub(crate) fn by_id(&self, id: &AgentId) -> Option<Arc<Cell>> {
        self.roster.by_id(id)
    }

    pub(crate) fn by_key(&self, key: AgentKey) -> Option<Arc<Cell>> {
        self.roster.by_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.roster.len()
    }

    /// Every agent, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Cell>> {
        self.roster.all()
    }

    /// How many agents are signed in.
    pub(crate) fn active(&self) -> usize {
        self.roster.active()
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
        let now = self.clock.wall();
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
            self.hub
                .add_agent(desired.key, desired.id.clone(), Vec::new());
            self.roster.insert(&cell);
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
        let Some(cell) = self.roster.remove(key) else {
            return;
        };
        let now = self.clock.wall();
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
        let start = || {
            let told = Told::new(at, self.surroundings.activity().clone());
            let task = LinkTask::new(
                self.surroundings.clone(),
                (&self.links, &self.roster),
                backend.clone(),
                key.clone(),
                told.clone(),
            );
            (told, self.surroundings.spawn(task.run()))
        };
        self.links.reach(at, key.clone(), start, |told| {
            cell.change(|state| state.link = Some(told.clone()));
            told.tell(|mail| mail.look.push(cell.clone()));
        });
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

    /// Whether every link was tried at least once.
    pub(crate) fn all_tried(&self) -> bool {
        self.links.all_tried()
    }

    /// Has every link sign its agents out and end; returns the tasks to wait for.
    pub(crate) fn stop(&self) -> Vec<JoinHandle<()>> {
        self.links.stop()
    }
}
