//! The way into a meeting: asked for or invited, through the lobby, until messages can be sent.

use super::Meetings;
use super::ending::{close, hang_up, not_in_it};
use super::meeting::{Joining, Meeting, Stage, Step};
use crate::backend::ucwa::account::effect::{Purpose, Timer};
use crate::backend::ucwa::account::post::Done;
use crate::backend::ucwa::account::turn::Turn;
use crate::backend::ucwa::protocol::address::MeetingUri;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response, Trouble};
use crate::backend::ucwa::protocol::search::name_of;
use crate::backend::{BackendError, ChannelId, Inbound, Joined};
use serde_json::json;
use std::time::Duration;

/// How long the server may take to bring the agent in, the lobby aside.
const ENTER_MAX: Duration = Duration::from_secs(45);
/// How long a join waits in the lobby; the engine gives a join ten minutes.
const LOBBY_MAX: Duration = Duration::from_secs(540);

impl Meetings {
    /// Joins a meeting.
    pub(crate) fn join(
        &mut self,
        turn: &mut Turn<'_>,
        uri: MeetingUri,
        channel: ChannelId,
        done: Done<Joined>,
    ) {
        let is_in = |meeting: &&mut Meeting| meeting.is_joined && meeting.end.is_none();
        if let Some(meeting) = self.of(&uri).filter(is_in) {
            meeting.channel = channel;
            let joined = joined(turn, meeting);
            return turn.joined(done, Ok(joined));
        }
        if let Some(before) = self.take(&uri) {
            close(turn, before, &superseded());
        }
        let operation = turn.operation();
        let mut meeting = Meeting::new(channel, uri.clone(), operation.clone());
        meeting.joining = Some(Joining {
            done,
            step: Step::Asking,
        });
        let accept = self.take_invitation(&mut meeting);
        self.list.push(meeting);
        let is_invited = accept.is_some();
        let url = match accept {
            Some(accept) => turn.profile.url(&accept),
            None => turn.profile.link("joinOnlineMeeting"),
        };
        let request = match url {
            Ok(url) => Request::post(url),
            Err(error) => return self.fail_join(turn, &uri, error),
        };
        let purpose = Purpose::Enter {
            uri: uri.clone(),
            operation: operation.clone(),
            is_invited,
        };
        if is_invited {
            turn.persist(purpose, request);
        } else {
            let body = json!({"onlineMeetingUri": uri.as_str(), "operationId": operation, "importance": "Normal"});
            turn.ask(purpose, request.json(&body));
        }
    }

    /// The meeting that the join of that operation is for, while it is under way.
    pub(super) fn joining(&mut self, uri: &MeetingUri, operation: &str) -> Option<&mut Meeting> {
        self.of(uri)
            .filter(|meeting| meeting.operation == operation && meeting.joining.is_some())
    }

    /// The response to the request that lets the agent in.
    pub(crate) fn asked(
        &mut self,
        turn: &mut Turn<'_>,
        uri: &MeetingUri,
        (operation, is_invited): (String, bool),
        result: Result<Response, Trouble>,
    ) {
        if self.joining(uri, &operation).is_none() {
            return;
        }
        let error = match result {
            Ok(_) => return self.is_entering(turn, uri, operation),
            Err(trouble) if is_invited => trouble.error("accepting the invitation"),
            // Events will tell, or the wait for them will end.
            Err(Trouble::Lost(Lost::Unanswered(_))) => {
                return self.is_entering(turn, uri, operation);
            }
            Err(Trouble::Lost(Lost::Unsent(error))) => error,
            Err(Trouble::Failed(failure)) => {
                let reason = failure.reason.as_ref();
                if reason.is_some_and(|reason| reason.is("AlreadyExists")) {
                    return self.find(turn, uri, operation);
                }
                failure.of_join()
            }
        };
        self.fail_join(turn, uri, error);
    }

