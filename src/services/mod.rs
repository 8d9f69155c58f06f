//! The rules: who may do what, in which order it is checked, and what follows from it
//! (`guide::contract`).
//!
//! There is no object that everything takes. Each kind of call holds what it uses: [`Access`] for
//! logins and tokens, and a `Parts` of its own for collaboration and for provisioning; management
//! needs the sessions alone.

mod access;
mod admission;
mod collaboration;
mod commits;
mod management;
mod provisioning;
mod sessions;
mod stopping;
mod through;
mod upkeep;

pub(crate) use access::{Access, AccessSettings, DirectorySettings};
pub(crate) use admission::Admission;
pub(crate) use collaboration::CollaborationSettings;
pub use collaboration::{Collaboration, Handled, IntoHandled, Uploading, Workers};
pub use management::Management;
pub use provisioning::Provisioning;
pub(crate) use stopping::Stopping;
pub use through::ManagesThrough;

use crate::agents::{Calls, Cell, PostBook, Posting, Registry};
use crate::clock::Calendar;
use crate::database::Reads;
use crate::error::{Error, Result};
use crate::events::{Feed, Names, Shares};
#[cfg(feature = "rest")]
pub(crate) use crate::events::{Handed, Receipt};
use crate::hub::Hub;
use crate::journal::Entries;
use crate::model::{AgentId, AgentStatus, Principal, Who};
use crate::origin::Origins;
use crate::waiting::Activity;
use commits::Commits;
use provisioning::Followers;
use sessions::{Sessions, agent_gone};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use through::sealed::Through;
use upkeep::Upkeep;

/// The future that the async twin of a call returns. Any executor can poll it, and it borrows
/// nothing.
pub type AsyncResult<T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'static>>;

/// What the services are made from. Each service takes its part of it when the engine opens, and
/// nobody keeps it.
pub(crate) struct Foundation {
    pub(crate) registry: Arc<Registry>,
    pub(crate) calls: Calls,
    pub(crate) posting: Arc<Posting>,
    pub(crate) posts: Arc<PostBook>,
    pub(crate) origins: Arc<Origins>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) names: Arc<Names>,
    pub(crate) shares: Arc<Shares>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) reads: Reads,
    pub(crate) entries: Entries,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) activity: Activity,
}

/// How the services are configured.
pub(crate) struct Settings {
    pub(crate) access: AccessSettings,
    pub(crate) collaboration: CollaborationSettings,
    /// How long the audit is kept; `None`: for ever.
    pub(crate) audit_age: Option<Duration>,
}

/// The services of one engine, and the views made from them.
pub(crate) struct Services {
    access: Arc<Access>,
    collaboration: Arc<collaboration::Parts>,
    provisioning: Arc<provisioning::Parts>,
    sessions: Arc<Sessions>,
    registry: Arc<Registry>,
    admission: Admission,
    upkeep: Arc<Upkeep>,
    stopping: Stopping,
}

impl Services {
    /// # Errors
    /// `Storage`; `Busy` if the super user's password cannot be hashed now.
    pub(crate) fn open(foundation: &Foundation, settings: Settings) -> Result<Services> {
        let timer = foundation.hub.timer().clone();
        let (admission, stopping) = (Admission::default(), Stopping::default());
        let commits = Commits::new(foundation.entries.clone(), timer.clone());
        let sessions = Arc::new(Sessions::new(foundation.calls.clone(), timer.clone()));
        let access = Arc::new(Access::open(
            foundation,
            commits.clone(),
            stopping.clone(),
            settings.access,
        )?);
        let followers = Followers::new(foundation, &access, admission.clone());
        let provisioning = provisioning::Parts::new(
            followers,
            commits.clone(),
            foundation.reads.clone(),
            sessions.clone(),
            access.domains().clone(),
        );
        let collaboration = collaboration::Parts::new(
            foundation,
            sessions.clone(),
            admission.clone(),
            stopping.clone(),
            settings.collaboration,
        );
        let upkeep = Upkeep {
            tokens: access.token_table().clone(),
            commits,
            calendar: foundation.calendar.clone(),
            timer,
            audit_age: settings.audit_age,
        };
        Ok(Services {
            access,
            collaboration: Arc::new(collaboration),
            provisioning: Arc::new(provisioning),
            sessions,
            registry: foundation.registry.clone(),
            admission,
            upkeep: Arc::new(upkeep),
            stopping,
        })
    }

    /// Logins, tokens and passwords.
    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// The throttles.
    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// # Errors
    /// As [`Engine::provisioning`](crate::Engine::provisioning).
    pub(crate) fn provisioning(&self, principal: &Principal) -> Result<Provisioning> {
        Provisioning::new(self.provisioning.clone(), principal.clone())
    }

    /// # Errors
    /// As [`Engine::collaboration`](crate::Engine::collaboration).
    pub(crate) fn collaboration(&self, principal: &Principal) -> Result<Collaboration> {
        let cell = self.cell_of(principal)?;
        Ok(Collaboration::new(
            self.collaboration.clone(),
            cell,
            principal.clone(),
        ))
    }

    /// # Errors
    /// As [`Engine::management`](crate::Engine::management).
    pub(crate) fn management(&self, through: impl ManagesThrough) -> Result<Management> {
        let (cell, principal) = match through.through()? {
            Through::Principal(principal) => (self.cell_of(&principal)?, principal),
            Through::Host(agent) => (self.by_id(&agent)?, Principal::host("host")),
        };
        Management::new(self.sessions.clone(), cell, principal)
    }

    /// Whether the engine is stopping, for a wait that may outlive these services.
    pub(crate) fn stopping(&self) -> Stopping {
        self.stopping.clone()
    }

    /// # Errors
    /// `NotFound`.
    pub(crate) fn agent(&self, id: &AgentId, principal: Principal) -> Result<Collaboration> {
        let cell = self.by_id(id)?;
        Ok(Collaboration::new(
            self.collaboration.clone(),
            cell,
            principal,
        ))
    }

    /// # Errors
    /// `NotFound`.
    pub(crate) fn agent_status(&self, id: &AgentId) -> Result<AgentStatus> {
        Ok(self.by_id(id)?.status())
    }

    fn by_id(&self, id: &AgentId) -> Result<Arc<Cell>> {
        let cell = self.registry.by_id(id);
        cell.ok_or_else(|| Error::unknown("agent", id))
    }

    /// The agent that a login acts through.
    fn cell_of(&self, principal: &Principal) -> Result<Arc<Cell>> {
        let Who::Agent { key, .. } = principal.who() else {
            return Err(Error::invalid("this login has no agent; log in with one"));
        };
        principal.check()?;
        self.registry.by_key(*key).ok_or_else(agent_gone)
    }

    /// Matches that were given up because a pattern met its limit.
    pub(crate) fn pattern_limits(&self) -> u64 {
        self.collaboration.pattern_limits()
    }

    /// What runs by itself, for as long as these services live.
    pub(crate) fn upkeep(&self) -> impl Future<Output = ()> + Send + use<> {
        Upkeep::run(Arc::downgrade(&self.upkeep))
    }

    /// Looks at accounts of directories again, for as long as these services live; `None` without
    /// directories.
    pub(crate) fn recheck(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let access = Arc::downgrade(&self.access);
        self.access
            .asks_directories()
            .then(|| Access::recheck(access))
    }

    /// Refuses calls from now on.
    pub(crate) fn begin_stop(&self) {
        self.stopping.begin();
    }

    /// Whether the engine is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.has_begun()
    }
}
