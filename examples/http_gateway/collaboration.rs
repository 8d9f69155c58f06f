//! The collaboration service (reference 3). Ids, query and body are judged first, then what the caller may do.

use crate::answer::{Answer, Failure};
use crate::body;
use crate::budget::FREE;
use crate::handler::{Call, no_room};
use crate::search;
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use std::time::Duration;
use switchboard::wire::route::Collaboration;
use switchboard::wire::{
    Channel, ChannelAgentState, ChannelState, Dictionary, Event, Format, Message, PostedMessage,
};
use switchboard::{ChannelId, Error, EventBatch, NewMessage, Principal};

pub(crate) async fn answer(
    mut call: Call<'_>,
    principal: &Principal,
    route: Collaboration,
) -> Result<Answer, Failure> {
    // Over HTTP a post into a channel that is just reconnecting is refused at once: the client can wait by itself.
    let agent = || {
        call.gateway
            .engine
            .collaboration(principal)
            .map(|agent| agent.immediate())
    };
    let format = call.format;
    match route {
        Collaboration::Channels => {
            let channels: Vec<Channel> = agent()?.channels()?.iter().map(Channel::from).collect();
            Ok(Answer::document(format, &channels))
        }
        Collaboration::Channel { channel } => {
            let channel = ChannelId::parse(&channel)?;
            Ok(Answer::document(
                format,
                &Channel::from(&agent()?.channel(&channel)?),
            ))
        }
        Collaboration::ChannelState { channel } => {
            let channel = ChannelId::parse(&channel)?;
            Ok(Answer::document(
                format,
                &ChannelState::from(&*agent()?.channel(&channel)?.info),
            ))
        }
        Collaboration::Messages { channel } => {
            let channel = ChannelId::parse(&channel)?;
            let asked = call.query.history()?;
            let messages = agent()?
                .messages_async(&channel, asked.take, asked.before.as_deref())
                .await?;
            Ok(Answer::document(
                format,
                &messages.iter().map(Message::from).collect::<Vec<_>>(),
            ))
        }
        Collaboration::Post { channel } => {
            let channel = ChannelId::parse(&channel)?;
            let posted: PostedMessage =
                body::document(&mut call.charge, &call.headers, call.body).await?;
            let message = keyed(NewMessage::try_from(posted)?, &call.headers)?;
            let agent = call.gateway.engine.collaboration(principal)?.immediate();
            let message = agent.post_async(&channel, message).await?;
            Ok(Answer::document(format, &Message::from(&message)))
        }
        Collaboration::SetComposing { channel } => {
            let channel = ChannelId::parse(&channel)?;
            let state: ChannelAgentState =
                body::document(&mut call.charge, &call.headers, call.body).await?;
            let agent = call.gateway.engine.collaboration(principal)?.immediate();
            agent
                .set_composing_async(&channel, state.is_composing)
                .await?;
            Ok(Answer::empty(StatusCode::OK))
        }
        Collaboration::OwnMetadata => Ok(Answer::document(
            format,
            &Dictionary(agent()?.metadata_async().await?),
        )),
        // What is large stands in a box, so that a waiting poll, of which there are many, need not have room for it.
        Collaboration::Upload { channel, name } => {
            Box::pin(upload(call, principal, &channel, &name)).await
        }
        Collaboration::Search => Box::pin(search::answer(call, principal)).await,
        Collaboration::Events => events(call, principal).await,
    }
}

/// Bytes of an `Idempotency-Key`: the longest id, percent-encoded.
const KEY_MAX: usize = 4096;

/// `Idempotency-Key: TEXT`, our addition to the contract: however often a message is posted with the same key through
/// the same agent into the same channel, it is said once, and every answer is that of the first. A client that was cut
/// off between its post and the answer, or died before it noted that it had posted, just posts again.
fn keyed(message: NewMessage, headers: &HeaderMap) -> Result<NewMessage, Error> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else {
        return Ok(message);
    };
    match key.to_str() {
        Ok(key) if (1..=KEY_MAX).contains(&key.len()) && keys.next().is_none() => {
            Ok(message.key(key))
        }
        _ => Err(Error::Invalid(format!(
            "one Idempotency-Key of 1 to {KEY_MAX} ASCII characters is expected"
        ))),
    }
}

/// The file goes through in pieces; it is never held here as a whole. A client that hangs up cancels it.
async fn upload(
    call: Call<'_>,
    principal: &Principal,
    channel: &str,
    name: &str,
) -> Result<Answer, Failure> {
    let channel = ChannelId::parse(channel)?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(
            Error::Invalid("the file name is empty or has control characters".to_owned()).into(),
        );
    }
    let agent = call.gateway.engine.collaboration(principal)?.immediate();
    let mut stream = call.body.into_data_stream();
    let sent = async {
        let mut uploading = agent
            .begin_upload_async(&channel, name, body::length(&call.headers))
            .await?;
        while let Some(piece) = stream.next().await {
            uploading
                .write_async(&piece.map_err(|error| body::broken(&error))?)
                .await?;
        }
        Ok(uploading.finish_async().await?)
    };
    let sent: Result<_, Failure> = sent.await;
    if let Err(failure) = sent {
        if let Failure::Engine(_) = failure {
            body::drain(&call.headers, stream).await;
        }
        return Err(failure);
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Bytes that a name of a channel takes in a poll that waits, without its text.
const NAME: usize = 128;

async fn events(call: Call<'_>, principal: &Principal) -> Result<Answer, Failure> {
    let asked = call.query.events()?;
    let agent = call.gateway.engine.collaboration(principal)?;
    let (format, head) = (call.format, call.head);
    let timeout = if head {
        Duration::ZERO
    } else {
        call.gateway.edge.poll_timeout
    };
    let phase = call.phase.clone();
    // Channels that are named are held as long as the poll waits.
    let names: usize = asked
        .query
        .channels
        .iter()
        .map(|name| NAME + name.len())
        .sum();
    let Call {
        mut charge,
        headers,
        query,
        body,
        ..
    } = call;
    if names > FREE && !charge.more(names) {
        return Err(no_room().into());
    }
    // With them goes the buffer that the head was read into.
    drop((headers, query, body));
    let reader = asked.reader.filter(|_| !head);
    let poll = |timeout| match &reader {
        Some(reader) => agent.poll_reader_async(
            reader.as_str(),
            asked.cursor.clone(),
            asked.query.clone(),
            timeout,
        ),
        None => agent.wait_events_async(asked.cursor.clone(), asked.query.clone(), timeout),
    };
    let waiting = poll(timeout);
    let waited = tokio::select! {
        biased;
        waited = waiting => Some(waited),
        () = phase.left() => None,
    };
    let waited = match waited {
        Some(waited) => waited,
        // It sends no more, but may still read: it gets what there is, at once.
        None => poll(Duration::ZERO).await,
    };
    match waited {
        Ok(batch) => Ok(batch_answer(format, &batch)),
        // The poll was good when it came: a newer one took over, its token ended, or we are stopping. That is no
        // fault of the client's, and its next call will be told.
        Err(Error::Superseded(_) | Error::Unauthorized(_) | Error::Closed) => {
            Ok(Answer::document(format, &Vec::<Event>::new()))
        }
        Err(error) => Err(error.into()),
    }
}

fn batch_answer(format: Format, batch: &EventBatch) -> Answer {
    let events: Vec<Event> = batch.events.iter().filter_map(Event::from_model).collect();
    let answer =
        Answer::document(format, &events).with("switchboard-last-event", &batch.last.to_string());
    if batch.gap {
        answer.with("switchboard-gap", "true")
    } else {
        answer
    }
}
