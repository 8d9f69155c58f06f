//! A TCP connection to the first address of a host that accepts it (Happy Eyeballs, RFC 8305).
//!
//! A host often has an IPv6 and an IPv4 address, and one of them may drop every packet. Every
//! connector dials through this file. Rejected: `TcpStream::connect((host, port))`, which waits for
//! one address for two minutes before it tries the next one, which is longer than any deadline of
//! ours.

use super::Inbox;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// The most addresses of a host that are tried.
const ADDRESSES_MAX: usize = 16;
/// How long one address is waited for alone until the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the host. The deadline is the caller's.
///
/// # Errors
/// The error of the last address, and those of the host's resolution.
pub(crate) async fn connect(inbox: &Inbox, host: &str, port: u16) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((host, port)).await?;
    first(inbox, in_turns(found), TcpStream::connect).await
}

/// As [`connect`], to this machine only.
///
/// # Errors
/// As [`connect`]; `NotFound` if the host has no address, or none of this machine.
#[cfg(feature = "xmpp")]
pub(crate) async fn connect_here(inbox: &Inbox, host: &str, port: u16) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|_| io::ErrorKind::NotFound)?;
    let here = found.filter(|address| address.ip().is_loopback());
    first(inbox, in_turns(here), TcpStream::connect).await
}

/// Puts addresses in the order in which they are tried: the two families in turns, beginning with
/// the one that the resolver prefers.
fn in_turns(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let found: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
    let is_preferred =
        |address: &SocketAddr| found.first().map(SocketAddr::is_ipv4) == Some(address.is_ipv4());
    let (preferred, others): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.iter().copied().partition(is_preferred);
    let mut turns = Vec::with_capacity(found.len());
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    while turns.len() < found.len() {
        turns.extend(preferred.next().into_iter().chain(others.next()));
    }
    turns
}

/// Returns the first connection that is made. The next attempt begins when one fails, or after
/// [`HEAD_START`].
async fn first<T, F: Future<Output = io::Result<T>>>(
    inbox: &Inbox,
    addresses: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        match waiting.next() {
            Some(address) => attempts.push(attempt(address)),
            None if attempts.is_empty() => return Err(failed),
            None => {}
        }
        tokio::select! {
            biased;
            done = attempts.next() => match done {
                Some(Ok(connection)) => return Ok(connection),
                Some(Err(error)) => failed = error,
                None => {}
            },
            () = inbox.sleep(HEAD_START), if waiting.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::recorder::Recorder;
    use std::sync::mpsc;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        let parsed = texts.iter().map(|text| text.parse().expect("an address"));
        parsed.collect()
    }

    #[test]
    fn the_families_take_turns() {
        let turns = |texts: &[&str]| in_turns(addresses(texts).into_iter());
        let (six, also) = ("[2001:db8::1]:1", "[2001:db8::2]:1");
        let (four, too) = ("192.0.2.1:1", "192.0.2.2:1");
        assert_eq!(
            turns(&[six, also, four, too]),
            addresses(&[six, four, also, too])
        );
        assert_eq!(turns(&[four, too, six]), addresses(&[four, six, too]));
        assert_eq!(turns(&[four]), addresses(&[four]));
        assert_eq!(turns(&[]), []);
        let many: Vec<SocketAddr> = vec!["192.0.2.1:1".parse().expect("an address"); 100];
        assert_eq!(in_turns(many.into_iter()).len(), ADDRESSES_MAX);
    }

    /// Dials addresses of which those on port 1 drop every packet, those on port 2 refuse, and all
    /// others accept. Returns the port that accepted, and how much time had to pass.
    fn dialed(texts: &[&str]) -> (io::Result<u16>, Duration) {
        let recorder = Recorder::by_hand();
        let inbox = recorder.inbox();
        let addresses = addresses(texts);
        let (done, waits) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.spawn(async move {
            let attempt = |address: SocketAddr| async move {
                match address.port() {
                    1 => std::future::pending().await,
                    2 => Err(io::ErrorKind::ConnectionRefused.into()),
                    port => Ok(port),
                }
            };
            done.send(first(&inbox, addresses, attempt).await)
        });
        let (mut passed, step) = (Duration::ZERO, Duration::from_millis(50));
        let limit = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            match waits.recv_timeout(Duration::from_millis(20)) {
                Ok(connected) => return (connected, passed),
                Err(_) => assert!(std::time::Instant::now() < limit, "it dials for ever"),
            }
            recorder.advance(step);
            passed += step;
        }
    }

    #[test]
    fn an_address_that_drops_packets_costs_a_quarter_of_a_second() {
        let (connected, passed) = dialed(&["[::1]:1", "127.0.0.1:80"]);
        assert_eq!(connected.expect("the second accepts"), 80);
        assert!(passed >= HEAD_START, "{passed:?}");
        let (connected, passed) = dialed(&["[::1]:2", "127.0.0.1:80"]);
        assert_eq!(connected.expect("the second accepts"), 80);
        assert!(
            passed < HEAD_START,
            "a refusal is not waited for: {passed:?}"
        );
        let (connected, _) = dialed(&["[::1]:1", "127.0.0.1:1", "[::1]:2", "127.0.0.1:443"]);
        assert_eq!(connected.expect("the last accepts"), 443);
        let (refused, _) = dialed(&["[::1]:2", "127.0.0.1:2"]);
        let kind = refused.expect_err("none accepts").kind();
        assert_eq!(kind, io::ErrorKind::ConnectionRefused);
        assert!(dialed(&[]).0.is_err());
    }
}
