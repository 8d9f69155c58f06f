//! One request and its response, as values. `client` sends the one and returns the other.

use super::failure::Failure;
use super::status::Status;
use super::url::Url;
use crate::backend::BackendError;
use chrono::{DateTime, Utc};
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use std::time::Duration;

/// How long an ordinary request may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// One request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// The `Authorization` header, for hosts that may see it.
    pub(crate) token: Option<HeaderValue>,
    /// Content type and body.
    pub(crate) body: Option<(&'static str, Bytes)>,
    /// The deadline, counted from the moment the request is made.
    pub(crate) within: Duration,
}

impl Request {
    /// A GET.
    pub(crate) fn get(url: Url) -> Request {
        Request {
            method: Method::GET,
            url,
            token: None,
            body: None,
            within: ANSWER_MAX,
        }
    }

    /// A POST with an empty body.
    pub(crate) fn post(url: Url) -> Request {
        Request {
            method: Method::POST,
            body: Some(("application/json", Bytes::new())),
            ..Request::get(url)
        }
    }

    /// A DELETE.
    pub(crate) fn delete(url: Url) -> Request {
        Request {
            method: Method::DELETE,
            ..Request::get(url)
        }
    }

    /// The request with a body of that content type.
    pub(crate) fn body(self, kind: &'static str, body: impl Into<Bytes>) -> Request {
        Request {
            body: Some((kind, body.into())),
            ..self
        }
    }

    /// The request with a body of JSON.
    pub(crate) fn json(self, body: &serde_json::Value) -> Request {
        self.body("application/json", body.to_string())
    }

    /// The request with another deadline than 20 seconds.
    pub(crate) fn within(self, within: Duration) -> Request {
        Request { within, ..self }
    }
}

/// What the server responded.
pub(crate) struct Response {
    pub(crate) status: Status,
    /// The values of all `WWW-Authenticate` headers.
    pub(crate) challenges: Vec<String>,
    /// The `Location` header: the address of what was made, or of what was asked for.
    pub(crate) location: Option<String>,
    /// The `Retry-After` header, in seconds.
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Bytes,
}

impl Response {
    /// Reads a response that is no success.
    pub(crate) fn failure(&self) -> Failure {
        Failure::read(
            self.status,
            &self.body,
            !self.challenges.is_empty(),
            self.retry_after.as_deref(),
        )
    }
}

/// A `Retry-After` header in seconds from `now`. A server may write a date instead.
pub(crate) fn in_seconds(retry_after: String, now: DateTime<Utc>) -> String {
    match DateTime::parse_from_rfc2822(retry_after.trim()) {
        Ok(date) => (date.to_utc() - now).num_seconds().max(0).to_string(),
        Err(_) => retry_after,
    }
}

/// Why there is no response.
#[derive(Debug, Clone)]
pub(crate) enum Lost {
    /// Nothing of the request has reached the server.
    Unsent(BackendError),
    /// The request may have reached the server.
    Unanswered(BackendError),
}

impl Lost {
    /// The error for a caller to whom it does not matter whether the server got the request.
    pub(crate) fn error(self) -> BackendError {
        match self {
            Lost::Unsent(error) | Lost::Unanswered(error) => error,
        }
    }
}

/// Why a request to the application came to nothing.
pub(crate) enum Trouble {
    /// The server refused it.
    Failed(Failure),
    /// There is no response.
    Lost(Lost),
}

impl Trouble {
    /// The error for the caller; `what` says what failed.
    pub(crate) fn error(self, what: &str) -> BackendError {
        match self {
            Trouble::Failed(failure) => failure.of_request(what),
            Trouble::Lost(lost) => lost.error(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_to_retry_after_is_so_many_seconds() {
        let now = DateTime::from_timestamp(946_684_790, 0).expect("a date");
        for (header, seconds) in [
            ("Fri, 31 Dec 1999 23:59:59 GMT", "9"),
            (" Fri, 31 Dec 1999 23:59:40 GMT ", "0"),
            ("7", "7"),
            ("soon", "soon"),
        ] {
            assert_eq!(in_seconds(header.to_owned(), now), seconds, "{header}");
        }
    }
}
