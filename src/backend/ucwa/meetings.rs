//! Meetings as rooms: joined, spoken in, left.
//!
//! UCWA 2.0 has no rooms that stay, so a room is an online meeting; it has no history, and ends when nobody holds it any
//! more. Invitations into meetings ring for some seconds, until the channel is joined, and are then declined: `Local`,
//! so that the account's other programs go on ringing.

use super::core::Core;
use super::entering::{add_again, meeting_behind};
use super::meeting::{Adding, End, Meeting};
use super::protocol::address::MeetingUri;
use super::protocol::package::{Event, Kind};
use super::protocol::request::Request;
use super::protocol::request::Trouble;
use crate::backend::fairness::gives_way;
use crate::backend::{
    BackendError, BackendErrorKind, ChannelId, Inbound, Received, SeenBy, StateChange,
};
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How long an invitation into a meeting rings that nobody joins.
const RINGING_MAX: Duration = Duration::from_secs(10);
/// Invitations that ring at the same time at most.
const RINGS_MAX: usize = 64;
/// Conversations kept that an application found again has.
const FOUND_MAX: usize = 100;
/// Messages kept of meetings whose channels are not joined yet.
const STRAYS_MAX: usize = 64;

/// An invitation into a meeting that rings.
struct Ringing {
    uri: MeetingUri,
    accept: Option<String>,
    decline: Option<String>,
}

/// What a link knows of meetings.
#[derive(Default)]
pub(super) struct Meetings {
    list: Vec<Meeting>,
    /// By the conversation's key.
    ringing: HashMap<String, Ringing>,
    /// What was said in meetings that an application found again is in, and whose channels are not joined yet.
    strays: VecDeque<(MeetingUri, Received)>,
    /// Those meetings, by the conversation's key.
    found: HashMap<String, MeetingUri>,
}

impl Meetings {
    /// The meeting of that address.
    pub(super) fn of(&mut self, uri: &MeetingUri) -> Option<&mut Meeting> {
        self.list.iter_mut().find(|meeting| meeting.uri == *uri)
    }

    /// The meeting of that conversation.
    pub(super) fn with_key(&mut self, key: &str) -> Option<&mut Meeting> {
        self.list
            .iter_mut()
            .find(|meeting| meeting.key.as_deref() == Some(key))
    }

    /// Takes a meeting away, with all that waits in it.
    pub(super) fn take(&mut self, uri: &MeetingUri) -> Option<Meeting> {
        let at = self.list.iter().position(|meeting| meeting.uri == *uri)?;
        Some(self.list.swap_remove(at))
    }

    /// Begins with a meeting. If it rings, the invitation is this join's: its conversation is known, and the answer is
    /// where it is accepted.
    pub(super) fn begin(&mut self, mut meeting: Meeting) -> Option<String> {
        self.take(&meeting.uri);
        let rings = self
            .ringing
            .iter()
            .find(|(_, ringing)| ringing.uri == meeting.uri)
            .map(|(key, _)| key.clone());
        let accept = rings.and_then(|key| {
            let accept = self.ringing.remove(&key)?.accept?;
            meeting.key = Some(key);
            Some(accept)
        });
        self.list.push(meeting);
        accept
    }

    /// The conversation that an application found again has with a meeting.
    pub(super) fn found(&self, uri: &MeetingUri) -> Option<String> {
        self.found
            .iter()
            .find(|(_, found)| *found == uri)
            .map(|(key, _)| key.clone())
    }

    /// Keeps what was said in a meeting whose channel is not joined yet.
    pub(super) fn stray(&mut self, key: &str, message: Received) {
        let Some(uri) = self.found.get(key).cloned() else {
            return;
        };
        self.strays.push_back((uri, message));
        if self.strays.len() > STRAYS_MAX
            && let Some(url) = gives_way(self.strays.iter().map(|(of, _)| ((), of.as_str(), 1)))
        {
            self.strays.remove(url);
        }
    }

    /// What was said in a meeting before its channel was joined.
    pub(super) fn strays_of(&mut self, uri: &MeetingUri) -> Vec<Received> {
        let (mine, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.strays)
            .into_iter()
            .partition(|(of, _)| of == uri);
        self.strays = others.into();
        mine.into_iter().map(|(_, message)| message).collect()
    }

    /// Everything, when the link is over.
    pub(super) fn clear(&mut self) -> Vec<Meeting> {
        self.ringing.clear();
        self.strays.clear();
        self.found.clear();
        std::mem::take(&mut self.list)
    }
}

/// The meeting that a channel is.
pub(super) fn meeting_of(channel: &ChannelId) -> Result<MeetingUri, BackendError> {
    let name = channel.name();
    let unfit = || {
        BackendError::refused(format!(
            "`{name}` is no meeting's address, which is like sip:lene@contoso.com;gruu;opaque=app:conf:focus:id:ABC"
        ))
    };
    MeetingUri::parse(name).ok_or_else(unfit)
}

/// The error of what is wanted of a meeting that the agent is not in.
pub(super) fn gone() -> BackendError {
    BackendError::new(
        BackendErrorKind::ChannelGone,
        "the agent is not in this meeting",
    )
}

