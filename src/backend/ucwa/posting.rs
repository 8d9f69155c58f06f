//! Posts to a contact: one after the other, into the conversation that stands, or with an invitation to a new one.
//!
//! The first text travels inside the invitation, which saves a round trip and is what people see when it rings. An
//! alert is an invitation with importance Urgent, a story one with its subject; the conversation before ends once the
//! new one is connected. A post is answered when its delivery is reported, so the next one leaves before that.
//!
//! What is certain is told apart from what is not: an error other than `OutcomeUnknown` means that nobody got it. So a
//! post that is given up while it waits in its line is taken out of it, and was not sent: left in it, it would be sent
//! after its caller was told that nobody knows, beside a repeat of it.

use super::contacts::{Post, gone, terminate};
use super::conversation::{Phase, Talk};
use super::core::{Core, Invitation};
use super::incoming::message_id;
use super::protocol::address::{Sip, last_segment};
use super::protocol::data_uri::{self, Format};
use super::protocol::failure;
use super::protocol::markup;
use super::protocol::package::{Event, Kind};
use super::protocol::request::Trouble;
use super::protocol::request::{Lost, Request};
use super::protocol::url::Url;
use super::reports::Report;
use crate::backend::{Accepted, BackendError, BackendErrorKind, Outgoing};
use chrono::TimeDelta;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Posts that wait for one contact at most.
const LINE_MAX: usize = 100;
/// A post that is not reported by then will not be. The engine has told its caller long before; until then the message may
/// be delivered, and a repeat of its key must not be sent beside it.
const POST_MAX: Duration = Duration::from_secs(600);
/// How long a post may wait for those before it.
const LINE_WAIT_MAX: TimeDelta = TimeDelta::seconds(35);
/// How long an invitation may ring: the server ends it after about 30 seconds.
const RINGS_MAX: Duration = Duration::from_secs(34);
/// How long a conversation that is being connected is waited for before a new one is begun.
const CONNECTING_MAX: Duration = Duration::from_secs(5);
/// The longest subject of an invitation (§ucwa/invitation).
const SUBJECT_MAX: usize = 250;

/// Puts a post into its contact's line: it has its place when this returns.
pub(super) fn leave(
    core: &Arc<Core>,
    with: &Sip,
    message: Outgoing,
) -> Result<oneshot::Receiver<Result<Accepted, BackendError>>, BackendError> {
    let (done, answer) = oneshot::channel();
    let begins = {
        let mut state = core.state.lock();
        if let Some(error) = &state.over {
            return Err(error.clone());
        }
        let contact = state.contacts.get_mut(with).ok_or_else(gone)?;
        if contact.line.len() >= LINE_MAX {
            let reason = "too many posts wait for this contact";
            return Err(BackendError::new(
                BackendErrorKind::RetryAfter(Duration::from_secs(1)),
                reason,
            ));
        }
        contact.line.push_back(Post {
            message,
            done,
            came: core.inbox.now(),
        });
        !std::mem::replace(&mut contact.is_pumped, true)
    };
    if begins {
        let (pump, with) = (core.clone(), with.clone());
        core.inbox
            .spawn(async move { work_on_line(&pump, &with).await });
    }
    Ok(answer)
}

/// Waits until the chat system has the post.
pub(super) async fn arrive(
    core: Arc<Core>,
    answer: oneshot::Receiver<Result<Accepted, BackendError>>,
) -> Result<Accepted, BackendError> {
    let unknown = |reason| Err(BackendError::new(BackendErrorKind::OutcomeUnknown, reason));
    tokio::select! {
        biased;
        answer = answer => answer.unwrap_or_else(|_| unknown("the connection was lost before the post was answered")),
        () = core.inbox.sleep(POST_MAX) => unknown("the message's delivery was not reported"),
    }
}

async fn work_on_line(core: &Arc<Core>, with: &Sip) {
    loop {
        let post = {
            let mut state = core.state.lock();
            let Some(contact) = state.contacts.get_mut(with) else {
                return;
            };
            let Some(post) = contact.line.pop_front() else {
                contact.is_pumped = false;
                return;
            };
            post
        };
        if let Some(post) = still_wanted(core, post) {
            send(core, with, post).await;
        }
    }
}

