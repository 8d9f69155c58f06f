//! The first text of a conversation that was begun without it: it follows once messages can be
//! sent (§ucwa/first-message).
//!
//! Nobody has got the text until then, so whatever goes wrong is certain, and the caller may repeat
//! the post.

use super::posting::CONNECTING_MAX;
use super::{People, end_at};
use crate::backend::BackendError;
use crate::backend::ucwa::account::effect::{Purpose, Timer};
use crate::backend::ucwa::account::post::Post;
use crate::backend::ucwa::account::talk::Talk;
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::Sip;

impl People {
    /// Sends a post into the conversation that was begun for it, or keeps it until that can be
    /// done.
    pub(super) fn follow(&mut self, turn: &mut Turn<'_>, with: &Sip, number: u64, post: Post) {
        let talk = post.into.as_ref().and_then(|key| self.talks.get(key));
        let may_come = talk.is_some_and(|talk| !talk.is_over() && !talk.is_crowded);
        // A caller that has given up was told that nobody knows, and may repeat the post.
        if post.done.is_closed() || !may_come || !self.contacts.contains_key(with) {
            return self.begun_in_vain(turn, with, number, post);
        }
        let is_open = talk.is_some_and(Talk::is_open);
        match (&post.into, self.contacts.get_mut(with)) {
            (Some(key), _) if is_open => self.say(turn, with, key.clone(), number, post),
            (_, Some(contact)) => {
                contact.line.hold(post);
                turn.wait(Timer::Connecting(with.clone(), number), CONNECTING_MAX);
            }
            (_, None) => {}
        }
    }

    /// A conversation did not last until its first text could be sent.
    pub(super) fn begun_in_vain(
        &mut self,
        turn: &mut Turn<'_>,
        with: &Sip,
        number: u64,
        post: Post,
    ) {
        let talk = post.into.as_ref().and_then(|key| self.talks.get_mut(key));
        if let Some(stop) = talk.and_then(|talk| talk.stop.take()) {
            end_at(turn, &stop, Purpose::Aside("ending a conversation"));
        }
        let reason = "the conversation ended before the message could be sent in it";
        turn.posted(post.done, Err(BackendError::unreachable(reason)));
        self.finish(turn, with, number);
    }
}
