//! One connection: its dial, its agents, and its end.

use super::Xmpp;
use super::core::Core;
use super::jid::Jid;
use super::negotiate::{self, Ready};
use super::ns;
use super::outbox::outbox;
use super::session::XmppSession;
use super::shared::Turn;
use super::state::Agent;
use super::strays::Strays;
use super::tasks::{self, FAREWELL_MAX};
use super::xml::Element;
use super::{contacts, core, disco, errors, hearing, probe};
use crate::backend::{BackendError, Inbox, Link, LinkKey, Reply, Session, reply};
use crate::model::{Address, AgentKey};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The key of a component's link.
pub(super) const COMPONENT_KEY: &str = "component";
/// How long a connection may take until it is ready.
const DIAL_MAX: Duration = Duration::from_secs(20);
/// The pauses between dials while the server still holds our last connection.
const ENDING_WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
];
/// How long a dial waits for the component's last connection to end until it hangs that up.
const TURN_MAX: Duration = Duration::from_secs(10);
/// How long the probes of a component's new connection may take to come back.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// Opens a connection.
pub(super) async fn dial(
    backend: Arc<Xmpp>,
    key: LinkKey,
    inbox: Inbox,
) -> Result<Arc<dyn Link>, BackendError> {
    let config = &backend.config;
    let is_component = key.as_str() == COMPONENT_KEY;
    let negotiated = async {
        match (&config.component, &config.accounts) {
            (Some(_), _) if is_component => component(&backend, &inbox).await,
            (_, Some(accounts)) if !is_component => {
                let jid = Jid::parse(key.as_str()).filter(|jid| jid.local().is_some());
                let jid = jid.ok_or_else(|| {
                    BackendError::refused(format!("`{key}` is not an account's address"))
                })?;
                Ok((
                    negotiate::account(&jid, accounts, config, &inbox).await?,
                    None,
                ))
            }
            _ => Err(BackendError::refused(format!(
                "`{key}` is not in the component's domain, and no accounts are configured"
            ))),
        }
    };
    let (
        Ready {
            stream,
            jid,
            acknowledges,
            early,
        },
        turn,
    ) = tokio::select! {
        biased;
        ready = negotiated => ready?,
        () = inbox.sleep(DIAL_MAX) => return Err(BackendError::unreachable("the server did not complete the sign-in in time")),
    };
    let (near, far) = outbox();
    let core = Core::new(
        inbox.clone(),
        config.clone(),
        backend.shared.clone(),
        jid,
        is_component,
        near,
    )?;
    let core = Arc::new(core);
    let (reader, writer) = stream.split();
    inbox.spawn(tasks::write(core.clone(), far, writer, turn.clone()));
    inbox.spawn(tasks::read(core.clone(), reader, acknowledges, early, turn));
    inbox.spawn(tasks::listen(core.clone()));
    let link = Arc::new(XmppLink { core: core.clone() });
    if !is_component {
        let jid = core.jid.clone();
        let asked = core.patiently(|| disco::info(&core, &jid, Some(jid.bare())));
        if let Ok(info) = asked.await? {
            core.has_archive.store(info.has(ns::MAM), Ordering::Relaxed);
        }
        if let Ok(answer) = core
            .ask(&jid, None, "get", Element::new("query", ns::ROSTER))
            .await?
            && let Some(query) = answer.find("query", ns::ROSTER)
        {
            core.state.lock().roster = contacts::roster(query);
        }
    }
    Ok(link)
}

/// Connects the component, one connection after the other, because a server may take two for one
/// (`probe`).
async fn component(
    backend: &Xmpp,
    inbox: &Inbox,
) -> Result<(Ready, Option<Arc<Turn>>), BackendError> {
    let turn = tokio::select! {
        biased;
        turn = backend.shared.turn() => Arc::new(turn),
        () = inbox.sleep(TURN_MAX) => return Err(BackendError::unreachable("the component's previous connection is still open")),
    };
    // The server may not know yet that our last connection has ended, so we retry for a moment.
    for wait in ENDING_WAITS {
        match connect_component(backend, inbox).await {
            Err(error) if errors::is_conflict(&error) || error.reason == probe::ASTRAY => {
                inbox.sleep(wait).await
            }
            done => return Ok((done?, Some(turn))),
        }
    }
    Ok((connect_component(backend, inbox).await?, Some(turn)))
}