/// A post whose turn has come, unless nobody waits for it any more or it has waited too long: then it is not sent.
pub(super) fn still_wanted(core: &Core, post: Post) -> Option<Post> {
    if post.done.is_closed() {
        return None;
    }
    if core.inbox.now() - post.came > LINE_WAIT_MAX {
        let reason = "too many posts were before it";
        let _ = post.done.send(Err(BackendError::new(
            BackendErrorKind::RetryAfter(Duration::from_secs(1)),
            reason,
        )));
        return None;
    }
    Some(post)
}

async fn send(core: &Arc<Core>, with: &Sip, post: Post) {
    let Post { message, done, .. } = post;
    let begins_anew = message.content.alert || message.content.subject.is_some();
    if !begins_anew && let Some(key) = standing(core, with).await {
        match say(core, &key, &message).await {
            Said::Left(operation, href) => return left(core, &key, operation, href, done),
            Said::Refused(error) => return drop(done.send(Err(error))),
            // The far end has hung up, and its event is on the way: a new conversation, then.
            Said::Nowhere => core.change(|state| {
                if let Some(talk) = state.talks.get_mut(&key) {
                    talk.phase = Phase::Over;
                    core.settle(state, &key);
                }
            }),
        }
    }
    let _ = done.send(invite(core, with, &message).await);
}

/// The conversation that a post goes into. One that is just being connected is waited for.
async fn standing(core: &Core, with: &Sip) -> Option<String> {
    let is_coming =
        |talk: &Talk| talk.with == *with && talk.phase == Phase::Connecting && !talk.is_ours;
    let found = core.until(CONNECTING_MAX, |state| {
        let current = state
            .contacts
            .get(with)
            .and_then(|contact| contact.current.clone());
        let current = current.filter(|current| state.talks.get(current).is_some_and(Talk::is_open));
        match current {
            Some(current) => Some(Some(current)),
            None if state.talks.values().any(is_coming) => None,
            None => Some(None),
        }
    });
    found.await.flatten()
}

/// How a message fared that was sent into a conversation.
pub(super) enum Said {
    /// The server has it, or may have it: its operation, and its address if that is known.
    Left(String, Option<String>),
    /// The conversation is not there any more; nobody got it.
    Nowhere,
    Refused(BackendError),
}

async fn say(core: &Core, key: &str, message: &Outgoing) -> Said {
    let (url, takes_html) = {
        let state = core.state.lock();
        let Some(talk) = state.talks.get(key).filter(|talk| talk.is_open()) else {
            return Said::Nowhere;
        };
        let Some(url) = talk.send.as_ref().and_then(|send| core.url(send).ok()) else {
            return Said::Nowhere;
        };
        (url, talk.takes_html)
    };
    transmit(core, url, takes_html, message).await
}

/// Sends a message to where a conversation takes them.
pub(super) async fn transmit(core: &Core, url: Url, takes_html: bool, message: &Outgoing) -> Said {
    let operation = core.operation();
    let written = markup::write(&message.content.parts, &message.text, takes_html);
    let kind = match written.format {
        Format::Plain => "text/plain; charset=utf-8",
        Format::Html => "text/html; charset=utf-8",
    };
    let ask = Request::post(url.with("OperationContext", &operation)).body(kind, written.text);
    match core.ask(ask).await {
        Ok(answer) => Said::Left(
            operation,
            answer.location.map(|location| core.key(&location)),
        ),
        Err(Trouble::Lost(Lost::Unanswered(_))) => Said::Left(operation, None),
        Err(Trouble::Lost(Lost::Unsent(error))) => Said::Refused(error),
        Err(Trouble::Failed(failure)) => {
            let is_dead = failure.status.is_missing()
                || failure.status.is_conflict()
                || failure.status.is_gone();
            let is_over = core.state.lock().over.is_some();
            if is_dead && failure.is_ucwa && !is_over {
                Said::Nowhere
            } else {
                Said::Refused(failure.of_post())
            }
        }
    }
}

