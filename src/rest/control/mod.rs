//! Controls the embedded chat system's people and faults over HTTP, so that a bot in any language
//! can be tested: what does it do when it is told something, kicked, or cut off?
//!
//! Off by default, and for the super user only. Documents are JSON. Paths have the name of a person
//! or room without `contact:` or `chat-room:`.
//!
//! | | |
//! |---|---|
//! | `PUT /Loopback/v1/Rooms/{room}` | `{DisplayName, Subject}`: opens a room, or changes it |
//! | `PUT /Loopback/v1/Persons/{name}` | `{Presence, Text}`: a person is there; `Presence` is the contract's number (100) |
//! | `POST /Loopback/v1/Persons/{name}/Say` | `{Channel, Text}`: says something; returns `{Id}` |
//! | `POST /Loopback/v1/Persons/{name}/Hear` | `{Channel, Wait}`: the next message others said there, waiting up to `Wait` seconds (0; 60) for it; a list of one or none |
//! | `GET /Loopback/v1/Persons/{name}/Unheard` | all messages that `Hear` has not returned yet |
//! | `POST /Loopback/v1/Kick` | `{Name, Channel, Reason}`: puts an agent out of a channel |
//! | `POST /Loopback/v1/Cut` | `{Name}`: cuts an agent's connection; it comes back by itself |
//! | `POST /Loopback/v1/Refuse` | `{Name or Channel, Reason}`: refuses sign-ins or joins from now on; without a reason no longer |
//! | `POST /Loopback/v1/Delay` | `{Seconds}`: how long sign-ins, joins and posts take from now on (0; up to 600) |
//!
//! A message is `{Id, Channel, Sender, SenderAlias, Text, Subject, IsAlert, Timestamp}`. `Kick` and
//! `Cut` return 404 if no such agent is there. A person hears what is said after the person was
//! first named. Everything is in memory and ends with the process.

mod documents;
pub(super) mod route;

use super::answer::Success;
use super::call::Call;
use super::shared::Shared;
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
            let id = blocking(call.shared, move || {
                person(&chat, &name)?.say(ChannelId::parse(&channel)?, text)
            })
            .await?;
            Ok(Success::json(&SaidId { id: id.to_string() }))
        }
        Route::Hear { name } => {
            let channel = named("Channel", order.channel)?;
            Ok(hear(call.engine(), &chat, &name, &channel, order.wait).await?)
        }
        other => {
            blocking(call.shared, move || obey(&chat, other, order)).await?;
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
                Error::Invalid("`Presence` is not one of the contract's numbers".to_owned())
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

/// Returns the next message that the person hears, if one comes within `wait` seconds of the
/// engine's time.
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
        _ = engine.sleep_async(wait) => None,
    };
    Ok(list(heard))
}

fn list(heard: impl IntoIterator<Item = HeardMessage>) -> Success {
    Success::json(&heard.into_iter().map(Heard::from).collect::<Vec<_>>())
}

fn person(chat: &Loopback, name: &str) -> Result<Person> {
    Ok(chat.person(channel(ChannelKind::Contact, name)?))
}

/// Returns an id of `kind`, whatever the name is.
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

/// Runs `call` on a thread of its own, because it waits until the engine has received what happened
/// in the chat system.
async fn blocking<T: Send + 'static>(
    shared: &Shared,
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let mut order = shared.orders.charge(None);
    if !order.more(1) {
        return Err(Error::Busy {
            what: "the control of the chat system".to_owned(),
            retry_after: Duration::from_secs(1),
        });
    }
    let (promise, pending) = pending();
    start_thread("control", move || {
        promise.fulfil(call());
        drop(order);
    })?;
    pending.await
}
