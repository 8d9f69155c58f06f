//! Pages of other origins: which may call, and what their scripts may see of the responses (CORS,
//! the Fetch standard).
//!
//! Off unless an origin is named. No cookie is ever involved, since a token travels in
//! `Authorization` and only a script that has it can send it; so `*` gives nothing away that an
//! attacker's own program could not ask for. Every OPTIONS that is no preflight
//! goes to the contract.

use axum::body::Body;
use hyper::header::{
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue,
    ORIGIN, RETRY_AFTER,
};
use hyper::{Method, Request, Response, StatusCode};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember a preflight: a day, which is more than any of them does.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// The origins that may call.
pub(crate) struct Cors {
    origins: Arc<[String]>,
    layer: CorsLayer,
}

impl Cors {
    /// Lets pages of `origins` call, as a browser names them, or all by `*`; `None` if there are
    /// none.
    pub(crate) fn new(origins: Vec<String>) -> Option<Cors> {
        if origins.is_empty() {
            return None;
        }
        let name = HeaderName::from_static;
        let sent = [
            AUTHORIZATION,
            CONTENT_TYPE,
            name("idempotency-key"),
            // jQuery's.
            name("x-requested-with"),
        ];
        let shown = [
            name("switchboard-last-event"),
            name("switchboard-gap"),
            RETRY_AFTER,
            name("x-request-id"),
            ALLOW,
        ];
        let origins: Arc<[String]> = origins.into();
        let allowed = if origins.iter().any(|origin| origin == "*") {
            AllowOrigin::any()
        } else {
            let origins = origins.clone();
            AllowOrigin::predicate(move |origin, _| is_named(&origins, origin))
        };
        let layer = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::PUT,
                Method::DELETE,
            ])
            .allow_headers(sent)
            .expose_headers(shown)
            .max_age(REMEMBERED)
            .vary([ORIGIN]);
        Some(Cors { origins, layer })
    }

    /// Whether a request is more than an OPTIONS for the contract: tower-http takes any OPTIONS for
    /// a preflight of a page that may call.
    pub(crate) fn concerns<B>(&self, request: &Request<B>) -> bool {
        let origin = request.headers().get(ORIGIN);
        *request.method() != Method::OPTIONS
            || request
                .headers()
                .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
                && origin.is_some_and(|origin| is_named(&self.origins, origin))
    }

    /// Answers a preflight, and marks every other response, errors included: a page that cannot
    /// read a 401 cannot log in again.
    pub(crate) async fn answer<B, S>(&self, request: Request<B>, plainly: S) -> Response<Body>
    where
        S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    {
        let is_preflight = *request.method() == Method::OPTIONS;
        let Ok(mut response) = self.layer.layer(plainly).call(request).await;
        if is_preflight {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        response
    }
}

fn is_named(origins: &[String], origin: &HeaderValue) -> bool {
    let is =
        |named: &String| named == "*" || origin.as_bytes().eq_ignore_ascii_case(named.as_bytes());
    origins.iter().any(is)
}
