//! A login, and a second look at an account.
//!
//! An empty password never reaches a server: LDAP takes a bind with a name and no password for an
//! anonymous one, and says yes (RFC 4513, 5.1.2).

use super::connection::Trouble;
use super::groups;
use super::names;
use super::servers::Servers;
use super::verdict::{self, Bound, Refusal, bound, standing};
use super::{LdapConfig, Trace};
use crate::directory::{Account, Checked, Standing};
use crate::error::{Error, Result};
use crate::model::{AccountName, Secret};
use chrono::Utc;
use ldap3::{Scope, SearchEntry};
use std::time::Duration;

/// The accounts of one directory.
pub(super) struct Accounts {
    pub(super) config: LdapConfig,
    servers: Servers,
}

impl Accounts {
    pub(super) fn new(config: LdapConfig) -> Accounts {
        Accounts {
            servers: Servers::new(&config),
            config,
        }
    }

    /// Whether the password is the account's, and whether the account may log in.
    pub(super) async fn check(
        &self,
        name: &AccountName,
        password: &Secret,
        trace: &mut Trace,
    ) -> Result<Checked> {
        if password.expose().is_empty() {
            return Ok(self.refused(name, Refusal::WrongPassword, trace));
        }
        if !names::is_possible(name) {
            trace.failed("name", || "no account can have this name".to_owned());
            return Ok(Checked::Unknown);
        }
        if self.config.direct_bind.is_some() {
            return self.check_directly(name, password, trace).await;
        }
        let Some(entry) = self.found(name, trace).await? else {
            return Ok(Checked::Unknown);
        };
        if let Some(refusal) = self.tried(&entry.dn, password, trace).await? {
            return Ok(self.refused(name, refusal, trace));
        }
        self.admitted(name, &entry, trace).await
    }

    /// Binds with a name made of what was typed; the account is looked up afterwards, if it can be.
    async fn check_directly(
        &self,
        name: &AccountName,
        password: &Secret,
        trace: &mut Trace,
    ) -> Result<Checked> {
        let template = self.config.direct_bind.as_deref().unwrap_or_default();
        let bind_name = names::bind_name(template, name);
        match self.tried(&bind_name, password, trace).await? {
            Some(Refusal::NoSuchAccount) => return Ok(Checked::Unknown),
            Some(refusal) => return Ok(self.refused(name, refusal, trace)),
            None => {}
        }
        if self.config.service.is_none() {
            return Ok(Checked::Right(Account::default()));
        }
        match self.found(name, trace).await? {
            Some(entry) => self.admitted(name, &entry, trace).await,
            None => Ok(self.refused(name, Refusal::NoSuchAccount, trace)),
        }
    }

    /// As much work as for an account with a wrong password.
    pub(super) async fn check_nobody(&self, password: &Secret) -> Result<Checked> {
        let number = getrandom::u64().unwrap_or_default();
        let nobody = format!("nobody-{number:016x}");
        let name = crate::model::Domains::new().name(&nobody);
        let mut trace = Trace(None);
        if self.config.direct_bind.is_none() {
            self.found(&name, &mut trace).await?;
        }
        if !password.expose().is_empty() {
            let dn = match &self.config.direct_bind {
                Some(template) => names::bind_name(template, &name),
                None => format!("cn={nobody},{}", self.config.base),
            };
            self.tried(&dn, password, &mut trace).await?;
        }
        Ok(Checked::Unknown)
    }

    /// What has become of an account that logged in.
    pub(super) async fn look_again(&self, name: &AccountName) -> Result<Standing> {
        if self.config.service.is_none() || !names::is_possible(name) {
            return Ok(Standing::Unknown);
        }
        let Some(entry) = self.found(name, &mut Trace(None)).await? else {
            return Ok(Standing::Ended);
        };
        if standing(&entry, Utc::now().timestamp()).is_some() {
            return Ok(Standing::Ended);
        }
        let of = groups::of(&self.config, &self.servers, &entry.dn);
        let membership = of.await.map_err(|trouble| self.away(&trouble))?;
        Ok(match membership.is_admitted {
            true => Standing::Good(membership.account),
            false => Standing::Ended,
        })
    }

