//! What all requests of one service share.

use super::budget::Budget;
use super::control::route as control;
use super::limits::Limits;
use super::operator::route as operator;
use crate::backend::Loopback;
use crate::engine::Engine;
use crate::wire::openapi::Description;
use bytes::Bytes;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Orders to the embedded chat system that are carried out at one time.
const ORDERS_MAX: usize = 64;

/// What the host chose.
#[derive(Debug)]
pub(super) struct Options {
    /// Empty, or a path that begins with a slash and ends with none.
    pub(super) prefix: String,
    pub(super) poll_timeout: Duration,
    /// Whether the operator's resources are served.
    pub(super) operator: bool,
    /// The chat system whose people and faults the super user directs.
    pub(super) control: Option<Loopback>,
    pub(super) limits: Limits,
}

/// The engine, the options, and what is counted over all requests.
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) options: Options,
    /// For bodies and responses.
    pub(super) budget: Budget,
    /// For orders to the embedded chat system, each of which takes a thread for a moment.
    pub(super) orders: Budget,
    /// `/openapi.json`, made when it is asked for first.
    description: OnceLock<Bytes>,
    /// Random, so that ids of two runs do not meet in one log.
    run: u32,
    requests: AtomicU64,
}

impl Shared {
    pub(super) fn new(engine: Engine, options: Options) -> Shared {
        Shared {
            engine,
            budget: Budget::new(options.limits.held_bytes, options.limits.held_bytes / 4),
            orders: Budget::new(ORDERS_MAX, ORDERS_MAX),
            options,
            description: OnceLock::new(),
            run: getrandom::u32().unwrap_or_else(|_| std::process::id()),
            requests: AtomicU64::new(0),
        }
    }

    /// The description of all resources, as JSON.
    pub(super) fn description(&self) -> Bytes {
        let made = || {
            let mut description = Description::of_the_contract();
            if self.options.operator {
                description = description.with(operator::TABLE);
            }
            if self.options.control.is_some() {
                description = description.with(control::TABLE);
            }
            Bytes::from(description.text(&self.options.prefix))
        };
        self.description.get_or_init(made).clone()
    }

    /// The path without the prefix, if it has one.
    pub(super) fn path<'a>(&self, path: &'a str) -> &'a str {
        let rest = path.strip_prefix(self.options.prefix.as_str());
        rest.filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .unwrap_or(path)
    }

    pub(super) fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{:08x}-{number}", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::Rest;
    use crate::wire::openapi::OPERATIONS;
    use serde_json::Value;

    fn shared(prefix: &str) -> Rest {
        let engine = Engine::builder().in_memory().open().expect("an engine");
        let rest = Rest::builder(engine).prefix(prefix);
        rest.loopback_control(Loopback::new()).build()
    }

    #[test]
    fn every_operation_of_the_tables_is_described_and_no_other() {
        let text = shared("/mindlink/").0.description();
        let description: Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(description["servers"][0]["url"], "/mindlink");
        let mut served = Vec::new();
        for (path, methods) in description["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let described = OPERATIONS
                    .iter()
                    .any(|one| one.method.eq_ignore_ascii_case(method) && one.path == path);
                assert!(described, "{method} {path}");
                let responses = operation["responses"].as_object().expect("responses");
                assert!(responses.keys().any(|number| number.starts_with('2')));
                served.push((method.to_uppercase(), path.clone()));
            }
        }
        for one in OPERATIONS {
            let one = (one.method.to_owned(), one.path.to_owned());
            assert!(served.contains(&one), "{one:?}");
        }
    }

    #[test]
    fn a_prefix_is_removed_where_it_is_whole() {
        let rest = shared("mindlink");
        let path = |path| rest.0.path(path).to_owned();
        assert_eq!(path("/mindlink/healthz"), "/healthz");
        assert_eq!(path("/healthz"), "/healthz");
        assert_eq!(path("/mindlinks/healthz"), "/mindlinks/healthz");
        assert_eq!(path("/mindlink"), "");
        assert_eq!(shared("").0.path("/healthz"), "/healthz");
    }
}
