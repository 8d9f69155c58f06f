//! TLS, with certificates made for these tests alone and good until 2126.

use super::client::request;
use super::gateway::{Gateway, SUPER, program};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

fn pem(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/http/tls")
        .join(name)
}

/// Asks for `/healthz` and trusts that certificate only. Returns `None` if the handshake failed.
fn health(
    address: SocketAddr,
    certificate: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(pem(certificate)).expect("PEM"))
        .expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions);
    let config = config
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = StreamOwned::new(
        connection,
        TcpStream::connect(address).expect("the gateway listens"),
    );
    stream
        .write_all(&request("GET", "/healthz", &[], b""))
        .ok()?;
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    Some(answer)
}

#[test]
fn tls_is_spoken_and_a_new_certificate_is_taken_at_sighup() {
    let folder = std::env::temp_dir().join(format!("switchboard-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let put = |name: &str| {
        std::fs::copy(pem(&format!("{name}key.pem")), &key).expect("copied");
        std::fs::copy(pem(&format!("{name}cert.pem")), &cert).expect("copied");
    };
    put("");
    let mut command = Command::new(program());
    command
        .args(["--listen", "127.0.0.1:0", "--database", ":memory:"])
        .env("SWITCHBOARD_SUPER_PASSWORD", SUPER.1);
    command
        .arg("--tls-cert")
        .arg(&cert)
        .arg("--tls-key")
        .arg(&key);
    let gateway = Gateway::spawn(command);
    for version in [&TLS12, &TLS13] {
        let answer = health(gateway.address, "cert.pem", &[version]).expect("a handshake");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(health(gateway.address, "other_cert.pem", &[&TLS13]), None);
    // The gateway closes connections without TLS.
    let mut clear = TcpStream::connect(gateway.address).expect("the gateway listens");
    clear
        .write_all(&request("GET", "/healthz", &[], b""))
        .expect("the gateway reads");
    let mut answer = Vec::new();
    let _ = clear.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    put("other_");
    #[cfg(unix)]
    {
        gateway.signal("HUP");
        let mut waited = 0;
        while health(gateway.address, "other_cert.pem", &[&TLS13]).is_none() {
            waited += 1;
            assert!(waited < 100, "never reloaded");
            thread::sleep(Duration::from_millis(50));
        }
        // Half of a new pair leaves the working pair in place.
        std::fs::copy(pem("key.pem"), &key).expect("copied");
        gateway.signal("HUP");
        thread::sleep(Duration::from_millis(300));
        assert!(health(gateway.address, "other_cert.pem", &[&TLS13]).is_some());
    }
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn an_address_that_others_reach_in_clear_is_warned_of() {
    let gateway = Gateway::start(&["--listen", "0.0.0.0:0"]);
    let (_, log) = gateway.stop();
    assert!(log.contains("in clear"), "{log}");
    let gateway = Gateway::start(&[]);
    let (_, log) = gateway.stop();
    assert!(!log.contains("in clear"), "{log}");
}

#[test]
fn a_trusted_proxy_says_who_asks_and_nobody_else() {
    let forwarded = request(
        "GET",
        "/healthz",
        &[("X-Forwarded-For", "198.51.100.7")],
        b"",
    );
    for (flags, client) in [
        (&["--trusted-proxy", "127.0.0.0/8"][..], "198.51.100.7"),
        (&[], "127.0.0.1"),
    ] {
        let gateway = Gateway::start(flags);
        super::client::send(gateway.address, &forwarded).expect(200);
        let (_, log) = gateway.stop();
        assert!(log.contains(&format!("client={client}")), "{log}");
    }
}
