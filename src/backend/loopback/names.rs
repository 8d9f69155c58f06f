//! Ids that no other process ever gave: a random prefix for the chat system, a rising number for
//! each message.
//!
//! The same text serves as resume point, so that `join` can read from it where an agent stood. One
//! made by another process names a world that is gone: nothing is to be caught up from it.

use crate::model::{Address, ChannelId, MessageId, ResumePoint};
use std::sync::Arc;

/// The prefixes of this chat system's ids.
#[derive(Debug)]
pub(super) struct Prefix(String);

impl Prefix {
    pub(super) fn random() -> Prefix {
        let mut bytes = [0u8; 8];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Prefix(format!("{:016x}", u64::from_be_bytes(bytes)))
    }

    pub(super) fn text(&self, number: u64) -> String {
        format!("{}-{number:016}", self.0)
    }

    fn number(&self, text: &str) -> Option<u64> {
        text.strip_prefix(&self.0)?.strip_prefix('-')?.parse().ok()
    }

    /// Returns the id of the message with that number.
    pub(super) fn message_id(&self, number: u64) -> MessageId {
        MessageId::parse(&self.text(number)).expect("hexadecimal digits are an id")
    }

    /// Returns the resume point after the message with that number.
    pub(super) fn resume(&self, number: u64) -> ResumePoint {
        ResumePoint::parse(&self.text(number)).expect("hexadecimal digits are an id")
    }

    /// Returns the number of a message, if the id is one of this process.
    pub(super) fn number_of(&self, id: &MessageId) -> Option<u64> {
        self.number(id.as_str())
    }

    /// Returns the number of the message before a resume point, if the point is of this process.
    pub(super) fn resumed_after(&self, resume: &ResumePoint) -> Option<u64> {
        self.number(resume.as_str())
    }
}

/// Returns a name in the form in which names are compared: without case.
pub(super) fn fold(name: &str) -> Arc<str> {
    name.to_lowercase().into()
}

/// Returns the name by which others know an address.
pub(super) fn name_of(address: &Address) -> &str {
    if address.name().is_empty() {
        address.as_str()
    } else {
        address.name()
    }
}

/// Returns the channel of a conversation with `name`.
pub(super) fn contact(name: &str) -> Option<ChannelId> {
    ChannelId::parse(&format!("contact:{name}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_as_they_were_given_and_are_known_again() {
        let (ours, other) = (Prefix::random(), Prefix::random());
        assert!(ours.message_id(9) < ours.message_id(10));
        assert_eq!(ours.number_of(&ours.message_id(10)), Some(10));
        assert_eq!(ours.resumed_after(&other.resume(10)), None);
    }
}
