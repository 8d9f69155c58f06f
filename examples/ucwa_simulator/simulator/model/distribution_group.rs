//! A distribution group of the directory.

use super::super::address::Address;
use std::collections::BTreeSet;

/// A group of people that an administrator keeps. Users can find it and cannot change it.
#[derive(Debug, Clone)]
pub struct DistributionGroup {
    /// The display name.
    pub name: String,
    /// The members.
    pub members: BTreeSet<Address>,
}
