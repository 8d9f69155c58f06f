//! All agents by id and key, and the links they travel on.

use super::cell::{Cell, CellLink, CellState};
use super::lifecycle::{Actions, ChannelEvent, ChannelPhase, Event, Now, OpenWanted};
use super::link::{LinkTask, Surroundings};
use super::links::Links;
use super::mail::Farewell;
use super::roster::Roster;
use crate::backend::{Backend, Capabilities};
use crate::hub::Hub;
use crate::model::{
    Address, AgentId, AgentKey, ChannelId, ChannelKind, ContactTimes, ManagementMode, Place,
    ProvisioningMode,
};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Schemes without a backend that are logged; an agent's status shows each.
const WARNED: usize = 64;

/// The chat systems the engine was built with.
pub(crate) struct Backends {
    list: Vec<Arc<dyn Backend>>,
    default: usize,
}

impl Backends {
    pub(crate) fn new(list: Vec<Arc<dyn Backend>>, default: usize) -> Backends {
        Backends { list, default }
    }

    /// The backend for `address`: the one of its scheme, else the default. Also whether it has a
    /// scheme that no backend has.
    fn of(&self, address: &Address) -> Option<(usize, bool)> {
        let scheme = address.scheme();
        let is_its = |backend: &Arc<dyn Backend>| scheme_of(&**backend) == scheme;
        match self.list.iter().position(is_its) {
            Some(at) => Some((at, false)),
            None if self.list.is_empty() => None,
            None => Some((self.default, scheme.is_some())),
        }
    }

    /// What the status of an agent says whose address has a scheme that no backend has.
    fn strange(&self, address: &Address) -> String {
        let known: Vec<&str> = self
            .list
            .iter()
            .filter_map(|backend| scheme_of(&**backend))
            .collect();
        format!(
            "no backend has the scheme of `{address}` (there are: {}), so the default backend has it",
            known.join(", ")
        )
    }
}

fn scheme_of(backend: &dyn Backend) -> Option<&str> {
    backend.network().as_str().split(':').next()
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
    /// Each with the revision of the put that requested it.
    pub(crate) channels: Vec<(ChannelId, u64)>,
    /// Open contacts at most; 0: none.
    pub(crate) most: u32,
    /// The open contacts that the database has, when the engine opens; none after that, because
    /// memory knows them.
    pub(crate) open: Vec<(ChannelId, ContactTimes)>,
}

/// The agents, and the links they travel on.
pub(crate) struct Registry {
    surroundings: Arc<Surroundings>,
    hub: Arc<Hub>,
    backends: Backends,
    roster: Arc<Roster>,
    links: Arc<Links>,
    /// The schemes without a backend that were logged.
    warned: Mutex<HashSet<String>>,
}

