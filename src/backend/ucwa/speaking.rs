//! What is said in a meeting, by others and by the agent.
//!
//! A meeting's messages have neither subject nor importance: a story's subject is its first line, an alert is a message.

use super::contacts::Post;
use super::core::Core;
use super::entering::stand;
use super::incoming::message_id;
use super::meeting::{Reached, sender_of};
use super::meetings::{inbound, meeting_of};
use super::posting::{self, Said};
use super::protocol::address::{MeetingUri, last_segment};
use super::protocol::data_uri;
use super::protocol::document::Document;
use super::protocol::markup;
use super::protocol::package::{Event, Kind};
use super::reports::Report;
use crate::backend::{Accepted, BackendError, BackendErrorKind, ChannelId, Outgoing, Received};
use crate::model::{Content, Part};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a post waits for messages that are being added.
const OPEN_MAX: Duration = Duration::from_secs(10);
/// Posts that wait for one meeting at most.
const LINE_MAX: usize = 100;

/// A `message` event of a meeting's conversation.
pub(super) async fn message(core: &Arc<Core>, event: &Event, message: &Document) {
    let key = core.key(&event.sender.href);
    if message
        .text("direction")
        .is_some_and(|direction| direction.eq_ignore_ascii_case("Outgoing"))
    {
        if event.kind == Kind::Completed {
            reported(core, &key, event, message);
        }
        return;
    }
    let Some(href) = message
        .link("plainMessage")
        .or_else(|| message.link("htmlMessage"))
    else {
        return;
    };
    let Some(parts) = data_uri::decode(href).and_then(|(format, text)| markup::read(format, &text))
    else {
        return;
    };
    let Some(id) = message_id(core, &key, last_segment(&event.link.href)) else {
        return;
    };
    let participant = message
        .anchor("participant")
        .or_else(|| message.anchor("contact"));
    let (sender, alias) = match participant {
        Some(participant) => who(core, &key, &participant.href, participant.title.clone()).await,
        None => return,
    };
    let time = message
        .time("timeStamp")
        .unwrap_or_else(|| core.inbox.now());
    let received = Received::new(id, sender, Content::parts(parts))
        .with_alias(alias)
        .with_time(time);
    let item = core.change(|state| {
        if let Some(meeting) = state.meetings.with_key(&key) {
            return Some(inbound(core, meeting.channel.clone(), received));
        }
        state.meetings.stray(&key, received);
        None
    });
    if let Some(item) = item {
        core.hand_over(item).await;
    }
}

/// A sender's address and name. Some servers leave the name out of the link: then the participant is asked for, once.
async fn who(
    core: &Core,
    key: &str,
    href: &str,
    title: Option<String>,
) -> (String, Option<String>) {
    let participant = core.key(href);
    let known = core.change(|state| {
        let meeting = state.meetings.with_key(key)?;
        if title.is_some() {
            meeting.note_member(&participant, title.clone());
        }
        meeting.name_of(&participant).map(str::to_owned)
    });
    let name = title.or(known);
    let sender = sender_of(&participant, None);
    let is_clear = name.is_some() && sender.starts_with("sip:");
    let may_ask = core.change(|state| {
        state
            .meetings
            .with_key(key)
            .is_none_or(|meeting| meeting.ask_for(&participant))
    });
    if is_clear || !may_ask {
        return (sender, name);
    }
    let Ok(url) = core.url(href) else {
        return (sender, name);
    };
    let Ok(asked) = core.get(url).await else {
        return (sender, name);
    };
    let name = asked
        .text("name")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .or(name);
    let sender = sender_of(&participant, asked.text("uri"));
    core.change(|state| {
        if let Some(meeting) = state.meetings.with_key(key) {
            meeting.note_member(&participant, name.clone());
        }
    });
    (sender, name)
}

/// A message of ours was delivered, or not.
fn reported(core: &Core, key: &str, event: &Event, message: &Document) {
    let missed = message
        .anchors("failedDeliveryParticipant")
        .map(|anchor| core.key(&anchor.href))
        .collect();
    let due = core.change(|state| {
        let meeting = state.meetings.with_key(key)?;
        let mut report = Report::of(event, core.key(&event.link.href));
        if report.failed.is_some() {
            match meeting.reached(&missed) {
                Reached::Some => report.failed = None,
                Reached::Nobody => {}
                Reached::Unclear => report.is_unclear = true,
            }
        }
        meeting.reports.report(report)
    });
    if let Some((done, report)) = due {
        posting::answer(core, key, done, &report);
    }
}

