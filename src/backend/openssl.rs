//! TLS by the system's OpenSSL, for servers whose cipher suites rustls left out.
//!
//! Windows Server 2012 R2, the newest that Lync Server 2013 runs on, has for RSA certificates only
//! suites with CBC or with a finite-field Diffie-Hellman; rustls has neither. A [`Trust`] means the
//! same here as there, and so does what is checked of a certificate. Rejected: OpenSSL built from
//! source (who updates the system would not update us), and the suites as a setting (nobody should
//! have to know them).

use super::error::BackendError;
use super::tls::{NO_CERTIFICATE, Trust, certificates, unbelieved};
use openssl::error::ErrorStack;
use openssl::ssl::{
    ConnectConfiguration, SslConnector, SslMethod, SslOptions, SslSessionCacheMode, SslVerifyMode,
    SslVersion,
};
use openssl::x509::X509;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509CheckFlags, X509VerifyFlags};
use sha2::{Digest, Sha256};
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_openssl::SslStream;

/// The suites up to TLS 1.2, the best first: what rustls has, and then those of Windows Server 2012
/// R2, with SHA-1 as a message code but none with RC4, 3DES, export keys or no encryption. Level 1
/// is needed because that Windows has Diffie-Hellman groups of 1,024 bits; level 2, the default of
/// Debian, refuses them. Which level the system's own file says does not matter.
const SUITES: &str = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:kRSA+AESGCM:DHE+AES:kRSA+AES\
                      :!aNULL:!eNULL:!aDSS:!PSK:!SRP:!AESCCM:@SECLEVEL=1";

/// A client for a [`Trust`], which all connections share.
#[derive(Clone)]
pub(crate) struct Client {
    connector: SslConnector,
    believed: Believed,
}

/// What is believed of a server's certificate.
#[derive(Clone, Copy)]
enum Believed {
    Any,
    /// This one, by the SHA-256 of its DER form, whatever it says of itself.
    Pinned([u8; 32]),
    /// Those that the store signed or contains, for the server's name.
    Stored,
}

impl Client {
    /// Makes a client. Reads files: for a thread that may wait.
    ///
    /// # Errors
    /// `Unreachable` for a CA file that cannot be read, and if there is no certificate to believe.
    pub(crate) fn new(trust: &Trust) -> Result<Client, BackendError> {
        let store = store(trust)?;
        let believed = match trust {
            Trust::PinnedSha256(pin) => Believed::Pinned(*pin),
            Trust::InsecureAnyCertificate => Believed::Any,
            Trust::System | Trust::CaFile(_) => Believed::Stored,
        };
        let connector = connector(store).map_err(|error| unusable(&error))?;
        Ok(Client {
            connector,
            believed,
        })
    }

    /// Begins TLS over `io` with a server that must prove to be `domain`. The deadline is the
    /// caller's.
    ///
    /// # Errors
    /// `Unreachable`, with what TLS itself says, or because the connection ended.
    pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        domain: &str,
        io: S,
    ) -> Result<SslStream<S>, BackendError> {
        let ssl = self.configured(domain);
        let ssl = ssl.and_then(|configured| configured.into_ssl(domain));
        let ssl = ssl.map_err(|error| unusable(&error))?;
        let mut stream = SslStream::new(ssl, io).map_err(|error| unusable(&error))?;
        if let Err(error) = Pin::new(&mut stream).connect().await {
            let verified = stream.ssl().verify_result();
            let reason = match (error.ssl_error(), error.io_error()) {
                // What is said of the certificate says more than the error.
                _ if verified != openssl::x509::X509VerifyResult::OK => {
                    format!("TLS with `{domain}`: the certificate is not believed: {verified}")
                }
                (None, Some(error)) => {
                    let reason = format!("TLS with `{domain}`: {error}");
                    return Err(unbelieved(reason));
                }
                (None, None) => {
                    let reason = format!("TLS with `{domain}`: the server ended the handshake");
                    return Err(unbelieved(reason));
                }
                (Some(error), _) => format!("TLS with `{domain}`: {error}"),
            };
            return Err(unbelieved(reason));
        }
        // The server has proved that it has the certificate's key, and nothing was sent yet.
        if let Believed::Pinned(pin) = self.believed {
            let shown = stream.ssl().peer_certificate();
            let shown = shown.and_then(|certificate| certificate.to_der().ok());
            if shown.map(|der| <[u8; 32]>::from(Sha256::digest(der))) != Some(pin) {
                let reason = format!("TLS with `{domain}`: the certificate is not the pinned one");
                return Err(unbelieved(reason));
            }
        }
        Ok(stream)
    }

    fn configured(&self, domain: &str) -> Result<ConnectConfiguration, ErrorStack> {
        let mut configured = self.connector.configure()?;
        // What the crate sets would take the subject for a name, which rustls does not.
        configured.set_verify_hostname(false);
        if matches!(self.believed, Believed::Stored) {
            let checked = configured.param_mut();
            checked.set_hostflags(
                X509CheckFlags::NEVER_CHECK_SUBJECT | X509CheckFlags::NO_PARTIAL_WILDCARDS,
            );
            match domain.parse() {
                Ok(address) => checked.set_ip(address)?,
                Err(_) => checked.set_host(domain)?,
            }
        } else {
            configured.set_verify(SslVerifyMode::NONE);
        }
        Ok(configured)
    }
}

fn unusable(error: &ErrorStack) -> BackendError {
    unbelieved(format!("OpenSSL cannot be set up: {error}"))
}

/// Returns the certificates that `trust` begins with.
fn store(trust: &Trust) -> Result<X509Store, BackendError> {
    let made = X509StoreBuilder::new();
    let mut store = made.map_err(|error| unusable(&error))?;
    // Every certificate of a CA file is believed, also one that another signed, or a server's own.
    let flagged = store.set_flags(X509VerifyFlags::PARTIAL_CHAIN);
    flagged.map_err(|error| unusable(&error))?;
    if let Some(found) = certificates(trust)? {
        let mut is_empty = true;
        for der in found {
            let added = X509::from_der(&der).and_then(|certificate| store.add_cert(certificate));
            match (added, trust) {
                (Ok(()), _) => is_empty = false,
                (Err(error), Trust::CaFile(path)) => {
                    let reason = format!("a certificate in {}: {error}", path.display());
                    return Err(unbelieved(reason));
                }
                // One bad certificate of the system spoils no other.
                (Err(_), _) => {}
            }
        }
        if is_empty {
            return Err(unbelieved(NO_CERTIFICATE));
        }
    }
    Ok(store.build())
}

fn connector(store: X509Store) -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_cert_store(store);
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(SUITES)?;
    // Taking up an earlier session would spare the server's certificate another look.
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_options(SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION);
    Ok(builder.build())
}
