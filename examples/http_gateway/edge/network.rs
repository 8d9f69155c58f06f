//! Trusted proxies, and the client that a request comes from.

use hyper::HeaderMap;
use std::net::IpAddr;

/// A range of addresses in CIDR form; a single address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    pub(crate) fn parse(text: &str) -> Result<Network, String> {
        let wrong = || "an address or a network as 10.0.0.0/8 or fd00::/8".to_owned();
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > longest {
            Err(wrong())
        } else {
            Ok(Network { address, bits })
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        let (one, other, unused) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => (
                u128::from(one.to_bits()),
                u128::from(other.to_bits()),
                32 - self.bits,
            ),
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                (one.to_bits(), other.to_bits(), 128 - self.bits)
            }
            _ => return false,
        };
        (one ^ other).checked_shr(unused).unwrap_or(0) == 0
    }
}

/// Returns the client of a request: the peer, or, if the peer is a trusted proxy, the address that
/// the proxy names, and so on. `X-Forwarded-For` is read from its end, because only its last
/// address was written by the nearest proxy; what stands before the first untrusted address may be
/// forged.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    for named in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(client, trusted) {
            break;
        }
        let Ok(named) = named.trim().parse::<IpAddr>() else {
            break;
        };
        client = named.to_canonical();
    }
    client
}

/// Whether `address` is that of a trusted proxy.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn networks() {
        let is_in = |network: &str, address: &str| {
            Network::parse(network)
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
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_wrote() {
        let trusted = [Network::parse("10.0.0.0/8").expect("a network")];
        let client = |peer: &str, forwarded: &'static [&'static str]| {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            client(peer.parse().expect("an address"), &headers, &trusted).to_string()
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
