//! The tokens that were issued.

use super::super::address::Address;
use super::super::timer::Moment;
use std::collections::{BTreeMap, VecDeque};

/// The most tokens. Beyond this the oldest ones end.
const TOKENS_MAX: usize = 200_000;

/// What a token grants.
#[derive(Debug, Clone)]
pub struct Token {
    /// The user whom it authenticates.
    pub user: Address,
    /// The pool (scheme://host) that issued it, if tokens are per pool.
    pub pool: Option<String>,
    /// When it expires.
    pub until: Moment,
    /// The URI of the only meeting that a guest may join.
    pub guest_of: Option<String>,
}

/// All tokens that were issued and have not been ended, in the order of issue.
#[derive(Debug, Default)]
pub struct Tokens {
    live: BTreeMap<String, Token>,
    order: VecDeque<String>,
}

impl Tokens {
    /// Adds a token. Beyond the limit the oldest one ends.
    pub fn add(&mut self, text: String, token: Token) {
        self.order.push_back(text.clone());
        self.live.insert(text, token);
        if self.order.len() > TOKENS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.live.remove(&oldest);
        }
    }

    /// Returns the token with that text, expired or not.
    pub fn find(&self, text: &str) -> Option<&Token> {
        self.live.get(text)
    }

    /// Ends all tokens of `user` and returns how many there were.
    pub fn end_all(&mut self, user: &Address) -> usize {
        let before = self.live.len();
        self.live.retain(|_, token| token.user != *user);
        self.order.retain(|text| self.live.contains_key(text));
        before - self.live.len()
    }
}