fn left(
    core: &Core,
    key: &str,
    operation: String,
    href: Option<String>,
    done: super::conversation::Done,
) {
    let due = match core.state.lock().talks.get_mut(key) {
        Some(talk) => talk.reports.sent(operation, href, done),
        None => {
            let reason = "the conversation ended before the message's delivery was reported";
            let _ = done.send(Err(BackendError::new(
                BackendErrorKind::OutcomeUnknown,
                reason,
            )));
            None
        }
    };
    if let Some((done, report)) = due {
        answer(core, key, done, &report);
    }
}

/// Answers a post whose delivery was reported.
pub(super) fn answer(core: &Core, key: &str, done: super::conversation::Done, report: &Report) {
    let answer = match &report.failed {
        Some(reason) if report.is_unclear => {
            let why = failure::of_delivery(reason.as_ref()).reason;
            Err(BackendError::new(
                BackendErrorKind::OutcomeUnknown,
                format!("{why}; somebody may have got it"),
            ))
        }
        Some(reason) => Err(failure::of_delivery(reason.as_ref())),
        None => accepted(core, key, last_segment(&report.href), report.time),
    };
    let _ = done.send(answer);
}

fn accepted(
    core: &Core,
    key: &str,
    number: &str,
    time: Option<chrono::DateTime<chrono::Utc>>,
) -> Result<Accepted, BackendError> {
    let unfit = || {
        BackendError::new(
            BackendErrorKind::OutcomeUnknown,
            "the server gave the message no id",
        )
    };
    let id = message_id(core, key, number).ok_or_else(unfit)?;
    let mut accepted =
        Accepted::new(id, core.address.as_str()).with_alias(core.application.name.clone());
    accepted.time = time;
    Ok(accepted)
}

/// Begins a conversation with the message in its invitation.
async fn invite(
    core: &Arc<Core>,
    with: &Sip,
    message: &Outgoing,
) -> Result<Accepted, BackendError> {
    let (mut thread, before) = {
        let state = core.state.lock();
        let contact = state.contacts.get(with).ok_or_else(gone)?;
        (contact.thread.clone(), contact.current.clone())
    };
    let url = core.link("startMessaging")?;
    let text = markup::write(&message.content.parts, &message.text, false).text;
    let (operation, asked) = loop {
        let operation = core.operation();
        let mut body = json!({
            "operationId": operation,
            "to": with.uri(),
            "importance": if message.content.alert { "Urgent" } else { "Normal" },
            "_links": {"message": {"href": data_uri::encode(Format::Plain, &text)}},
        });
        if let Some(subject) = &message.content.subject {
            body["subject"] = json!(subject.chars().take(SUBJECT_MAX).collect::<String>());
        }
        if let Some(thread) = &thread {
            body["threadId"] = json!(thread);
        }
        let invitation = Invitation {
            with: with.clone(),
            own: None,
            cancel: None,
            talk: None,
            outcome: None,
        };
        core.change(|state| state.invitations.insert(operation.clone(), invitation));
        let asked = core.ask(Request::post(url.clone()).json(&body)).await;
        match asked {
            Err(Trouble::Failed(failure)) if thread.is_some() && is_thread_taken(&failure) => {
                core.change(|state| state.invitations.remove(&operation));
                thread = None;
            }
            asked => break (operation, asked),
        }
    };
    let _forget = Forget {
        core,
        operation: &operation,
    };
    match asked {
        Ok(answer) => core.change(|state| {
            if let Some(invitation) = state.invitations.get_mut(&operation) {
                invitation.own = invitation
                    .own
                    .take()
                    .or_else(|| answer.location.map(|location| core.key(&location)));
            }
        }),
        Err(Trouble::Lost(Lost::Unanswered(_))) => {}
        Err(Trouble::Lost(Lost::Unsent(error))) => return Err(error),
        Err(Trouble::Failed(failure)) => {
            return Err(match &failure.reason {
                Some(reason) if !failure.status.is_unclear() => {
                    failure::of_invitation(Some(reason))
                }
                _ => failure.of_post(),
            });
        }
    }
    let key = answered(core, &operation).await?;
    if let Some(before) = before.filter(|before| *before != key) {
        let stop = core
            .state
            .lock()
            .talks
            .get_mut(&before)
            .and_then(|talk| talk.stop.take());
        let ender = core.clone();
        core.inbox
            .spawn(async move { terminate(&ender, stop.into_iter().collect()).await });
    }
    accepted(core, &key, "i", None)
}

