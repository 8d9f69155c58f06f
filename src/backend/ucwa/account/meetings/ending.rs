//! How the agent's part in a meeting ends: it leaves, signs out, is removed, or the server ends the
//! meeting.

use super::Meetings;
use super::end::End;
use super::meeting::Meeting;
use crate::backend::ucwa::account::effect::Purpose;
use crate::backend::ucwa::account::sending::unknown;
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::MeetingUri;
use crate::backend::ucwa::protocol::request::Request;
use crate::backend::{BackendError, BackendErrorKind, Inbound};

impl Meetings {
    /// Leaves a meeting.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        if let Some(meeting) = self.take(uri)
            && let Some(key) = close(turn, meeting, &not_in_it())
        {
            hang_up(turn, &key, Purpose::LastWord);
        }
    }

    /// Leaves all meetings, because the agent signs out.
    pub(crate) fn farewell(&mut self, turn: &mut Turn<'_>) {
        for meeting in self.list.iter().filter(|meeting| meeting.end.is_none()) {
            if let Some(key) = &meeting.key {
                hang_up(turn, key, Purpose::LastWord);
            }
        }
    }

    /// The server has closed all conversations.
    pub(crate) fn forgotten(&mut self, turn: &mut Turn<'_>) {
        self.ringing.clear();
        let mut ended = Vec::new();
        for meeting in &mut self.list {
            meeting.end(End::Forgotten);
            ended.push(meeting.uri.clone());
        }
        for uri in ended {
            self.settle(turn, &uri);
        }
    }

    /// The link is over: answers everything that waits.
    pub(crate) fn over(&mut self, turn: &mut Turn<'_>, error: &BackendError) {
        for meeting in std::mem::take(self).list {
            close(turn, meeting, error);
        }
    }

    /// Tells the engine of a joined meeting that has ended.
    pub(super) fn tell_end(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        let ended = self.of(uri).filter(|meeting| meeting.is_joined);
        let Some(end) = ended.and_then(|meeting| meeting.end.clone()) else {
            return;
        };
        let (reason, may_retry) = end.of_removal();
        // Not `ChannelGone`: the event that follows says whether it is gone.
        let error = BackendError::unreachable(reason.as_str());
        self.remove(turn, uri, &error, may_retry);
    }

    /// Takes a joined meeting away and tells the engine that the agent is not in it any more.
    pub(super) fn remove(
        &mut self,
        turn: &mut Turn<'_>,
        uri: &MeetingUri,
        error: &BackendError,
        may_retry: bool,
    ) {
        let Some(meeting) = self.take(uri) else {
            return;
        };
        let channel = meeting.channel.clone();
        if let Some(key) = close(turn, meeting, error) {
            hang_up(turn, &key, Purpose::Aside("leaving a meeting"));
        }
        turn.hand_over(Inbound::Inactive {
            agent: turn.profile.agent,
            channel,
            reason: error.reason.clone(),
            may_retry,
        });
    }
}

/// Answers everything that waits in a meeting that was taken away: with `error` what was not sent,
/// and that nobody knows what was. Returns the conversation's key if the server still has it.
pub(super) fn close(
    turn: &mut Turn<'_>,
    mut meeting: Meeting,
    error: &BackendError,
) -> Option<String> {
    let reason = format!("the message's delivery was not reported: {}", error.reason);
    for done in meeting.reports.forsaken() {
        turn.posted(done, Err(unknown(reason.as_str())));
    }
    meeting.line.close(turn, error);
    if let Some(joining) = meeting.joining {
        turn.joined(joining.done, Err(error.clone()));
    }
    meeting.key.filter(|_| meeting.end.is_none())
}

/// Ends the agent's part in a conversation.
pub(super) fn hang_up(turn: &mut Turn<'_>, key: &str, purpose: Purpose) {
    if let Ok(url) = turn.profile.url(key) {
        turn.persist(purpose, Request::delete(url));
    }
}

/// The error for a meeting that the agent is not in.
pub(super) fn not_in_it() -> BackendError {
    BackendError::new(
        BackendErrorKind::ChannelGone,
        "the agent is not in this meeting",
    )
}
