//! LDAP: Active Directory, Samba, OpenLDAP.
//!
//! A login searches for the account as a service account, and binds with what it found and the
//! password; or it binds at once with a name made of what was typed. The protocol is the crate
//! `ldap3`'s, over our own TLS configuration. Looked at and not taken: `simple-ldap` (a layer over
//! `ldap3`), `ldap-rs` (no StartTLS with a client configuration of ours), and binding to OpenLDAP's
//! C library (it keeps its TLS settings for the whole process).
//!
//! A connection is a future that must be polled. Each lies in a pool with its future, which is
//! polled while the connection is used and at no other time; one that the server has closed
//! meanwhile is found out by the next use and replaced. Rejected: a task for each connection, which
//! nobody would end.

mod accounts;
mod config;
mod connection;
mod document;
mod groups;
mod names;
mod servers;
mod verdict;

pub use config::LdapConfig;

use super::{Account, Asked, Authenticator, Checked, Standing, Step};
use crate::error::Result;
use crate::model::{AccountName, AgentId, Secret};
use accounts::Accounts;
use std::sync::Arc;

/// Checks passwords and accounts with LDAP servers.
#[derive(Clone)]
pub struct Ldap(Arc<Accounts>);

impl std::fmt::Debug for Ldap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ldap").field(&self.0.config).finish()
    }
}

impl Ldap {
    /// Reads the files that a connection reads, and connects to nothing.
    ///
    /// # Errors
    /// `Invalid` for a configuration that cannot work, and for a file or a variable that cannot be
    /// read.
    pub fn new(config: LdapConfig) -> Result<Ldap> {
        config.check()?;
        Ok(Ldap(Arc::new(Accounts::new(config))))
    }
}

impl Authenticator for Ldap {
    fn name(&self) -> &str {
        &self.0.config.name
    }

    fn check(&self, username: AccountName, password: Secret) -> Asked<Checked> {
        let accounts = self.0.clone();
        Box::pin(async move {
            let mut trace = Trace(None);
            accounts.check(&username, &password, &mut trace).await
        })
    }

    fn check_nobody(&self, password: Secret) -> Asked<Checked> {
        let accounts = self.0.clone();
        Box::pin(async move { accounts.check_nobody(&password).await })
    }

    fn look_again(&self, username: AccountName) -> Asked<Standing> {
        let accounts = self.0.clone();
        Box::pin(async move { accounts.look_again(&username).await })
    }

    fn explain(&self, username: AccountName, password: Secret) -> Asked<Vec<Step>> {
        let accounts = self.0.clone();
        Box::pin(async move {
            let mut trace = Trace(Some(Vec::new()));
            match accounts.check(&username, &password, &mut trace).await {
                Ok(Checked::Right(Account { agents })) => {
                    let agents: Vec<&str> = agents.iter().map(AgentId::as_str).collect();
                    if !agents.is_empty() {
                        trace.done("agents of its groups", || agents.join(", "));
                    }
                }
                Ok(_) => {}
                Err(error) => trace.failed("answer", || error.to_string()),
            }
            Ok(trace.0.unwrap_or_default())
        })
    }

    fn admits(&self, agent: &AgentId) -> bool {
        let mut groups = self.0.config.groups.iter();
        groups.any(|(_, agents)| agents.contains(agent))
    }
}

/// The steps of a login, if somebody wants to know.
struct Trace(Option<Vec<Step>>);

impl Trace {
    fn done(&mut self, what: &str, outcome: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(Step::done(what, outcome()));
        }
    }

    fn failed(&mut self, what: &str, outcome: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(Step::failed(what, outcome()));
        }
    }
}
