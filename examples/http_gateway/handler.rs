//! The one handler: find the route, authenticate, call, encode; and the two resources for whoever operates this.

use crate::answer::{Answer, Failure};
use crate::log::Access;
use crate::{authentication, collaboration, provisioning};
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use switchboard::wire::Format;
use switchboard::wire::query::Query;
use switchboard::wire::route::{self, Found, Route};
use switchboard::{Engine, Error, Principal, Token};

/// What every request shares.
pub(crate) struct Gateway {
    pub(crate) engine: Engine,
    /// How long a request for events waits.
    pub(crate) poll_timeout: Duration,
    /// Set once, by the signal that ends the program.
    stopping: AtomicBool,
    /// Random, so that ids of two runs do not meet in one log.
    run: u32,
    requests: AtomicU64,
}

impl Gateway {
    pub(crate) fn new(engine: Engine, poll_timeout: Duration) -> Gateway {
        let run = getrandom::u32().unwrap_or_else(|_| std::process::id());
        Gateway { engine, poll_timeout, stopping: AtomicBool::new(false), run, requests: AtomicU64::new(0) }
    }

    /// From now on this gateway is not ready.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    fn next_request_id(&self) -> String {
        format!("{:08x}-{}", self.run, self.requests.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// A request on its way to a service: everything but who calls and what is asked for.
pub(crate) struct Call<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) format: Format,
    /// HEAD asks what GET would answer, and must change nothing.
    pub(crate) head: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Query,
    pub(crate) body: Body,
}

/// Answers every request.
pub(crate) async fn answer(State(gateway): State<Arc<Gateway>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = route::without_token(parts.uri.path());
    let mut access = Access::begin(gateway.next_request_id(), parts.method.to_string(), path);
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let format = Format::choose(text(header::ACCEPT), text(header::CONTENT_TYPE));
    let mut response = match dispatch(&gateway, format, parts, body, &mut access).await {
        Ok(answer) => answer.into_response(format),
        Err(failure) => failure.into_response(format, &access.request_id),
    };
    access.status = response.status().as_u16();
    if let Ok(id) = HeaderValue::from_str(&access.request_id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn dispatch(gateway: &Gateway, format: Format, parts: Parts, body: Body, access: &mut Access) -> Result<Answer, Failure> {
    let path = parts.uri.path();
    if let Some(answer) = operator(gateway, format, &parts.method, path) {
        return answer;
    }
    let route = match route::find(parts.method.as_str(), path) {
        Found::Route(route) => route,
        Found::OtherMethods(allow) if parts.method == Method::OPTIONS => {
            return Ok(Answer::empty(StatusCode::NO_CONTENT).with("allow", &allow));
        }
        Found::OtherMethods(allow) => return Err(Failure::OtherMethods(allow)),
        Found::Nothing(text) => return Err(Failure::Nothing(text)),
    };
    let query = Query::parse(parts.uri.query());
    let call = Call { gateway, format, head: parts.method == Method::HEAD, headers: parts.headers, query, body };
    if let Ok(Route::Authentication(route)) = route {
        return authentication::answer(call, route).await;
    }
    let principal = authenticate(&gateway.engine, &call.headers)?;
    access.by(&principal);
    match route? {
        Route::Collaboration(route) => collaboration::answer(call, &principal, route).await,
        Route::Provisioning(route) => provisioning::answer(call, &principal, route).await,
        // A service that `wire` knows and this program does not serve.
        _ => Err(Failure::Nothing("there is no such resource".to_owned())),
    }
}

/// Who calls, by `Authorization: FCF <token>`.
fn authenticate(engine: &Engine, headers: &HeaderMap) -> Result<Principal, Error> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.trim().split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("FCF"));
    match token {
        Some((_, token)) => engine.authenticate(&Token::new(token.trim())),
        None => Err(Error::Unauthorized("no token was sent; the header is `Authorization: FCF <token>`".to_owned())),
    }
}

/// What `/readyz` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Readiness<'a> {
    ready: bool,
    reason: &'a str,
}

/// `/healthz` and `/readyz`, for whoever supervises this process.
fn operator(gateway: &Gateway, format: Format, method: &Method, path: &str) -> Option<Result<Answer, Failure>> {
    if !matches!(path, "/healthz" | "/readyz") {
        return None;
    }
    if *method == Method::OPTIONS {
        return Some(Ok(Answer::empty(StatusCode::NO_CONTENT).with("allow", "GET, HEAD, OPTIONS")));
    }
    if *method != Method::GET && *method != Method::HEAD {
        return Some(Err(Failure::OtherMethods("GET, HEAD, OPTIONS".to_owned())));
    }
    if path == "/healthz" {
        return Some(Ok(Answer::document(format, "ok")));
    }
    let found = gateway.engine.readiness();
    let stopping = gateway.stopping.load(Ordering::Acquire);
    let ready = found.ready && !stopping;
    let mut answer = Answer::document(format, &Readiness { ready, reason: if stopping { "stopping" } else { &found.reason } });
    if !ready {
        answer.status = StatusCode::SERVICE_UNAVAILABLE;
        answer = answer.with("content-type", format.content_type()).with("retry-after", "1");
    }
    Some(Ok(answer))
}