/// The error of a post while the agent is not in. It is no end of the channel: the events tell of that.
fn away() -> BackendError {
    BackendError::unreachable("the agent is not in the meeting just now")
}

/// Puts a post into its meeting's line: it has its place when this returns.
pub(super) fn post(
    core: &Arc<Core>,
    channel: &ChannelId,
    message: Outgoing,
) -> Result<oneshot::Receiver<Result<Accepted, BackendError>>, BackendError> {
    let uri = meeting_of(channel)?;
    let (done, answer) = oneshot::channel();
    let begins = {
        let mut state = core.state.lock();
        if let Some(error) = &state.over {
            return Err(error.clone());
        }
        let meeting = state
            .meetings
            .of(&uri)
            .filter(|meeting| meeting.is_joined && meeting.end.is_none())
            .ok_or_else(away)?;
        if meeting.line.len() >= LINE_MAX {
            let reason = "too many posts wait for this meeting";
            return Err(BackendError::new(
                BackendErrorKind::RetryAfter(Duration::from_secs(1)),
                reason,
            ));
        }
        meeting.line.push_back(Post {
            message,
            done,
            came: core.inbox.now(),
        });
        !std::mem::replace(&mut meeting.is_pumped, true)
    };
    if begins {
        let pump = core.clone();
        core.inbox
            .spawn(async move { work_on_line(&pump, &uri).await });
    }
    Ok(answer)
}

async fn work_on_line(core: &Arc<Core>, uri: &MeetingUri) {
    loop {
        let post = {
            let mut state = core.state.lock();
            let Some(meeting) = state.meetings.of(uri) else {
                return;
            };
            let Some(post) = meeting.line.pop_front() else {
                meeting.is_pumped = false;
                return;
            };
            post
        };
        if let Some(post) = posting::still_wanted(core, post) {
            send(core, uri, post).await;
        }
    }
}

async fn send(core: &Arc<Core>, uri: &MeetingUri, post: Post) {
    let Post { message, done, .. } = post;
    let open = core.until(OPEN_MAX, |state| match stand(state, uri) {
        Err(_) => Some(None),
        Ok(_) => {
            let meeting = state.meetings.of(uri).filter(|meeting| meeting.is_open())?;
            Some(Some((
                meeting.send.clone()?,
                meeting.takes_html,
                meeting.key.clone()?,
            )))
        }
    });
    let (url, takes_html, key) = match open.await {
        Some(Some((send, takes_html, key))) => match core.url(&send) {
            Ok(url) => (url, takes_html, key),
            Err(error) => return drop(done.send(Err(error))),
        },
        Some(None) => return drop(done.send(Err(away()))),
        None => {
            return drop(done.send(Err(BackendError::unreachable(
                "the meeting takes no messages now",
            ))));
        }
    };
    match posting::transmit(core, url, takes_html, &as_said(message)).await {
        Said::Left(operation, href) => {
            let mut done = Some(done);
            let due = core.change(|state| {
                state
                    .meetings
                    .of(uri)?
                    .reports
                    .sent(operation, href, done.take()?)
            });
            if let Some((done, report)) = due {
                posting::answer(core, &key, done, &report);
            } else if let Some(done) = done {
                let reason = "the meeting ended before the message's delivery was reported";
                let _ = done.send(Err(BackendError::new(
                    BackendErrorKind::OutcomeUnknown,
                    reason,
                )));
            }
        }
        Said::Refused(error) => drop(done.send(Err(error))),
        Said::Nowhere => drop(done.send(Err(away()))),
    }
}

/// A meeting's messages have no subject of their own: a story's is its first line.
fn as_said(mut message: Outgoing) -> Outgoing {
    if let Some(subject) = &message.content.subject {
        let head = format!("{subject}\n");
        message.text.insert_str(0, &head);
        if !message.content.parts.is_empty() {
            message.content.parts.insert(0, Part::Text(head));
        }
    }
    message
}
