//! The log line of one request, target `access`. No secret is ever in it: tokens are taken out of
//! paths, and queries and headers are not logged at all.

use super::caller::Caller;
use crate::model::{Principal, Who};
use crate::wire::error::HUNG_UP;
use crate::wire::route;
use http::{HeaderValue, Method, Response};
use std::net::IpAddr;
use std::time::Instant;

/// The line; it is written when this is dropped, so that a client that hung up leaves one too.
pub(super) struct Access {
    /// Real time: the line tells how long the client waited.
    started: Instant,
    pub(super) request_id: String,
    method: String,
    /// The other end, or whom a trusted proxy named.
    client: Option<IpAddr>,
    /// As it came over the wire, with any token replaced.
    path: String,
    agent: String,
    user: String,
    /// What was returned; until then, that the client hung up first.
    status: u16,
}

impl Access {
    pub(super) fn begin(id: String, method: &Method, path: &str, caller: &Caller) -> Access {
        Access {
            started: Instant::now(),
            request_id: id,
            method: method.to_string(),
            client: caller.address(),
            path: route::without_token(path),
            agent: String::new(),
            user: String::new(),
            status: HUNG_UP,
        }
    }

    /// Notes the status of a response, and gives the response the request's id.
    pub(super) fn end<B>(&mut self, response: &mut Response<B>) {
        self.status = response.status().as_u16();
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert("x-request-id", id);
        }
    }

    /// The request began at `started`.
    pub(super) fn since(mut self, started: Instant) -> Access {
        self.started = started;
        self
    }

    /// Notes who called.
    pub(super) fn by(&mut self, principal: &Principal) {
        match principal.who() {
            Who::SuperUser(name) | Who::Host(name) => self.user.clone_from(name),
            Who::Agent {
                agent, username, ..
            } => {
                agent.as_str().clone_into(&mut self.agent);
                self.user.clone_from(username);
            }
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Access {
            request_id,
            method,
            path,
            agent,
            user,
            status,
            ..
        } = &*self;
        let client = self.client.map(tracing::field::display);
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Text fields are written quoted and escaped, so that no name can begin a line of its own.
        tracing::info!(target: "access", request_id, client, agent, user, method, path, status, milliseconds, "request");
    }
}
