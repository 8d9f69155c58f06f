//! The audit: every administrative change, who made it and what it changed.

use chrono::{DateTime, Utc};

/// One administrative change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Rises with every change; the cursor of `Provisioning::audit`.
    pub number: u64,
    /// When.
    pub time: DateTime<Utc>,
    /// Who: `super:NAME`, `agent:AGENT/USER`, `host:NAME`, or `engine` for what the engine noticed.
    pub who: String,
    /// What was done, for example `put agent`.
    pub action: String,
    /// To which agent, user or throttle.
    pub subject: String,
    /// How it was before, as JSON without secrets; `None` if it did not exist.
    pub before: Option<String>,
    /// How it is after, as JSON without secrets; `None` if it is gone.
    pub after: Option<String>,
}

impl AuditEntry {
    pub(crate) fn new(
        number: u64,
        time: DateTime<Utc>,
        who: String,
        action: String,
        subject: String,
        before: Option<String>,
        after: Option<String>,
    ) -> AuditEntry {
        AuditEntry {
            number,
            time,
            who,
            action,
            subject,
            before,
            after,
        }
    }
}
