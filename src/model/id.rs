//! One type for each kind of id, so that swapping two does not compile, and one place that checks
//! ids (§ids/text).
//!
//! An id is any string of 1 to 1,024 bytes without control characters: slashes, quotes, blanks and
//! emoji are allowed. Ids are `Arc<str>`, because the same id is kept in many places.

use super::names::names;
use crate::error::{Error, Result};
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest id, in bytes of UTF-8.
pub(crate) const ID_BYTES_MAX: usize = 1024;

/// Anything that names a `T`: the id itself, or text that is checked when it is given.
///
/// Functions take ids as `impl Id<ChannelId>`, so that both `"chat-room:ops"` and a `ChannelId`
/// work.
pub trait Id<T> {
    /// The id, checked.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the text cannot be such an id.
    fn into_id(self) -> Result<T>;
}

fn check(what: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::Invalid(format!("{what} is empty")));
    }
    if text.len() > ID_BYTES_MAX {
        return Err(Error::Invalid(format!(
            "{what} has {} bytes, the limit is {ID_BYTES_MAX}",
            text.len()
        )));
    }
    if let Some(bad) = text.chars().find(|c| c.is_control()) {
        return Err(Error::Invalid(format!(
            "{what} contains the control character U+{:04X}",
            bad as u32
        )));
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal $(, $extra:path)?) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses an id.
            ///
            /// # Errors
            /// [`Error::Invalid`] if the text is empty, over 1,024 bytes long, or has control
            /// characters.
            pub fn parse(text: &str) -> Result<$name> {
                check($what, text)?;
                $($extra(text)?;)?
                Ok($name(text.into()))
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// As `parse`: reads what `Display` writes.
            fn from_str(text: &str) -> Result<$name> {
                $name::parse(text)
            }
        }

        impl Id<$name> for $name {
            fn into_id(self) -> Result<$name> {
                Ok(self)
            }
        }

        impl Id<$name> for &$name {
            fn into_id(self) -> Result<$name> {
                Ok(self.clone())
            }
        }

        impl Id<$name> for &str {
            fn into_id(self) -> Result<$name> {
                $name::parse(self)
            }
        }

        impl Id<$name> for String {
            fn into_id(self) -> Result<$name> {
                $name::parse(&self)
            }
        }

        impl Id<$name> for &String {
            fn into_id(self) -> Result<$name> {
                $name::parse(self)
            }
        }
    };
}

text_id!(
    /// An agent's id, chosen by the administrator (§ids/text).
    AgentId, "the agent id");
text_id!(
    /// A user's id, chosen by the administrator (§ids/text).
    UserId, "the user id");
text_id!(
    /// A throttle's id (§ids/text).
    ThrottleId, "the throttle id");
text_id!(
    /// A channel's id: `chat-room:…` or `contact:…` (§ids/channel).
    ChannelId, "the channel id", channel_prefix);
text_id!(
    /// A message's id, as the chat system gave it.
    MessageId, "the message id");
text_id!(
    /// An agent's or person's address on a chat system, for example `xmpp:bot@example.org`: the
    /// contract's `UserName`.
    Address, "the user name");
text_id!(
    /// The space in which channel and message ids are unique, for example `xmpp:im.example.org`.
    NetworkId, "the network id");
text_id!(
    /// The connection of a backend that an agent uses.
    LinkKey, "the link key");
text_id!(
    /// The id a post carries before the chat system gives it one; only this database can make it.
    OriginId, "the origin id");
text_id!(
    /// What a backend needs to continue a conversation where it was; opaque to the engine.
    ResumePoint, "the resume point");
text_id!(
    /// The name of a reader whose position the engine keeps.
    ReaderName, "the reader name");
text_id!(
    /// Names one run of event ids (§events/instance).
    InstanceId, "the instance id");

fn channel_prefix(text: &str) -> Result<()> {
    match ChannelKind::of(text) {
        Some((_, name)) if !name.is_empty() => Ok(()),
        Some(_) => Err(Error::Invalid(format!(
            "the channel id `{text}` names nothing after its prefix"
        ))),
        None => Err(Error::Invalid(format!(
            "the channel id `{text}` begins with neither `chat-room:` nor `contact:`"
        ))),
    }
}

/// The kind of a channel, by its prefix (§ids/channel).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelKind {
    /// `chat-room:`, shared by many.
    Room,
    /// `contact:`, a conversation with one person.
    Contact,
}

names!(
    ChannelKind,
    "kind of channel",
    [Room = "room", Contact = "contact",]
);

impl ChannelKind {
    fn of(text: &str) -> Option<(ChannelKind, &str)> {
        if let Some(name) = text.strip_prefix("chat-room:") {
            return Some((ChannelKind::Room, name));
        }
        text.strip_prefix("contact:")
            .map(|name| (ChannelKind::Contact, name))
    }
}

impl ChannelId {
    /// Whether this is a room or a contact.
    pub fn kind(&self) -> ChannelKind {
        ChannelKind::of(&self.0).map_or(ChannelKind::Room, |(kind, _)| kind)
    }

    /// What follows the prefix.
    pub fn name(&self) -> &str {
        ChannelKind::of(&self.0).map_or("", |(_, name)| name)
    }
}

impl MessageId {
    /// An id that no other message has, for a chat system that gives its messages none.
    pub fn random() -> MessageId {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        MessageId(format!("{:032x}", u128::from_be_bytes(bytes)).into())
    }
}

impl Address {
    /// The part before the first colon, if there is one: it selects the backend.
    pub fn scheme(&self) -> Option<&str> {
        self.0.split_once(':').map(|(scheme, _)| scheme)
    }

    /// The part after the scheme, or the whole text if there is no scheme.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(_, name)| name)
    }
}

/// An agent's number in the database. It is never reused, so an agent that is created again under
/// its old name gets another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentKey(pub i64);

/// An event's number within one [`InstanceId`]: rising, never reused, not dense, always below 2^31
/// (§events/ids).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub i64);

impl EventId {
    /// Before every event of the present instance; no event has this number.
    pub(crate) const BEFORE_ALL: EventId = EventId(i64::MIN);
}

/// Numbers are written and read in decimal.
macro_rules! number_id {
    ($name:ident, $what:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads what `Display` writes.
            fn from_str(text: &str) -> Result<$name> {
                let number = text.parse().map($name);
                number.map_err(|_| Error::Invalid(format!(concat!("`{}` is no ", $what), text)))
            }
        }
    };
}

number_id!(AgentKey, "number of an agent");
number_id!(EventId, "number of an event");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_strings_are_ids() {
        for text in [
            "a",
            "a/b",
            "50%",
            "it's \"quoted\"",
            " ",
            "🦀",
            &"x".repeat(1024),
        ] {
            assert_eq!(
                AgentId::parse(text).map(|id| id.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn what_cannot_be_an_id_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "empty"),
            (&*"x".repeat(1025), "1025 bytes"),
            ("a\0b", "U+0000"),
            ("a\nb", "U+000A"),
        ] {
            let error = AgentId::parse(text).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
        for text in ["ops", "room:ops", "chat-room:", "Contact:x"] {
            assert!(ChannelId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_channel_knows_its_kind() {
        let id = ChannelId::parse("contact:sip:lene@contoso.com").expect("fine");
        assert_eq!(
            (id.kind(), id.name()),
            (ChannelKind::Contact, "sip:lene@contoso.com")
        );
    }
}