/// A message as the engine takes it.
pub(super) fn inbound(core: &Core, channel: ChannelId, message: Received) -> Inbound {
    Inbound::Message {
        seen_by: SeenBy::Agent(core.agent),
        channel,
        message: Box::new(message),
        resume: None,
    }
}

/// Leaves a meeting.
pub(super) async fn leave(core: &Core, channel: &ChannelId) -> Result<(), BackendError> {
    let uri = meeting_of(channel)?;
    let left = core.change(|state| state.meetings.take(&uri));
    if let Some(key) = left.and_then(|meeting| close(meeting, &gone())) {
        hang_up(core, &key).await;
    }
    Ok(())
}

/// Leaves all meetings, because the agent signs out.
pub(super) async fn part(core: &Core) {
    let open = |meeting: &Meeting| meeting.key.clone().filter(|_| meeting.end.is_none());
    let keys: Vec<String> = core
        .state
        .lock()
        .meetings
        .list
        .iter()
        .filter_map(open)
        .collect();
    futures_util::future::join_all(keys.iter().map(|key| hang_up(core, key))).await;
}

/// Ends our part of a conversation; one that is gone is ended.
pub(super) async fn hang_up(core: &Core, key: &str) {
    let Ok(url) = core.url(key) else { return };
    if let Err(Trouble::Failed(failure)) = core.persist(|| Request::delete(url.clone())).await
        && !failure.status.is_missing()
    {
        tracing::debug!(link = %core.account.sip, reason = failure.words(), "a meeting was not left");
    }
}

/// Answers whoever waits for something in a meeting that is over, with that error where nothing was sent; its
/// conversation's key, if the server still has it.
pub(super) fn close(mut meeting: Meeting, error: &BackendError) -> Option<String> {
    let unknown = format!("the message's delivery was not reported: {}", error.reason);
    for done in meeting.reports.forsaken() {
        let _ = done.send(Err(BackendError::new(
            BackendErrorKind::OutcomeUnknown,
            unknown.as_str(),
        )));
    }
    for post in meeting.line.drain(..) {
        let _ = post.done.send(Err(error.clone()));
    }
    meeting.key.filter(|_| meeting.end.is_none())
}

/// The server has closed all conversations.
pub(super) fn forgotten(core: &Arc<Core>) {
    let keys = core.change(|state| {
        state.meetings.ringing.clear();
        state
            .meetings
            .list
            .iter_mut()
            .for_each(|meeting| meeting.end(End::Forgotten));
        state
            .meetings
            .list
            .iter()
            .filter_map(|meeting| meeting.key.clone())
            .collect::<Vec<_>>()
    });
    let teller = core.clone();
    core.inbox.spawn(async move {
        for key in keys {
            tell_end(&teller, &key).await;
        }
    });
}

/// Tells of a meeting that has ended, if it was joined.
async fn tell_end(core: &Core, key: &str) {
    let ended = core.change(|state| {
        let meeting = state
            .meetings
            .with_key(key)
            .filter(|meeting| meeting.is_joined && meeting.end.is_some())?;
        let uri = meeting.uri.clone();
        state.meetings.take(&uri)
    });
    let Some(meeting) = ended else { return };
    let (reason, may_retry) = meeting
        .end
        .as_ref()
        .map(End::of_removal)
        .unwrap_or_default();
    let channel = meeting.channel.clone();
    // Not that the channel is gone: what follows says whether it is.
    close(meeting, &BackendError::unreachable(reason.as_str()));
    core.hand_over(Inbound::Inactive {
        agent: core.agent,
        channel,
        reason,
        may_retry,
    })
    .await;
}

/// An event about an invitation into a meeting, ours or somebody else's.
pub(super) async fn invitation(core: &Arc<Core>, event: &Event) {
    let Some(resource) = &event.resource else {
        return;
    };
    let key = resource.link("conversation").map(|href| core.key(href));
    let incoming = resource
        .text("direction")
        .is_some_and(|direction| direction.eq_ignore_ascii_case("Incoming"));
    let uri = resource
        .text("onlineMeetingUri")
        .and_then(MeetingUri::parse);
    let is_ours = core.change(|state| {
        let operation = resource.text("operationId").filter(|_| !incoming);
        // Some events lack the operation: then the conversation tells, or the meeting itself.
        let is_its = |meeting: &Meeting| match (operation, &key, &uri) {
            (Some(operation), ..) => meeting.operation == operation,
            (None, Some(key), _) if meeting.key.is_some() => meeting.key.as_ref() == Some(key),
            (None, _, Some(uri)) => !incoming && meeting.uri == *uri,
            _ => false,
        };
        let found = state
            .meetings
            .list
            .iter_mut()
            .find(|meeting| is_its(meeting));
        let Some(meeting) = found else { return false };
        meeting.key = meeting.key.take().or_else(|| key.clone());
        meeting.invitation(event);
        true
    });
    let (Some(key), Some(uri), true) = (key, uri, incoming && !is_ours) else {
        return;
    };
    let is_over = core.change(|state| match event.kind {
        Kind::Started if state.meetings.ringing.len() < RINGS_MAX => {
            let link = |rel| resource.link(rel).map(str::to_owned);
            state.meetings.ringing.insert(
                key.clone(),
                Ringing {
                    uri,
                    accept: link("accept"),
                    decline: link("decline"),
                },
            );
            false
        }
        Kind::Completed => {
            state.meetings.ringing.remove(&key);
            true
        }
        _ => true,
    });
    if !is_over {
        let callee = core.clone();
        core.inbox.spawn(async move {
            callee.inbox.sleep(RINGING_MAX).await;
            let ringing = callee.state.lock().meetings.ringing.remove(&key);
            if let Some(url) = ringing.and_then(|ringing| callee.url(&ringing.decline?).ok()) {
                let _ = callee
                    .ask(Request::post(url).json(&json!({"reason": "Local"})))
                    .await;
            }
        });
    }
}

