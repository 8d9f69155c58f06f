//! Shows a contact that the agent types. Where no conversation exists, nobody can see it.

use super::{People, not_joined};
use crate::backend::BackendError;
use crate::backend::ucwa::account::effect::{Purpose, Timer};
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::request::Request;
use std::time::Duration;

/// How often typing is shown anew: the server forgets it after about ten seconds.
const TYPING_EVERY: Duration = Duration::from_secs(5);
/// Notices of typing, if nobody says that it has ended; after 30 seconds it ends by itself
/// (§channels/typing).
const TYPING_TIMES: u32 = 6;

impl People {
    /// The agent begins or stops typing.
    ///
    /// # Errors
    /// `ChannelGone` if the contact is not joined.
    pub(crate) fn compose(
        &mut self,
        turn: &mut Turn<'_>,
        with: &Sip,
        composing: bool,
    ) -> Result<(), BackendError> {
        let contact = self.contacts.get_mut(with).ok_or_else(not_joined)?;
        if contact.typing.is_some() != composing {
            contact.typing = composing.then(|| turn.number());
            if let Some(number) = contact.typing {
                self.show_typing(turn, with, number, TYPING_TIMES);
            }
        }
        Ok(())
    }

    /// Shows once more that the agent types, if it still does; `left` notices are left.
    pub(crate) fn show_typing(&mut self, turn: &mut Turn<'_>, with: &Sip, number: u64, left: u32) {
        let Some(contact) = self
            .contacts
            .get_mut(with)
            .filter(|contact| contact.typing == Some(number))
        else {
            return;
        };
        if left == 0 {
            contact.typing = None;
            return;
        }
        let talk = contact
            .current
            .as_ref()
            .and_then(|current| self.talks.get(current));
        if let Some(url) = talk.and_then(|talk| turn.profile.url(talk.typing.as_ref()?).ok()) {
            turn.ask(Purpose::Aside("showing typing"), Request::post(url));
        }
        let timer = Timer::Typing {
            with: with.clone(),
            number,
            left: left - 1,
        };
        turn.wait(timer, TYPING_EVERY);
    }
}
