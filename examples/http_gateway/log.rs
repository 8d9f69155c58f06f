//! The log on stderr: one line a request, and what the engine tells. No secret is ever handed to it: tokens are taken
//! out of paths, queries and headers are not logged at all.

use crate::arguments::LogFormat;
use std::time::Instant;
use switchboard::{Principal, Who};

/// Starts the log.
pub(crate) fn start(format: LogFormat) {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_max_level(tracing::Level::INFO);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// The line of one request; it is written when this is dropped, so that a client that hung up leaves one too.
pub(crate) struct Access {
    started: Instant,
    pub(crate) request_id: String,
    method: String,
    /// As it came over the wire, with any token replaced.
    path: String,
    agent: String,
    user: String,
    /// 499 until there is an answer: the client hung up first.
    pub(crate) status: u16,
}

impl Access {
    pub(crate) fn begin(request_id: String, method: String, path: String) -> Access {
        Access { started: Instant::now(), request_id, method, path, agent: String::new(), user: String::new(), status: 499 }
    }

    /// Notes who called.
    pub(crate) fn by(&mut self, principal: &Principal) {
        match principal.who() {
            Who::SuperUser(name) | Who::Host(name) => self.user.clone_from(name),
            Who::Agent { agent, username, .. } => {
                agent.as_str().clone_into(&mut self.agent);
                self.user.clone_from(username);
            }
            _ => {}
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Access { request_id, method, path, agent, user, status, .. } = &*self;
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Text fields are written quoted and escaped in both formats, so that no name can begin a line of its own.
        tracing::info!(target: "access", request_id, agent, user, method, path, status, milliseconds, "request");
    }
}
