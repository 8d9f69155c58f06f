//! The way into a meeting: asked for or invited, through the lobby, until messages can be sent.
//!
//! An application found again after a crash may still be in the meeting: then the server refuses a second join, and the
//! conversation that stands is gone on with.

use super::core::{Core, State};
use super::meeting::{Adding, Meeting, Stage};
use super::meetings::{close, gone, hang_up, inbound, meeting_of};
use super::protocol::address::MeetingUri;
use super::protocol::document::Document;
use super::protocol::failure;
use super::protocol::request::Trouble;
use super::protocol::request::{Lost, Request};
use super::protocol::search::name_of;
use crate::backend::{BackendError, ChannelId, Inbound, Joined};
use crate::model::ChannelInfo;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long the server may take to bring the agent in, the lobby aside.
const ENTER_MAX: Duration = Duration::from_secs(45);
/// How long a join waits in the lobby; the engine gives a join ten minutes.
const LOBBY_MAX: Duration = Duration::from_secs(540);
/// How long the messages may take to be added, and how often that is tried.
const ADD_MAX: Duration = Duration::from_secs(35);
const ADD_TRIES: u32 = 3;
const ADD_PAUSE: Duration = Duration::from_secs(2);
/// Conversations looked at for one that stands.
const LOOKED_AT_MAX: usize = 100;

/// Forgets a join that was given up, and leaves what it had entered.
struct Entering<'a> {
    core: &'a Arc<Core>,
    uri: MeetingUri,
    is_done: bool,
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let left = self.core.change(|state| state.meetings.take(&self.uri));
        let key = left.and_then(|meeting| close(meeting, &gone()));
        // Where there is no runtime any more, the server will notice by itself.
        if let (Some(key), Ok(_)) = (key, tokio::runtime::Handle::try_current()) {
            let leaver = self.core.clone();
            self.core
                .inbox
                .spawn(async move { hang_up(&leaver, &key).await });
        }
    }
}

/// Joins a meeting.
pub(super) async fn join(core: &Arc<Core>, channel: ChannelId) -> Result<Joined, BackendError> {
    let uri = meeting_of(&channel)?;
    let operation = core.operation();
    let accept = core.change(|state| {
        if let Some(meeting) = state
            .meetings
            .of(&uri)
            .filter(|meeting| meeting.is_joined && meeting.end.is_none())
        {
            meeting.channel = channel.clone();
            return None;
        }
        Some(state.meetings.begin(Meeting::new(
            channel.clone(),
            uri.clone(),
            operation.clone(),
        )))
    });
    let Some(accept) = accept else {
        return joined(core, &uri);
    };
    let mut entering = Entering {
        core,
        uri: uri.clone(),
        is_done: false,
    };
    match accept.map(|accept| core.url(&accept)) {
        Some(url) => {
            let url = url?;
            core.persist(|| Request::post(url.clone()))
                .await
                .map_err(|trouble| trouble.error("accepting the invitation"))?;
        }
        None => ask_in(core, &uri, &operation).await?,
    }
    enter(core, &uri).await?;
    // Messages come once they are added; what is said from then on is the agent's to hear.
    core.hand_over(Inbound::Entered {
        agent: core.agent,
        channel: channel.clone(),
    })
    .await;
    add_messages(core, &uri).await?;
    let joined = joined(core, &uri)?;
    entering.is_done = true;
    let strays = core.change(|state| state.meetings.strays_of(&uri));
    for message in strays {
        core.hand_over(inbound(core, channel.clone(), message))
            .await;
    }
    Ok(joined)
}

