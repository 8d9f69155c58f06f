//! Provisioning (§provisioning/modes): what an administrator, or an agent with the right to, may see and change.
//!
//! Every change is one transaction with its audit row and its events; it takes effect at once and touches nobody
//! else. The right is checked when the view is made and again inside the transaction.

mod agents;
mod channels;
mod limits;
mod metadata;
mod oversight;
mod throttles;
mod users;

use super::change::{Need, forbidden, is_enough};
use super::{AsyncResult, Services};
use crate::error::{Error, Result};
use crate::model::{Principal, Who};
use std::sync::Arc;

/// The provisioning calls of one principal. Cheap to clone.
#[derive(Clone)]
pub struct Provisioning {
    services: Arc<Services>,
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
    /// `Forbidden` if it may provision nothing, `Unauthorized` if its token has ended.
    pub(crate) fn new(services: Arc<Services>, principal: Principal) -> Result<Provisioning> {
        let view = Provisioning {
            services,
            principal,
        };
        let need = match view.principal.who() {
            Who::Agent { agent, .. } => Need::Own(agent.clone()),
            _ => Need::System,
        };
        view.check(&need)?;
        Ok(view)
    }

    /// Whether the principal may do what is needed now.
    fn check(&self, need: &Need) -> Result<()> {
        if self.principal.has_ended() {
            return Err(Error::Unauthorized("the token has ended".into()));
        }
        let Who::Agent { agent, key, .. } = self.principal.who() else {
            return Ok(());
        };
        let cell = self.services.registry.by_key(*key);
        let cell = cell.ok_or_else(|| Error::Unauthorized("the token's agent is gone".into()))?;
        let mode = cell.look(|state| state.mode);
        if is_enough(mode, agent, need) {
            Ok(())
        } else {
            Err(forbidden())
        }
    }

    /// Makes a call's future: the right is checked at once, the rest when it is polled.
    fn when<T, F>(
        &self,
        need: Need,
        call: impl FnOnce(Arc<Services>, Principal, Need) -> F,
    ) -> AsyncResult<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        match self.check(&need) {
            Ok(()) => Box::pin(call(self.services.clone(), self.principal.clone(), need)),
            Err(error) => failed(error),
        }
    }
}

fn failed<T: Send + 'static>(error: Error) -> AsyncResult<T> {
    Box::pin(std::future::ready(Err(error)))
}
