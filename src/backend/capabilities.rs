//! What a chat system can do, said by names.

use super::limits::Limits;
use crate::model::{ChannelKind, Split};

/// What a chat system can do.
///
/// ```
/// use switchboard::backend::Capabilities;
///
/// let can = Capabilities::PLAIN.sharing_rooms().echoing_rooms().with_history();
/// assert!(can.history && !can.uploads);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// It has rooms.
    pub rooms: bool,
    /// It has contacts.
    pub contacts: bool,
    /// Its rooms are seen alike by all agents, with one message id for all: messages come as
    /// [`super::SeenBy::Room`].
    pub shared_rooms: bool,
    /// A room sends an agent's post back to it: that copy is the row.
    pub echoes_rooms: bool,
    /// A contact's conversation sends an agent's post back to it.
    pub echoes_contacts: bool,
    /// [`Session::history`](super::Session::history) is supported.
    pub history: bool,
    /// [`Session::look_up`](super::Session::look_up) is supported.
    pub look_up: bool,
    /// [`Session::upload`](super::Session::upload) is supported.
    pub uploads: bool,
    /// [`Session::find_channels`](super::Session::find_channels) is supported.
    pub find_channels: bool,
    /// [`Session::set_composing`](super::Session::set_composing) is supported.
    pub composing: bool,
    /// [`Session::change`](super::Session::change) edits an agent's own messages.
    pub edits: bool,
    /// It takes an agent's own messages back.
    pub retractions: bool,
    /// It takes other people's messages back, where the agent is a moderator.
    pub moderation: bool,
    /// It reacts to messages.
    pub reactions: bool,
    /// It tells people that the agent has read what they wrote, and the agent that they have.
    pub receipts: bool,
    /// A post can answer a message ([`Outgoing::answers`](super::Outgoing::answers)).
    pub replies: bool,
    /// How much text one message of it holds. The engine refuses or splits what is longer.
    pub limits: Limits,
    /// What becomes of a longer text, unless the call says something else.
    pub split: Split,
}

/// One function each: what a chat system can do beyond [`Capabilities::PLAIN`], or cannot.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $field:ident = $value:literal;)*) => {
        impl Capabilities {
            $($(#[$doc])* #[must_use]
            pub const fn $name(mut self) -> Capabilities {
                self.$field = $value;
                self
            })*
        }
    };
}

names! {
    /// It has contacts only.
    without_rooms: rooms = false;
    /// It has rooms only.
    without_contacts: contacts = false;
    /// Its rooms are seen alike by all agents, with one message id for all.
    sharing_rooms: shared_rooms = true;
    /// A room sends an agent's post back to it.
    echoing_rooms: echoes_rooms = true;
    /// A contact's conversation sends an agent's post back to it.
    echoing_contacts: echoes_contacts = true;
    /// It supports [`Session::history`](super::Session::history).
    with_history: history = true;
    /// It supports [`Session::look_up`](super::Session::look_up).
    with_look_up: look_up = true;
    /// It supports [`Session::upload`](super::Session::upload).
    with_uploads: uploads = true;
    /// It supports [`Session::find_channels`](super::Session::find_channels).
    with_find_channels: find_channels = true;
    /// It supports [`Session::set_composing`](super::Session::set_composing).
    with_composing: composing = true;
    /// It edits an agent's own messages.
    with_edits: edits = true;
    /// It takes an agent's own messages back.
    with_retractions: retractions = true;
    /// It takes other people's messages back, where the agent is a moderator.
    with_moderation: moderation = true;
    /// It reacts to messages.
    with_reactions: reactions = true;
    /// It sends and receives receipts.
    with_receipts: receipts = true;
    /// A post can answer a message.
    with_replies: replies = true;
}

impl Capabilities {
    /// Rooms and contacts, and nothing else: each agent sees a room by itself, and nothing is sent
    /// back.
    pub const PLAIN: Capabilities = Capabilities {
        rooms: true,
        contacts: true,
        shared_rooms: false,
        echoes_rooms: false,
        echoes_contacts: false,
        history: false,
        look_up: false,
        uploads: false,
        find_channels: false,
        composing: false,
        edits: false,
        retractions: false,
        moderation: false,
        reactions: false,
        receipts: false,
        replies: false,
        limits: Limits::NONE,
        split: Split::Never,
    };

    /// One message of it holds that much text. Default: [`Limits::NONE`].
    #[must_use]
    pub const fn limited(mut self, limits: Limits) -> Capabilities {
        self.limits = limits;
        self
    }

    /// What becomes of a longer text. Default: [`Split::Never`].
    #[must_use]
    pub const fn splitting(mut self, split: Split) -> Capabilities {
        self.split = split;
        self
    }

    /// Whether a post into a channel of that kind comes back.
    pub fn echoes(&self, kind: ChannelKind) -> bool {
        match kind {
            ChannelKind::Room => self.echoes_rooms,
            ChannelKind::Contact => self.echoes_contacts,
        }
    }

    /// Whether a channel of that kind can be joined at all.
    pub fn has(&self, kind: ChannelKind) -> bool {
        match kind {
            ChannelKind::Room => self.rooms,
            ChannelKind::Contact => self.contacts,
        }
    }
}
