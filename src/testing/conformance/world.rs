//! The other side of a chat system under test.

use crate::backend::{Address, Backend, ChannelId, Received};
use crate::model::ChangeKind;
use std::sync::Arc;
use std::time::Duration;

/// What the suite needs of a chat system besides the backend: its people, and somebody who can
/// break things.
///
/// Only the first two methods must be written; what is left out is skipped. `None` always means
/// "cannot".
pub trait World: Send + Sync {
    /// The backend under test. Asked once for each check.
    fn backend(&self) -> Arc<dyn Backend>;

    /// The address of the `n`th agent, from 0 to 2; always the same for the same `n`, different for
    /// different ones.
    fn agent_address(&self, n: usize) -> Address;

    /// How long anything may take. Default: 10 seconds.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// A room that exists and that the agents may join.
    fn room(&self) -> Option<ChannelId> {
        None
    }

    /// A room that does not exist, or that the agents may not join.
    fn closed_room(&self) -> Option<ChannelId> {
        None
    }

    /// A person whom the agents may talk to.
    fn contact(&self) -> Option<ChannelId> {
        None
    }

    /// Lets a person say `text` in the room; of a contact, lets that contact say it to the agent of
    /// `address`. Returns when the chat system has it.
    ///
    /// # Errors
    /// Why it could not be said.
    fn say(
        &self,
        channel: &ChannelId,
        address: &Address,
        text: &str,
    ) -> Option<Result<(), String>> {
        let _ = (channel, address, text);
        None
    }

    /// Everything a person who was there all the time has heard agents say in the room so far,
    /// oldest first; of a contact, everything the agent of `address` has said to that contact.
    fn heard(&self, channel: &ChannelId, address: &Address) -> Option<Vec<String>> {
        let _ = (channel, address);
        None
    }

    /// Whether people see the agent of that address as present.
    fn sees_online(&self, address: &Address) -> Option<bool> {
        let _ = address;
        None
    }

    /// Puts the agent of that address out of the room.
    fn kick(&self, channel: &ChannelId, address: &Address) -> Option<()> {
        let _ = (channel, address);
        None
    }

    /// Breaks the connection the agent of that address travels on, so that the agent is signed out
    /// or the link lost.
    fn cut(&self, address: &Address) -> Option<()> {
        let _ = address;
        None
    }

    /// Lets a person change a message that a person said in the channel and that the backend passed
    /// on as `message`: edit it, so that it says `text`, take it back, or react to it. Returns when
    /// the chat system has it.
    ///
    /// # Errors
    /// Why it could not be changed.
    fn change(
        &self,
        channel: &ChannelId,
        address: &Address,
        message: &Received,
        kind: &ChangeKind,
        text: &str,
    ) -> Option<Result<(), String>> {
        let _ = (channel, address, message, kind, text);
        None
    }

    /// What lies behind the link that an upload became.
    fn file(&self, link: &str) -> Option<Vec<u8>> {
        let _ = link;
        None
    }
}
