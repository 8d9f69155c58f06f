//! How much may be provisioned for one agent. It stays for ever, and retention never frees its
//! space.
//!
//! Each list has a bound of its own, so that no principal can use up the disk, or what `keep_bytes`
//! leaves to everybody's messages. The bounds are far above what an application needs. They hold
//! for an administrator too, and for an agent whose mode is Self, which writes its own channels and
//! metadata.

use crate::error::{Error, Result};
use crate::model::{Contacts, NewAgent};

/// Channels of one agent.
pub(super) const CHANNELS_MAX: usize = 50_000;
/// Open contacts of one agent: each is a channel in memory, and the list is searched for one that makes
/// room.
const OPEN_MAX: usize = 10_000;
/// Users of one agent.
const USERS_MAX: usize = 10_000;
/// Metadata keys of one agent.
const KEYS_MAX: usize = 1_024;
/// Bytes of a metadata key.
const KEY_BYTES_MAX: usize = 1_024;
/// Bytes of one metadata value.
const VALUE_BYTES_MAX: usize = 256 << 10;
/// Bytes of all keys and values of one agent.
pub(super) const METADATA_BYTES_MAX: usize = 1 << 20;

fn within(what: &'static str, length: usize, limit: usize) -> Result<()> {
    if length <= limit {
        Ok(())
    } else {
        Err(Error::TooLarge {
            what,
            length: length as u64,
            limit: limit as u64,
        })
    }
}

/// The error for too many channels.
pub(super) fn too_many(channels: usize) -> Error {
    Error::TooLarge {
        what: "the list of channels",
        length: channels as u64,
        limit: CHANNELS_MAX as u64,
    }
}

/// Checks one key and its value.
///
/// # Errors
/// [`Error::TooLarge`] with what is too long.
pub(super) fn pair(key: &str, value: &str) -> Result<()> {
    within("the metadata key", key.len(), KEY_BYTES_MAX)?;
    within("the metadata value", value.len(), VALUE_BYTES_MAX)
}

/// Checks the number of an agent's keys, and the bytes of all keys and values.
///
/// # Errors
/// [`Error::TooLarge`] with what is too much.
pub(super) fn all(keys: usize, bytes: usize) -> Result<()> {
    within("the number of metadata keys", keys, KEYS_MAX)?;
    within("the metadata", bytes, METADATA_BYTES_MAX)
}

/// Checks all metadata of an agent.
///
/// # Errors
/// As [`pair`] and [`all`].
pub(super) fn metadata(pairs: &[(String, String)]) -> Result<()> {
    pairs.iter().try_for_each(|(key, value)| pair(key, value))?;
    all(
        pairs.len(),
        pairs
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum(),
    )
}

/// Checks an agent that is to be put.
///
/// # Errors
/// [`Error::TooLarge`] with what is too much.
pub(super) fn agent(agent: &NewAgent) -> Result<()> {
    if agent.channels.len() > CHANNELS_MAX {
        return Err(too_many(agent.channels.len()));
    }
    let most = agent.contacts.map_or(0, Contacts::most);
    within("the list of open contacts", most as usize, OPEN_MAX)?;
    within("the list of users", agent.users.len(), USERS_MAX)?;
    metadata(&agent.metadata)
}