/// An event about a conversation; false if it is no meeting's.
pub(super) async fn conversation(core: &Arc<Core>, event: &Event) -> bool {
    let key = core.key(&event.link.href);
    let changed = core.change(|state| {
        if event.kind == Kind::Deleted {
            state.meetings.found.remove(&key);
        }
        let meeting = state.meetings.with_key(&key)?;
        let before = meeting.subject.clone();
        meeting.conversation(event);
        let is_new = meeting.is_joined && before != meeting.subject;
        Some((is_new, meeting.channel.clone(), meeting.subject.clone()))
    });
    let Some((is_new, channel, subject)) = changed else {
        return false;
    };
    if is_new {
        core.inbox.state(StateChange::Subject {
            seen_by: SeenBy::Agent(core.agent),
            channel,
            subject,
        });
    }
    tell_end(core, &key).await;
    true
}

/// An event about a conversation's messages; false if it is no meeting's.
pub(super) fn messaging(core: &Arc<Core>, event: &Event) -> bool {
    let key = core.key(&event.sender.href);
    let Some(resource) = &event.resource else {
        return false;
    };
    let found = core.change(|state| {
        let meeting = state.meetings.with_key(&key)?;
        meeting.messaging(resource, event.why());
        // Somebody has ended the messages, and nobody the meeting.
        let is_silent = meeting.is_joined && meeting.add.is_some() && meeting.adding == Adding::No;
        Some(is_silent.then(|| meeting.uri.clone()))
    });
    let Some(silent) = found else { return false };
    if let Some(uri) = silent {
        let adder = core.clone();
        core.inbox
            .spawn(async move { add_again(&adder, &uri).await });
    }
    true
}

/// An event about an invitation to messages; false if it is not ours to add them.
pub(super) fn adding(core: &Core, event: &Event) -> bool {
    core.change(|state| {
        state
            .meetings
            .list
            .iter_mut()
            .any(|meeting| meeting.added(event))
    })
}

/// An event about somebody in a conversation.
pub(super) fn roster(core: &Core, event: &Event) {
    if event.within.is_some() {
        return;
    }
    let (key, participant) = (core.key(&event.sender.href), core.key(&event.link.href));
    core.change(|state| {
        if let Some(meeting) = state.meetings.with_key(&key) {
            meeting.roster(event, &participant);
        }
    });
}

/// An event about the meeting that a conversation belongs to: its subject is there.
pub(super) fn about(core: &Core, event: &Event) {
    let key = core.key(&event.sender.href);
    let subject = event.text_of("subject");
    let changed = core.change(|state| {
        let uri = event
            .text_of("onlineMeetingUri")
            .and_then(MeetingUri::parse);
        if let Some(meeting) = uri.and_then(|uri| state.meetings.of(&uri)) {
            meeting.key.get_or_insert_with(|| key.clone());
        }
        let meeting = state.meetings.with_key(&key)?;
        let is_new = meeting.note_subject(subject) && meeting.is_joined;
        is_new.then(|| (meeting.channel.clone(), meeting.subject.clone()))
    });
    if let Some((channel, subject)) = changed {
        core.inbox.state(StateChange::Subject {
            seen_by: SeenBy::Agent(core.agent),
            channel,
            subject,
        });
    }
}

/// Whether a conversation is a meeting's, of those that are known.
pub(super) fn is_known(core: &Core, key: &str) -> bool {
    let meetings = &mut core.state.lock().meetings;
    meetings.with_key(key).is_some() || meetings.found.contains_key(key)
}

/// Looks whether a conversation that nobody knows is a meeting's: the application was found again.
pub(super) async fn look_behind(core: &Core, href: &str) -> bool {
    let Ok(url) = core.url(href) else {
        return false;
    };
    let Ok(conversation) = core.get(url).await else {
        return false;
    };
    let Some(uri) = meeting_behind(core, &conversation).await else {
        return false;
    };
    core.change(|state| {
        if state.meetings.found.len() < FOUND_MAX {
            state.meetings.found.insert(core.key(href), uri);
        }
    });
    true
}
