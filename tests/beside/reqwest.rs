//! A program with reqwest, whose rustls uses aws-lc-rs, beside the engine, whose rustls uses ring.
//!
//! With both in one program rustls has no provider by default: a `ClientConfig` made without naming
//! one panics. Here the engine's XMPP account and reqwest shake hands with one server, which uses
//! aws-lc-rs, and nobody has installed a default.

#[expect(dead_code, reason = "the rounds are for crates with a database")]
mod engine;

use engine::Outcome;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use switchboard::backend::xmpp::{Accounts, Secret, Security, Trust, Xmpp, XmppConfig};
use switchboard::{Engine, NewAgent, Principal};

const SOON: Duration = Duration::from_secs(10);

fn main() -> Outcome {
    let scratch = engine::scratch()?;
    let pem = PathBuf::from(
        std::env::args_os()
            .nth(2)
            .ok_or("usage: PROGRAM FOLDER PEM")?,
    );
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let (heard, first_lines) = mpsc::channel();
    let config = server(&pem)?;
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // A client that gives up is not what is looked for.
            if let Ok(line) = greeted(socket, config.clone()) {
                let _ = heard.send(line);
            }
        }
    });

    let client = reqwest::blocking::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .timeout(SOON)
        .build()?;
    let answer = client
        .get(format!("https://127.0.0.1:{port}/"))
        .send()?
        .text()?;
    assert_eq!(answer, "hello");
    assert!(
        first_lines
            .recv_timeout(SOON)?
            .starts_with("GET / HTTP/1.1")
    );

    let accounts = Accounts::new(Secret::new("secret"))
        .host("127.0.0.1")
        .port(port)
        .security(Security::DirectTls);
    let xmpp = XmppConfig::new("localhost")
        .accounts(accounts)
        .trust(Trust::CaFile(pem.join("cert.pem")));
    let engine = Engine::builder()
        .database(scratch.join("switchboard.db"))
        .backend(Xmpp::new(xmpp)?)
        .open()?;
    let admin = engine.provisioning(&Principal::host("beside"))?;
    admin.put_agent(NewAgent::new("lene", "xmpp:lene@localhost")?)?;
    let line = first_lines.recv_timeout(SOON)?;
    assert!(line.contains("<stream:stream"), "the engine said {line}");
    engine.shutdown(SOON)?;
    println!("the engine by ring and reqwest by aws-lc-rs: both shook hands");
    Ok(())
}

fn server(pem: &Path) -> Outcome<Arc<ServerConfig>> {
    let certificate = CertificateDer::from_pem_file(pem.join("cert.pem"))?;
    let key = PrivateKeyDer::from_pem_file(pem.join("key.pem"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(Arc::new(config))
}

/// Shakes hands, returns the first line of a request or the head of a stream, and greets its client.
fn greeted(mut socket: TcpStream, config: Arc<ServerConfig>) -> Outcome<String> {
    socket.set_read_timeout(Some(SOON))?;
    socket.set_write_timeout(Some(SOON))?;
    let mut connection = ServerConnection::new(config)?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut said = String::new();
    while !said.contains('\n') && !said.contains("<stream:stream") {
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes)?;
        if length == 0 || said.len() > 65_536 {
            return Err("the client said neither".into());
        }
        said.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")?;
    stream.flush()?;
    Ok(said)
}
