//! TLS by the configured trust, and what a channel is bound with: one for all connectors.
//!
//! Rejected: `rustls-platform-verifier` (it has no answer to a pin or to a file of one's own), and
//! OpenSSL for all: it is another library to keep safe. `openssl` uses it for servers that have
//! only cipher suites that rustls left out.

use super::error::BackendError;
use super::verifier::{Believed, Fingerprint, Verifier, fingerprint};
use parking_lot::Mutex;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls;

/// Which certificates are believed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Trust {
    /// Those the operating system believes.
    #[default]
    System,
    /// Those signed by a certificate in this PEM file, and the certificates in it themselves, for
    /// a name that they have. No others.
    CaFile(PathBuf),
    /// One certificate, known by the SHA-256 of its DER form, whatever it says of itself.
    PinnedSha256([u8; 32]),
    /// Any certificate at all: encrypted, but nobody knows to whom.
    InsecureAnyCertificate,
}

/// Why nothing can be believed.
pub(super) const NO_CERTIFICATE: &str = "no trusted certificate was found";

/// TLS failed for what the server shows, or for a file of ours. It is tried again at the usual pace:
/// unlike a refused login it locks no account, and whoever mends the certificate need not wait.
pub(super) fn unbelieved(reason: impl Into<String>) -> BackendError {
    BackendError::unreachable(reason)
}

/// Bytes that two ends of one TLS channel alone know (RFC 9266).
#[cfg(feature = "xmpp")]
pub(crate) type Binding = [u8; 32];

/// A client's configuration for `trust`: the one in use already, if there is one that believes the
/// same, because a system's roots are 60 KiB and a thousand accounts a thousand connections. What
/// is believed is read each time all the same, so that a changed file counts from the next
/// connection on. Reads files: for a thread that may wait.
pub(crate) fn client(trust: &Trust) -> Result<Arc<ClientConfig>, BackendError> {
    static IN_USE: Mutex<Vec<([u8; 32], Weak<ClientConfig>)>> = Mutex::new(Vec::new());
    let roots = roots(trust)?;
    let mut key = Sha256::new();
    match trust {
        Trust::PinnedSha256(pin) => key.update(pin),
        Trust::InsecureAnyCertificate => key.update(b"any"),
        Trust::System | Trust::CaFile(_) => {}
    }
    for listed in roots.iter().flat_map(|roots| &roots.listed) {
        key.update(listed);
    }
    for root in roots.iter().flat_map(|roots| &roots.store.roots) {
        for part in [
            Some(&root.subject),
            Some(&root.subject_public_key_info),
            root.name_constraints.as_ref(),
        ] {
            let part = part.map_or(&[][..], |part| part);
            key.update((part.len() as u64).to_le_bytes());
            key.update(part);
        }
    }
    let key: [u8; 32] = key.finalize().into();
    let mut in_use = IN_USE.lock();
    in_use.retain(|(_, client)| client.strong_count() > 0);
    if let Some(client) = in_use
        .iter()
        .find(|(known, _)| *known == key)
        .and_then(|(_, client)| client.upgrade())
    {
        return Ok(client);
    }
    let mut client = configured(trust, roots)?;
    // Taking up an earlier session would spare the server's certificate another look.
    client.resumption = Resumption::disabled();
    let client = Arc::new(client);
    in_use.push((key, Arc::downgrade(&client)));
    Ok(client)
}

/// Reads the CA file, if `trust` names one, as a connection would. Blocks.
pub(crate) fn check(trust: &Trust) -> Result<(), BackendError> {
    match trust {
        Trust::CaFile(_) => roots(trust).map(drop),
        _ => Ok(()),
    }
}

/// The certificates that a client begins with.
struct Roots {
    store: RootCertStore,
    /// Those of a CA file, which may be a server's own.
    listed: Vec<Fingerprint>,
}

/// Reads the certificates that `trust` begins with; `None` if it does not use any. Blocks.
pub(super) fn certificates(
    trust: &Trust,
) -> Result<Option<Vec<CertificateDer<'static>>>, BackendError> {
    let found = match trust {
        Trust::System => rustls_native_certs::load_native_certs().certs,
        Trust::CaFile(path) => {
            let unreadable = |error: &dyn std::fmt::Display| {
                unbelieved(format!(
                    "the CA file {} cannot be read: {error}",
                    path.display()
                ))
            };
            let pem = super::regular::read_regular(path).map_err(|error| unreadable(&error))?;
            let found: Result<_, _> = CertificateDer::pem_slice_iter(&pem).collect();
            found.map_err(|error| unreadable(&error))?
        }
        Trust::PinnedSha256(_) | Trust::InsecureAnyCertificate => return Ok(None),
    };
    Ok(Some(found))
}

/// Returns the roots that `trust` begins with; `None` if it does not use any.
fn roots(trust: &Trust) -> Result<Option<Roots>, BackendError> {
    let Some(found) = certificates(trust)? else {
        return Ok(None);
    };
    let (mut store, mut listed) = (RootCertStore::empty(), Vec::new());
    if let Trust::CaFile(path) = trust {
        for certificate in found {
            listed.push(fingerprint(&certificate));
            let added = store.add(certificate);
            added.map_err(|error| {
                unbelieved(format!("a certificate in {}: {error}", path.display()))
            })?;
        }
    } else {
        // One bad certificate of the system spoils no other.
        store.add_parsable_certificates(found);
    }
    if store.is_empty() {
        Err(unbelieved(NO_CERTIFICATE))
    } else {
        Ok(Some(Roots { store, listed }))
    }
}

