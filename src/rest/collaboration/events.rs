//! The long poll: a request for events that waits until there are some (§events/last-event).

use super::super::answer::{Success, no_room};
use super::super::budget::{Charge, FREE};
use super::super::call::Call;
use super::super::caller::Caller;
use crate::error::{Error, Result as Done};
use crate::model::{EventBatch, Id, Principal};
use crate::services::Handed;
use crate::wire::error::Failure;
use crate::wire::{Event, Format};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Bytes that a name of a channel takes in a poll that waits, without its text.
const NAME: usize = 128;

/// Returns the wait; what the request held goes before it.
pub(super) fn answer(
    call: Call<'_>,
    principal: &Principal,
) -> Result<impl Future<Output = Result<Success, Failure>> + Send + use<>, Failure> {
    let asked = call.query.events()?;
    let agent = call.engine().collaboration(principal)?;
    let Call {
        shared,
        format,
        head,
        caller,
        headers,
        query,
        body,
        mut charge,
    } = call;
    let timeout = if head {
        Duration::ZERO
    } else {
        shared.options.poll_timeout
    };
    // Channels that are named are held as long as the poll waits.
    let names = asked.query.channels.iter().map(|name| NAME + name.len());
    let names: usize = names.sum();
    if names > FREE && !charge.more(names) {
        return Err(no_room().into());
    }
    // With them goes the buffer that the head was read into.
    drop((headers, query, body));
    let reader = asked.reader.filter(|_| !head);
    let poll = move |timeout| -> Polling {
        let (cursor, query) = (asked.cursor.clone(), asked.query.clone());
        match &reader {
            Some(reader) => {
                let name = reader.as_str().into_id();
                Box::pin(agent.reader_delivered(name, cursor, query, timeout))
            }
            None => Box::pin(agent.delivered(cursor, query, timeout)),
        }
    };
    Ok(wait(poll, timeout, (format, head), caller, charge))
}

/// A poll at work.
type Polling = Pin<Box<dyn Future<Output = Done<Handed>> + Send>>;

async fn wait(
    poll: impl Fn(Duration) -> Polling,
    timeout: Duration,
    (format, head): (Format, bool),
    caller: Caller,
    _charge: Charge,
) -> Result<Success, Failure> {
    let waiting = poll(timeout);
    let waited = tokio::select! {
        biased;
        waited = waiting => Some(waited),
        () = caller.departed() => None,
    };
    let waited = match waited {
        Some(waited) => waited,
        // The client sends no more, but may still read: it gets what there is, at once.
        None => poll(Duration::ZERO).await,
    };
    match waited {
        // Nobody reads the events of a HEAD, so they are given again.
        Ok(delivery) => {
            let receipt = delivery.receipt.filter(|_| !head);
            Ok(success(format, &delivery.batch).with_receipt(receipt))
        }
        // The poll was good when it came: a newer one took over, its token ended, or we are
        // stopping. That is no fault of the client's, and its next call will be told.
        Err(Error::Superseded(_) | Error::Unauthorized(_) | Error::Closed) => {
            Ok(Success::document(format, &Vec::<Event>::new()))
        }
        Err(error) => Err(error.into()),
    }
}

fn success(format: Format, batch: &EventBatch) -> Success {
    let events: Vec<Event> = batch.events.iter().filter_map(Event::from_model).collect();
    let answer =
        Success::document(format, &events).with("switchboard-last-event", &batch.last.to_string());
    if batch.gap {
        answer.with("switchboard-gap", "true")
    } else {
        answer
    }
}