/// Connects the component once.
async fn connect_component(backend: &Xmpp, inbox: &Inbox) -> Result<Ready, BackendError> {
    let component = backend
        .config
        .component
        .as_ref()
        .expect("whoever calls has looked");
    let mut ready = negotiate::component(component, &backend.config.trust, inbox).await?;
    let salt = core::salt()?;
    let probed = tokio::select! {
        biased;
        probed = probe::sent_round(&mut ready.stream, &ready.jid, &salt, &mut ready.early) => probed,
        () = inbox.sleep(PROBE_MAX) => Err(BackendError::unreachable(probe::ASTRAY)),
    };
    if let Err(error) = probed {
        // Otherwise this connection would be in the way of the next one.
        tokio::select! {
            biased;
            () = ready.stream.close() => {}
            () = inbox.sleep(FAREWELL_MAX) => {}
        }
        return Err(error);
    }
    Ok(ready)
}

/// A connection. Dropping it sends unavailable presence and hangs up.
struct XmppLink {
    core: Arc<Core>,
}

impl Drop for XmppLink {
    fn drop(&mut self) {
        hang_up(&self.core);
    }
}

/// Sends unavailable presence for everybody and closes the line. What is in the line is still
/// written.
fn hang_up(core: &Core) {
    let agents = std::mem::take(&mut core.state.lock().agents);
    for agent in agents.values() {
        let _ = contacts::farewell(core, agent);
    }
    core.finish(&BackendError::unreachable("the connection was closed"));
}

impl Link for XmppLink {
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>> {
        reply(async move {
            sign_in(&self.core, agent, address)
                .await
                .map(|session| session as Arc<dyn Session>)
        })
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        hang_up(&self.core);
        reply(std::future::ready(Ok(())))
    }
}

async fn sign_in(
    core: &Arc<Core>,
    key: AgentKey,
    address: Address,
) -> Result<Arc<XmppSession>, BackendError> {
    let jid = Jid::parse(address.name()).filter(|jid| jid.local().is_some());
    let jid =
        jid.ok_or_else(|| BackendError::refused(format!("`{address}` is not an XMPP address")))?;
    let is_here = if core.is_component {
        jid.domain() == core.jid.domain()
    } else {
        jid.bare() == core.jid.bare()
    };
    if !is_here {
        return Err(BackendError::refused(format!(
            "`{address}` does not belong to this connection"
        )));
    }
    let full = if core.is_component {
        jid.with_resource(&core.config.resource)
    } else {
        Some(core.jid.clone())
    };
    let full = full.ok_or_else(|| BackendError::refused("the resource is not valid"))?;
    let session = core.shared.number();
    let mut agent = Agent {
        key,
        address,
        jid: full.clone(),
        session,
        seats: HashMap::new(),
        contacts: HashMap::new(),
        watchers: HashSet::new(),
        early: HashMap::new(),
        since: core.inbox.now(),
        attempts: Default::default(),
        strays: Strays::default(),
    };
    let old = {
        let mut state = core.state.lock();
        if let Some(error) = &state.over {
            return Err(error.clone());
        }
        // Messages to the agent from before it signed in have waited.
        for stray in state.strays.take(|stray| stray.to == full.bare()) {
            agent.strays.keep(stray);
        }
        state.agents.insert(full.bare().to_owned(), agent)
    };
    if let Some(old) = old {
        contacts::farewell(core, &old)?;
    }
    let signed = Arc::new(XmppSession {
        core: core.clone(),
        jid: full,
        key,
        session,
    });
    for item in hearing::strangers(core, &signed.jid) {
        core.hand_over(item).await;
    }
    if !core.is_component {
        core.send(&Element::stanza("presence"))?;
        core.fence().await?;
    }
    Ok(signed)
}
