//! Where one channel of an agent stands, and the trouble that an agent or a channel may be in.
//!
//! **A channel.** An event of a join that has ended meanwhile (another number) changes nothing.
//! Whatever ends a session puts each channel that is not Refused back to Out, without a pause.
//!
//! | from | event | to | what follows |
//! |---|---|---|---|
//! | (none) | `Wanted` | Out | look |
//! | Out, Waiting, Refused | wanted by a later put | Out | its pause or refusal ends |
//! | Refused | `RetryRefused` | Out | look |
//! | Out | `NextJoin`, its pause is over | Waiting | the join begins, or waits for another agent's |
//! | Waiting | `JoinPossible` | Out | look |
//! | Waiting | `JoinImpossible` | Refused | waits for an administrator |
//! | Waiting | `JoinBegins` | Joining | join, under a new number |
//! | Joining | `Joined` | In | |
//! | Joining, In | `JoinFailed`, passing | Out | a pause; announced, unless that is under way |
//! | Joining, In | `JoinFailed`, refused | Refused | its span ends; waits for an administrator |
//! | any, but not fresh | `PutOut`, may retry | Out | a pause; announced if it lasts |
//! | any, but not fresh | `PutOut` | Refused | its span ends; waits for an administrator |
//! | In | `Gone` | Refused | its span ends; waits for an administrator |
//! | (none) | `Stranger` of an agent with open contacts | Out, open | look |
//! | any, open | it makes room for a newcomer | (none) | its span ends; left, if it was In |
//! | any | `Unwanted`, or not among `Wanted` | (none) | left, if it was In |
//!
//! *Fresh* is a channel that is to be joined and has not failed since it was put: what was lost is
//! an earlier stay.
//! What leads to Refused forgets an open contact: whoever writes again is a stranger again.

use super::super::infos::InfoSlot;
use crate::model::{ChannelId, ContactTimes};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// How far a channel has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) enum ChannelPhase {
    /// Not joined; to be joined as soon as the agent is in and the channel's pause is over.
    #[default]
    Out,
    /// About to be joined: its join begins, or waits for another agent's first join of the same
    /// room.
    Waiting,
    /// Joining.
    Joining,
    /// Joined.
    In,
    /// Refused or kicked: not tried again before an administrator's next put.
    Refused,
}

/// Why something is not as wanted, and what comes next.
#[derive(Debug, Clone)]
pub(in super::super) struct Trouble {
    pub(in super::super) reason: String,
    /// Failures in a row.
    pub(in super::super) attempt: u32,
    /// Logins that were refused since the last one that was not.
    pub(super) refusals: u32,
    /// When the next try is due: monotonic, and as a date. `None`: an administrator has to do
    /// something.
    pub(in super::super) next: Option<(Duration, DateTime<Utc>)>,
}

impl Trouble {
    /// Trouble that a pause until `next` may end.
    pub(super) fn until(
        reason: &str,
        attempt: u32,
        next: (Duration, DateTime<Utc>),
    ) -> Box<Trouble> {
        Box::new(Trouble {
            reason: reason.to_owned(),
            attempt,
            refusals: 0,
            next: Some(next),
        })
    }

    /// Trouble that only an administrator ends, after so many tries.
    pub(super) fn refused(reason: &str, attempt: u32) -> Box<Trouble> {
        Box::new(Trouble {
            reason: reason.to_owned(),
            attempt,
            refusals: 0,
            next: None,
        })
    }

    /// Trouble that only an administrator ends, and that no try has met.
    pub(super) fn lasting(reason: &str) -> Box<Trouble> {
        Trouble::refused(reason, 0)
    }
}

/// The failures in a row.
pub(super) fn attempts(trouble: Option<&Trouble>) -> u32 {
    trouble.map_or(0, |trouble| trouble.attempt)
}

/// The logins that were refused since the last one that was not.
pub(super) fn refusals(trouble: Option<&Trouble>) -> u32 {
    trouble.map_or(0, |trouble| trouble.refusals)
}

/// One channel of an agent.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct AgentChannel {
    pub(crate) id: ChannelId,
    /// The revision of the put that requested it.
    pub(super) put: u64,
    /// Rises along the list.
    pub(super) number: u64,
    pub(super) phase: ChannelPhase,
    /// The number of its newest join: what an earlier join brings is not applied.
    pub(super) join: u64,
    pub(super) info: Option<Arc<InfoSlot>>,
    pub(super) trouble: Option<Box<Trouble>>,
    /// What is known of an open contact; none for a channel that is provisioned.
    pub(super) open: Option<Box<OpenTimes>>,
}

/// When an open contact and its agent wrote to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenTimes {
    pub(super) times: ContactTimes,
    /// The time that is in the database: milliseconds since 1970.
    pub(super) noted: i64,
}

impl AgentChannel {
    pub(super) fn new(id: ChannelId, put: u64) -> AgentChannel {
        AgentChannel {
            id,
            put,
            number: 0,
            phase: ChannelPhase::Out,
            join: 0,
            info: None,
            trouble: None,
            open: None,
        }
    }

    /// The channel of somebody whom nobody provisioned.
    pub(super) fn open(id: ChannelId, times: ContactTimes) -> AgentChannel {
        let noted = times.heard.max(times.answered.unwrap_or(i64::MIN));
        AgentChannel {
            open: Some(Box::new(OpenTimes { times, noted })),
            ..AgentChannel::new(id, 0)
        }
    }

    /// Whether it is an open contact's.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// When an open contact and the agent wrote to each other last; none for a provisioned channel.
    pub(crate) fn times(&self) -> Option<ContactTimes> {
        Some(self.open.as_ref()?.times)
    }

    pub(crate) fn phase(&self) -> ChannelPhase {
        self.phase
    }

    /// The number of its newest join.
    pub(crate) fn join(&self) -> u64 {
        self.join
    }

    /// What the channel is like; none unless it is joined.
    pub(crate) fn info(&self) -> Option<&Arc<InfoSlot>> {
        self.info.as_ref()
    }

    /// Why it is not joined.
    pub(crate) fn reason(&self) -> Option<&str> {
        Some(&self.trouble.as_ref()?.reason)
    }

    /// When it is tried again.
    pub(in super::super) fn next_try(&self) -> Option<DateTime<Utc>> {
        Some(self.trouble.as_ref()?.next?.1)
    }

    /// Whether it is to be joined and nothing of that is under way at the chat system.
    pub(in super::super) fn is_out(&self) -> bool {
        matches!(self.phase, ChannelPhase::Out | ChannelPhase::Waiting)
    }

    /// Whether it is to be joined and has not failed since it was put.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_out() && self.trouble.is_none()
    }

    /// Whether it is neither joined nor refused. Nobody waits for an open contact.
    pub(super) fn is_unsettled(&self) -> bool {
        !self.is_open() && (self.is_out() || self.phase == ChannelPhase::Joining)
    }

    /// When it is to be joined, in monotonic time; `None` if it is not.
    pub(super) fn due(&self) -> Option<Duration> {
        let next = self.trouble.as_ref().and_then(|trouble| trouble.next);
        (self.phase == ChannelPhase::Out).then(|| next.map_or(Duration::ZERO, |(due, _)| due))
    }
}
