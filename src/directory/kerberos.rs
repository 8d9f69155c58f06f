//! Kerberos tickets by SPNEGO (RFC 4559), the logins of Windows and of `curl --negotiate`: over the
//! system's MIT Kerberos, with a keytab.
//!
//! It knows no passwords and no groups, so it stands beside an authenticator that does. A ticket is
//! checked with the keytab alone, without a word to the network.
//!
//! NTLM is refused. A server has nothing to check its answers with: it must hand them to a domain
//! controller over Netlogon's secure channel, as a member of the domain. Looked at: `sspi`,
//! `ntlmclient`, `ntlmssp`; they do the client's side, or compare with a password that the server
//! must know, and none speaks Netlogon. HTTP also has no place to keep the half of an exchange that
//! takes several messages.
//!
//! Rejected: `cross-krb5` (an unsafe layer more over the same library, and Windows' SSPI, which
//! nobody here can try). The keytab is named by the one call of the library that does so for the
//! whole process, because the variable `KRB5_KTNAME` can be set from within safely by nobody.

use super::{Asked, Authenticator, Checked, Negotiated};
use crate::error::{Error, Result};
use crate::model::{AccountName, Secret};
use crate::waiting::{pending, start_thread};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libgssapi::context::{SecurityContext, ServerCtx};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_SPNEGO, GSS_NT_HOSTBASED_SERVICE, OidSet};
use serde::Deserialize;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Tickets checked at the same time, each on a thread: it takes some 100 microseconds and reads the
/// keytab and the replay cache.
const AT_ONCE: usize = 4;

/// How Kerberos is configured.
///
/// ```toml
/// [[authenticator]]
/// type = "kerberos"
/// keytab = "/etc/switchboard/http.keytab"
/// service = "HTTP@gateway.example.org"    # without it any key of the keytab serves
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KerberosConfig {
    /// What logs and `default_authenticator` call it. Default: `kerberos`.
    #[serde(default = "kerberos")]
    name: String,
    keytab: PathBuf,
    service: Option<String>,
}

fn kerberos() -> String {
    "kerberos".to_owned()
}

impl KerberosConfig {
    /// The keys of the gateway's services are in that file.
    pub fn new(keytab: impl Into<PathBuf>) -> KerberosConfig {
        KerberosConfig {
            name: kerberos(),
            keytab: keytab.into(),
            service: None,
        }
    }

    /// The one service that tickets must be for: `HTTP@gateway.example.org`. Default: any that the
    /// keytab has a key of.
    #[must_use]
    pub fn service(mut self, service: impl Into<String>) -> KerberosConfig {
        self.service = Some(service.into());
        self
    }

    /// The keytab. A host serves it to nobody, and warns if others can read it.
    pub fn keytab(&self) -> &Path {
        &self.keytab
    }
}

/// Takes Kerberos tickets.
#[derive(Debug)]
pub struct Kerberos {
    name: String,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    keytab: PathBuf,
    service: Option<String>,
    turns: Semaphore,
}

impl Kerberos {
    /// Reads the keytab once, to see that it has a key for the service.
    ///
    /// The library knows one keytab for the whole process: the one that was configured last.
    ///
    /// # Errors
    /// `Invalid` if the keytab cannot be read or has no such key.
    pub fn new(config: KerberosConfig) -> Result<Kerberos> {
        name_keytab(&config.keytab)?;
        let inner = Inner {
            keytab: config.keytab,
            service: config.service,
            turns: Semaphore::new(AT_ONCE),
        };
        inner.credentials().map_err(Error::Invalid)?;
        Ok(Kerberos {
            name: config.name,
            inner: Arc::new(inner),
        })
    }
}

/// Tells the library which keytab to use.
#[expect(unsafe_code, reason = "no crate wraps this call")]
fn name_keytab(keytab: &Path) -> Result<()> {
    unsafe extern "C" {
        /// `gssapi/gssapi_krb5.h` of MIT Kerberos.
        fn krb5_gss_register_acceptor_identity(keytab: *const std::ffi::c_char) -> u32;
    }
    let bytes = keytab.as_os_str().as_bytes();
    let named = CString::new([b"FILE:", bytes].concat())
        .map_err(|_| Error::invalid("the keytab's path has a NUL in it"))?;
    // SAFETY: the function is in the library that `libgssapi` links. It takes a pointer to a text
    // that ends with NUL, which `named` is and stays during the call; it copies that text under a
    // lock of its own and keeps no pointer to it, so it may be called from any thread.
    match unsafe { krb5_gss_register_acceptor_identity(named.as_ptr()) } {
        0 => Ok(()),
        major => Err(Error::Invalid(format!(
            "the keytab {} is not taken (status {major:#x})",
            keytab.display()
        ))),
    }
}

impl Inner {
    /// The keys of the service, or why there are none.
    fn credentials(&self) -> Result<Cred, String> {
        let told = |error: libgssapi::error::Error| {
            format!(
                "the keytab {} does not serve: {error}",
                self.keytab.display()
            )
        };
        let service = self.service.as_ref().map(|service| {
            let kind = Some(GSS_NT_HOSTBASED_SERVICE);
            Name::new(service.as_bytes(), kind)
        });
        let service = service.transpose().map_err(told)?;
        let spnego = OidSet::singleton(GSS_MECH_SPNEGO).map_err(told)?;
        Cred::acquire(service.as_ref(), None, CredUsage::Accept, Some(&spnego)).map_err(told)
    }

    /// Whose ticket it is; blocks for as long as files are read.
    fn accept(&self, ticket: &Secret) -> Result<Option<Negotiated>> {
        let Ok(ticket) = STANDARD.decode(ticket.expose()) else {
            tracing::info!("a ticket that is no Base64 is refused");
            return Ok(None);
        };
        if ticket.starts_with(b"NTLMSSP\0") {
            tracing::info!(
                "an NTLM message is refused: only Kerberos tickets are taken; the client has no ticket for this host's name"
            );
            return Ok(None);
        }
        let mut context = ServerCtx::new(Some(self.credentials().map_err(Error::Unreachable)?));
        let reply = match context.step(&ticket, None) {
            Ok(reply) => reply.map(|reply| STANDARD.encode(&*reply)),
            Err(error) => {
                tracing::info!(%error, "a ticket is refused");
                return Ok(None);
            }
        };
        if !context.is_complete() {
            tracing::info!("a ticket is refused that wants more than one message");
            return Ok(None);
        }
        let name = context.source_name().and_then(|name| name.display_name());
        let name = name.map_err(|error| Error::Internal(format!("a ticket of nobody: {error}")))?;
        Ok(std::str::from_utf8(&name)
            .ok()
            .map(|principal| Negotiated::new(principal, reply)))
    }
}

impl Authenticator for Kerberos {
    fn name(&self) -> &str {
        &self.name
    }

    /// It knows no passwords, so it knows nobody.
    fn check(&self, _username: AccountName, _password: Secret) -> Asked<Checked> {
        Box::pin(std::future::ready(Ok(Checked::Unknown)))
    }

    fn negotiates(&self) -> bool {
        true
    }

    fn negotiate(&self, ticket: Secret) -> Asked<Option<Negotiated>> {
        let inner = self.inner.clone();
        Box::pin(async move {
            let turn = inner.turns.acquire().await;
            let _turn = turn.map_err(|_| Error::Closed)?;
            let (promise, accepted) = pending();
            let worker = inner.clone();
            start_thread("ticket", move || promise.fulfil(worker.accept(&ticket)))?;
            accepted.await
        })
    }
}
