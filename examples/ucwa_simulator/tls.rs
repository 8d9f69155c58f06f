//! A certificate authority made for one run by `openssl`, as in the tests. Rejected: rcgen, which
//! adds eight crates to those that the README's first command compiles.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Makes an authority and a certificate for `names` in `folder` (`ca.crt`, `server.crt`,
/// `server.key`), and returns the acceptor.
pub(crate) fn acceptor(folder: &Path, names: &[String]) -> Result<TlsAcceptor, String> {
    let at = |name: &str| folder.join(name).display().to_string();
    let alternative: Vec<String> = names
        .iter()
        .map(|name| {
            if name.parse::<std::net::IpAddr>().is_ok() {
                format!("IP:{name}")
            } else {
                format!("DNS:{name}")
            }
        })
        .collect();
    let new = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "30",
    ];
    let ca = [
        "-subj",
        "/CN=ucwa_simulator CA",
        "-keyout",
        &at("ca.key"),
        "-out",
        &at("ca.crt"),
    ];
    openssl(&[&new[..], &ca[..]].concat())?;
    let alternative = format!("subjectAltName={}", alternative.join(","));
    let own = [
        "-subj",
        "/CN=ucwa_simulator",
        "-addext",
        &alternative,
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-CA",
        &at("ca.crt"),
        "-CAkey",
        &at("ca.key"),
        "-keyout",
        &at("server.key"),
        "-out",
        &at("server.crt"),
    ];
    openssl(&[&new[..], &own[..]].concat())?;
    let wrong = |why: &dyn std::fmt::Display| format!("the certificate that openssl made: {why}");
    let chain = CertificateDer::from_pem_file(at("server.crt")).map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::from_pem_file(at("server.key")).map_err(|error| wrong(&error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions();
    let config = config.and_then(|config| {
        config
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
    });
    Ok(TlsAcceptor::from(Arc::new(
        config.map_err(|error| wrong(&error))?,
    )))
}

fn openssl(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .map_err(|error| format!("--tls-self-signed needs openssl: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "openssl: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}
