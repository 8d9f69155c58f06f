//! The 503 that is written without hyper: to a connection over the limit, and in place of the
//! response to a head that was not read.

use crate::wire::Format;
use crate::wire::error::ErrorBody;

/// Why a connection is refused.
#[derive(Clone, Copy)]
pub(super) enum Refusal {
    TooManyConnections,
    NoRoomForHead,
}

impl Refusal {
    /// Returns the response, whose body is an error of the contract.
    pub(super) fn response(self) -> Vec<u8> {
        let why = match self {
            Refusal::TooManyConnections => "too many connections are open",
            Refusal::NoRoomForHead => "the memory for long heads is busy",
        };
        let body = Format::Json.encode(&ErrorBody::new("busy", why, ""));
        let (kind, length) = (Format::Json.content_type(), body.len());
        let head = format!(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Retry-After: 1\r\nConnection: close\r\n\r\n"
        );
        [head.as_bytes(), &body].concat()
    }
}
