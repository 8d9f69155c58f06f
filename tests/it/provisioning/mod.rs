//! Provisioning (§provisioning/at-once): each call changes what it says, at once, for nobody else,
//! and is audited.
//!
//! Method: an administrator `ada` on an engine in memory, Loopback below; modes are tried through
//! tokens of `lene`.

mod agents;
mod channels;
mod metadata;
mod modes;
mod users;

use crate::world::{OPS, World, new_agent};
use switchboard::{Provisioning, ProvisioningMode, Throttle, ThrottleKind};

fn throttle(id: &str, kind: ThrottleKind, threshold: u32, agents: &[&str]) -> Throttle {
    let throttle = Throttle::new(id, kind, threshold).unwrap();
    agents
        .iter()
        .fold(throttle, |throttle, &agent| throttle.agent(agent).unwrap())
}

fn pairs(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn channels_of(admin: &Provisioning, agent: &str) -> Vec<String> {
    admin
        .channels(agent)
        .unwrap()
        .into_iter()
        .map(|channel| channel.id.to_string())
        .collect()
}

/// The view of `lene`, a user of an agent `echo` with that mode.
fn as_agent(world: &World, mode: ProvisioningMode) -> Provisioning {
    world.put(new_agent("echo", &[OPS]).mode(mode));
    let lene = world.principal("lene", "echo");
    world.engine.provisioning(&lene).unwrap()
}