impl Registry {
    pub(crate) fn new(
        surroundings: Arc<Surroundings>,
        hub: Arc<Hub>,
        backends: Backends,
    ) -> Arc<Registry> {
        Arc::new(Registry {
            surroundings,
            hub,
            backends,
            roster: Arc::default(),
            links: Arc::default(),
            warned: Mutex::default(),
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

    /// What the chat system of `cell` can do, and the place of `channel` there.
    pub(crate) fn place(&self, cell: &Cell, channel: &ChannelId) -> Option<(Capabilities, Place)> {
        let at = cell.look(|state| Some(state.link.as_ref()?.backend()))?;
        let backend = &self.backends.list[at];
        let capabilities = backend.capabilities();
        let shared = channel.kind() == ChannelKind::Room && capabilities.shared_rooms;
        let place = Place {
            network: backend.network().clone(),
            channel: channel.clone(),
            agent: (!shared).then_some(cell.key),
        };
        Some((capabilities, place))
    }

    /// Has memory and the chat system follow what was committed. It is idempotent and is called in
    /// the order of revisions. `hurry`: an administrator is waiting, so a pause ends at once.
    pub(crate) fn apply(&self, desired: Desired, hurry: bool) {
        let now = self.surroundings.now();
        let known = self.by_key(desired.key);
        let fresh = known.is_none();
        let cell = known.unwrap_or_else(|| {
            let (id, address) = (desired.id.clone(), desired.address.clone());
            Cell::new(desired.key, id, address, now.date)
        });
        if fresh {
            self.hub
                .add_agent(desired.key, desired.id.clone(), Vec::new());
            self.roster.insert(&cell);
        }
        let moved = fresh || cell.look(|state| state.address != desired.address);
        if desired.most > 0 {
            self.surroundings.strangers().open();
        }
        let (link, address, mut actions) = cell.change(|state| {
            let link = if moved {
                state.link.take()
            } else {
                state.link.clone()
            };
            let address = std::mem::replace(&mut state.address, desired.address.clone());
            state.mode = desired.mode;
            state.management = desired.management;
            state.revision = desired.revision;
            let wanted = Event::Wanted {
                moved,
                hurry,
                channels: &desired.channels,
                open: OpenWanted {
                    most: desired.most,
                    stored: &desired.open,
                },
            };
            (link, address, state.step(wanted, now))
        });
        for channel in std::mem::take(&mut actions.forgotten) {
            if let Some((_, place)) = self.place(&cell, &channel) {
                self.surroundings.forget(cell.key, place);
            }
        }
        if let Some(link) = link {
            carry_out(&cell, &link, address, actions, moved);
        }
        if moved {
            self.connect(&cell, &desired.address, now);
        }
        look_at(&cell, hurry);
    }

    /// As [`Registry::apply`], for one channel that was put. The cost does not depend on how many
    /// channels the agent has.
    pub(crate) fn put_channel(&self, key: AgentKey, channel: &ChannelId, revision: u64) {
        let put = revision;
        self.change_channel(key, revision, ChannelEvent::Wanted { put }.of(channel));
    }

    /// As [`Registry::apply`], for one channel that was deleted.
    pub(crate) fn remove_channel(&self, key: AgentKey, channel: &ChannelId, revision: u64) {
        self.change_channel(key, revision, ChannelEvent::Unwanted.of(channel));
    }

    fn change_channel(&self, key: AgentKey, revision: u64, event: Event<'_>) {
        let Some(cell) = self.by_key(key) else { return };
        let now = self.surroundings.now();
        let (link, address, actions) = cell.change(|state| {
            state.revision = revision;
            let actions = state.step(event, now);
            // The address is copied only where something is to be left under it.
            let address = actions.leave.as_ref().map(|_| state.address.clone());
            (state.link.clone(), address, actions)
        });
        if let (Some(link), Some(address)) = (link, address) {
            carry_out(&cell, &link, address, actions, false);
        }
        look_at(&cell, true);
    }

    /// Has the channels tried again that refused an agent.
    pub(crate) fn retry_refused(&self) {
        let is_refused = |state: &CellState| {
            let mut channels = state.life().channels().iter();
            channels.any(|channel| channel.phase() == ChannelPhase::Refused)
        };
        for cell in self.roster.all() {
            if cell.look(is_refused) {
                let _ = cell.step(Event::RetryRefused, self.surroundings.now());
                look_at(&cell, false);
            }
        }
    }

    /// Forgets an agent; its session is signed out.
    pub(crate) fn remove(&self, key: AgentKey) {
        let Some(cell) = self.roster.remove(key) else {
            return;
        };
        let actions = cell.step(Event::Deleted, self.surroundings.now());
        let (link, address) = cell.look(|state| (state.link.clone(), state.address.clone()));
        if let Some(link) = link {
            carry_out(&cell, &link, address, actions, true);
        }
    }

    /// Puts the agent on the link of its address.
    fn connect(&self, cell: &Arc<Cell>, address: &Address, now: Now) {
        let Some((at, is_strange)) = self.backends.of(address) else {
            let reason = "no chat system is configured";
            let _ = cell.step(Event::Homeless { reason }, now);
            return;
        };
        let backend = &self.backends.list[at];
        let warning = is_strange.then(|| self.warning(&cell.id, address));
        cell.change(|state| state.warning = warning);
        let key = backend.link_key(address);
        let start = || {
            let link = CellLink::new(at, self.surroundings.activity().clone());
            let task = LinkTask::new(
                self.surroundings.clone(),
                (&self.links, &self.roster),
                backend.clone(),
                key.clone(),
                link.clone(),
            );
            (link, self.surroundings.spawn(task.run()))
        };
        self.links.reach(at, key.clone(), start, |link| {
            cell.change(|state| state.link = Some(link.clone()));
            link.tell(|mail| mail.look.push(cell.clone()));
        });
    }

    /// What the status of an agent says whose address has a scheme that no backend has. It is
    /// logged once for each scheme.
    fn warning(&self, agent: &AgentId, address: &Address) -> Box<str> {
        let warning = self.backends.strange(address);
        let scheme = address.scheme().unwrap_or_default().to_owned();
        let mut warned = self.warned.lock();
        if warned.len() < WARNED && warned.insert(scheme) {
            tracing::warn!(%agent, "{warning}");
        }
        warning.into()
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

/// Tells the link that the agent was on what is to be ended there. `gone`: the agent no longer
/// travels on it.
fn carry_out(
    cell: &Arc<Cell>,
    link: &Arc<CellLink>,
    address: Address,
    actions: Actions,
    gone: bool,
) {
    let Actions {
        sign_out,
        leave,
        left,
        ..
    } = actions;
    let for_good = sign_out.is_some();
    let farewell = sign_out.or(leave).map(|session| Farewell {
        agent: cell.clone(),
        session,
        address,
        channels: left,
        for_good,
    });
    if farewell.is_none() && !gone {
        return;
    }
    link.tell(|mail| {
        mail.farewells.extend(farewell);
        if gone {
            mail.look.push(cell.clone());
        }
    });
}

/// Has the agent's link look at it. One that waits to be looked at already is told again only in a
/// hurry.
fn look_at(cell: &Arc<Cell>, hurry: bool) {
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
