//! What goes back: a status, a body in the asked format, and the headers that belong to it.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use switchboard::Error;
use switchboard::wire::{Document, ErrorBody, Format, error};

/// A success.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `None`: an empty body, which is what the contract's void operations answer.
    body: Option<Bytes>,
}

impl Answer {
    /// 200 with a document.
    pub(crate) fn document<T: Document + ?Sized>(format: Format, document: &T) -> Answer {
        Answer {
            body: Some(format.encode(document).into()),
            ..Answer::empty(StatusCode::OK)
        }
    }

    /// 200 with a document of our own, which has no form but JSON.
    pub(crate) fn json<T: Serialize + ?Sized>(document: &T) -> Answer {
        Answer::made(serde_json::to_vec(document).unwrap_or_default().into())
    }

    /// 200 with JSON that is made already.
    pub(crate) fn made(body: Bytes) -> Answer {
        let answer = Answer {
            body: Some(body),
            ..Answer::empty(StatusCode::OK)
        };
        answer.with("content-type", Format::Json.content_type())
    }

    /// A status and nothing else.
    pub(crate) fn empty(status: StatusCode) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    pub(crate) fn into_response(self, format: Format) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.unwrap_or_default()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if self.status == StatusCode::OK {
            let own = HeaderValue::from_static(format.content_type());
            response
                .headers_mut()
                .entry(header::CONTENT_TYPE)
                .or_insert(own);
        }
        response
    }
}

/// Anything else.
pub(crate) enum Failure {
    /// The engine, or the reading of the request, said no.
    Engine(Error),
    /// No such resource.
    Nothing(String),
    /// The resource has these methods only.
    OtherMethods(String),
    /// The path with its query is longer than we read.
    TargetTooLong { length: usize, limit: usize },
    /// The body did not keep coming. It was never whole, so nothing happened, and a client may send it again: hence no
    /// 400, which says that the same request will fail again.
    TooSlow,
    /// The headers are more or longer than we read.
    HeadersTooLarge(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Engine(error)
    }
}

impl Failure {
    pub(crate) fn into_response(self, format: Format, request_id: &str) -> Response<Body> {
        let (status, body) = match &self {
            Failure::Engine(error) => (error::status(error), ErrorBody::of(error, request_id)),
            Failure::Nothing(text) => (404, ErrorBody::new("not_found", text, request_id)),
            Failure::OtherMethods(allow) => (
                405,
                ErrorBody::new(
                    "method_not_allowed",
                    format!("this resource answers {allow}"),
                    request_id,
                ),
            ),
            Failure::TooSlow => (
                408,
                ErrorBody::new("too_slow", "the body did not keep coming", request_id),
            ),
            Failure::TargetTooLong { length, limit } => (
                414,
                ErrorBody::new(
                    "target_too_long",
                    format!("the URL of {length} is over the limit of {limit}"),
                    request_id,
                ),
            ),
            Failure::HeadersTooLarge(text) => {
                (431, ErrorBody::new("headers_too_large", text, request_id))
            }
        };
        if let (500, Failure::Engine(error)) = (status, &self) {
            tracing::error!(request_id, %error, "failed");
        }
        let mut answer = Answer::document(format, &body);
        answer.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match &self {
            Failure::OtherMethods(allow) => answer = answer.with("allow", allow),
            Failure::Engine(error) => {
                if let Some(seconds) = error::retry_after(error) {
                    answer = answer.with("retry-after", &seconds.to_string());
                }
            }
            // What it may send yet would be taken for the next request.
            Failure::TooSlow => answer = answer.with("connection", "close"),
            Failure::Nothing(_) | Failure::TargetTooLong { .. } | Failure::HeadersTooLarge(_) => {}
        }
        answer = answer.with("content-type", format.content_type());
        answer.into_response(format)
    }
}
