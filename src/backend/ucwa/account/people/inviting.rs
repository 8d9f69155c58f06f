//! Invitations of ours: a new conversation begins with a message in it.
//!
//! The first text travels inside the invitation, or follows it (`following`), as the configuration
//! says. In it, it saves a round trip, and it is what people see when it rings. The conversation
//! before ends once the new one is connected.

use super::{People, end_at, not_joined};
use crate::backend::ucwa::account::effect::{Invite, Purpose, Timer};
use crate::backend::ucwa::account::post::Post;
use crate::backend::ucwa::account::sending::{accepted, unknown};
use crate::backend::ucwa::account::talk::{Phase, Talk};
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::config::FirstMessage;
use crate::backend::ucwa::protocol::address::{Sip, key_of};
use crate::backend::ucwa::protocol::data_uri::{self, Format};
use crate::backend::ucwa::protocol::package::{Event, Kind};
use crate::backend::ucwa::protocol::reason::Reason;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response, Trouble};
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::ucwa::protocol::{failure, markup};
use crate::backend::{BackendError, BackendErrorKind};
use serde_json::json;
use std::time::Duration;

/// How long an invitation may ring: the server ends it after about 30 seconds.
const RINGS_MAX: Duration = Duration::from_secs(34);
/// The longest subject of an invitation, in UTF-16 units (§ucwa/invitation).
const SUBJECT_MAX: usize = 250;

/// An invitation of ours that is under way.
pub(super) struct Invitation {
    with: Sip,
    /// Its own key.
    own: Option<String>,
    /// The link that cancels it.
    cancel: Option<String>,
    /// The conversation's key.
    talk: Option<String>,
    /// How it ended.
    outcome: Option<Result<(), Option<Reason>>>,
    /// The post that it was made for, once the server has it.
    rung: Option<Rung>,
}

/// A post that waits until its invitation is answered.
struct Rung {
    number: u64,
    post: Post,
    /// The conversation that the new one replaces, by key.
    before: Option<String>,
}

impl Invitation {
    /// Answers the post, because the link is over.
    pub(super) fn forsake(self, turn: &mut Turn<'_>) {
        if let Some(rung) = self.rung {
            let error = lost(has_text(turn, &rung.post));
            turn.posted(rung.post.done, Err(error));
        }
    }
}

impl People {
    /// Begins a conversation for a post.
    pub(super) fn invite(&mut self, turn: &mut Turn<'_>, with: &Sip, number: u64, post: Post) {
        let Some(contact) = self.contacts.get(with) else {
            return turn.posted(post.done, Err(not_joined()));
        };
        let (thread, before) = (contact.thread.clone(), contact.current.clone());
        match turn.profile.link("startMessaging") {
            Ok(url) => self.ring(
                turn,
                url,
                Invite {
                    with: with.clone(),
                    number,
                    operation: String::new(),
                    post,
                    thread,
                    before,
                },
            ),
            Err(error) => {
                turn.posted(post.done, Err(error));
                self.finish(turn, with, number);
            }
        }
    }

    fn ring(&mut self, turn: &mut Turn<'_>, url: Url, mut invite: Invite) {
        invite.operation = turn.operation();
        let invitation = Invitation {
            with: invite.with.clone(),
            own: None,
            cancel: None,
            talk: None,
            outcome: None,
            rung: None,
        };
        self.invitations
            .insert(invite.operation.clone(), invitation);
        let request = Request::post(url).json(&body(&invite, has_text(turn, &invite.post)));
        turn.ask(Purpose::Invite(Box::new(invite)), request);
    }

