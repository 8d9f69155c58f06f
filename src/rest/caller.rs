//! Who made a request, as the host knows it.

use super::departure::Departure;
use std::net::{IpAddr, Ipv6Addr};

/// The other end of a request. A host adds one to the request's extensions or hands it to
/// [`Rest::answer`](super::Rest::answer); the default is an unknown client.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    address: Option<IpAddr>,
    is_proxy: bool,
    departure: Option<Departure>,
}

impl Caller {
    /// A client at `address`: its logins and the memory of its requests are counted for it.
    pub fn at(address: IpAddr) -> Caller {
        Caller {
            address: Some(address.to_canonical()),
            ..Caller::default()
        }
    }

    /// A trusted proxy at `address` that named nobody: the log shows it, but nothing is counted for
    /// it.
    pub fn proxy_at(address: IpAddr) -> Caller {
        Caller {
            is_proxy: true,
            ..Caller::at(address)
        }
    }

    /// The same caller, whose leaving `departure` tells.
    #[must_use]
    pub fn with_departure(self, departure: Departure) -> Caller {
        Caller {
            departure: Some(departure),
            ..self
        }
    }

    /// For whom logins, connections and memory are counted; `None` for a proxy and for an unknown
    /// client. Whoever has one IPv6 address has the 2^64 beside it, so all of a /64 are one peer. A
    /// [`Budget`](super::Budget) also counts the wider networks that one customer may have.
    pub fn peer(&self) -> Option<IpAddr> {
        let address = self.address.filter(|_| !self.is_proxy)?;
        Some(match address {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        })
    }

    /// Its address, if it is known, for a log.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Ready when the client sends no more; never if the host does not tell.
    pub(super) async fn departed(&self) {
        match &self.departure {
            Some(departure) => departure.departed().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_of_64_bits_is_one_peer_and_a_proxy_is_none() {
        let at = |text: &str| Caller::at(text.parse().expect("an address"));
        assert_eq!(at("2001:db8::1").peer(), at("2001:db8::ffff:1").peer());
        assert_ne!(at("2001:db8::1").peer(), at("2001:db8:0:1::1").peer());
        assert_eq!(at("::ffff:192.0.2.1").peer(), at("192.0.2.1").peer());
        assert_eq!(Caller::proxy_at(IpAddr::from([10, 0, 0, 1])).peer(), None);
        assert_eq!(Caller::default().peer(), None);
    }
}
