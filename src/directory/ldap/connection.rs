//! One connection to one server, with the future that drives it.

use super::LdapConfig;
use crate::backend::tls_client;
use crate::waiting::{pending, start_thread};
use futures_util::future::BoxFuture;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope};
use ldap3::{SearchEntry, SearchOptions};
use std::time::Duration;

/// Entries of one search, at most: an account has one, and a level of groups some dozens.
const ENTRIES_MAX: i32 = 1000;

/// Why a server gave no answer.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) text: String,
    /// Whether the connection is of no use any more, and another one may be.
    pub(super) is_broken: bool,
}

impl Trouble {
    pub(super) fn broken(text: impl Into<String>) -> Trouble {
        Trouble {
            text: text.into(),
            is_broken: true,
        }
    }

    pub(super) fn told(text: impl Into<String>) -> Trouble {
        Trouble {
            text: text.into(),
            is_broken: false,
        }
    }
}

/// A connection.
pub(super) struct Connection {
    ldap: Ldap,
    driver: BoxFuture<'static, Result<(), LdapError>>,
    /// The server's place in the list.
    pub(super) server: usize,
    timeout: Duration,
}

impl Connection {
    /// Connects to that server, and speaks TLS with it where it is configured.
    pub(super) async fn open(config: &LdapConfig, server: usize) -> Result<Connection, Trouble> {
        let url = &config.servers[server];
        let mut settings = LdapConnSettings::new()
            .set_conn_timeout(config.timeout)
            .set_starttls(config.starttls);
        if config.starttls || url.starts_with("ldaps") {
            let trust = config.trust.clone();
            let (promise, made) = pending();
            // It reads files: the system's certificates, or a CA file, which may have changed.
            start_thread("certificates", move || {
                promise.fulfil(Ok(tls_client(&trust)))
            })
            .map_err(|error| Trouble::told(error.to_string()))?;
            let made = made
                .await
                .map_err(|error| Trouble::told(error.to_string()))?;
            settings = settings.set_config(made.map_err(|error| Trouble::told(error.reason))?);
        }
        let opened = LdapConnAsync::with_settings(settings, url).await;
        let (connection, ldap) = opened.map_err(|error| Trouble::broken(worded(&error)))?;
        Ok(Connection {
            ldap,
            driver: Box::pin(connection.drive()),
            server,
            timeout: config.timeout,
        })
    }

    /// Binds; an answer of the server is no trouble, whatever it says.
    pub(super) async fn bind(&mut self, dn: &str, password: &str) -> Result<LdapResult, Trouble> {
        let Connection {
            ldap,
            driver,
            timeout,
            ..
        } = self;
        let asked = ldap.with_timeout(*timeout).simple_bind(dn, password);
        driven(driver, asked).await
    }

    /// Searches; referrals are not followed.
    pub(super) async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &'static [&'static str],
    ) -> Result<Vec<SearchEntry>, Trouble> {
        let Connection {
            ldap,
            driver,
            timeout,
            ..
        } = self;
        ldap.with_timeout(*timeout)
            .with_search_options(SearchOptions::new().sizelimit(ENTRIES_MAX));
        let asked = ldap.search(base, scope, filter, attributes);
        let found = driven(driver, asked).await?;
        let code = found.1.rc;
        let entries = found.0.into_iter();
        let entries = entries.filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        match code {
            0 => Ok(entries.map(SearchEntry::construct).collect()),
            // Nothing lies there; it lies elsewhere.
            32 | 10 => Ok(Vec::new()),
            4 => Err(Trouble::told("the server finds more than it may return")),
            51 | 52 => Err(Trouble::broken(format!("the server is busy ({code})"))),
            code => Err(Trouble::told(format!(
                "the server refuses the search ({code}: {})",
                found.1.text
            ))),
        }
    }
}

/// Polls what was asked together with the connection, which ends only for a reason.
async fn driven<T>(
    driver: &mut BoxFuture<'static, Result<(), LdapError>>,
    asked: impl Future<Output = Result<T, LdapError>>,
) -> Result<T, Trouble> {
    let done = tokio::select! {
        biased;
        done = asked => done,
        ended = driver => match ended {
            Ok(()) => return Err(Trouble::broken("the server has closed the connection")),
            Err(error) => Err(error),
        },
    };
    done.map_err(|error| match &error {
        LdapError::FilterParsing => Trouble::told("the filter cannot be read"),
        _ => Trouble::broken(worded(&error)),
    })
}

/// An error of the library in our words; its own leave out what lies below.
fn worded(error: &LdapError) -> String {
    match error {
        LdapError::Timeout { .. } => "it does not answer in time".to_owned(),
        LdapError::Io { source } => source.to_string(),
        LdapError::OpSend { .. } | LdapError::ResultRecv { .. } | LdapError::EndOfStream => {
            "it has closed the connection".to_owned()
        }
        error => error.to_string(),
    }
}
