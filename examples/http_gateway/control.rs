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

use crate::answer::{Answer, Failure};
use crate::body;
use crate::handler::Call;
use axum::http::StatusCode;
use serde::Serialize;
use std::time::Duration;
use switchboard::backend::{HeardMessage, Loopback, Person};
use switchboard::wire::Read;
use switchboard::wire::lenient::Node;
use switchboard::wire::route::Resource;
use switchboard::{ChannelId, ChannelKind, Error, PresenceState, Result};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

/// What can be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Room { room: String },
    Person { name: String },
    Say { name: String },
    Hear { name: String },
    Unheard { name: String },
    Kick,
    Cut,
    Refuse,
    Delay,
}

/// The harness's resources.
#[rustfmt::skip]
pub(crate) const TABLE: &[Resource<Asked>] = &[
    Resource { path: "/Loopback/v1/Rooms/{room}", methods: &[("PUT", |v| Asked::Room { room: v.0 })] },
    Resource { path: "/Loopback/v1/Persons/{name}", methods: &[("PUT", |v| Asked::Person { name: v.0 })] },
    Resource { path: "/Loopback/v1/Persons/{name}/Say", methods: &[("POST", |v| Asked::Say { name: v.0 })] },
    Resource { path: "/Loopback/v1/Persons/{name}/Hear", methods: &[("POST", |v| Asked::Hear { name: v.0 })] },
    Resource { path: "/Loopback/v1/Persons/{name}/Unheard", methods: &[("GET", |v| Asked::Unheard { name: v.0 })] },
    Resource { path: "/Loopback/v1/Kick", methods: &[("POST", |_| Asked::Kick)] },
    Resource { path: "/Loopback/v1/Cut", methods: &[("POST", |_| Asked::Cut)] },
    Resource { path: "/Loopback/v1/Refuse", methods: &[("POST", |_| Asked::Refuse)] },
    Resource { path: "/Loopback/v1/Delay", methods: &[("POST", |_| Asked::Delay)] },
];

/// The longest a person listens in one call.
const WAIT_MAX: i64 = 60;

/// The longest everything can be made to take.
const DELAY_MAX: i64 = 600;

/// How often a listening person looks again.
const LOOK: Duration = Duration::from_millis(20);

/// All members there are; each order reads those it knows.
struct Order {
    channel: Option<String>,
    display_name: Option<String>,
    name: Option<String>,
    presence: Option<i64>,
    reason: Option<String>,
    seconds: i64,
    subject: Option<String>,
    text: Option<String>,
    wait: i64,
}

impl Read for Order {
    fn read(node: &Node<'_>) -> Result<Order> {
        Ok(Order {
            channel: node.member("Channel")?.text_unless_empty()?,
            display_name: node.member("DisplayName")?.text_unless_empty()?,
            name: node.member("Name")?.text_unless_empty()?,
            presence: node.member("Presence")?.integer(0..=600)?,
            reason: node.member("Reason")?.text_unless_empty()?,
            seconds: node.member("Seconds")?.integer(0..=DELAY_MAX)?.unwrap_or(0),
            subject: node.member("Subject")?.text_unless_empty()?,
            text: node.member("Text")?.text_unless_empty()?,
            wait: node.member("Wait")?.integer(0..=WAIT_MAX)?.unwrap_or(0),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Heard {
    id: String,
    channel: String,
    sender: String,
    sender_alias: Option<String>,
    text: String,
    subject: Option<String>,
    is_alert: bool,
    timestamp: i64,
}

impl From<HeardMessage> for Heard {
    fn from(heard: HeardMessage) -> Heard {
        Heard {
            id: heard.id.to_string(),
            channel: heard.channel.to_string(),
            sender: heard.sender,
            sender_alias: heard.sender_alias,
            text: heard.text,
            subject: heard.content.subject,
            is_alert: heard.content.alert,
            timestamp: heard.time.timestamp_millis(),
        }
    }
}

pub(crate) async fn answer(
    mut call: Call<'_>,
    chat: Loopback,
    asked: Asked,
) -> Result<Answer, Failure> {
    if let Asked::Unheard { name } = asked {
        let heard = blocking(move || Ok(person(&chat, &name)?.unheard())).await?;
        return Ok(list(heard));
    }
    let order: Order = body::document(&mut call.charge, &call.headers, call.body).await?;
    match asked {
        Asked::Say { name } => {
            let (channel, text) = (named("Channel", order.channel)?, named("Text", order.text)?);
            let id = blocking(move || person(&chat, &name)?.say(ChannelId::parse(&channel)?, text))
                .await?;
            Ok(Answer::json(&Said { id: id.to_string() }))
        }
        Asked::Hear { name } => {
            hear(chat, name, named("Channel", order.channel)?, order.wait).await
        }
        other => {
            blocking(move || obey(&chat, other, order)).await?;
            Ok(Answer::empty(StatusCode::OK))
        }
    }
}

fn obey(chat: &Loopback, asked: Asked, order: Order) -> Result<()> {
    match asked {
        Asked::Room { room } => {
            let id = channel(ChannelKind::Room, &room)?;
            chat.room(&id, order.display_name.unwrap_or(room));
            chat.subject(&id, order.subject.as_deref());
            Ok(())
        }
        Asked::Person { name } => {
            let presence = PresenceState::ALL
                .into_iter()
                .find(|state| i64::from(state.code()) == order.presence.unwrap_or(100));
            let presence = presence.ok_or_else(|| {
                Error::Invalid("`Presence` is none of the contract's numbers".to_owned())
            })?;
            person(chat, &name)?.presence(presence, order.text.as_deref());
            Ok(())
        }
        Asked::Kick => {
            let (name, from) = (
                named("Name", order.name)?,
                ChannelId::parse(&named("Channel", order.channel)?)?,
            );
            there(chat.kick(from, &name, order.reason.as_deref().unwrap_or("kicked")))
        }
        Asked::Cut => there(chat.cut(&named("Name", order.name)?)),
        Asked::Refuse => {
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
        Asked::Delay => {
            chat.delay(Duration::from_secs(
                u64::try_from(order.seconds).unwrap_or(0),
            ));
            Ok(())
        }
        Asked::Say { .. } | Asked::Hear { .. } | Asked::Unheard { .. } => Ok(()),
    }
}

/// A person's own wait is a blocking one of five seconds; here it is looked whether there is something to hear first.
async fn hear(chat: Loopback, name: String, from: String, wait: i64) -> Result<Answer, Failure> {
    let from = ChannelId::parse(&from)?;
    let until = Instant::now() + Duration::from_secs(u64::try_from(wait).unwrap_or(0));
    let person = person(&chat, &name)?;
    loop {
        let (person, from) = (person.clone(), from.clone());
        let heard = blocking(move || {
            let waits = person.unheard().iter().any(|heard| heard.channel == from);
            if waits {
                person.hears(from).map(Some)
            } else {
                Ok(None)
            }
        });
        let heard = heard.await?;
        if heard.is_some() || Instant::now() >= until {
            return Ok(list(heard));
        }
        sleep_until(Instant::now() + LOOK).await;
    }
}

fn list(heard: impl IntoIterator<Item = HeardMessage>) -> Answer {
    Answer::json(&heard.into_iter().map(Heard::from).collect::<Vec<_>>())
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

/// What is told to the chat system returns when the engine has it, which can take a moment.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(call)
        .await
        .unwrap_or_else(|_| Err(Error::Internal("a call of the harness panicked".to_owned())))
}
