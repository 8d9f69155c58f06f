//! Who gives way where a line of messages from strangers is full.
//!
//! A connector keeps what somebody wrote before their channel was put, and strangers can write,
//! too. With the oldest giving way, 500 strangers pushed out the one message of somebody who was
//! expected. So the message that gives way is of the group (a domain) that holds most, and in it of
//! the address that holds most: a sender who writes much displaces only their own messages, and all
//! addresses of one domain together cannot push out another domain's only message. Where several
//! hold as much, the newcomer gives way.
//!
//! Rejected: a fixed number for each address (an expected contact who writes twenty lines would
//! lose four, in an empty line), and the newest of all (the first to come would keep all others
//! out).

use std::collections::HashMap;
use std::hash::Hash;

/// The place in a line of the message that gives way; `None` if the line is empty. Each message has
/// a group, an address and a weight; the last is the newcomer.
pub(crate) fn gives_way<G: Eq + Hash, A: Eq + Hash>(
    line: impl Iterator<Item = (G, A, usize)>,
) -> Option<usize> {
    let line: Vec<(G, A, usize)> = line.collect();
    let (own_group, own_address, _) = line.last()?;
    let heaviest_group = heaviest(
        line.iter().map(|(group, _, weight)| (group, *weight)),
        own_group,
    )?;
    let of_group = line.iter().filter(|(group, _, _)| group == heaviest_group);
    let address = heaviest(
        of_group.map(|(_, address, weight)| (address, *weight)),
        own_address,
    )?;
    line.iter()
        .position(|(group, of, _)| group == heaviest_group && of == address)
}

/// The key with most weight; where several have as much, `own`.
fn heaviest<'a, K: Eq + Hash>(
    items: impl Iterator<Item = (&'a K, usize)>,
    own: &K,
) -> Option<&'a K> {
    let mut sums: HashMap<&K, usize> = HashMap::new();
    for (key, weight) in items {
        *sums.entry(key).or_default() += weight;
    }
    sums.into_iter()
        .max_by_key(|(key, sum)| (*sum, *key == own))
        .map(|(key, _)| key)
}

/// The domain of an address: what follows its last `@`, without a resource; an address without one
/// is its own.
pub(crate) fn domain(address: &str) -> &str {
    let after = address
        .rsplit_once('@')
        .map_or(address, |(_, domain)| domain);
    after.split('/').next().unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stays of a line with that many places.
    fn kept(places: usize, addresses: impl Iterator<Item = String>) -> Vec<String> {
        let mut line: Vec<String> = Vec::new();
        for address in addresses {
            line.push(address);
            if line.len() > places {
                let place = gives_way(
                    line.iter()
                        .map(|address| (domain(address), address.as_str(), 1)),
                )
                .unwrap();
                line.remove(place);
            }
        }
        line
    }

    #[test]
    fn a_crowd_gives_way_to_one_whenever_it_comes() {
        for lene_comes in [0, 30, 499] {
            let crowds: [fn(usize) -> String; 3] = [
                |_| "mallory@evil.example".into(),
                |n| format!("x{n}@evil.example"),
                |n| format!("x{}@evil.example/{n}", n % 7),
            ];
            for crowd in crowds {
                let lene = |n| (n == lene_comes).then(|| "lene@example.org".to_owned());
                let line = kept(
                    64,
                    (0..500).flat_map(|n| lene(n).into_iter().chain([crowd(n)])),
                );
                assert!(
                    line.contains(&"lene@example.org".to_owned()),
                    "{lene_comes}"
                );
                assert_eq!(line.len(), 64);
            }
        }
    }

    #[test]
    fn one_address_of_a_domain_gives_way_before_its_neighbours_and_the_oldest_first() {
        let line = kept(
            3,
            ["lene@a", "bob@a", "bob@a", "bob@a", "ada@b"]
                .map(str::to_owned)
                .into_iter(),
        );
        assert_eq!(line, ["lene@a", "bob@a", "ada@b"]);
        let strangers = (0..500).map(|n| format!("x{n}@{n}.example"));
        let line = kept(64, ["lene@a".to_owned()].into_iter().chain(strangers));
        assert_eq!(
            line[0], "lene@a",
            "of as many domains the newcomer gives way"
        );
        assert_eq!(gives_way(std::iter::empty::<(&str, &str, usize)>()), None);
    }
}