    /// The server brings the agent in.
    pub(super) fn is_entering(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, operation: String) {
        if let Some(joining) = self
            .joining(uri, &operation)
            .and_then(|meeting| meeting.joining.as_mut())
        {
            joining.step = Step::Entering { in_lobby: false };
            turn.wait(Timer::Enter(uri.clone(), operation), ENTER_MAX);
            self.settle(turn, uri);
        }
    }

    /// Goes on with a join after a change of its meeting.
    pub(super) fn go_on_joining(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        let Some(meeting) = self.of(uri) else { return };
        let Some(joining) = &mut meeting.joining else {
            return;
        };
        if joining.step == Step::Asking {
            return;
        }
        if let Some(end) = &meeting.end {
            let error = end.of_join();
            return self.fail_join(turn, uri, error);
        }
        let Step::Entering { in_lobby } = joining.step else {
            return;
        };
        match meeting.stage {
            Stage::Joining => {}
            Stage::InLobby if in_lobby => {}
            Stage::InLobby => {
                joining.step = Step::Entering { in_lobby: true };
                let timer = Timer::Lobby(uri.clone(), meeting.operation.clone());
                turn.wait(timer, LOBBY_MAX);
            }
            Stage::Inside => {
                joining.step = Step::Adding;
                // Messages come once they are added; what is said from then on is the agent's to
                // hear.
                turn.hand_over(Inbound::Entered {
                    agent: turn.profile.agent,
                    channel: meeting.channel.clone(),
                });
                self.add_messages(turn, uri);
            }
        }
    }

    /// A join has waited long enough for the server, or in the lobby.
    pub(crate) fn join_is_late(
        &mut self,
        turn: &mut Turn<'_>,
        uri: &MeetingUri,
        operation: &str,
        of_lobby: bool,
    ) {
        let late = Step::Entering { in_lobby: of_lobby };
        let joining = self.joining(uri, operation);
        let step = joining.and_then(|meeting| Some(meeting.joining.as_ref()?.step));
        if step == Some(late) {
            let reason = if of_lobby {
                "nobody let the agent in from the lobby"
            } else {
                "the server did not bring the agent into the meeting in time"
            };
            self.fail_join(turn, uri, BackendError::unreachable(reason));
        }
    }

    /// Answers a join: the agent is in, and messages can be sent. What was said before goes first.
    pub(super) fn finish_join(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        let Some(meeting) = self.of(uri) else { return };
        let Some(joining) = meeting.joining.take() else {
            return;
        };
        meeting.is_joined = true;
        let (answer, channel) = (joined(turn, meeting), meeting.channel.clone());
        self.hand_over_strays(turn, uri, &channel);
        turn.joined(joining.done, Ok(answer));
    }

    /// Answers a join with an error, and leaves what it had entered.
    pub(super) fn fail_join(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri, error: BackendError) {
        let Some(mut meeting) = self.take(uri) else {
            return;
        };
        if let Some(joining) = meeting.joining.take() {
            turn.joined(joining.done, Err(error));
        }
        if let Some(key) = close(turn, meeting, &not_in_it()) {
            hang_up(turn, &key, Purpose::Aside("leaving a meeting"));
        }
    }

    /// Nobody waits for the join of that meeting any more.
    pub(crate) fn give_up_join(&mut self, turn: &mut Turn<'_>, uri: &MeetingUri) {
        let joining = self.of(uri).and_then(|meeting| meeting.joining.as_ref());
        if joining.is_some_and(|joining| joining.done.is_closed()) {
            self.fail_join(turn, uri, not_in_it());
        }
    }
}

/// What the engine is told of a meeting that the agent is in.
fn joined(turn: &Turn<'_>, meeting: &Meeting) -> Joined {
    let name = name_of(&meeting.uri, meeting.subject.as_deref());
    let mut info = turn.profile.channel_info(name);
    info.subject = meeting.subject.clone();
    Joined::new(info)
}

fn superseded() -> BackendError {
    BackendError::unreachable("the meeting was joined once more")
}
