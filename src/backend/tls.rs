//! TLS by the configured trust, and what a channel is bound with: one for all connectors.
//!
//! Rejected: `rustls-platform-verifier` (it has no answer to a pin or to a file of one's own), and OpenSSL (another
//! library to keep safe).

use super::error::BackendError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::Arc;
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
    /// Those signed by a certificate in this PEM file, and no others.
    CaFile(PathBuf),
    /// One certificate, known by the SHA-256 of its DER form, whatever it says of itself.
    PinnedSha256([u8; 32]),
    /// Any certificate at all: encrypted, but nobody knows to whom.
    InsecureAnyCertificate,
}

/// Bytes that two ends of one TLS channel alone know (RFC 9266).
#[cfg(feature = "xmpp")]
pub(crate) type Binding = [u8; 32];

/// A client's configuration for `trust`. Reads files: for a thread that may wait.
pub(crate) fn client(trust: &Trust) -> Result<ClientConfig, BackendError> {
    let refused = |reason: String| BackendError::refused(reason);
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(format!("TLS cannot be set up: {error}")))?;
    let mut roots = RootCertStore::empty();
    let believed = match trust {
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            None
        }
        Trust::CaFile(path) => {
            let unreadable = |error| refused(format!("the CA file {} cannot be read: {error}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).map_err(|error| refused(format!("a certificate in {}: {error}", path.display())))?;
            }
            None
        }
        Trust::PinnedSha256(pin) => Some(Believed { pin: Some(*pin), provider }),
        Trust::InsecureAnyCertificate => Some(Believed { pin: None, provider }),
    };
    Ok(match believed {
        Some(believed) => builder.dangerous().with_custom_certificate_verifier(Arc::new(believed)).with_no_client_auth(),
        None if roots.is_empty() => return Err(refused("no certificate to believe in was found".into())),
        None => builder.with_root_certificates(roots).with_no_client_auth(),
    })
}

/// Speaks TLS over `io` with whoever can prove to be `domain`; answers the stream and what it is bound with.
#[cfg(feature = "xmpp")]
pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    trust: &Trust,
    domain: &str,
    io: S,
) -> Result<(TlsStream<S>, Option<Binding>), BackendError> {
    let trust = trust.clone();
    let client = tokio::task::spawn_blocking(move || client(&trust)).await;
    let client = client.map_err(|_| BackendError::unreachable("the engine is stopping"))??;
    let stream = secure(Arc::new(client), domain, io).await?;
    let connection = stream.get_ref().1;
    // Before TLS 1.3 the exporter binds only with an extension that the library does not report.
    let is_13 = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    let exported = connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]));
    let binding = exported.ok().filter(|_| is_13);
    Ok((stream, binding))
}

/// Speaks TLS over `io` as that client, with whoever can prove to be `domain`.
pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    client: Arc<ClientConfig>,
    domain: &str,
    io: S,
) -> Result<TlsStream<S>, BackendError> {
    let name = ServerName::try_from(domain.to_owned())
        .map_err(|_| BackendError::refused(format!("`{domain}` cannot be a certificate's name")))?;
    TlsConnector::from(client).connect(name, io).await.map_err(|error| {
        let is_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        let reason = format!("TLS with `{domain}`: {error}");
        if is_tls { BackendError::refused(reason) } else { BackendError::unreachable(reason) }
    })
}

/// Believes one certificate, or any; that the server has its key is checked all the same.
#[derive(Debug)]
struct Believed {
    pin: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Believed {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.pin {
            Some(pin) if pin[..] != Sha256::digest(certificate)[..] => {
                Err(rustls::Error::General("the certificate is not the pinned one".into()))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
