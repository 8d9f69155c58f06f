//! Meetings as rooms.
//!
//! UCWA 2.0 has no rooms that stay, so a room is an online meeting. It has no history, and it ends
//! when nobody holds it any more.

mod adding;
mod end;
mod ending;
mod events;
mod finding;
mod hearing;
mod inviting;
mod joining;
mod meeting;
mod posting;
mod roster;

use super::ringing::Ringing;
use super::turn::Turn;
use crate::backend::fairness::gives_way;
use crate::backend::ucwa::protocol::address::MeetingUri;
use crate::backend::{BackendError, ChannelId, Received};
pub(crate) use finding::uri_of;
use meeting::Meeting;
use std::collections::{HashMap, VecDeque};

/// Conversations kept of meetings that an application found again is in.
const FOUND_MAX: usize = 100;
/// Messages kept of meetings whose channels are not joined yet.
const STRAYS_MAX: usize = 64;

/// Meetings.
#[derive(Default)]
pub(crate) struct Meetings {
    /// Those whose channels are joined, or are being joined.
    list: Vec<Meeting>,
    /// Invitations that ring, by the conversation's key.
    ringing: HashMap<String, Ringing<MeetingUri>>,
    /// Messages of meetings that an application found again is in, and whose channels are not
    /// joined yet.
    strays: VecDeque<(MeetingUri, Received)>,
    /// Those meetings, by the conversation's key.
    found: HashMap<String, MeetingUri>,
}

impl Meetings {
    /// Whether a conversation is known as a meeting's.
    pub(crate) fn is_known(&self, key: &str) -> bool {
        self.found.contains_key(key)
            || self
                .list
                .iter()
                .any(|meeting| meeting.key.as_deref() == Some(key))
    }

    /// Notes that a conversation of an application found again is a meeting's.
    pub(crate) fn note_found(&mut self, key: String, uri: MeetingUri) {
        if self.found.len() < FOUND_MAX {
            self.found.insert(key, uri);
        }
    }

    /// The meeting of that address.
    fn of(&mut self, uri: &MeetingUri) -> Option<&mut Meeting> {
        self.list.iter_mut().find(|meeting| meeting.uri == *uri)
    }

    /// The meeting of that conversation.
    fn with_key(&mut self, key: &str) -> Option<&mut Meeting> {
        self.list
            .iter_mut()
            .find(|meeting| meeting.key.as_deref() == Some(key))
    }

    /// Takes a meeting away, with all that waits in it.
    fn take(&mut self, uri: &MeetingUri) -> Option<Meeting> {
        let index = self.list.iter().position(|meeting| meeting.uri == *uri)?;
        Some(self.list.swap_remove(index))
    }

    /// Keeps a message of a meeting whose channel is not joined yet.
    fn stray(&mut self, key: &str, message: Received) {
        let Some(uri) = self.found.get(key).cloned() else {
            return;
        };
        self.strays.push_back((uri, message));
        if self.strays.len() > STRAYS_MAX
            && let Some(index) = gives_way(self.strays.iter().map(|(of, _)| ((), of.as_str(), 1)))
        {
            self.strays.remove(index);
        }
    }

    /// Hands over what was said in a meeting before its channel was joined.
    fn hand_over_strays(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, channel: &ChannelId) {
        let (mine, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.strays)
            .into_iter()
            .partition(|(of, _)| of == uri);
        self.strays = others.into();
        for (_, message) in mine {
            turn.hand_over_message(channel.clone(), message, None);
        }
    }

    /// Acts on a change of a meeting: its end is told, and whatever waits for the change goes on.
    fn settle(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        self.tell_end(turn, uri);
        self.go_on_joining(turn, uri);
        self.go_on_adding(turn, uri);
        self.send_held(turn, uri);
    }
}

/// The meeting that a channel is.
///
/// # Errors
/// `Refused` if the channel's name is no address of a meeting.
pub(crate) fn meeting_of(channel: &ChannelId) -> Result<MeetingUri, BackendError> {
    let name = channel.name();
    let unfit = || {
        BackendError::refused(format!(
            "`{name}` is not a meeting's address, which is like sip:lene@contoso.com;gruu;opaque=app:conf:focus:id:ABC"
        ))
    };
    MeetingUri::parse(name).ok_or_else(unfit)
}