fn configured(trust: &Trust, roots: Option<Roots>) -> Result<ClientConfig, BackendError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unbelieved(format!("TLS cannot be set up: {error}")))?;
    let believed = match (trust, roots) {
        (_, Some(Roots { store, listed })) if listed.is_empty() => {
            return Ok(builder.with_root_certificates(store).with_no_client_auth());
        }
        (_, Some(Roots { store, listed })) => {
            let roots = WebPkiServerVerifier::builder_with_provider(store.into(), provider.clone());
            let roots = roots
                .build()
                .map_err(|error| unbelieved(format!("TLS cannot be set up: {error}")))?;
            Believed::Listed(roots, listed)
        }
        (Trust::PinnedSha256(pin), None) => Believed::Pinned(*pin),
        (Trust::InsecureAnyCertificate, None) => Believed::Any,
        (Trust::System | Trust::CaFile(_), None) => {
            return Err(unbelieved(NO_CERTIFICATE));
        }
    };
    let verifier = Arc::new(Verifier { believed, provider });
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Begins TLS over `io` with a server that must prove to be `domain`; returns the stream and its
/// channel binding.
#[cfg(feature = "xmpp")]
pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    trust: &Trust,
    domain: &str,
    io: S,
) -> Result<(TlsStream<S>, Option<Binding>), BackendError> {
    let trust = trust.clone();
    let client = crate::backend::start_blocking(move || client(&trust)).await;
    let client = client.map_err(|_| BackendError::unreachable("the engine is stopping"))??;
    let stream = secure(client, domain, io).await;
    let stream = stream.map_err(|error| failed(domain, &error))?;
    let connection = stream.get_ref().1;
    // Before TLS 1.3 the exporter binds only with an extension that the library does not report.
    let is_13 = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    let exported =
        connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]));
    let binding = exported.ok().filter(|_| is_13);
    Ok((stream, binding))
}

/// Begins TLS over `io` as that client, with a server that must prove to be `domain`.
#[cfg(any(feature = "xmpp", feature = "ucwa"))]
pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    client: Arc<ClientConfig>,
    domain: &str,
    io: S,
) -> io::Result<TlsStream<S>> {
    let name = ServerName::try_from(domain.to_owned());
    let name = name
        .map_err(|_| rustls::Error::General(format!("`{domain}` cannot be a certificate's name")));
    let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    TlsConnector::from(client).connect(name, io).await
}

/// Says why there is no TLS with `domain`.
#[cfg(any(feature = "xmpp", feature = "ucwa"))]
pub(crate) fn failed(domain: &str, error: &io::Error) -> BackendError {
    unbelieved(format!("TLS with `{domain}`: {error}"))
}

/// Whether a handshake ended as it ends with a server that has none of our cipher suites: with an
/// alert, or without a word, as Windows does.
#[cfg(feature = "ucwa")]
pub(crate) fn may_lack_suites(error: &io::Error) -> bool {
    use rustls::AlertDescription::{HandshakeFailure, InsufficientSecurity};
    let said_by_tls = error
        .get_ref()
        .and_then(|said| said.downcast_ref::<rustls::Error>());
    match said_by_tls {
        Some(rustls::Error::AlertReceived(alert)) => {
            matches!(alert, HandshakeFailure | InsufficientSecurity)
        }
        Some(_) => false,
        None => matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_believes_the_same_shares_a_configuration() {
        let client = |trust: &Trust| client(trust).expect("a configuration");
        let (one, other) = (Trust::PinnedSha256([1; 32]), Trust::PinnedSha256([2; 32]));
        let (first, again) = (client(&one), client(&one));
        assert!(Arc::ptr_eq(&first, &again));
        assert!(!Arc::ptr_eq(&first, &client(&other)));
        assert!(!Arc::ptr_eq(
            &first,
            &client(&Trust::InsecureAnyCertificate)
        ));
    }

    #[test]
    fn a_file_that_changes_is_believed_as_it_is_now() {
        let path =
            std::env::temp_dir().join(format!("switchboard-believed-{}.pem", std::process::id()));
        let pem = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
        let mut certificates = pem.split_inclusive("-----END CERTIFICATE-----\n");
        let (Some(one), Some(other)) = (certificates.next(), certificates.next()) else {
            return;
        };
        let trust = Trust::CaFile(path.clone());
        let as_of = |text: &str| {
            std::fs::write(&path, text).expect("written");
            client(&trust)
        };
        let (first, second) = (
            as_of(one).expect("one"),
            as_of(&format!("{one}{other}")).expect("two"),
        );
        assert!(!Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&first, &as_of(one).expect("one")));
        assert!(as_of("").is_err() && as_of("-----BEGIN CERTIFICATE-----\n!\n").is_err());
        let _ = std::fs::remove_file(path);
    }
}
