//! Request bodies: read whole up to a limit, or handed on piece by piece.

use crate::answer::Failure;
use crate::budget::{Charge, FREE};
use crate::handler::no_room;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use std::error::Error as _;
use std::io;
use switchboard::Error;
use switchboard::wire::{Format, Read};

/// The largest document that is read. The largest the contract knows is a long list of channels, far below it.
const LIMIT: usize = 1024 * 1024;

/// The largest body of a login: a name and a password of 1,024 bytes each, escaped as wastefully as can be.
const CREDENTIALS_LIMIT: usize = 16 * 1024;

/// What is still read, and thrown away, of a body that was refused: a client that is cut off while it sends sees a
/// broken connection instead of the answer.
const DRAINED: usize = 32 * 1024 * 1024;

/// Reads the document of a caller who has a token, in the format its `Content-Type` says.
pub(crate) async fn document<T: Read>(
    charge: &mut Charge,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Failure> {
    read(LIMIT, charge, headers, body).await
}

/// Reads a name and a password: of anybody, and therefore no more than that.
pub(crate) async fn credentials<T: Read>(
    charge: &mut Charge,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Failure> {
    read(CREDENTIALS_LIMIT, charge, headers, body).await
}

/// Reads up to `limit` bytes; what goes beyond the free ones is charged as it comes, until the
/// caller is done with the document: what waits for the writer still holds it.
async fn read<T: Read>(
    limit: usize,
    charge: &mut Charge,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Failure> {
    let mut stream = body.into_data_stream();
    let announced = length(headers).unwrap_or(0);
    let mut text = Vec::new();
    let mut charged = FREE;
    if announced <= limit as u64 {
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| broken(&error))?;
            let wanted = text.len() + piece.len();
            if wanted > charged {
                // Twice: what it is decoded into is about as large.
                if !charge.more(2 * (wanted - charged)) {
                    return Err(no_room().into());
                }
                charged = wanted;
            }
            text.extend_from_slice(&piece);
            if text.len() > limit {
                break;
            }
        }
    }
    let length = announced.max(text.len() as u64);
    if length > limit as u64 {
        drop(text);
        drain(headers, stream).await;
        return Err(Error::TooLarge {
            what: "the body",
            length,
            limit: limit as u64,
        }
        .into());
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    Ok(Format::of_body(content_type).decode(&text)?)
}

/// Why a body broke off: the client kept us waiting ([`crate::paced`]), or it hung up or sent what is no body.
pub(crate) fn broken(error: &axum::Error) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
        {
            return Failure::TooSlow;
        }
        cause = error.source();
    }
    Error::Invalid("the body ended early".to_owned()).into()
}

/// What `Content-Length` says.
pub(crate) fn length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Reads on and throws away, so that the answer can be heard. A client that waits for "100 Continue" sends nothing.
pub(crate) async fn drain(headers: &HeaderMap, mut stream: BodyDataStream) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut drained = 0;
    while drained < DRAINED {
        match stream.next().await {
            Some(Ok(piece)) => drained += piece.len(),
            _ => return,
        }
    }
}
