//! A dnsmasq that gives the records of a test, and no others.
//!
//! It binds its port by itself, for TCP and for UDP, so the port cannot be handed over: where it
//! finds the port taken it ends, and another is tried. A name that only this dnsmasq knows proves
//! that it, and no other program, has the port. Tests begin after that, so no test sees a resolver
//! that does not answer yet.

use crate::port::Port;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(super) const DNSMASQ: &str = "/usr/sbin/dnsmasq";

/// The number of ports to try; on a healthy machine the second is free.
const TRIES: usize = 10;
/// How long the resolver may take until its first answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A resolver; dropping it ends it.
pub(super) struct Resolver {
    dnsmasq: Child,
    address: SocketAddr,
    _port: Port,
}

impl Resolver {
    /// Starts a resolver with those SRV records, each as `--srv-host` takes it. It answers queries
    /// when this returns.
    pub(super) fn with(records: &[String]) -> Resolver {
        Resolver::on(records, Port::reserve)
    }

    /// As [`Resolver::with`], on the first of those ports that it can bind.
    pub(super) fn on(records: &[String], mut port: impl FnMut() -> Port) -> Resolver {
        let mut why = String::new();
        for _ in 0..TRIES {
            match Resolver::begin(records, port()) {
                Ok(resolver) => return resolver,
                Err(reason) => why = reason,
            }
        }
        panic!("dnsmasq did not start on any of {TRIES} ports: {why}");
    }

    fn begin(records: &[String], port: Port) -> Result<Resolver, String> {
        let random = RandomState::new().hash_one("resolver").to_le_bytes();
        let own = [127, random[0], random[1], random[2]];
        let mut command = Command::new(DNSMASQ);
        command.args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--pid-file",
            "--user=root",
        ]);
        command.args([
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--local=/im.test/",
        ]);
        command.arg(format!("--port={}", port.number()));
        command.arg(format!(
            "--host-record={NAME},{}",
            own.map(|byte| byte.to_string()).join(".")
        ));
        command.args(records.iter().map(|record| format!("--srv-host={record}")));
        let dnsmasq = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("dnsmasq starts");
        let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let mut resolver = Resolver {
            dnsmasq,
            address,
            _port: port,
        };
        let deadline = Instant::now() + PATIENCE;
        while !asked(address, own) {
            if resolver.dnsmasq.try_wait().expect("it is ours").is_some() {
                return Err(resolver.last_words());
            }
            if Instant::now() > deadline {
                return Err(format!("it does not answer on {address}"));
            }
        }
        Ok(resolver)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its output before it ended.
    fn last_words(&mut self) -> String {
        let mut why = String::new();
        let _ = self
            .dnsmasq
            .stderr
            .take()
            .expect("piped")
            .read_to_string(&mut why);
        why
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let _ = self.dnsmasq.kill();
        let _ = self.dnsmasq.wait();
    }
}

/// The name that proves that a resolver is ours.
const NAME: &str = "resolver.im.test";

/// Asks for the address of [`NAME`]; true if it is `own`. Waits at most 50 ms for the answer.
fn asked(resolver: SocketAddr, own: [u8; 4]) -> bool {
    // Header: an id, recursion wanted, one question; then the name, type A, class IN.
    let mut question = vec![0x5b, 0x2d, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in NAME.split('.') {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .expect("a timeout");
    let mut answer = [0; 512];
    let heard = socket
        .send_to(&question, resolver)
        .and_then(|_| socket.recv(&mut answer));
    if heard.is_err() {
        // Fails at once if nothing listens yet.
        std::thread::park_timeout(Duration::from_millis(10));
    }
    heard.is_ok_and(|length| answer[..length].windows(4).any(|four| four == own))
}

/// If the port is taken when dnsmasq starts, another port is tried; if there is none, the test ends
/// with the reason.
#[test]
fn a_resolver_whose_port_is_taken_goes_to_another() {
    if super::server::skipped_without("XMPP resolver", DNSMASQ) {
        return;
    }
    let holder = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let number = holder.local_addr().expect("bound").port();
    let mut ports = vec![Port::reserve(), Port::taken(number)];
    let resolver = Resolver::on(&[], || ports.pop().expect("two are enough"));
    assert_ne!(resolver.address().port(), number);
    let said = std::panic::catch_unwind(|| Resolver::on(&[], || Port::taken(number)).address());
    let said = said.expect_err("it cannot be had");
    let said = said.downcast_ref::<String>().map_or("", String::as_str);
    assert!(said.contains("in use"), "{said}");
}
