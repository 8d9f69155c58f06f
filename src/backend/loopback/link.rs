//! The connection: one for all agents, because more would gain nothing.

use super::Loopback;
use super::line::Connection;
use super::names::{fold, name_of};
use super::outbox::{HangUp, Shared, wake};
use super::session::LoopbackSession;
use super::state::{ChatState, Signed};
use crate::backend::{Backend, BackendError, Capabilities, Inbox, Link, Reply, Session, reply};
use crate::model::{Address, AgentKey, LinkKey, NetworkId};
use std::collections::{HashMap, HashSet};
use std::future::ready;
use std::sync::Arc;

impl Backend for Loopback {
    fn network(&self) -> &NetworkId {
        &self.network
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn link_key(&self, _address: &Address) -> LinkKey {
        LinkKey::parse("loopback").expect("a word is a key")
    }

    fn dial(self: Arc<Self>, _key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>> {
        let opened = self.open(&inbox);
        reply(ready(opened.map(|link| link as Arc<dyn Link>)))
    }
}

impl Loopback {
    /// Opens the connection and forgets an earlier one.
    fn open(&self, inbox: &Inbox) -> Result<Arc<LoopbackLink>, BackendError> {
        let mut state = self.shared.0.lock();
        if let Some(reason) = &state.faults.down {
            return Err(BackendError::unreachable(reason.clone()));
        }
        let old = state
            .connection
            .as_ref()
            .map(|connection| connection.number);
        let old = old.and_then(|number| state.end_connection(number));
        let number = state.next_connection;
        state.next_connection += 1;
        state.connection = Some(Connection::new(number, inbox.clone()));
        drop(state);
        wake(old.into_iter().flat_map(Connection::into_wakers));
        inbox.spawn(self.shared.clone().pump_task(number, inbox.clone()));
        let hang_up = HangUp {
            shared: self.shared.clone(),
            number,
        };
        Ok(Arc::new(LoopbackLink {
            hang_up,
            inbox: inbox.clone(),
            capabilities: self.capabilities,
        }))
    }
}

/// A connection. Dropping it hangs up.
struct LoopbackLink {
    hang_up: HangUp,
    inbox: Inbox,
    capabilities: Capabilities,
}

impl Link for LoopbackLink {
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>> {
        let delay = self.shared().0.lock().faults.delay;
        if delay.is_zero() {
            return reply(ready(self.sign_in_now(agent, &address)));
        }
        reply(async move {
            self.inbox.sleep(delay).await;
            self.sign_in_now(agent, &address)
        })
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        self.shared().hang_up(self.hang_up.number);
        reply(ready(Ok(())))
    }
}

impl LoopbackLink {
    fn shared(&self) -> &Arc<Shared> {
        &self.hang_up.shared
    }

    fn sign_in_now(
        &self,
        agent: AgentKey,
        address: &Address,
    ) -> Result<Arc<dyn Session>, BackendError> {
        let connection = self.hang_up.number;
        let busy = self.inbox.busy();
        let (number, _) = self.shared().act_holding(Some(busy), |state| {
            state.sign_in(connection, agent, address)
        });
        Ok(Arc::new(LoopbackSession {
            shared: self.shared().clone(),
            inbox: self.inbox.clone(),
            capabilities: self.capabilities,
            number: number?,
            name: fold(name_of(address)),
        }))
    }
}

impl ChatState {
    fn sign_in(
        &mut self,
        connection: u64,
        agent: AgentKey,
        address: &Address,
    ) -> Result<u64, BackendError> {
        if self.connection_of(connection).is_none() {
            return Err(BackendError::unreachable("the connection is closed"));
        }
        let name = fold(name_of(address));
        if let Some(reason) = self.faults.refused.get(&name) {
            return Err(BackendError::refused(reason.clone()));
        }
        let number = self.next_session;
        self.next_session += 1;
        if let Some(old) = self.by_agent.insert(agent, number) {
            self.sign_out(old);
        }
        self.somebody(name_of(address)).sessions.push(number);
        let address = address.as_str().to_owned();
        let signed = Signed {
            agent,
            name: name.clone(),
            address,
            rooms: HashSet::new(),
            contacts: HashMap::new(),
        };
        self.sessions.insert(number, signed);
        self.announce(&name);
        self.tell_unread(agent, &name);
        Ok(number)
    }
}