/// Asks to be brought in.
async fn ask_in(core: &Arc<Core>, uri: &MeetingUri, operation: &str) -> Result<(), BackendError> {
    let url = core.link("joinOnlineMeeting")?;
    let body =
        json!({"onlineMeetingUri": uri.as_str(), "operationId": operation, "importance": "Normal"});
    match core.ask(Request::post(url).json(&body)).await {
        // The events will tell, or the wait for them will end.
        Ok(_) | Err(Trouble::Lost(Lost::Unanswered(_))) => Ok(()),
        Err(Trouble::Lost(Lost::Unsent(error))) => Err(error),
        Err(Trouble::Failed(failure))
            if failure
                .reason
                .as_ref()
                .is_some_and(|reason| reason.is("AlreadyExists")) =>
        {
            find_again(core, uri).await
        }
        Err(Trouble::Failed(failure)) => Err(failure.of_join()),
    }
}

/// Waits until the agent is in.
async fn enter(core: &Arc<Core>, uri: &MeetingUri) -> Result<(), BackendError> {
    let mut most = ENTER_MAX;
    loop {
        let stands = core.until(most, |state| match stand(state, uri) {
            Ok(Stage::Joining) => None,
            Ok(Stage::InLobby) if most == LOBBY_MAX => None,
            stands => Some(stands),
        });
        match stands.await {
            Some(Ok(Stage::InLobby)) => most = LOBBY_MAX,
            Some(stands) => return stands.map(|_| ()),
            None if most == LOBBY_MAX => {
                return Err(BackendError::unreachable(
                    "nobody let the agent in from the lobby",
                ));
            }
            None => {
                return Err(BackendError::unreachable(
                    "the server did not bring the agent into the meeting in time",
                ));
            }
        }
    }
}

/// How far the agent is, or why it will not come further.
pub(super) fn stand(state: &mut State, uri: &MeetingUri) -> Result<Stage, BackendError> {
    if let Some(error) = &state.over {
        return Err(error.clone());
    }
    match state.meetings.of(uri) {
        None => Err(BackendError::unreachable(
            "the meeting was left while it was joined",
        )),
        Some(meeting) => meeting
            .end
            .as_ref()
            .map_or(Ok(meeting.stage), |end| Err(end.of_join())),
    }
}

/// What adding messages needs next.
enum Next {
    Open,
    Request(String),
    Failed(BackendError),
}

/// Adds messages to the conversation, with the link that the server gives when it can be done.
async fn add_messages(core: &Arc<Core>, uri: &MeetingUri) -> Result<(), BackendError> {
    let slow = || BackendError::unreachable("the meeting's messages were not added in time");
    for attempt in 1..=ADD_TRIES {
        let next = core.until(ADD_MAX, |state| match stand(state, uri) {
            Err(error) => Some(Next::Failed(error)),
            Ok(_) => {
                let meeting = state.meetings.of(uri)?;
                if meeting.is_open() {
                    Some(Next::Open)
                } else {
                    meeting.add.take().map(Next::Request)
                }
            }
        });
        let add = match next.await.ok_or_else(slow)? {
            Next::Open => return Ok(()),
            Next::Failed(error) => return Err(error),
            Next::Request(add) => add,
        };
        let operation = core.operation();
        core.change(|state| {
            if let Some(meeting) = state.meetings.of(uri) {
                meeting.adding = Adding::Asked(operation.clone());
            }
        });
        let url = core.url(&add)?;
        let refused = match core
            .ask(Request::post(url).json(&json!({"operationId": operation})))
            .await
        {
            Ok(_) | Err(Trouble::Lost(Lost::Unanswered(_))) => None,
            Err(trouble) => Some(trouble),
        };
        if refused.is_none() {
            let next = core.until(ADD_MAX, |state| match stand(state, uri) {
                Err(error) => Some(Next::Failed(error)),
                Ok(_) => match state.meetings.of(uri)? {
                    meeting if meeting.is_open() => Some(Next::Open),
                    Meeting {
                        adding: Adding::Failed(reason),
                        ..
                    } => Some(Next::Failed(failure::of_join(reason.as_ref()))),
                    _ => None,
                },
            });
            match next.await.ok_or_else(slow)? {
                Next::Open => return Ok(()),
                Next::Failed(error)
                    if attempt == ADD_TRIES || stand(&mut core.state.lock(), uri).is_err() =>
                {
                    return Err(error);
                }
                _ => {}
            }
        } else if let Some(trouble) = refused
            && attempt == ADD_TRIES
        {
            return Err(trouble.error("the meeting's messages were not added"));
        }
        // A conflict: something else is under way, and a new link comes, or the old one holds.
        core.inbox.sleep(ADD_PAUSE).await;
        core.change(|state| {
            if let Some(meeting) = state
                .meetings
                .of(uri)
                .filter(|meeting| meeting.send.is_none())
            {
                meeting.add.get_or_insert(add);
            }
        });
    }
    Err(slow())
}

