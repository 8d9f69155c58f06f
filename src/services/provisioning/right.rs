//! Who may provision what, by an agent's mode (§provisioning/modes).

use crate::error::Error;
use crate::model::{AgentId, ProvisioningMode};

/// What a caller must be allowed to do.
#[derive(Debug, Clone)]
pub(super) enum Need {
    /// Anything: the mode System.
    System,
    /// At least the agent's own channels and metadata: the mode Self.
    Own(AgentId),
}

impl Need {
    /// Whether `agent` may do this in that mode.
    pub(super) fn is_met_by(&self, mode: ProvisioningMode, agent: &AgentId) -> bool {
        match (mode, self) {
            (ProvisioningMode::System, _) => true,
            (ProvisioningMode::Own, Need::Own(own)) => own == agent,
            _ => false,
        }
    }
}

pub(super) fn forbidden() -> Error {
    Error::Forbidden("this agent may not provision this".into())
}
