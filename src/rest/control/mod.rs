//! `--loopback-control`: the embedded chat system's people and its faults over HTTP, for those who write bots in
//! other languages and want to see what theirs does when it is told something, kicked, or cut off.
//!
//! Off unless asked for, for the super user only, and never beside another chat system. JSON in and out; NAME and ROOM
//! stand in the path as they are, `contact:` and `chat-room:` left out.
//!
//! | | |
//! |---|---|
//! | `PUT /Loopback/v1/Rooms/{room}` | `{DisplayName, Subject}`: opens a room, or changes it |
//! | `PUT /Loopback/v1/Persons/{name}` | `{Presence, Text}`: a person is there; `Presence` is the contract's number (100) |
//! | `POST /Loopback/v1/Persons/{name}/Say` | `{Channel, Text}`: says something; answers `{Id}` |
//! | `POST /Loopback/v1/Persons/{name}/Hear` | `{Channel, Wait}`: the next message others said there, waiting up to `Wait` seconds (0; 60) for it; a list of one or none |
//! | `GET /Loopback/v1/Persons/{name}/Unheard` | all messages that `Hear` has not answered yet |
//! | `POST /Loopback/v1/Kick` | `{Name, Channel, Reason}`: puts an agent out of a channel |
//! | `POST /Loopback/v1/Cut` | `{Name}`: cuts an agent's connection; it comes back by itself |
//! | `POST /Loopback/v1/Refuse` | `{Name or Channel, Reason}`: refuses sign-ins or joins from now on; without a reason no longer |
//! | `POST /Loopback/v1/Delay` | `{Seconds}`: how long sign-ins, joins and posts take from now on (0; up to 600) |
//!
//! A message is `{Id, Channel, Sender, SenderAlias, Text, Subject, IsAlert, Timestamp}`. `Kick` and `Cut` answer 404
//! where there was nobody to put out. A person hears what is said after it was first named. Everything is in memory:
//! after a restart the rooms are those of `--room`, and nobody remembers anything.

mod documents;
pub(super) mod route;

use super::answer::Success;
use super::call::Call;
use crate::backend::{HeardMessage, Loopback, Person};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::{ChannelId, ChannelKind, PresenceState};
use crate::waiting::{pending, start_thread};
use crate::wire::error::Failure;
use documents::{Heard, Order, SaidId};
use route::Route;
use std::time::Duration;

pub(super) async fn answer(
    mut call: Call<'_>,
    chat: Loopback,
    asked: Route,
) -> Result<Success, Failure> {
    if let Route::Unheard { name } = asked {
        return Ok(list(person(&chat, &name)?.unheard()));
    }
    let order: Order = call.document().await?;
    match asked {
        Route::Say { name } => {
            let (channel, text) = (named("Channel", order.channel)?, named("Text", order.text)?);
            let id = blocking(move || person(&chat, &name)?.say(ChannelId::parse(&channel)?, text))
                .await?;
            Ok(Success::json(&SaidId { id: id.to_string() }))
        }
        Route::Hear { name } => {
            let channel = named("Channel", order.channel)?;
            Ok(hear(call.engine(), &chat, &name, &channel, order.wait).await?)
        }
        other => {
            blocking(move || obey(&chat, other, order)).await?;
            Ok(Success::done())
        }
    }
}

fn obey(chat: &Loopback, asked: Route, order: Order) -> Result<()> {
    match asked {
        Route::Room { room } => {
            let id = channel(ChannelKind::Room, &room)?;
            chat.room(&id, order.display_name.unwrap_or(room));
            chat.subject(&id, order.subject.as_deref());
            Ok(())
        }
        Route::Person { name } => {
            let presence = PresenceState::ALL
                .into_iter()
                .find(|state| i64::from(state.code()) == order.presence.unwrap_or(100));
            let presence = presence.ok_or_else(|| {
                Error::Invalid("`Presence` is none of the contract's numbers".to_owned())
            })?;
            person(chat, &name)?.presence(presence, order.text.as_deref());
            Ok(())
        }
        Route::Kick => {
            let (name, from) = (
                named("Name", order.name)?,
                ChannelId::parse(&named("Channel", order.channel)?)?,
            );
            there(chat.kick(from, &name, order.reason.as_deref().unwrap_or("kicked")))
        }
        Route::Cut => there(chat.cut(&named("Name", order.name)?)),
        Route::Refuse => {
            match (order.name, order.channel, order.reason) {
                (Some(name), None, Some(reason)) => chat.refuse(&name, &reason),
                (Some(name), None, None) => chat.accept(&name),
                (None, Some(channel), Some(reason)) => {
                    chat.refuse_channel(ChannelId::parse(&channel)?, &reason)
                }
                (None, Some(channel), None) => chat.accept_channel(ChannelId::parse(&channel)?),
                _ => {
                    return Err(Error::Invalid(
                        "either `Name` or `Channel` is needed".to_owned(),
                    ));
                }
            }
            Ok(())
        }
        Route::Delay => {
            chat.delay(Duration::from_secs(
                u64::try_from(order.seconds).unwrap_or(0),
            ));
            Ok(())
        }
        Route::Say { .. } | Route::Hear { .. } | Route::Unheard { .. } => Ok(()),
    }
}

/// The next message that the person hears, if one comes within `wait` seconds of the engine's time.
async fn hear(
    engine: &Engine,
    chat: &Loopback,
    name: &str,
    channel: &str,
    wait: i64,
) -> Result<Success> {
    let channel = ChannelId::parse(channel)?;
    let person = person(chat, name)?;
    let wait = Duration::from_secs(u64::try_from(wait).unwrap_or(0));
    let heard = tokio::select! {
        biased;
        heard = person.heard(&channel) => Some(heard?),
        () = engine.sleep(wait) => None,
    };
    Ok(list(heard))
}

fn list(heard: impl IntoIterator<Item = HeardMessage>) -> Success {
    Success::json(&heard.into_iter().map(Heard::from).collect::<Vec<_>>())
}

fn person(chat: &Loopback, name: &str) -> Result<Person> {
    Ok(chat.person(channel(ChannelKind::Contact, name)?))
}

/// An id of that kind; a name cannot turn it into one of another.
fn channel(kind: ChannelKind, name: &str) -> Result<ChannelId> {
    match kind {
        ChannelKind::Room => ChannelId::parse(&format!("chat-room:{name}")),
        _ => ChannelId::parse(&format!("contact:{name}")),
    }
}

fn named(member: &str, text: Option<String>) -> Result<String> {
    text.ok_or_else(|| Error::Invalid(format!("`{member}` is missing")))
}

fn there(done: bool) -> Result<()> {
    if done {
        Ok(())
    } else {
        Err(Error::NotFound("no agent of that name is there".to_owned()))
    }
}

/// Runs `call` on a thread of its own: it returns when the engine has what was told to the chat system, which can take
/// a moment.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (promise, pending) = pending();
    start_thread("control", move || promise.fulfil(call()))?;
    pending.await
}
