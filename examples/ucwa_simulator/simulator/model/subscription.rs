//! A presence subscription: the people it watches, and until when.

use super::super::address::Address;
use super::super::timer::Moment;
use std::collections::BTreeSet;

/// One subscription.
#[derive(Debug)]
pub struct Subscription {
    /// The people it watches.
    pub contacts: BTreeSet<Address>,
    /// When it ends.
    pub until: Moment,
    /// True if its application was told that the end is near.
    pub warned: bool,
}
