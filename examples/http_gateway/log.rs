//! The log on stderr: one line a request, and what the engine tells. No secret is ever handed to it: tokens are taken
//! out of paths, queries and headers are not logged at all.

use crate::config::LogFormat;
use std::net::IpAddr;
use std::time::Instant;
use switchboard::{Principal, Who};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

/// The log's level, which can be changed while it is written.
pub(crate) struct Level(reload::Handle<LevelFilter, Registry>);

/// Starts the log.
pub(crate) fn start(format: LogFormat, level: tracing::Level) -> Level {
    let (filter, handle) = reload::Layer::new(LevelFilter::from(level));
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry.with(lines).init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    Level(handle)
}

impl Level {
    pub(crate) fn set(&self, level: tracing::Level) {
        // An error says that the log is gone, and then there is nobody to tell.
        let _ = self.0.reload(LevelFilter::from(level));
    }
}

/// The line of one request; it is written when this is dropped, so that a client that hung up leaves one too.
pub(crate) struct Access {
    started: Instant,
    pub(crate) request_id: String,
    method: String,
    /// Who asked: the other end, or whom a trusted proxy names.
    client: IpAddr,
    /// As it came over the wire, with any token replaced.
    path: String,
    agent: String,
    user: String,
    /// 499 until there is an answer: the client hung up first.
    pub(crate) status: u16,
}

impl Access {
    pub(crate) fn begin(
        request_id: String,
        method: String,
        path: String,
        client: IpAddr,
    ) -> Access {
        Access {
            started: Instant::now(),
            request_id,
            method,
            client,
            path,
            agent: String::new(),
            user: String::new(),
            status: 499,
        }
    }

    /// Notes who called.
    pub(crate) fn by(&mut self, principal: &Principal) {
        match principal.who() {
            Who::SuperUser(name) | Who::Host(name) => self.user.clone_from(name),
            Who::Agent {
                agent, username, ..
            } => {
                agent.as_str().clone_into(&mut self.agent);
                self.user.clone_from(username);
            }
            _ => {}
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Access {
            request_id,
            method,
            client,
            path,
            agent,
            user,
            status,
            ..
        } = &*self;
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Text fields are written quoted and escaped in both formats, so that no name can begin a line of its own.
        tracing::info!(target: "access", request_id, %client, agent, user, method, path, status, milliseconds, "request");
    }
}