/// What is known of a meeting that the agent is in; from now on its end is an event.
fn joined(core: &Core, uri: &MeetingUri) -> Result<Joined, BackendError> {
    core.change(|state| {
        stand(state, uri)?;
        let meeting = state.meetings.of(uri).ok_or_else(gone)?;
        meeting.is_joined = true;
        let mut info = ChannelInfo::named(name_of(uri, meeting.subject.as_deref()));
        info.subject = meeting.subject.clone();
        let config = &core.account.config;
        (info.max_message_length, info.max_story_length) =
            (config.message_length_max, config.story_length_max);
        Ok(Joined::new(info))
    })
}

/// Finds the conversation that stands already.
async fn find_again(core: &Arc<Core>, uri: &MeetingUri) -> Result<(), BackendError> {
    let known = core.state.lock().meetings.found(uri);
    let mut hrefs: Vec<String> = known.into_iter().collect();
    if hrefs.is_empty() {
        let listed = core.get(core.link("conversations")?).await?;
        hrefs = listed
            .anchors("conversation")
            .take(LOOKED_AT_MAX)
            .map(|anchor| anchor.href.clone())
            .collect();
    }
    for href in hrefs {
        let Ok(conversation) = core.get(core.url(&href)?).await else {
            continue;
        };
        if meeting_behind(core, &conversation).await.as_ref() == Some(uri) {
            return adopt(core, uri, &href, &conversation).await;
        }
    }
    Err(BackendError::unreachable(
        "the server says that the agent is in this meeting, and does not show where",
    ))
}

/// The meeting that a conversation belongs to, if it is one's.
pub(super) async fn meeting_behind(core: &Core, conversation: &Document) -> Option<MeetingUri> {
    let url = core.url(conversation.link("onlineMeeting")?).ok()?;
    let meeting = core.get(url).await.ok()?;
    MeetingUri::parse(meeting.text("onlineMeetingUri")?)
}

/// Goes on with a conversation that stands.
async fn adopt(
    core: &Arc<Core>,
    uri: &MeetingUri,
    href: &str,
    conversation: &Document,
) -> Result<(), BackendError> {
    let messaging = match conversation.link("messaging") {
        Some(messaging) => Some(core.get(core.url(messaging)?).await?),
        None => None,
    };
    core.change(|state| {
        let key = core.key(href);
        if let Some(meeting) = state.meetings.of(uri) {
            meeting.key = Some(key);
            meeting.is_roster_whole = false;
            meeting.stands(conversation);
            if let Some(messaging) = &messaging {
                meeting.messaging(messaging, None);
            }
        }
    });
    Ok(())
}

/// Adds messages anew; a meeting in which that fails is told of as one that ended.
pub(super) async fn add_again(core: &Arc<Core>, uri: &MeetingUri) {
    let Err(error) = add_messages(core, uri).await else {
        return;
    };
    let left = core.change(|state| {
        let is_over = state.over.is_some();
        state
            .meetings
            .of(uri)
            .filter(|meeting| !is_over && meeting.end.is_none())?;
        state.meetings.take(uri)
    });
    let Some(meeting) = left else { return };
    let channel = meeting.channel.clone();
    if let Some(key) = close(meeting, &error) {
        hang_up(core, &key).await;
    }
    core.hand_over(Inbound::Inactive {
        agent: core.agent,
        channel,
        reason: error.reason,
        may_retry: true,
    })
    .await;
}