    /// The response to an invitation.
    pub(crate) fn invited(
        &mut self,
        turn: &mut Turn<'_>,
        mut invite: Invite,
        result: Result<Response, Trouble>,
    ) {
        let error = match result {
            Ok(response) => {
                return self.rings(turn, invite, response.location.map(|href| key_of(&href)));
            }
            Err(Trouble::Lost(Lost::Unanswered(_))) => return self.rings(turn, invite, None),
            Err(Trouble::Lost(Lost::Unsent(error))) => error,
            Err(Trouble::Failed(failure)) => {
                let reason = failure.reason.as_ref();
                let is_taken = reason.is_some_and(|reason| reason.is("ThreadIdAlreadyExists"));
                if is_taken
                    && invite.thread.take().is_some()
                    && let Ok(url) = turn.profile.link("startMessaging")
                {
                    self.invitations.remove(&invite.operation);
                    return self.ring(turn, url, invite);
                }
                match &failure.reason {
                    Some(reason) if !failure.status.is_unclear() => {
                        failure::of_invitation(Some(reason))
                    }
                    _ if !has_text(turn, &invite.post) => {
                        BackendError::unreachable(failure.of_post().reason)
                    }
                    _ => failure.of_post(),
                }
            }
        };
        self.invitations.remove(&invite.operation);
        turn.posted(invite.post.done, Err(error));
        self.finish(turn, &invite.with, invite.number);
    }

    /// The server has the invitation, or may have it: the contact's answer comes as an event.
    fn rings(&mut self, turn: &mut Turn<'_>, invite: Invite, own: Option<String>) {
        let Some(invitation) = self.invitations.get_mut(&invite.operation) else {
            let error = lost(has_text(turn, &invite.post));
            return turn.posted(invite.post.done, Err(error));
        };
        invitation.own = invitation.own.take().or(own);
        invitation.rung = Some(Rung {
            number: invite.number,
            post: invite.post,
            before: invite.before,
        });
        if invitation.outcome.is_none() {
            turn.wait(Timer::Rings(invite.operation), RINGS_MAX);
        } else {
            self.answered(turn, &invite.operation);
        }
    }

    /// An event about an invitation of ours. It is recognised by its operation or, if the event
    /// lacks that, by its key.
    pub(crate) fn own_invitation(&mut self, turn: &mut Turn<'_>, event: &Event) {
        let own = key_of(&event.link.href);
        let operation = event.text_of("operationId");
        let is_it = |(id, known): &(&String, &mut Invitation)| {
            operation.map_or_else(
                || known.own.as_ref() == Some(&own),
                |operation| *id == operation,
            )
        };
        let Some((operation, invitation)) = self.invitations.iter_mut().find(is_it) else {
            return;
        };
        invitation.own = Some(own.clone());
        let cancel = event.link_of("cancel");
        if let Some(conversation) = event.link_of("conversation") {
            let key = key_of(conversation);
            let talk = self
                .talks
                .entry(key.clone())
                .or_insert_with(|| Talk::new(invitation.with.clone(), true));
            if let Some(thread) = event
                .text_of("threadId")
                .filter(|thread| !thread.is_empty())
            {
                talk.thread = Some(thread.to_owned());
            }
            talk.stop = talk.stop.take().or_else(|| cancel.map(str::to_owned));
            invitation.talk = Some(key);
        }
        if event.kind != Kind::Completed {
            invitation.cancel = cancel
                .map(str::to_owned)
                .or_else(|| invitation.cancel.take());
            return;
        }
        let failed = event.succeeded == Some(false);
        invitation.outcome = Some(if failed { Err(event.why()) } else { Ok(()) });
        if failed
            && let Some(talk) = invitation
                .talk
                .as_ref()
                .and_then(|key| self.talks.get_mut(key))
        {
            talk.phase = Phase::Over;
        }
        let operation = operation.clone();
        self.answered(turn, &operation);
    }