fn is_thread_taken(failure: &failure::Failure) -> bool {
    failure
        .reason
        .as_ref()
        .is_some_and(|reason| reason.is("ThreadIdAlreadyExists"))
}

/// Waits for the answer to an invitation; the conversation's key, if it was accepted.
async fn answered(core: &Arc<Core>, operation: &str) -> Result<String, BackendError> {
    let lost = || {
        Err(BackendError::new(
            BackendErrorKind::OutcomeUnknown,
            "the connection was lost while the contact was rung",
        ))
    };
    let ended = core.until(RINGS_MAX, |state| {
        if state.over.is_some() {
            return Some(None);
        }
        let invitation = state.invitations.get(operation)?;
        invitation
            .outcome
            .clone()
            .map(|outcome| Some((outcome, invitation.talk.clone())))
    });
    match ended.await {
        Some(Some((Ok(()), Some(key)))) => Ok(key),
        Some(Some((Ok(()), None))) => Err(BackendError::new(
            BackendErrorKind::OutcomeUnknown,
            "the server did not say which conversation was begun",
        )),
        Some(Some((Err(reason), _))) => Err(failure::of_invitation(reason.as_ref())),
        Some(None) => lost(),
        None => {
            let cancel = core
                .state
                .lock()
                .invitations
                .get(operation)
                .and_then(|invitation| invitation.cancel.clone());
            if let Some(url) = cancel.and_then(|cancel| core.url(&cancel).ok()) {
                let canceller = core.clone();
                core.inbox
                    .spawn(async move { drop(canceller.ask(Request::post(url)).await) });
            }
            Err(BackendError::new(
                BackendErrorKind::OutcomeUnknown,
                "the invitation was not answered in time",
            ))
        }
    }
}

/// An event about an invitation of ours: known by its operation or, where the event does not say that, by its address.
pub(super) fn invitation(core: &Core, event: &Event) {
    let own = core.key(&event.link.href);
    let operation = event.text_of("operationId");
    core.change(|state| {
        let is_it = |(id, known): &(&String, &mut Invitation)| {
            operation.map_or_else(
                || known.own.as_ref() == Some(&own),
                |operation| *id == operation,
            )
        };
        let Some((_, invitation)) = state.invitations.iter_mut().find(is_it) else {
            return;
        };
        invitation.own = Some(own.clone());
        if let Some(conversation) = event.link_of("conversation") {
            let key = core.key(conversation);
            let talk = state
                .talks
                .entry(key.clone())
                .or_insert_with(|| Talk::new(invitation.with.clone(), true));
            if let Some(thread) = event
                .text_of("threadId")
                .filter(|thread| !thread.is_empty())
            {
                talk.thread = Some(thread.to_owned());
            }
            talk.stop = talk
                .stop
                .take()
                .or_else(|| event.link_of("cancel").map(str::to_owned));
            invitation.talk = Some(key);
        }
        if event.kind != Kind::Completed {
            invitation.cancel = event
                .link_of("cancel")
                .map(str::to_owned)
                .or_else(|| invitation.cancel.take());
            return;
        }
        let failed = event.succeeded == Some(false);
        invitation.outcome = Some(if failed { Err(event.why()) } else { Ok(()) });
        if let Some(talk) = invitation
            .talk
            .as_ref()
            .filter(|_| failed)
            .and_then(|key| state.talks.get_mut(key))
        {
            talk.phase = Phase::Over;
        }
    });
}

/// Forgets an invitation when nobody waits for it any more.
struct Forget<'a> {
    core: &'a Core,
    operation: &'a str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.core.state.lock().invitations.remove(self.operation);
    }
}
