//! The rules: who may do what, in which order it is checked, and what follows from it (`guide::contract`).

mod authentication;
mod change;
mod collaboration;
mod directory;
mod granting;
mod ground;
mod management;
mod provisioning;
mod super_user;
mod upkeep;

pub use collaboration::{Collaboration, Uploading};
pub use directory::Authenticator;
pub(crate) use granting::Asks;
pub(crate) use ground::Ground;
pub use management::Management;
pub use provisioning::Provisioning;
pub(crate) use super_user::SuperUser;

use crate::agents::Registry;
use crate::error::Result;
use crate::events::{Feed, Names};
use crate::filter::Patterns;
use crate::login_delay::LoginDelay;
use crate::password::{Passwords, Recent};
use crate::throttle::Throttles;
use crate::token::Grants;
use parking_lot::{Mutex, RwLock};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The future that the async twin of a call returns. Any executor can poll it, and it borrows nothing.
pub type AsyncResult<T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'static>>;

/// Everything the rules are applied with.
pub(crate) struct Services {
    pub(crate) ground: Arc<Ground>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) names: Arc<Names>,
    pub(crate) patterns: Patterns,
    pub(crate) grants: Grants,
    pub(crate) passwords: Passwords,
    /// Passwords that were right a short while ago.
    pub(crate) recent: Arc<Mutex<Recent>>,
    /// Those who wait for the job that makes their tokens.
    pub(crate) asks: Asks,
    pub(crate) delays: Mutex<LoginDelay>,
    pub(crate) throttles: Mutex<Throttles>,
    /// Locked, because its password can be changed while the engine runs.
    pub(crate) super_user: RwLock<Option<SuperUser>>,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) token_lifetime: Duration,
    /// How long a post may take, its waits included.
    pub(crate) post_deadline: Duration,
    /// How long the audit is kept; `None`: for ever.
    pub(crate) audit_age: Option<Duration>,
    /// Waits per agent at most.
    pub(crate) waiters_per_agent: usize,
    pub(crate) stopping: AtomicBool,
}

impl Services {
    /// The date as it is shown, milliseconds since 1970; it may jump.
    pub(crate) fn now_ms(&self) -> i64 {
        self.ground.calendar.wall()
    }

    /// Ends waits whose right has ended.
    pub(crate) fn ended(&self, grants: Vec<Arc<crate::token::Grant>>) {
        for grant in grants {
            if let Some((agent, _)) = grant.agent() {
                self.ground.hub.nudge(agent);
            }
        }
    }
}
