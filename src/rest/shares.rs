//! How much one customer may take of what all share: connections, and bytes in memory.
//!
//! One customer is given an IPv6 /64, a /56 or a /48, or rents an IPv4 /24, and nobody can tell
//! which. A bound for each /64 alone was none: a /48 has 65,536 of them, and six took all
//! connections. So a peer counts in every network around it. A peer is an IPv4 address or a /64; it
//! has a bound of its own. Of what that leaves to all others, a /56 or a /24 may have a quarter in
//! addition, and a /48 a half: an office behind one address loses nothing, and a whole /48 leaves
//! room.
//!
//! Rejected: the same bound for a /48 as for a peer (an attacker in the next /64 would then take an
//! office's whole share), and a bound for an IPv4 /16 (it is a provider, not a customer).

use std::collections::HashMap;
use std::net::IpAddr;

/// One network: how many bits it has, and their values; IPv4 is mapped into IPv6.
type Around = (u32, u128);

/// The networks around a peer, narrowest first, and how many eighths of what the peer leaves each
/// has in addition.
const IPV4: [(u32, usize); 2] = [(128, 0), (120, 2)];
const IPV6: [(u32, usize); 3] = [(64, 0), (56, 2), (48, 4)];

/// What all may take, and what each has taken.
pub(super) struct Shares {
    all: usize,
    of_one: usize,
    used: usize,
    /// What each network has taken; a network that has nothing is not kept.
    networks: HashMap<Around, usize>,
}

impl Shares {
    pub(super) fn new(all: usize, of_one: usize) -> Shares {
        Shares {
            all,
            of_one: of_one.min(all),
            used: 0,
            networks: HashMap::new(),
        }
    }

    /// Takes `much` more for `peer`; returns false if there is not so much left for it. Without a
    /// peer only the whole bounds it.
    #[must_use]
    pub(super) fn take(&mut self, peer: Option<IpAddr>, much: usize) -> bool {
        let rest = self.all - self.of_one;
        let is_room = |(around, eighths): (Around, usize)| {
            let used = self.networks.get(&around).copied().unwrap_or(0);
            used + much <= self.of_one + rest * eighths / 8
        };
        if self.used + much > self.all || !around(peer).all(is_room) {
            return false;
        }
        self.used += much;
        for (network, _) in around(peer) {
            *self.networks.entry(network).or_default() += much;
        }
        true
    }

    /// Gives back what `peer` took.
    pub(super) fn give_back(&mut self, peer: Option<IpAddr>, much: usize) {
        self.used -= much;
        for (network, _) in around(peer) {
            let left = self.networks.get(&network).map_or(0, |used| used - much);
            if left == 0 {
                self.networks.remove(&network);
            } else {
                self.networks.insert(network, left);
            }
        }
    }
}

/// Returns the networks that `peer` counts in.
fn around(peer: Option<IpAddr>) -> impl Iterator<Item = (Around, usize)> {
    let peer = peer.map(|peer| match peer.to_canonical() {
        IpAddr::V4(address) => (address.to_ipv6_mapped().to_bits(), &IPV4[..]),
        IpAddr::V6(address) => (address.to_bits(), &IPV6[..]),
    });
    let networks = peer
        .into_iter()
        .flat_map(|(bits, widths)| widths.iter().map(move |width| (bits, width)));
    networks.map(|(bits, (width, eighths))| {
        (
            (*width, bits & (u128::MAX << (u128::BITS - width))),
            *eighths,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(shares: &mut Shares, from: impl Fn(u16) -> IpAddr) -> usize {
        (0..20_000)
            .filter(|n| shares.take(Some(from(*n)), 1))
            .count()
    }

    fn six(segments: [u16; 4]) -> IpAddr {
        let [a, b, c, d] = segments;
        IpAddr::from([a, b, c, d, 0, 0, 0, 1])
    }

    #[test]
    fn whoever_has_many_networks_leaves_room_for_others() {
        type Crowd = fn(u16) -> IpAddr;
        let crowds: [(Crowd, usize); 5] = [
            (|_| IpAddr::from([192, 0, 2, 7]), 10_000),
            (|_| six([0x2001, 0xdb8, 1, 0]), 10_000),
            (|n| six([0x2001, 0xdb8, 1, n % 256]), 10_500),
            (|n| six([0x2001, 0xdb8, 1, n]), 11_000),
            (|n| IpAddr::from([192, 0, 2, n as u8]), 10_500),
        ];
        for (crowd, most) in crowds {
            let mut shares = Shares::new(12_000, 10_000);
            assert_eq!(taken(&mut shares, crowd), most);
            assert_eq!(
                taken(&mut shares, |_| IpAddr::from([198, 51, 100, 1])),
                12_000 - most,
                "somebody else has the rest"
            );
            assert!(!shares.take(None, 1), "it is all used");
        }
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut shares = Shares::new(8, 2);
        let (lene, next) = (
            Some(six([0x2001, 0xdb8, 1, 0])),
            Some(six([0x2001, 0xdb8, 1, 1])),
        );
        assert!(
            shares.take(lene, 2)
                && !shares.take(lene, 1)
                && shares.take(next, 1)
                && !shares.take(next, 1)
        );
        assert!(shares.take(None, 5), "a trusted proxy is no peer");
        assert!(!shares.take(Some(IpAddr::from([192, 0, 2, 1])), 1));
        for (peer, much) in [(lene, 2), (next, 1), (None, 5)] {
            shares.give_back(peer, much);
        }
        assert_eq!((shares.used, shares.networks.len()), (0, 0));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        let around =
            |text: &str| around(Some(text.parse().expect("an address"))).collect::<Vec<_>>();
        assert_eq!(around("::ffff:192.0.2.1"), around("192.0.2.1"));
        assert_eq!(around("2001:db8::1").len(), 3);
    }
}