    /// The one entry of that name.
    async fn found(&self, name: &AccountName, trace: &mut Trace) -> Result<Option<SearchEntry>> {
        let filter = names::filter(&self.config.filter, name);
        let base = (self.config.base.as_str(), Scope::Subtree);
        let search = self
            .servers
            .search(&self.config, base, &filter, verdict::ATTRIBUTES);
        let mut entries = match search.await {
            Ok(entries) => entries,
            Err(trouble) => {
                trace.failed("search", || format!("{filter}: {}", trouble.text));
                return Err(self.away(&trouble));
            }
        };
        match entries.len() {
            0 => {
                trace.failed("search", || {
                    format!("{filter} finds nobody below {}", base.0)
                });
                Ok(None)
            }
            1 => {
                trace.done("search", || format!("{filter} finds {}", entries[0].dn));
                Ok(entries.pop())
            }
            count => {
                trace.failed("search", || {
                    format!("{filter} finds {count} entries, but must find one")
                });
                tracing::error!(
                    directory = self.config.name,
                    user = name.spelled(),
                    count,
                    "the filter finds several entries, so nobody logs in by that name"
                );
                Err(Error::Unreachable(format!(
                    "the directory `{}` has several accounts of one name",
                    self.config.name
                )))
            }
        }
    }

    /// Tries a password; returns why it is refused.
    async fn tried(
        &self,
        dn: &str,
        password: &Secret,
        trace: &mut Trace,
    ) -> Result<Option<Refusal>> {
        let bind = self.servers.bind(&self.config, dn, password.expose()).await;
        let result = match bind {
            Ok(result) => result,
            Err(trouble) => {
                trace.failed("bind", || format!("{dn}: {}", trouble.text));
                return Err(self.away(&trouble));
            }
        };
        match bound(result.rc, &result.text) {
            Bound::Right => {
                trace.done("bind", || format!("{dn}: the password is right"));
                Ok(None)
            }
            Bound::Refused(refusal) => {
                trace.failed("bind", || format!("{dn}: {refusal} ({})", result.rc));
                Ok(Some(refusal))
            }
            Bound::CannotTell => {
                let text = format!("the server cannot tell ({}: {})", result.rc, result.text);
                trace.failed("bind", || format!("{dn}: {text}"));
                Err(self.away(&Trouble::told(text)))
            }
        }
    }

    /// Whether an account whose password is right may log in.
    async fn admitted(
        &self,
        name: &AccountName,
        entry: &SearchEntry,
        trace: &mut Trace,
    ) -> Result<Checked> {
        if let Some(refusal) = standing(entry, Utc::now().timestamp()) {
            trace.failed("account", || refusal.to_string());
            return Ok(self.refused(name, refusal, trace));
        }
        if self.config.required_group.is_none() && self.config.groups.is_empty() {
            return Ok(Checked::Right(Account::default()));
        }
        let of = groups::of(&self.config, &self.servers, &entry.dn);
        let membership = of.await.map_err(|trouble| self.away(&trouble))?;
        if !membership.is_admitted {
            trace.failed("group", || Refusal::NotInGroup.to_string());
            return Ok(self.refused(name, Refusal::NotInGroup, trace));
        }
        trace.done("group", || {
            "the account is in every group that is required".to_owned()
        });
        Ok(Checked::Right(membership.account))
    }

    /// A refusal looks like any other to the caller; the log has the reason.
    fn refused(&self, name: &AccountName, refusal: Refusal, trace: &mut Trace) -> Checked {
        if trace.0.is_none() {
            let (directory, user) = (&self.config.name, name.spelled());
            tracing::info!(directory, user, reason = %refusal, "a login is refused");
        }
        Checked::Wrong
    }

    fn away(&self, trouble: &Trouble) -> Error {
        let name = &self.config.name;
        tracing::debug!(directory = name, reason = trouble.text, "no answer");
        Error::Busy {
            what: format!("the directory `{name}`, which does not answer,"),
            retry_after: Duration::from_secs(5),
        }
    }
}
