//! An agent's open contacts: who is let in, who makes room, and when they wrote.
//!
//! An open contact is a channel of the agent's list that no put names. The list is bounded. When it
//! is full, the contact makes room that was idle for longest among those that were never answered;
//! of one domain, a quarter of the places at most hold contacts that were never answered. So a
//! thousand invented addresses displace one another, and nobody is locked out: who had to make room
//! is let in again with the next message. Where all were answered, the domain that has most of them
//! gives way.
//!
//! Who makes room is decided here, in memory, because only memory knows to the second who is idle;
//! the database has the list and knows the times to the hour, for the next start. Rejected: deciding
//! in the writer's transaction (it would search a list of thousands while everybody's messages wait).

use super::channel::{AgentChannel, OpenTimes};
use super::event::{Actions, OpenWanted};
use super::state::Lifecycle;
use super::{ChannelPhase, leave};
use crate::backend::fairness::domain;
use crate::model::{ChannelId, ContactTimes};
use std::collections::HashMap;

/// How far the database may be behind, in milliseconds.
const NOTED_EVERY: i64 = 60 * 60 * 1000;

/// Who wrote to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Wrote {
    Contact,
    Agent,
}

/// Lets somebody in who is not provisioned, if the agent's contacts are open. Where nothing is to be
/// done next, they were not let in.
pub(super) fn stranger(life: &mut Lifecycle, channel: &ChannelId, heard: i64) -> Actions {
    if life.most_open == 0 || life.channel(channel).is_some() {
        return Actions::default();
    }
    let mut left = Vec::new();
    let forgotten = make_room(life, Some(channel), &mut left);
    let times = ContactTimes {
        heard,
        answered: None,
    };
    life.channels
        .push(AgentChannel::open(channel.clone(), times));
    Actions {
        forgotten,
        ..leave(life, left)
    }
}

/// Applies what a put wants, or what the database has. Returns who had to make room; those of them
/// that were joined are added to `left`.
pub(super) fn wanted(
    life: &mut Lifecycle,
    open: OpenWanted<'_>,
    left: &mut Vec<ChannelId>,
) -> Vec<ChannelId> {
    life.most_open = open.most;
    if open.most == 0 {
        return Vec::new();
    }
    for (channel, times) in open.stored {
        if life.channel(channel).is_none() {
            life.channels
                .push(AgentChannel::open(channel.clone(), *times));
        }
    }
    make_room(life, None, left)
}

/// Forgets an open contact that was refused or put out.
pub(super) fn forget(life: &mut Lifecycle, channel: &ChannelId) {
    if life.channel(channel).is_some_and(AgentChannel::is_open) {
        let _ = life.channels.remove(channel);
    }
}

/// Takes out who makes room, for a newcomer or because fewer are wanted.
fn make_room(
    life: &mut Lifecycle,
    newcomer: Option<&ChannelId>,
    left: &mut Vec<ChannelId>,
) -> Vec<ChannelId> {
    let mut forgotten = Vec::new();
    while let Some(channel) = makes_room(life.channels(), newcomer, life.most_open as usize) {
        if life.channels.remove(&channel) == Some(ChannelPhase::In) {
            left.push(channel.clone());
        }
        forgotten.push(channel);
    }
    forgotten
}

/// The open contact that makes room, if one has to.
fn makes_room(
    channels: &[AgentChannel],
    newcomer: Option<&ChannelId>,
    most: usize,
) -> Option<ChannelId> {
    let open = || {
        channels
            .iter()
            .filter_map(|channel| Some((channel, channel.open.as_ref()?.times)))
    };
    let unanswered = || open().filter(|(_, times)| times.answered.is_none());
    let id = |(channel, _): (&AgentChannel, ContactTimes)| channel.id.clone();
    if let Some(newcomer) = newcomer {
        let own = || unanswered().filter(|(channel, _)| of(&channel.id) == of(newcomer));
        if own().count() >= (most / 4).max(1) {
            return own().min_by_key(|(_, times)| last(times)).map(id);
        }
    }
    if open().count() + usize::from(newcomer.is_some()) <= most {
        return None;
    }
    if let Some(found) = unanswered().min_by_key(|(_, times)| last(times)) {
        return Some(id(found));
    }
    let mut domains: HashMap<&str, usize> = HashMap::new();
    for (channel, _) in open() {
        *domains.entry(of(&channel.id)).or_default() += 1;
    }
    let crowded = |channel: &AgentChannel| domains.get(of(&channel.id)).copied().unwrap_or(0);
    let fullest = domains.values().max()?;
    open()
        .filter(|(channel, _)| crowded(channel) == *fullest)
        .min_by_key(|(_, times)| last(times))
        .map(id)
}

/// The domain of a contact.
fn of(channel: &ChannelId) -> &str {
    domain(channel.name())
}

/// When either wrote last.
fn last(times: &ContactTimes) -> i64 {
    times.heard.max(times.answered.unwrap_or(i64::MIN))
}

impl Lifecycle {
    /// Notes that an open contact and the agent wrote to each other at `now` (milliseconds since
    /// 1970). Returns the times if the database is to have them.
    pub(in super::super) fn wrote(
        &mut self,
        channel: &ChannelId,
        who: Wrote,
        now: i64,
    ) -> Option<ContactTimes> {
        if self.most_open == 0 {
            return None;
        }
        let note = |channel: &mut AgentChannel| channel.open.as_mut()?.wrote(who, now);
        self.channels.change(channel, note)?
    }
}

