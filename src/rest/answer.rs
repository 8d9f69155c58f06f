//! What goes back: a status, a body in the format that was asked for, and the headers that belong
//! to it.

use super::body::Body;
use super::handover::Handover;
use crate::error::Error;
use crate::services::Receipt;
use crate::wire::error::{self, Failure};
use crate::wire::{Document, Format};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use serde::Serialize;
use std::time::Duration;

/// The scheme of SPNEGO (RFC 4559).
pub(super) const NEGOTIATE: &str = "Negotiate";

/// A success.
pub(super) struct Success {
    status: u16,
    headers: HeaderMap,
    /// Empty for the contract's void operations.
    body: Bytes,
    /// To be confirmed when the response was written.
    receipt: Option<Receipt>,
}

impl Success {
    /// Done, with a document.
    pub(super) fn document<T: Document + ?Sized>(format: Format, document: &T) -> Success {
        Success {
            body: format.encode(document).into(),
            ..Success::empty(error::DONE)
        }
    }

    /// Done, with a document for each of `items`.
    pub(super) fn documents<T, D: From<T>>(
        format: Format,
        items: impl IntoIterator<Item = T>,
    ) -> Success
    where
        Vec<D>: Document,
    {
        let documents: Vec<D> = items.into_iter().map(D::from).collect();
        Success::document(format, &documents)
    }

    /// Done, with a document of our own, which has no form but JSON.
    pub(super) fn json<T: Serialize + ?Sized>(document: &T) -> Success {
        Success::made(serde_json::to_vec(document).unwrap_or_default().into())
    }

    /// Done, with JSON that is made already.
    pub(super) fn made(body: Bytes) -> Success {
        let success = Success {
            body,
            ..Success::empty(error::DONE)
        };
        success.with("content-type", Format::Json.content_type())
    }

    /// Done, and nothing to say: what the contract's void operations return.
    pub(super) fn done() -> Success {
        Success::empty(error::DONE)
    }

    /// A status and nothing else.
    pub(super) fn empty(status: u16) -> Success {
        Success {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            receipt: None,
        }
    }

    /// The same, to be confirmed when it was written.
    pub(super) fn with_receipt(self, receipt: Option<Receipt>) -> Success {
        Success { receipt, ..self }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: u16) -> Success {
        Success { status, ..self }
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Success {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    pub(super) fn into_response(self, format: Format) -> Response<Body> {
        let handover = self.receipt.map(Handover::new);
        let mut response = Response::new(Body::new(self.body, handover.clone()));
        if let Some(handover) = handover {
            response.extensions_mut().insert(handover);
        }
        if let Ok(status) = self.status.try_into() {
            *response.status_mut() = status;
        }
        *response.headers_mut() = self.headers;
        if self.status == error::DONE {
            let own = HeaderValue::from_static(format.content_type());
            response
                .headers_mut()
                .entry(header::CONTENT_TYPE)
                .or_insert(own);
        }
        response
    }
}

/// The response to anything else.
pub(super) fn refused(failure: &Failure, format: Format, request_id: &str) -> Response<Body> {
    if failure.is_ours() {
        tracing::error!(request_id, error = %failure, "failed");
    }
    let mut answer = Success::document(format, &failure.body(request_id))
        .with_status(failure.status())
        .with("content-type", format.content_type());
    if let Some(seconds) = failure.retry_after() {
        answer = answer.with("retry-after", &seconds.to_string());
    }
    match failure {
        Failure::OtherMethods(allow) => answer = answer.with("allow", allow),
        Failure::TicketWanted => answer = answer.with("www-authenticate", NEGOTIATE),
        // What it may send yet would be taken for the next request.
        Failure::TooSlow => answer = answer.with("connection", "close"),
        _ => {}
    }
    answer.into_response(format)
}

/// The error when too many large bodies or responses are in memory.
pub(super) fn no_room() -> Error {
    Error::Busy {
        what: "the memory for bodies".to_owned(),
        retry_after: Duration::from_secs(1),
    }
}
