//! `--demo`: provisions an agent, a user and a room, and prints two commands that use them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use switchboard::{Credentials, Engine, Error, NewAgent, NewUser, Principal, Secret};

/// The name of the demo's room, agent and user.
const NAME: &str = "demo";

/// The id and name of the demo's room. The room must exist before the engine opens.
pub(crate) const ROOM: (&str, &str) = ("chat-room:demo", "Demo");

/// Provisions the demo, waits until the agent is in its room, and returns the text to print.
pub(crate) fn provision(
    engine: &Engine,
    listening: SocketAddr,
    scheme: &str,
) -> Result<String, String> {
    let token = provisioned(engine).map_err(|error| format!("--demo: {error}"))?;
    let base = format!("{scheme}://{}/Collaboration/v1", reachable(listening));
    let authorization = format!("-H 'Authorization: FCF {token}'");
    Ok(format!(
        "post a message:\n  curl -s {authorization} -H 'Content-Type: application/json' -d '{{\"Text\":\"hello\"}}' \
         '{base}/Channels/{room}/Messages'\nstream events:\n  curl -s {authorization} '{base}/Events?last-event=0'",
        room = ROOM.0
    ))
}

fn provisioned(engine: &Engine) -> Result<String, Error> {
    let password = Secret::random()?;
    let admin = engine.provisioning(&Principal::host("--demo"))?;
    admin.put_user(NewUser::new(NAME, NAME)?.password(password.clone())?)?;
    admin.put_agent(
        NewAgent::new(NAME, "loopback:demo")?
            .channel(ROOM.0)?
            .user(NAME)?,
    )?;
    engine.agent(NAME)?.wait_active(Duration::from_secs(10))?;
    let token = engine.log_in(&Credentials::agent(NAME, password, NAME))?;
    Ok(token.expose().to_owned())
}

/// Returns an address that a client on this machine can use, even if the gateway listens on all
/// addresses.
fn reachable(mut listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        IpAddr::V4(all) if all.is_unspecified() => listening.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(all) if all.is_unspecified() => listening.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listening
}
