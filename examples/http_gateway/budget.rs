//! What bodies and answers may hold in memory, all together and for one peer.
//!
//! Small ones are free, up to [`FREE`]: their sum is bounded by the number of connections, and nobody's login or post
//! fails because others hold much. Above it bytes are charged as they arrive, or when an answer is made, until it is
//! sent; one more than there is room for is 503. A peer has a quarter of it, so that one that does not read its answers
//! cannot keep all others from theirs; a trusted proxy is not a peer. Rejected: a bound on each body only (fifteen
//! hundred connections held 1.7 GiB, each within its bound).

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Bytes of a body or an answer that are not counted.
pub(crate) const FREE: usize = 16 << 10;
/// Bytes of all that those who have a token hold.
const BYTES_MAX: usize = 96 << 20;
/// Bytes of all that is held for whoever has shown none.
const STRANGERS_BYTES_MAX: usize = 32 << 20;
/// The part of a budget that one peer may use.
const PEER_SHARE: usize = 4;

/// One budget.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Mutex<Used>>);

impl Default for Budget {
    fn default() -> Budget {
        Budget::of(BYTES_MAX)
    }
}

struct Used {
    most: usize,
    all: usize,
    peers: HashMap<IpAddr, usize>,
}

/// Bytes that are charged until this is dropped.
pub(crate) struct Charge {
    budget: Budget,
    peer: Option<IpAddr>,
    bytes: usize,
}

impl Budget {
    /// For what is held before anybody has shown a token.
    pub(crate) fn of_strangers() -> Budget {
        Budget::of(STRANGERS_BYTES_MAX)
    }

    fn of(most: usize) -> Budget {
        Budget(Arc::new(Mutex::new(Used { most, all: 0, peers: HashMap::new() })))
    }

    /// Nothing yet.
    pub(crate) fn charge(&self, peer: Option<IpAddr>) -> Charge {
        Charge { budget: self.clone(), peer, bytes: 0 }
    }
}

impl Charge {
    /// Charges so many more bytes; false if there is no room for them.
    #[must_use]
    pub(crate) fn more(&mut self, bytes: usize) -> bool {
        let mut used = self.budget.0.lock();
        let own = self.peer.and_then(|peer| used.peers.get(&peer).copied()).unwrap_or(0);
        if used.all + bytes > used.most || (self.peer.is_some() && own + bytes > used.most / PEER_SHARE) {
            return false;
        }
        used.all += bytes;
        if let Some(peer) = self.peer {
            used.peers.insert(peer, own + bytes);
        }
        self.bytes += bytes;
        true
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut used = self.budget.0.lock();
        used.all -= self.bytes;
        let Some(peer) = self.peer else { return };
        let left = used.peers.get(&peer).map_or(0, |own| own - self.bytes);
        if left == 0 {
            used.peers.remove(&peer);
        } else {
            used.peers.insert(peer, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_has_its_share_and_all_have_the_rest() {
        let budget = Budget::default();
        let peer = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        let mut one = budget.charge(peer(1));
        assert!(one.more(BYTES_MAX / PEER_SHARE) && !one.more(1));
        assert!(!budget.charge(peer(1)).more(1), "another request of the same peer");
        let mut others: Vec<Charge> = (2..5).map(|n| budget.charge(peer(n))).collect();
        assert!(others.iter_mut().all(|other| other.more(BYTES_MAX / PEER_SHARE)));
        assert!(!budget.charge(peer(9)).more(1), "it is all used");
        drop(one);
        let mut proxy = budget.charge(None);
        assert!(proxy.more(BYTES_MAX / PEER_SHARE), "what was held is given back");
        drop((others, proxy));
        let used = budget.0.lock();
        assert_eq!((used.all, used.peers.len()), (0, 0));
    }
}
