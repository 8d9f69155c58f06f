//! The audit, and who acts.

use super::document;
use super::time;
use crate::model::{AgentId, AgentKey, AuditEntry, TokenDetails, UserId, Who};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

document!(AuditEntry {
    number: u64,
    #[serde(with = "time")]
    time: DateTime<Utc>,
    who: String,
    action: String,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
});

document!(TokenDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentId>,
    username: String,
    #[serde(with = "time")]
    expires: DateTime<Utc>,
});

/// It says who somebody is and gives no right: only a `Principal` does.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Shown {
    SuperUser {
        name: String,
    },
    Agent {
        agent: AgentId,
        key: AgentKey,
        user: UserId,
        username: String,
    },
    Host {
        name: String,
    },
}

impl Serialize for Who {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.clone() {
            Who::SuperUser(name) => Shown::SuperUser { name },
            Who::Agent {
                agent,
                key,
                user,
                username,
            } => Shown::Agent {
                agent,
                key,
                user,
                username,
            },
            Who::Host(name) => Shown::Host { name },
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Who, D::Error> {
        Ok(match Shown::deserialize(from)? {
            Shown::SuperUser { name } => Who::SuperUser(name),
            Shown::Agent {
                agent,
                key,
                user,
                username,
            } => Who::Agent {
                agent,
                key,
                user,
                username,
            },
            Shown::Host { name } => Who::Host(name),
        })
    }
}
