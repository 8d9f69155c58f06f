//! TLS: rustls with ring, versions 1.2 and 1.3. The certificate can be replaced while connections
//! are open; each keeps the one it began with.

use parking_lot::RwLock;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchboard::backend;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The certificate for new connections.
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    now: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads both files.
    pub(crate) fn load(cert: &Path, key: &Path) -> Result<Tls, String> {
        let now = RwLock::new(read(cert, key)?);
        Ok(Tls {
            cert: cert.to_owned(),
            key: key.to_owned(),
            now,
        })
    }

    /// Reads them again; on an error everything stays as it is.
    pub(crate) fn reload(&self) -> Result<(), String> {
        *self.now.write() = read(&self.cert, &self.key)?;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.now.read()))
    }
}

fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let wrong = |path: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let pem = backend::read_regular(cert).map_err(|error| wrong(cert, &error))?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong(cert, &error))?;
    if chain.is_empty() {
        return Err(wrong(cert, &"holds no certificate"));
    }
    let pem = backend::read_regular(key).map_err(|error| wrong(key, &error))?;
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| wrong(key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions();
    let config = config.map(|config| config.with_no_client_auth());
    let config = config.and_then(|config| config.with_single_cert(chain, private));
    let mut config = config.map_err(|error| wrong(cert, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
