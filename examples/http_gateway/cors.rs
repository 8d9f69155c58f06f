//! Pages from elsewhere: which origins may call, and what their scripts may see of the answers (the Fetch standard).
//!
//! Off unless an origin is named. No cookie is ever involved, since a token travels in `Authorization` and only a
//! script that has it can send it; so `*` gives nothing away that an attacker's own program could not ask for.

use crate::answer::Answer;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// Methods of the contract.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");

/// Headers a script may send beyond those it always may. `X-Requested-With` is jQuery's.
const SENT: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key, X-Requested-With");

/// Headers of an answer a script may read beyond those it always may.
const SHOWN: HeaderValue = HeaderValue::from_static(
    "Switchboard-Last-Event, Switchboard-Gap, Retry-After, X-Request-Id, Allow",
);

/// How long a browser may remember a preflight: a day, which is more than any of them does.
const REMEMBERED: HeaderValue = HeaderValue::from_static("86400");

/// The origins that may call, as a browser names them, or `*`.
#[derive(Debug, Default)]
pub(crate) struct Cors(Vec<String>);

impl Cors {
    pub(crate) fn new(origins: Vec<String>) -> Cors {
        Cors(origins)
    }

    /// The answer to a preflight, if this request is one and may be followed by what it asks for.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Answer> {
        let asks = *method == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || self.allowed(headers).is_none() {
            return None;
        }
        let mut answer = Answer::empty(StatusCode::NO_CONTENT);
        answer
            .headers
            .insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer
            .headers
            .insert(header::ACCESS_CONTROL_ALLOW_HEADERS, SENT);
        answer
            .headers
            .insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        Some(answer)
    }

    /// What `Access-Control-Allow-Origin` says to this request; `None`: nothing.
    pub(crate) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        if self.0.iter().any(|allowed| allowed == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        self.0
            .iter()
            .any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
            .then(|| origin.clone())
    }

    /// Marks an answer, errors included: a page that cannot read a 401 cannot log in again.
    pub(crate) fn mark(&self, allowed: Option<HeaderValue>, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = allowed {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
        }
    }
}
