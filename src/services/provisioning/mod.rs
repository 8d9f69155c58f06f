//! Provisioning (§provisioning/modes): what an administrator, or an agent with the right to, may
//! see and change.
//!
//! Every change is one transaction with its audit row and its events. It takes effect at once and
//! touches nobody else. The right is checked when the view is made, at every call, and again inside
//! the transaction.

mod agents;
mod change;
mod channels;
mod contacts;
mod dead;
mod follow;
mod limits;
mod metadata;
mod oversight;
mod right;
mod throttles;
mod users;

pub(super) use follow::Followers;

use super::AsyncResult;
use super::access::Proofs;
use super::commits::Commits;
use super::sessions::{Sessions, agent_gone};
use crate::agents::Registry;
use crate::database::Reads;
use crate::error::{Error, Result};
use crate::events::Names;
use crate::hub::Hub;
use crate::model::{Domains, Principal, Who};
use right::{Need, forbidden};
use std::sync::Arc;

/// What the provisioning calls use.
pub(super) struct Parts {
    commits: Commits,
    followers: Arc<Followers>,
    reads: Reads,
    registry: Arc<Registry>,
    names: Arc<Names>,
    hub: Arc<Hub>,
    proofs: Arc<Proofs>,
    sessions: Arc<Sessions>,
    domains: Domains,
}

impl Parts {
    pub(super) fn new(
        followers: Followers,
        commits: Commits,
        reads: Reads,
        sessions: Arc<Sessions>,
        domains: Domains,
    ) -> Parts {
        Parts {
            domains,
            registry: followers.registry.clone(),
            names: followers.names.clone(),
            hub: followers.hub.clone(),
            proofs: followers.proofs.clone(),
            followers: Arc::new(followers),
            commits,
            reads,
            sessions,
        }
    }
}

/// The provisioning calls of one principal. Cheap to clone.
#[derive(Clone)]
pub struct Provisioning {
    parts: Arc<Parts>,
    principal: Principal,
}

impl std::fmt::Debug for Provisioning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provisioning")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

impl Provisioning {
    /// A view for `principal`.
    ///
    /// # Errors
    /// `Forbidden` if the principal may provision nothing, `Unauthorized` if its token has ended.
    pub(super) fn new(parts: Arc<Parts>, principal: Principal) -> Result<Provisioning> {
        let view = Provisioning { parts, principal };
        let need = match view.principal.who() {
            Who::Agent { agent, .. } => Need::Own(agent.clone()),
            _ => Need::System,
        };
        view.check(&need)?;
        Ok(view)
    }

    /// Whether the principal may do now what is needed.
    fn check(&self, need: &Need) -> Result<()> {
        self.principal.check()?;
        let Who::Agent { agent, key, .. } = self.principal.who() else {
            return Ok(());
        };
        let cell = self.parts.registry.by_key(*key).ok_or_else(agent_gone)?;
        let mode = cell.look(|state| state.mode);
        if need.is_met_by(mode, agent) {
            Ok(())
        } else {
            Err(forbidden())
        }
    }

    /// Makes the future of a call. The right is checked at once, the rest is done when the future
    /// is polled.
    fn when<T, F>(
        &self,
        need: Need,
        call: impl FnOnce(Arc<Parts>, Principal, Need) -> F,
    ) -> AsyncResult<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        match self.check(&need) {
            Ok(()) => Box::pin(call(self.parts.clone(), self.principal.clone(), need)),
            Err(error) => failed(error),
        }
    }
}

fn failed<T: Send + 'static>(error: Error) -> AsyncResult<T> {
    Box::pin(std::future::ready(Err(error)))
}
