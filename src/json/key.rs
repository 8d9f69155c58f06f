//! Keys, and what is named by them.

use crate::model::{MessageId, MessageRef, PostKey, Reactions, Ref};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A key that a host chose is written as it was given; that of an answer is not for hosts to make,
/// so it keeps its prefix under a name of its own.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct Key {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answering: Option<String>,
}

impl Key {
    pub(super) fn of(key: Option<&PostKey>) -> Key {
        match key.map(|key| (key.0.strip_prefix("k:"), key.0.as_str())) {
            None => Key::default(),
            Some((Some(own), _)) => Key {
                key: Some(own.to_owned()),
                answering: None,
            },
            Some((None, other)) => Key {
                key: None,
                answering: Some(other.strip_prefix("e:").unwrap_or(other).to_owned()),
            },
        }
    }

    /// # Errors
    /// `answering` that no event and number made.
    pub(super) fn post_key<E: serde::de::Error>(self) -> Result<Option<PostKey>, E> {
        match (self.key, self.answering) {
            (None, None) => Ok(None),
            (Some(key), None) => Ok(Some(PostKey(format!("k:{key}")))),
            (None, Some(answering)) => {
                let made = |text: &str| {
                    let (event, nth) = text.split_once(':')?;
                    event.parse::<i64>().ok()?;
                    nth.parse::<u32>().ok()
                };
                if made(&answering).is_none() {
                    return Err(E::custom(format!("`{answering}` answers no event")));
                }
                Ok(Some(PostKey(format!("e:{answering}"))))
            }
            (Some(_), Some(_)) => Err(E::custom("a message has `key` or `answering`, not both")),
        }
    }
}

impl Serialize for PostKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Key::of(Some(self)).serialize(to)
    }
}

impl<'de> Deserialize<'de> for PostKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PostKey, D::Error> {
        let key = Key::deserialize(from)?.post_key()?;
        key.ok_or_else(|| D::Error::missing_field("key"))
    }
}

/// An `id`, or a key as [`PostKey`] writes it.
impl Serialize for MessageRef {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a MessageId>,
            #[serde(flatten)]
            key: Key,
        }
        let (id, key) = match &self.0 {
            Ref::Id(id) => (Some(id), None),
            Ref::Key(key) => (None, Some(key)),
            Ref::Nothing => (None, None),
        };
        Written {
            id,
            key: Key::of(key),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for MessageRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<MessageRef, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            id: Option<MessageId>,
            #[serde(flatten)]
            key: Key,
        }
        let read = Read::deserialize(from)?;
        Ok(MessageRef(match (read.id, read.key.post_key()?) {
            (Some(id), None) => Ref::Id(id),
            (None, Some(key)) => Ref::Key(key),
            (None, None) => Ref::Nothing,
            (Some(_), Some(_)) => {
                return Err(D::Error::custom("a message is named by `id` or by a key"));
            }
        }))
    }
}

impl Serialize for Reactions {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            set: &'a [String],
            #[serde(flatten)]
            key: Key,
        }
        Written {
            set: &self.set,
            key: Key::of(self.key.as_ref()),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Reactions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Reactions, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            set: Vec<String>,
            #[serde(flatten)]
            key: Key,
        }
        let read = Read::deserialize(from)?;
        let mut reactions = Reactions::from(read.set);
        reactions.key = read.key.post_key()?;
        Ok(reactions)
    }
}
