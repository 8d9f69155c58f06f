//! Trusted proxies, and the client that a request comes from.

use super::caller::Caller;
use http::HeaderMap;
use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses, such as that of trusted proxies. It is read from text: an address, or a
/// network as `10.0.0.0/8` or `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let one = || text.parse().map(IpAddr::into);
        let range = text.parse().or_else(|_| one());
        range
            .map(Network)
            .map_err(|_: std::net::AddrParseError| WANTED.to_owned())
    }
}

/// What a [`Network`] looks like.
const WANTED: &str = "an address or a network as 10.0.0.0/8 or fd00::/8";

impl Network {
    /// Whether `address` is in this range. An IPv4 address that is mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl Caller {
    /// The client of a request that came from `peer`: the peer, or, if the peer is a trusted proxy,
    /// the address that the proxy names, and so on. `X-Forwarded-For` is read from its end, because
    /// only its last address was written by the nearest proxy; what stands before the first
    /// untrusted address may be forged.
    pub fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Caller {
        let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let lines = lines.map_while(|line| line.to_str().ok());
        for named in lines.flat_map(|line| line.rsplit(',')) {
            if !is_trusted(client) {
                break;
            }
            let Ok(named) = named.trim().parse::<IpAddr>() else {
                break;
            };
            client = named.to_canonical();
        }
        if is_trusted(client) {
            Caller::proxy_at(client)
        } else {
            Caller::at(client)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn networks() {
        let is_in = |network: &str, address: &str| {
            network
                .parse::<Network>()
                .expect(network)
                .contains(address.parse().expect("an address"))
        };
        assert!(is_in("10.0.0.0/8", "10.1.2.3"));
        assert!(is_in("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!is_in("10.0.0.0/8", "11.0.0.0"));
        assert!(is_in("127.0.0.1", "127.0.0.1") && !is_in("127.0.0.1", "127.0.0.2"));
        assert!(is_in("0.0.0.0/0", "203.0.113.9") && !is_in("0.0.0.0/0", "::1"));
        assert!(
            is_in("::/0", "fd00::1")
                && is_in("fd00::/8", "fd12::1")
                && !is_in("fd00::/8", "fe80::1")
        );
        for wrong in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "::1/129",
            "10.0.0/8",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_wrote() {
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        let client = |peer: &str, forwarded: &'static [&'static str]| {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            let caller = Caller::behind(peer.parse().expect("an address"), &headers, &trusted);
            caller.address().expect("an address").to_string()
        };
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &["1.2.3.4, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &["1.2.3.4", "198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(client("10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
