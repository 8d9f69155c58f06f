//! Who may find, join and manage a room. Members and agents' addresses are compared without case.

use super::names::fold;
use crate::model::{Category, Privacy};
use std::sync::Arc;

/// Who may find, join and manage a room.
#[derive(Default)]
pub(super) struct Access {
    pub(super) privacy: Privacy,
    pub(super) members: Vec<String>,
    pub(super) category: String,
    pub(super) description: Option<String>,
    /// The folded address of the agent that created it; `None` if the host did.
    pub(super) manager: Option<Arc<str>>,
}

impl Access {
    fn is_member(&self, address: &str) -> bool {
        let address = fold(address);
        self.members
            .iter()
            .any(|member| !member.starts_with("resource:") && fold(member) == address)
    }

    pub(super) fn may_find(&self, address: &str) -> bool {
        self.privacy != Privacy::Secret || self.is_member(address)
    }

    pub(super) fn may_join(&self, address: &str) -> bool {
        self.privacy == Privacy::Open || self.is_member(address)
    }

    pub(super) fn may_manage(&self, address: &str) -> bool {
        self.manager
            .as_ref()
            .is_none_or(|manager| **manager == *fold(address))
    }
}

/// Returns the only category that exists unless the host names others.
pub(super) fn first_category() -> Category {
    Category {
        id: "general".into(),
        name: "General".into(),
    }
}
