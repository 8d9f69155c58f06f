//! Documents of the authentication service (§tokens/log-in).

use super::json::check_backslashes;
use super::lenient::{Node, Read};
use super::provisioning::username;
use crate::error::Result;
use crate::model;
use serde::Serialize;
use std::fmt;

/// What `POST /Tokens` takes. An `AgentId` that is empty, `null` or absent means the super user.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationCredentials {
    /// The agent to act through; empty for none.
    pub agent_id: String,
    /// The password.
    pub password: model::Secret,
    /// The user's name.
    pub username: String,
}

impl fmt::Debug for AuthenticationCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationCredentials")
            .field("agent_id", &self.agent_id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Read for AuthenticationCredentials {
    fn read(node: &Node<'_>) -> Result<AuthenticationCredentials> {
        let name = username(node)?.text()?.unwrap_or_default();
        check_backslashes("Username", &name)?;
        Ok(AuthenticationCredentials {
            agent_id: node.member("AgentId")?.text()?.unwrap_or_default(),
            password: node.member("Password")?.text()?.unwrap_or_default().into(),
            username: name,
        })
    }
}

impl From<AuthenticationCredentials> for model::Credentials {
    fn from(credentials: AuthenticationCredentials) -> model::Credentials {
        let AuthenticationCredentials {
            agent_id,
            password,
            username,
        } = credentials;
        if agent_id.is_empty() {
            model::Credentials::super_user(username, password)
        } else {
            model::Credentials::agent(username, password, agent_id)
        }
    }
}

/// The answer to `GET /Tokens/{token}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TokenDetails {
    /// The agent; empty for the super user.
    pub agent_id: String,
    /// When the token ends, in milliseconds since 1970.
    pub expires_timestamp: i64,
    /// The user's name as provisioned.
    pub username: String,
}

impl From<model::TokenDetails> for TokenDetails {
    fn from(details: model::TokenDetails) -> TokenDetails {
        TokenDetails {
            agent_id: details
                .agent
                .map(|agent| agent.to_string())
                .unwrap_or_default(),
            expires_timestamp: details.expires.timestamp_millis(),
            username: details.username,
        }
    }
}

impl Read for TokenDetails {
    fn read(node: &Node<'_>) -> Result<TokenDetails> {
        Ok(TokenDetails {
            agent_id: node.member("AgentId")?.text()?.unwrap_or_default(),
            expires_timestamp: node
                .member("ExpiresTimestamp")?
                .integer(i64::MIN..=i64::MAX)?
                .unwrap_or_default(),
            username: username(node)?.text()?.unwrap_or_default(),
        })
    }
}
