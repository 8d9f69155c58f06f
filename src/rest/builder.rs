//! The options of [`Rest`](super::Rest).

use super::Rest;
use super::limits::Limits;
use super::shared::{Options, Shared};
use crate::backend::Loopback;
use crate::engine::Engine;
use std::sync::Arc;
use std::time::Duration;

/// How long a poll waits unless the host says otherwise.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);

/// Options of [`Rest`], each with a default.
#[derive(Debug)]
pub struct RestBuilder {
    engine: Engine,
    options: Options,
}

impl RestBuilder {
    pub(super) fn new(engine: Engine) -> RestBuilder {
        let options = Options {
            prefix: String::new(),
            poll_timeout: POLL_TIMEOUT,
            operator: true,
            control: None,
            limits: Limits::default(),
        };
        RestBuilder { engine, options }
    }

    /// Where the host mounts the service, for example `/mindlink`; default: at the root. A path
    /// that begins with the prefix is served without it, so it does not matter whether the host
    /// removes the prefix. The description of the resources names it.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> RestBuilder {
        let plain = prefix.trim_matches('/');
        self.options.prefix = match plain {
            "" => String::new(),
            plain => format!("/{plain}"),
        };
        self
    }

    /// How long a request for events waits, in the engine's time; default: 30 seconds.
    #[must_use]
    pub fn poll_timeout(mut self, timeout: Duration) -> RestBuilder {
        self.options.poll_timeout = timeout;
        self
    }

    /// Whether the operator's resources are served: `/healthz`, `/readyz`, `/openapi.json` and
    /// `/Gateway/v1`; default: they are.
    #[must_use]
    pub fn operator(mut self, served: bool) -> RestBuilder {
        self.options.operator = served;
        self
    }

    /// Lets the super user direct the people and faults of `chat` by `/Loopback/v1`; default:
    /// nobody can.
    #[must_use]
    pub fn loopback_control(mut self, chat: Loopback) -> RestBuilder {
        self.options.control = Some(chat);
        self
    }

    /// What a request may be and hold; default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> RestBuilder {
        self.options.limits = limits;
        self
    }

    /// Makes the service.
    pub fn build(self) -> Rest {
        Rest(Arc::new(Shared::new(self.engine, self.options)))
    }
}
