//! Logins without a password, by a ticket that a browser or `curl --negotiate` brings
//! (§tokens/kerberos).

use super::Access;
use super::directories::DIRECTORY;
use super::granting::Granted;
use super::known::{Known, wrong};
use crate::directory::Standing;
use crate::error::{Error, Result};
use crate::model::{AccountName, Secret, Token, Who};
use std::sync::Arc;

/// The most bytes of a SPNEGO token; a ticket with many groups has some 12 KiB, and 64 KiB are the
/// most that Windows makes.
const BYTES_MAX: usize = 96 * 1024;

impl Access {
    /// Whether a directory takes SPNEGO tokens.
    pub(crate) fn negotiates(&self) -> bool {
        self.directories.negotiates()
    }

    /// Logs in whoever the SPNEGO token, in Base64, is of. Returns what the client is sent back to
    /// know the server.
    pub(crate) async fn log_in_by_ticket(
        self: Arc<Self>,
        token: Secret,
        agent: Option<String>,
    ) -> Result<(Token, Option<String>)> {
        if !self.negotiates() {
            return Err(Error::Unauthorized(
                "no directory that is configured takes Kerberos tickets".into(),
            ));
        }
        if token.expose().len() > BYTES_MAX {
            return Err(Error::invalid("the ticket has more than 96 KiB"));
        }
        let negotiated = self.directories.negotiate(&token).await?;
        let negotiated = negotiated.ok_or_else(wrong)?;
        let name = self.directories.domains.name(&negotiated.principal);
        let known = match agent.as_deref().filter(|agent| !agent.is_empty()) {
            None => self.super_user_of_ticket(&name).await,
            Some(agent) => self.user_of_ticket(&name, agent).await?,
        };
        match self.granting.grant(known.ok_or_else(wrong)?).await? {
            Granted::Token(token) => Ok((token, negotiated.reply)),
            Granted::Changed => Err(wrong()),
        }
    }

    /// The super user, where it is an account of the directory.
    async fn super_user_of_ticket(&self, name: &AccountName) -> Option<Known> {
        let configured = self.super_user.read().clone();
        let known = configured.filter(|known| known.hash.is_none())?;
        if !self.means(&known.name, name) || self.has_ended(name).await {
            return None;
        }
        Some(Known {
            who: Who::SuperUser(known.name.clone()),
            agent: None,
            user: None,
            name: name.clone(),
            is_member: false,
            password: None,
            checked: Some(DIRECTORY.to_owned()),
            rehash: None,
        })
    }

    async fn user_of_ticket(&self, name: &AccountName, agent: &str) -> Result<Option<Known>> {
        let meant = self.meant(name, agent).await?;
        if !meant.listed.is_empty() {
            return Ok(match self.has_ended(name).await {
                true => None,
                false => meant.listed(0, &self.directories.domains),
            });
        }
        let Some(wanted) = meant.agent.clone().filter(|_| meant.key.is_some()) else {
            return Ok(None);
        };
        if !self.directories.admits(&wanted) {
            return Ok(None);
        }
        match self.directories.look_again(name).await? {
            Standing::Good(account) if account.agents.contains(&wanted) => {
                Ok(meant.member(name, None))
            }
            _ => Ok(None),
        }
    }

    /// Whether a directory says that the account must not log in: its ticket is good for hours
    /// after it was disabled. Where no directory can tell, the ticket counts.
    async fn has_ended(&self, name: &AccountName) -> bool {
        matches!(self.directories.look_again(name).await, Ok(Standing::Ended))
    }
}
