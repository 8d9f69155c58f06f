//! Asking a resolver for SRV records: over UDP, and over TCP where the answer is too long.
//!
//! The system's resolver does the work and keeps what it learned; here is one question and its
//! answer. An answer that is forged leads to a host that cannot prove to be the domain.

use super::config::Security;
use super::srv::{self, Answer, Endpoint, Service};
use crate::backend::Inbox;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// How many resolvers of `/etc/resolv.conf` are asked; the C library asks as many.
const RESOLVERS_MAX: usize = 3;
/// How often each resolver is asked.
const ROUNDS: usize = 2;
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_millis(1500);
/// The longest answer over UDP that is read, in bytes.
const DATAGRAM: usize = 4096;

/// Where the accounts of `domain` connect, in order: hosts that are spoken to as configured, then
/// those of the other kind of TLS. Empty if the domain has no such service; the domain itself if it
/// does not say.
pub(super) async fn endpoints(
    resolver: Option<SocketAddr>,
    domain: &str,
    wanted: Security,
    inbox: &Inbox,
) -> Vec<Endpoint> {
    let resolvers = match resolver {
        Some(resolver) => vec![resolver],
        None => crate::backend::start_blocking(system)
            .await
            .unwrap_or_default(),
    };
    let other = if wanted == Security::DirectTls {
        Security::StartTls
    } else {
        Security::DirectTls
    };
    let (first, second) = tokio::join!(
        ask(&resolvers, domain, wanted, inbox),
        ask(&resolvers, domain, other, inbox)
    );
    if first == Service::Unknown && !matches!(second, Service::At(_)) {
        let port = if wanted == Security::DirectTls {
            5223
        } else {
            5222
        };
        return vec![Endpoint {
            host: domain.to_owned(),
            port,
            security: wanted,
        }];
    }
    let mut endpoints = Vec::new();
    for (service, security) in [(first, wanted), (second, other)] {
        if let Service::At(records) = service {
            let records = srv::ordered(records, random);
            endpoints.extend(records.into_iter().map(|record| Endpoint {
                host: record.host,
                port: record.port,
                security,
            }));
        }
    }
    endpoints
}

/// Asks each resolver in turn, until one has an answer.
async fn ask(resolvers: &[SocketAddr], domain: &str, security: Security, inbox: &Inbox) -> Service {
    let Some(name) = srv::name(domain, security) else {
        return Service::Unknown;
    };
    for resolver in resolvers.iter().cycle().take(resolvers.len() * ROUNDS) {
        let asked = tokio::select! {
            biased;
            asked = ask_one(*resolver, &name) => asked,
            () = inbox.sleep(ANSWER_MAX) => Err(std::io::ErrorKind::TimedOut.into()),
        };
        match asked {
            Ok(Some(service)) => return service,
            Ok(None) => tracing::debug!(%resolver, name, "the resolver cannot say"),
            Err(error) => tracing::debug!(%resolver, name, %error, "the resolver does not answer"),
        }
    }
    Service::Unknown
}

/// Asks one resolver. Returns `None` if it has no answer.
async fn ask_one(resolver: SocketAddr, name: &str) -> std::io::Result<Option<Service>> {
    let id = u16::try_from(random(u32::from(u16::MAX))).unwrap_or_default();
    let Some(question) = srv::question(id, name) else {
        return Ok(None);
    };
    let local: IpAddr = if resolver.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((local, 0)).await?;
    socket.connect(resolver).await?;
    socket.send(&question).await?;
    let mut buffer = [0; DATAGRAM];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match srv::answer(&buffer[..length], id, name) {
            Answer::NotOurs => {}
            Answer::Truncated => break,
            Answer::Failed => return Ok(None),
            Answer::Is(service) => return Ok(Some(service)),
        }
    }
    let mut stream = TcpStream::connect(resolver).await?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    stream
        .write_all(&[&length.to_be_bytes()[..], &question].concat())
        .await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(match srv::answer(&answer, id, name) {
        Answer::Is(service) => Some(service),
        _ => None,
    })
}

/// A number up to, and with, `most`: good enough to spread connections, and to be not guessed by
/// who is not on the way.
fn random(most: u32) -> u32 {
    let mut bytes = [0; 8];
    // Without random bytes nothing else works either.
    let _ = getrandom::fill(&mut bytes);
    u32::try_from(u64::from_le_bytes(bytes) % (u64::from(most) + 1)).unwrap_or(most)
}

