//! A link that an agent has left: nothing that happens on it concerns the agent any more.

use crate::world::{OPS, World, new_agent, seconds};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use switchboard::backend::{
    Address, Backend, BackendError, Capabilities, Inbox, Link, LinkKey, NetworkId, Reply, reply,
};
use switchboard::{AgentState, NewAgent, NewMessage};

/// A chat system that can never be reached.
struct Unreachable {
    network: NetworkId,
    dials: Arc<AtomicUsize>,
}

impl Unreachable {
    /// One that counts its dials.
    fn counting(dials: &Arc<AtomicUsize>) -> Unreachable {
        Unreachable {
            network: NetworkId::parse("far:away").unwrap(),
            dials: dials.clone(),
        }
    }
}

impl Backend for Unreachable {
    fn network(&self) -> &NetworkId {
        &self.network
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::PLAIN
    }

    fn link_key(&self, _address: &Address) -> LinkKey {
        LinkKey::parse("far").unwrap()
    }

    fn dial(self: Arc<Self>, _key: LinkKey, _inbox: Inbox) -> Reply<Arc<dyn Link>> {
        self.dials.fetch_add(1, Ordering::Relaxed);
        reply(ready(Err(BackendError::unreachable("far away"))))
    }
}

/// An agent on a chat system that can never be reached.
fn far(id: &str) -> NewAgent {
    let mut agent = new_agent(id, &[]);
    agent.address = Address::parse(&format!("far:{id}")).unwrap();
    agent
}

/// The task of the old link still counted an agent that had never been signed in there, and each
/// dial that failed signed the agent out of its new link. Now the link is told that the agent left,
/// forgets whoever is on another link when it is down, and its events do not reach them: this test
/// fails only without all three.
#[test]
fn the_dials_of_a_link_that_an_agent_has_left_do_not_sign_it_out() {
    let unreachable = Unreachable::counting(&Arc::default());
    let world = World::with(|builder| builder.backend(unreachable).default_backend("loopback"));
    for id in ["lene", "echo"] {
        world.admin().put_agent(far(id)).unwrap();
    }
    world.settle();
    let status = world.status("echo");
    assert_eq!(status.reason.as_deref(), Some("far away"));
    let echo = world.agent("echo", &[OPS]);
    let since = world.status("echo").since;
    world.pass(seconds(300));
    assert!(world.status("lene").attempt > 4, "its link is still dialed");
    let status = world.status("echo");
    assert_eq!((status.state, status.since), (AgentState::Active, since));
    echo.post(OPS, NewMessage::text("hello")).unwrap();
}

/// The link is told that the agent left, though there is no session to end on it.
#[test]
fn a_link_that_its_last_agent_has_left_is_not_dialed_again() {
    let dials = Arc::default();
    let unreachable = Unreachable::counting(&dials);
    let world = World::with(|builder| builder.backend(unreachable).default_backend("loopback"));
    world.admin().put_agent(far("echo")).unwrap();
    world.settle();
    world.agent("echo", &[OPS]);
    let before = dials.load(Ordering::Relaxed);
    assert!(before > 0, "it was dialed");
    world.pass(seconds(300));
    assert_eq!(dials.load(Ordering::Relaxed), before);
}
