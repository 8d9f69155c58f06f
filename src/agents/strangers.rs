//! Who tried to write to agents that hear only whom an administrator provisioned.
//!
//! Every try is counted. It is told to subscribers once an hour for a contact, and for so many
//! contacts of one domain at most: a flood of invented addresses is no flood of broadcasts, and does
//! not hide somebody else's try. The memory of who was told ends with its hour.

use crate::backend::fairness::domain;
use crate::model::{AgentKey, ChannelId};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long a contact that was told is not told again.
const HOUR: Duration = Duration::from_secs(3600);
/// Contacts told in an hour.
const TOLD_MAX: usize = 4096;
/// Contacts of one domain told in an hour.
const OF_DOMAIN_MAX: usize = 64;

/// The tries, and who was told of.
#[derive(Default)]
pub(crate) struct Strangers {
    tries: AtomicU64,
    told: Mutex<Told>,
    /// Whether some agent has open contacts: only then a message says when its contact wrote.
    are_open: AtomicBool,
}

#[derive(Default)]
struct Told {
    /// When the hour began, in monotonic time.
    since: Duration,
    contacts: HashSet<(AgentKey, ChannelId)>,
    domains: HashMap<String, usize>,
}

impl Strangers {
    /// How often somebody tried.
    pub(crate) fn tries(&self) -> u64 {
        self.tries.load(Ordering::Relaxed)
    }

    /// Counts a try.
    pub(super) fn tried(&self) {
        self.tries.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether subscribers are to be told of a try, at monotonic time `now`.
    pub(super) fn is_news(&self, agent: AgentKey, channel: &ChannelId, now: Duration) -> bool {
        let mut told = self.told.lock();
        if now.saturating_sub(told.since) >= HOUR {
            *told = Told {
                since: now,
                ..Told::default()
            };
        }
        let of = domain(channel.name());
        let of_domain = told.domains.get(of).copied().unwrap_or(0);
        if told.contacts.len() >= TOLD_MAX || of_domain >= OF_DOMAIN_MAX {
            return false;
        }
        let is_news = told.contacts.insert((agent, channel.clone()));
        if is_news {
            *told.domains.entry(of.to_owned()).or_default() += 1;
        }
        is_news
    }

    /// Notes that an agent has open contacts.
    pub(super) fn open(&self) {
        self.are_open.store(true, Ordering::Relaxed);
    }

    /// Whether some agent has open contacts, or had them since the start.
    pub(super) fn are_open(&self) -> bool {
        self.are_open.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_told_once_an_hour_and_a_domain_64_times() {
        let (strangers, agent) = (Strangers::default(), AgentKey(1));
        let is_news = |name: &str, minutes: u64| {
            let channel = ChannelId::parse(&format!("contact:{name}")).unwrap();
            strangers.is_news(agent, &channel, Duration::from_secs(60 * minutes))
        };
        let told = (0..1000).filter(|n| is_news(&format!("x{n}@evil.example"), 60));
        assert_eq!(told.count(), OF_DOMAIN_MAX);
        assert!(is_news("lene@example.org", 61));
        assert!(!is_news("lene@example.org", 119));
        assert!(is_news("lene@example.org", 120));
        let domains = (0..10_000).filter(|n| is_news(&format!("x@{n}.example"), 121));
        assert_eq!(domains.count(), TOLD_MAX - 1);
    }
}