/// Returns the resolvers of this machine. It reads a file, so it needs a thread that may wait.
fn system() -> Vec<SocketAddr> {
    let found = read(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default());
    if found.is_empty() {
        vec![(Ipv4Addr::LOCALHOST, 53).into()]
    } else {
        found
    }
}

fn read(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        line.trim()
            .strip_prefix("nameserver")?
            .split_whitespace()
            .next()
    });
    servers
        .filter_map(|server| Some((server.parse::<IpAddr>().ok()?, 53).into()))
        .take(RESOLVERS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::recorder::Recorder;

    #[test]
    fn the_systems_resolvers_are_read() {
        let text = "# a comment\nsearch example.org\nnameserver 192.0.2.53\n nameserver ::1 # here\nnameserver fe80::1%eth0\n\
                    nameserver nonsense\nnameserver 192.0.2.54\nnameserver 192.0.2.55\noptions ndots:1\n";
        let found: Vec<String> = read(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, ["192.0.2.53:53", "[::1]:53", "192.0.2.54:53"]);
        assert!(!system().is_empty());
    }

    /// Runs a future on its own runtime, and calls `meanwhile` until it is done.
    fn run<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
        mut meanwhile: impl FnMut(),
    ) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (done, waits) = std::sync::mpsc::channel();
        runtime.spawn(async move { done.send(task.await) });
        loop {
            match waits.recv_timeout(Duration::from_millis(1)) {
                Ok(value) => return value,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => meanwhile(),
                Err(error) => panic!("the task panicked: {error}"),
            }
        }
    }

    /// What is truncated is asked again over TCP; what is not an answer to our question is not
    /// taken for one.
    #[test]
    fn a_long_answer_comes_over_tcp() {
        let recorder = Recorder::new();
        let inbox = recorder.inbox();
        let found = run(
            async move {
                let endpoint = truncating().await;
                endpoints(Some(endpoint), "im.test", Security::StartTls, &inbox).await
            },
            || {},
        );
        assert_eq!(
            found,
            [Endpoint {
                host: "home.test".into(),
                port: 5222,
                security: Security::StartTls
            }]
        );
    }

    /// Starts a resolver whose answers do not fit into a datagram.
    async fn truncating() -> SocketAddr {
        let (tcp, endpoint, udp) = loop {
            let tcp = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            let endpoint = tcp.local_addr().expect("bound");
            if let Ok(udp) = UdpSocket::bind(endpoint).await {
                break (tcp, endpoint, udp);
            }
        };
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, from) = udp.recv_from(&mut buffer).await.expect("received");
                let mut answer = buffer[..length].to_vec();
                // First another's answer, then ours, cut short.
                answer[0] ^= 1;
                answer[2] |= 0x80;
                udp.send_to(&answer, from).await.expect("sent");
                answer[0] ^= 1;
                answer[2] |= 0x02;
                udp.send_to(&answer, from).await.expect("sent");
            }
        });
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.expect("accepted");
                let length = stream.read_u16().await.expect("a length");
                let mut answer = vec![0; usize::from(length)];
                stream.read_exact(&mut answer).await.expect("a question");
                let is_direct = answer.windows(5).any(|window| window == b"xmpps");
                answer[2] |= 0x80;
                // One record: the question's name, SRV, IN, a minute, and 15 bytes of it. The root
                // stands for "none".
                answer[7] = 1;
                answer.extend_from_slice(&[0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60]);
                let target: &[u8] = if is_direct {
                    b"\0"
                } else {
                    b"\x04home\x04test\0"
                };
                answer.extend_from_slice(
                    &u16::try_from(6 + target.len())
                        .expect("short")
                        .to_be_bytes(),
                );
                answer.extend_from_slice(&[0, 1, 0, 2, 0x14, 0x66]);
                answer.extend_from_slice(target);
                stream
                    .write_u16(u16::try_from(answer.len()).expect("short"))
                    .await
                    .expect("written");
                stream.write_all(&answer).await.expect("written");
            }
        });
        endpoint
    }

    #[test]
    fn without_an_answer_the_domain_itself_is_the_place() {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let resolver = silent.local_addr().expect("bound");
        let recorder = Recorder::by_hand();
        let inbox = recorder.inbox();
        let asking =
            async move { endpoints(Some(resolver), "im.test", Security::DirectTls, &inbox).await };
        let found = run(asking, || recorder.advance(ANSWER_MAX));
        assert_eq!(
            found,
            [Endpoint {
                host: "im.test".into(),
                port: 5223,
                security: Security::DirectTls
            }]
        );
    }
}
