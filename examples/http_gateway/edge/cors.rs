//! Pages of other origins: which may call, and what their scripts may see of the responses (CORS,
//! the Fetch standard).
//!
//! Off unless an origin is named. No cookie is ever involved, since a token travels in
//! `Authorization` and only a script that has it can send it; so `*` gives nothing away that an
//! attacker's own program could not ask for. `tower-http` takes every OPTIONS for a preflight, so
//! it is given only real preflights of allowed origins; every other OPTIONS goes to the contract.

use axum::body::Body;
use hyper::header::{
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue,
    ORIGIN, RETRY_AFTER,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Methods of the contract.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
];

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
            .allow_methods(METHODS)
            .allow_headers(sent)
            .expose_headers(shown)
            .max_age(REMEMBERED)
            .vary([ORIGIN]);
        Some(Cors { origins, layer })
    }

    /// Answers a preflight, and marks every other response, errors included: a page that cannot
    /// read a 401 cannot log in again.
    pub(crate) async fn answer<B, F>(
        &self,
        request: Request<B>,
        plainly: impl FnOnce(Request<B>) -> F,
    ) -> Response<Body>
    where
        F: Future<Output = Response<Body>>,
    {
        let asks = *request.method() == Method::OPTIONS;
        if asks && !self.may_follow(request.headers()) {
            return plainly(request).await;
        }
        let mut plainly = Some(plainly);
        let service = tower::service_fn(|request| {
            let answer = plainly.take().map(|plainly| plainly(request));
            async {
                Ok::<_, Infallible>(match answer {
                    Some(answer) => answer.await,
                    None => Response::default(),
                })
            }
        });
        let Ok(mut answer) = self.layer.layer(service).call(request).await;
        if asks {
            *answer.status_mut() = StatusCode::NO_CONTENT;
        }
        answer
    }

    /// Whether an OPTIONS with these headers is a preflight of an origin that may call.
    fn may_follow(&self, headers: &HeaderMap) -> bool {
        let allows = |origin| is_named(&self.origins, origin);
        headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
            && headers.get(ORIGIN).is_some_and(allows)
    }
}

fn is_named(origins: &[String], origin: &HeaderValue) -> bool {
    let is =
        |named: &String| named == "*" || origin.as_bytes().eq_ignore_ascii_case(named.as_bytes());
    origins.iter().any(is)
}
