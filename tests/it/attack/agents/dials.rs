//! Dials that fail do not touch an agent that has left their link.

use crate::world::{OPS, World, new_agent, seconds};
use std::future::ready;
use std::sync::Arc;
use switchboard::backend::{
    Backend, BackendError, Capabilities, Inbox, Link, LinkKey, NetworkId, Reply, reply,
};
use switchboard::{Address, AgentState, NewMessage};

/// A chat system that can never be reached.
struct Unreachable(NetworkId);

impl Backend for Unreachable {
    fn network(&self) -> &NetworkId {
        &self.0
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::PLAIN
    }

    fn link_key(&self, _address: &Address) -> LinkKey {
        LinkKey::parse("far").unwrap()
    }

    fn dial(self: Arc<Self>, _key: LinkKey, _inbox: Inbox) -> Reply<Arc<dyn Link>> {
        reply(ready(Err(BackendError::unreachable("far away"))))
    }
}

/// The task of the old link still counted an agent that had never been signed in there, and each dial that failed
/// signed the agent out of its new link.
#[test]
fn the_dials_of_a_link_that_an_agent_has_left_do_not_sign_it_out() {
    let far = Unreachable(NetworkId::parse("far:away").unwrap());
    let world = World::with(|builder| builder.backend(far).default_backend("loopback"));
    let stays = |id: &str| {
        let mut agent = new_agent(id, &[]);
        agent.address = Address::parse(&format!("far:{id}")).unwrap();
        agent
    };
    for id in ["lene", "echo"] {
        world.admin().put_agent(stays(id)).unwrap();
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
