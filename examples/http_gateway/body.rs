//! Request bodies: read whole up to a limit, or handed on piece by piece.

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use switchboard::wire::{Format, Read};
use switchboard::{Error, Result};

/// The largest document that is read. The largest the contract knows is a long list of channels, far below it.
const LIMIT: usize = 1024 * 1024;

/// What is still read, and thrown away, of a body that was refused: a client that is cut off while it sends sees a
/// broken connection instead of the answer.
const DRAINED: usize = 32 * 1024 * 1024;

/// Reads a document, in the format its `Content-Type` says.
pub(crate) async fn document<T: Read>(headers: &HeaderMap, body: Body) -> Result<T> {
    let mut stream = body.into_data_stream();
    let announced = length(headers).unwrap_or(0);
    let mut text = Vec::new();
    if announced <= LIMIT as u64 {
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|_| Error::Invalid("the body ended early, or came too slowly".to_owned()))?;
            text.extend_from_slice(&piece);
            if text.len() > LIMIT {
                break;
            }
        }
    }
    let length = announced.max(text.len() as u64);
    if length > LIMIT as u64 {
        drain(headers, stream).await;
        return Err(Error::TooLarge { what: "the body", length, limit: LIMIT as u64 });
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Format::of_body(content_type).decode(&text)
}

/// What `Content-Length` says.
pub(crate) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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