impl OpenTimes {
    fn wrote(&mut self, who: Wrote, now: i64) -> Option<ContactTimes> {
        let is_first = who == Wrote::Agent && self.times.answered.is_none();
        match who {
            Wrote::Contact => self.times.heard = now,
            Wrote::Agent => self.times.answered = Some(now),
        }
        if !is_first && now - self.noted < NOTED_EVERY {
            return None;
        }
        self.noted = now;
        Some(self.times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ChannelId {
        ChannelId::parse(&format!("contact:{name}")).unwrap()
    }

    fn open(most: u32) -> Lifecycle {
        let mut life = Lifecycle::new(chrono::DateTime::UNIX_EPOCH);
        life.most_open = most;
        life
    }

    fn names(life: &Lifecycle) -> Vec<&str> {
        life.channels()
            .iter()
            .map(|channel| channel.id.name())
            .collect()
    }

    fn writes(life: &mut Lifecycle, name: &str, now: i64) -> Vec<ChannelId> {
        let _ = life.wrote(&id(name), Wrote::Contact, now);
        stranger(life, &id(name), now).forgotten
    }

    #[test]
    fn the_longest_idle_contact_without_an_answer_makes_room() {
        let mut life = open(4);
        for (now, name) in ["ada@a", "bob@b", "cy@c", "di@d"].into_iter().enumerate() {
            assert_eq!(writes(&mut life, name, now as i64), []);
        }
        let _ = life.wrote(&id("ada@a"), Wrote::Agent, 10);
        assert!(writes(&mut life, "bob@b", 11).is_empty(), "she is in");
        assert_eq!(writes(&mut life, "eve@e", 12), [id("cy@c")]);
        assert_eq!(names(&life), ["ada@a", "bob@b", "di@d", "eve@e"]);
        assert_eq!((life.opened(), life.provisioned()), (4, 0));
    }

    #[test]
    fn invented_addresses_displace_one_another_only() {
        let mut life = open(100);
        writes(&mut life, "lene@example.org", 0);
        for n in 0..1000 {
            writes(&mut life, &format!("x{n}@evil.example"), 1 + n);
        }
        assert_eq!(life.opened(), 26, "a quarter, and her");
        assert_eq!(names(&life)[0], "lene@example.org");
        assert!(
            life.channel(&id("x999@evil.example")).is_some(),
            "nobody is locked out"
        );
        // From as many domains: whoever was answered stays.
        let _ = life.wrote(&id("lene@example.org"), Wrote::Agent, 2000);
        for n in 0..1000 {
            writes(&mut life, &format!("x@{n}.example"), 3000 + n);
        }
        assert_eq!((life.opened(), names(&life)[0]), (100, "lene@example.org"));
    }

    #[test]
    fn where_all_were_answered_the_fullest_domain_gives_way() {
        let mut life = open(4);
        for (now, name) in ["lene@small", "a@big", "b@big", "c@big"]
            .into_iter()
            .enumerate()
        {
            writes(&mut life, name, now as i64);
            let _ = life.wrote(&id(name), Wrote::Agent, now as i64);
        }
        assert_eq!(writes(&mut life, "new@other", 9), [id("a@big")]);
        assert_eq!(names(&life), ["lene@small", "b@big", "c@big", "new@other"]);
    }

    #[test]
    fn the_first_answer_is_noted_at_once_and_then_once_an_hour() {
        let mut life = open(4);
        writes(&mut life, "lene@a", 0);
        let lene = id("lene@a");
        let noted = life.wrote(&lene, Wrote::Agent, 5).unwrap();
        assert_eq!((noted.heard, noted.answered), (0, Some(5)));
        assert_eq!(life.wrote(&lene, Wrote::Agent, 6), None);
        assert_eq!(life.wrote(&lene, Wrote::Contact, NOTED_EVERY), None);
        let noted = life.wrote(&lene, Wrote::Contact, 5 + NOTED_EVERY).unwrap();
        assert_eq!((noted.heard, noted.answered), (5 + NOTED_EVERY, Some(6)));
        assert_eq!(life.wrote(&id("nobody"), Wrote::Contact, 0), None);
    }

    #[test]
    fn fewer_places_and_a_refusal_forget_contacts_and_a_put_of_channels_does_not() {
        let mut life = open(4);
        for (now, name) in ["a@a", "b@b", "c@c", "d@d"].into_iter().enumerate() {
            writes(&mut life, name, now as i64);
        }
        let put = [(id("b@b"), 1), (id("z@z"), 1)];
        let left = life
            .channels
            .replace(&put, true, super::super::wanted_again);
        assert_eq!((left, life.provisioned(), life.opened()), (vec![], 2, 3));
        assert_eq!(names(&life), ["b@b", "z@z", "a@a", "c@c", "d@d"]);
        assert!(
            !life.channel(&id("b@b")).unwrap().is_open(),
            "it is provisioned now"
        );
        let fewer = OpenWanted {
            most: 1,
            stored: &[],
        };
        assert_eq!(
            wanted(&mut life, fewer, &mut Vec::new()),
            [id("a@a"), id("c@c")]
        );
        forget(&mut life, &id("b@b"));
        forget(&mut life, &id("d@d"));
        assert_eq!(names(&life), ["b@b", "z@z"]);
    }
}
