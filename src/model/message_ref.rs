//! How a host names a message that it wants to change or to answer.

use super::{Event, EventBody, Message, MessageId, PostKey};

/// An application's own key: [`NewMessage::key`](super::NewMessage::key) of a message that was posted through the same
/// agent into the same channel.
///
/// ```no_run
/// # fn main() -> switchboard::Result<()> {
/// # let agent: switchboard::Collaboration = todo!();
/// use switchboard::{Key, NewMessage};
///
/// agent.post("chat-room:ops", NewMessage::text("Pump 3: firing").key("alert-17"))?;
/// // Even after a restart:
/// agent.edit("chat-room:ops", Key("alert-17"), NewMessage::text("Pump 3: resolved"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a>(pub &'a str);

/// A message: by its id, by an event that is about it, or by the application's own [`Key`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRef(pub(crate) Ref);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ref {
    Id(MessageId),
    Key(PostKey),
    /// An event that is about no message.
    Nothing,
}

impl MessageRef {
    /// What this agent answered to `event` ([`NewMessage::answering`](super::NewMessage::answering)). For a change of a message
    /// it is the answer to that message: a bot that reads a corrected question corrects its answer.
    pub fn answer_to(event: &Event) -> MessageRef {
        MessageRef::answer_to_nth(event, 0)
    }

    /// As [`MessageRef::answer_to`], for an event with several answers
    /// ([`NewMessage::answering_nth`](super::NewMessage::answering_nth)).
    pub fn answer_to_nth(event: &Event, nth: u32) -> MessageRef {
        let seq = match &event.body {
            EventBody::Change(change) => change.target,
            _ => Some(event.seq),
        };
        MessageRef(seq.map_or(Ref::Nothing, |seq| Ref::Key(PostKey::of_answer(seq, nth))))
    }
}

impl From<MessageId> for MessageRef {
    fn from(id: MessageId) -> MessageRef {
        MessageRef(Ref::Id(id))
    }
}

impl From<&MessageId> for MessageRef {
    fn from(id: &MessageId) -> MessageRef {
        id.clone().into()
    }
}

impl From<&Message> for MessageRef {
    fn from(message: &Message) -> MessageRef {
        (&message.id).into()
    }
}

impl From<Key<'_>> for MessageRef {
    fn from(key: Key<'_>) -> MessageRef {
        MessageRef(Ref::Key(PostKey::new(key.0)))
    }
}

/// The message, or the one that a change is about. An event of another kind is refused when the
/// reference is used.
impl From<&Event> for MessageRef {
    fn from(event: &Event) -> MessageRef {
        match &event.body {
            EventBody::Message(message) => (&message.id).into(),
            EventBody::Change(change) => (&change.message).into(),
            _ => MessageRef(Ref::Nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChangeKind, ChannelId, EventId, InstanceId, MessageChange, NewMessage};
    use std::sync::Arc;

    #[test]
    fn an_answer_is_found_by_its_event_and_by_a_change_of_what_it_answers() {
        let id = |text: &str| MessageId::parse(text).expect("an id");
        let at = chrono::DateTime::UNIX_EPOCH;
        let channel = ChannelId::parse("chat-room:ops").expect("an id");
        let event = |seq, body| {
            let instance = InstanceId::parse("i").expect("an id");
            Event::new(seq, EventId(seq), instance, at, body)
        };
        let message = Message::plain(id("m1"), channel.clone(), "lene", "2+2?", at);
        let asked = event(7, EventBody::Message(Arc::new(message)));
        let edited = ChangeKind::Edited;
        let mut change = MessageChange::new(id("c1"), channel, id("m1"), "lene", edited, at);
        change.target = Some(7);
        let corrected = event(9, EventBody::Change(Arc::new(change)));
        let answer = NewMessage::text("4").answering(&asked).key;
        assert_eq!(answer, Some(PostKey::of_answer(7, 0)));
        for event in [&asked, &corrected] {
            let found = MessageRef::answer_to(event);
            assert_eq!(found.0, Ref::Key(PostKey::of_answer(7, 0)));
            assert_eq!(MessageRef::from(event).0, Ref::Id(id("m1")));
        }
        let gap = event(0, EventBody::Gap);
        assert_eq!(MessageRef::from(&gap).0, Ref::Nothing);
    }
}