    /// Answers the post of an invitation that has an outcome, once the server has said that it has
    /// the invitation.
    fn answered(&mut self, turn: &mut Turn<'_>, operation: &str) {
        let is_ready =
            |invitation: &Invitation| invitation.rung.is_some() && invitation.outcome.is_some();
        if !self.invitations.get(operation).is_some_and(is_ready) {
            return;
        }
        let Some(Invitation {
            with,
            talk,
            outcome: Some(outcome),
            rung: Some(rung),
            ..
        }) = self.invitations.remove(operation)
        else {
            return;
        };
        let has_text = has_text(turn, &rung.post);
        let answer = match (outcome, talk) {
            (Ok(()), Some(key)) => {
                if let Some(before) = rung.before.filter(|before| *before != key) {
                    let before = self.talks.get_mut(&before);
                    if let Some(stop) = before.and_then(|talk| talk.stop.take()) {
                        end_at(turn, &stop, Purpose::Aside("ending a conversation"));
                    }
                }
                if !has_text {
                    let post = Post {
                        into: Some(key),
                        ..rung.post
                    };
                    return self.follow(turn, &with, rung.number, post);
                }
                accepted(turn, &key, "i", None)
            }
            (Ok(()), None) => {
                let reason = "the server did not say which conversation was begun";
                Err(match has_text {
                    true => unknown(reason),
                    false => BackendError::unreachable(reason),
                })
            }
            (Err(reason), _) => Err(failure::of_invitation(reason.as_ref())),
        };
        turn.posted(rung.post.done, answer);
        self.finish(turn, &with, rung.number);
    }

    /// An invitation of ours has rung long enough.
    pub(crate) fn rings_no_more(&mut self, turn: &mut Turn<'_>, operation: &str) {
        let Some(Invitation {
            with,
            cancel,
            rung: Some(rung),
            ..
        }) = self.invitations.remove(operation)
        else {
            return;
        };
        if let Some(url) = cancel.and_then(|cancel| turn.profile.url(&cancel).ok()) {
            turn.ask(
                Purpose::Aside("cancelling an invitation"),
                Request::post(url),
            );
        }
        let reason = "the invitation was not answered in time";
        let error = match has_text(turn, &rung.post) {
            true => unknown(reason),
            // Its text will never be sent.
            false => BackendError::new(BackendErrorKind::Rejected, reason),
        };
        turn.posted(rung.post.done, Err(error));
        self.finish(turn, &with, rung.number);
    }
}

/// Whether the text of a post travels in its invitation; else it follows.
fn has_text(turn: &Turn<'_>, post: &Post) -> bool {
    let is_alert = post.message.content.alert;
    turn.profile.config.first_message_of(is_alert) == FirstMessage::Invitation
}

/// The error of a post whose invitation rang when the link was lost.
fn lost(has_text: bool) -> BackendError {
    let reason = "the connection was lost while the contact was rung";
    match has_text {
        true => unknown(reason),
        false => BackendError::unreachable(reason),
    }
}

/// The body of an invitation.
fn body(invite: &Invite, has_text: bool) -> serde_json::Value {
    let message = &invite.post.message;
    let mut body = json!({
        "operationId": invite.operation,
        "to": invite.with.uri(),
        "importance": if message.content.alert { "Urgent" } else { "Normal" },
    });
    if has_text {
        let text = markup::write(&message.content.parts, &message.text, false).text;
        body["_links"] = json!({"message": {"href": data_uri::encode(Format::Plain, &text)}});
    }
    if let Some(subject) = &message.content.subject {
        body["subject"] = json!(cut(subject, SUBJECT_MAX));
    }
    if let Some(thread) = &invite.thread {
        body["threadId"] = json!(thread);
    }
    body
}

/// The begin of `text` that takes at most `units` UTF-16 units, cut between characters.
fn cut(text: &str, units: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, c)| {
        taken += c.len_utf16();
        taken > units
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_cut_between_characters() {
        for (text, units, begin) in [
            ("", 2, ""),
            ("ab", 2, "ab"),
            ("abc", 2, "ab"),
            ("äöü", 2, "äö"),
            ("a🦀", 2, "a"),
            ("🦀🦀", 2, "🦀"),
        ] {
            assert_eq!(cut(text, units), begin, "{text}");
        }
    }
}
