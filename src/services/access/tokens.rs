//! The tokens that are good now, and the waits that end with them.

use crate::clock::Calendar;
use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::model::{AgentKey, Principal, Token, TokenDetails, UserId, Who};
use crate::token::{Digest, Grant, Grants};
use std::sync::Arc;
use std::time::Duration;

/// The table of tokens. Whatever ends a token here also ends the waits made with it.
pub(crate) struct Tokens {
    grants: Grants,
    hub: Arc<Hub>,
    calendar: Arc<Calendar>,
    lifetime: Duration,
}

impl Tokens {
    pub(super) fn new(hub: Arc<Hub>, calendar: Arc<Calendar>, lifetime: Duration) -> Tokens {
        Tokens {
            grants: Grants::new(),
            hub,
            calendar,
            lifetime,
        }
    }

    /// The principal that bears `token`; no disk, no hop.
    pub(super) fn authenticate(&self, token: &Token) -> Result<Principal> {
        self.grants
            .authenticate(token, self.now())
            .map(|grant| grant.principal.clone())
            .ok_or_else(|| {
                Error::Unauthorized("the token is unknown or has ended; log in again".into())
            })
    }

    /// What may be known of `token` (§tokens/details): there an unknown or expired one is 400, not
    /// 401.
    pub(super) fn details(&self, token: &Token) -> Result<TokenDetails> {
        let now = self.now();
        self.grants
            .authenticate(token, now)
            .map(|grant| grant.details(now, self.calendar.wall()))
            .ok_or_else(|| Error::invalid("the token is unknown or has ended"))
    }

    /// What a new token of `who` grants, and when its row expires: milliseconds since 1970, by the
    /// date that rows are dated with.
    pub(super) fn grant(&self, who: Who) -> (Grant, i64) {
        let lifetime = i64::try_from(self.lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires = self.calendar.ledger().saturating_add(lifetime);
        let grant = Grant::new(who, self.now(), self.calendar.wall(), self.lifetime);
        (grant, expires)
    }

    /// Makes a stored token good.
    pub(super) fn insert(&self, digest: Digest, grant: Grant) {
        self.grants.insert(digest, grant);
    }

    /// Makes a token of the database good again for the time that is left of it.
    pub(super) fn restore(&self, digest: Digest, who: Who, left: Duration) {
        let grant = Grant::new(who, self.now(), self.calendar.wall(), left);
        self.grants.insert(digest, grant);
    }

    /// The tokens that must go before there is room for one more of each of `owners`: user and
    /// agent; the super user has neither.
    pub(super) fn surplus(&self, owners: &[(Option<UserId>, Option<AgentKey>)]) -> Vec<Digest> {
        self.grants.surplus(owners)
    }

    /// Ends these tokens.
    pub(crate) fn end(&self, digests: &[Digest]) {
        self.end_waits(self.grants.end(digests));
    }

    /// Ends all tokens of an agent.
    pub(crate) fn end_agent(&self, agent: AgentKey) {
        self.end_waits(self.grants.end_agent(agent));
    }

    /// Ends what has expired, and returns how long it is until the next token expires.
    pub(crate) fn sweep(&self) -> Option<Duration> {
        let now = self.now();
        self.end_waits(self.grants.sweep(now));
        self.grants.next_end().map(|end| end.saturating_sub(now))
    }

    /// Everybody who bears a token, once for each agent.
    pub(super) fn bearers(&self) -> Vec<Who> {
        self.grants.bearers()
    }

    pub(super) fn len(&self) -> usize {
        self.grants.len()
    }

    fn end_waits(&self, ended: Vec<Arc<Grant>>) {
        for grant in ended {
            if let Some((agent, _)) = grant.agent() {
                self.hub.nudge(agent);
            }
        }
    }

    fn now(&self) -> Duration {
        self.hub.timer().now()
    }
}
