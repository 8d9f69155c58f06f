//! What bodies and responses may hold in memory, all together and for one peer.
//!
//! A body or response of at most [`FREE`] bytes is not charged: the number of connections bounds
//! their sum, and nobody's login or post fails because others hold much. Above that, bytes of a
//! body are charged as they arrive and bytes of a response until it is sent. A request that finds
//! no room hears 503. A peer has a quarter of the budget, and the networks around it a little more
//! ([`Shares`]), so that one client that does not read its responses cannot take all of it. A
//! trusted proxy is not a peer. Rejected: a bound on each body only (fifteen hundred connections
//! held 1.7 GiB, each within its bound).

use super::shares::Shares;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;

/// Bytes of a body or a response that are not counted.
pub(super) const FREE: usize = 16 << 10;

/// A budget that all peers share and of which each has a bounded part. All clones are one budget.
///
/// The unit is the host's choice: [`Rest`](super::Rest) counts bytes in memory, a host may count
/// connections.
#[derive(Clone)]
pub struct Budget(Arc<Mutex<Shares>>);

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget").finish_non_exhaustive()
    }
}

/// A part of a [`Budget`], taken until it is dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Budget,
    peer: Option<IpAddr>,
    amount: usize,
}

impl Budget {
    /// Makes a budget of `all`, of which one peer has at most `of_one_peer`. The networks around a
    /// peer have more: of what the peer leaves, an IPv4 /24 or IPv6 /56 has a quarter in addition,
    /// an IPv6 /48 a half.
    pub fn new(all: usize, of_one_peer: usize) -> Budget {
        Budget(Arc::new(Mutex::new(Shares::new(all, of_one_peer))))
    }

    /// Begins a charge of nothing for `peer` ([`Caller::peer`](super::Caller::peer)). Without a
    /// peer only the whole budget bounds it.
    pub fn charge(&self, peer: Option<IpAddr>) -> Charge {
        Charge {
            budget: self.clone(),
            peer,
            amount: 0,
        }
    }
}

impl Charge {
    /// Takes `amount` more; false if there is no room for it.
    #[must_use]
    pub fn more(&mut self, amount: usize) -> bool {
        if !self.budget.0.lock().take(self.peer, amount) {
            return false;
        }
        self.amount += amount;
        true
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.budget.0.lock().give_back(self.peer, self.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES_MAX: usize = 96 << 20;
    const PEER_SHARE: usize = 4;

    fn budget() -> Budget {
        Budget::new(BYTES_MAX, BYTES_MAX / PEER_SHARE)
    }

    #[test]
    fn one_peer_has_its_share_and_all_have_the_rest() {
        let budget = budget();
        let peer = |n: u8| Some(IpAddr::from([192, 0, n, 1]));
        let mut one = budget.charge(peer(1));
        assert!(one.more(BYTES_MAX / PEER_SHARE) && !one.more(1));
        assert!(
            !budget.charge(peer(1)).more(1),
            "another request of the same peer"
        );
        let mut others: Vec<Charge> = (2..5).map(|n| budget.charge(peer(n))).collect();
        assert!(
            others
                .iter_mut()
                .all(|other| other.more(BYTES_MAX / PEER_SHARE))
        );
        assert!(!budget.charge(peer(9)).more(1), "it is all used");
        drop(one);
        let mut proxy = budget.charge(None);
        assert!(
            proxy.more(BYTES_MAX / PEER_SHARE),
            "what was held is given back"
        );
        drop((others, proxy));
        assert!(budget.charge(None).more(BYTES_MAX), "all of it");
    }

    #[test]
    fn the_peers_of_one_customer_leave_something_to_others() {
        let budget = budget();
        let crowds: [fn(u16) -> IpAddr; 2] = [
            |n| IpAddr::from([0x2001, 0xdb8, 1, n * 7, 0, 0, 0, 1]),
            |n| IpAddr::from([192, 0, 2, n as u8]),
        ];
        for crowd in crowds {
            let mut held: Vec<Charge> = (0..200).map(|n| budget.charge(Some(crowd(n)))).collect();
            let served = held
                .iter_mut()
                .filter_map(|charge| charge.more(1 << 20).then_some(()))
                .count();
            println!("96 MiB of bodies: one customer holds {served} MiB");
            assert!(served <= 60, "{served}");
            assert!(
                budget
                    .charge(Some(IpAddr::from([198, 51, 100, 1])))
                    .more(BYTES_MAX / PEER_SHARE),
                "somebody else"
            );
        }
    }
}
