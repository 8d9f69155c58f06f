//! The way of a request: find the resource, authenticate the caller, call the service, encode what
//! it returned.

use super::access::Access;
use super::answer::{Success, no_room, refused};
use super::body::Body;
use super::budget::FREE;
use super::call::Call;
use super::caller::Caller;
use super::received::Received;
use super::resources::{self, Asked};
use super::shared::Shared;
use super::{authentication, collaboration, control, management, operator, provisioning};
use crate::engine::Engine;
use crate::error::Error;
use crate::model::{Principal, Token, Who};
use crate::wire::Format;
use crate::wire::error::{Failure, NO_CONTENT};
use crate::wire::query::Query;
use crate::wire::route::{Found, Route};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, header};
use std::sync::Arc;

/// What a browser must not do with a response.
const POLICIES: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

/// Returns the response to a request.
pub(super) async fn answer(
    shared: Arc<Shared>,
    caller: Caller,
    parts: Parts,
    body: Received,
) -> Response<Body> {
    let mut access = Access::begin(
        shared.next_request_id(),
        &parts.method,
        parts.uri.path(),
        &caller,
    );
    let (format, peer) = (format(&parts.headers), caller.peer());
    // A change that was carried out is answered, whatever it takes: told 503, its client would do
    // it again.
    let may_wait = matches!(parts.method, Method::GET | Method::HEAD);
    let mut response = match dispatch(&shared, format, caller, parts, body, &mut access).await {
        Ok(answer) => answer.into_response(format),
        Err(failure) => refused(&failure, format, &access.request_id),
    };
    let length = response.body().len();
    if length > FREE {
        let mut charge = shared.budget.charge(peer);
        if charge.more(length) || !may_wait {
            response.body_mut().charge_to(charge);
        } else {
            response = refused(&no_room().into(), format, &access.request_id);
        }
    }
    access.end(&mut response);
    let headers = response.headers_mut();
    for (name, value) in POLICIES {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    response
}

/// The format of the response. A header that is given in several lines is one list.
fn format(headers: &HeaderMap) -> Format {
    let accept: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    Format::choose(Some(&accept.join(",")), content_type)
}

async fn dispatch(
    shared: &Shared,
    format: Format,
    caller: Caller,
    parts: Parts,
    body: Received,
    access: &mut Access,
) -> Result<Success, Failure> {
    shared.options.limits.check(&parts)?;
    let options = parts.method == Method::OPTIONS;
    if options && parts.uri.path() == "*" {
        let allow = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
        return Ok(Success::empty(NO_CONTENT).with("allow", allow));
    }
    let path = shared.path(parts.uri.path());
    let asked = match resources::find(shared, parts.method.as_str(), path) {
        Found::Route(asked) => asked,
        Found::OtherMethods(allow) if options => {
            return Ok(Success::empty(NO_CONTENT).with("allow", &allow));
        }
        Found::OtherMethods(allow) => return Err(Failure::OtherMethods(allow)),
        Found::Nothing(text) => return Err(Failure::NoResource(text)),
    };
    let Parts {
        method,
        uri,
        headers,
        extensions,
        ..
    } = parts;
    let call = Call {
        shared,
        format,
        head: method == Method::HEAD,
        charge: shared.budget.charge(caller.peer()),
        caller,
        headers,
        query: Query::parse(uri.query()),
        body,
    };
    // The URI lies in the buffer that the head was read into, as the headers do: a poll that waits
    // must hold neither, or the connection takes another buffer. The extensions hold whatever the
    // host put there.
    drop((uri, extensions));
    serve(call, asked, access).await
}

/// Calls the service that was asked for, for a caller who may need a token.
async fn serve(
    call: Call<'_>,
    asked: Result<Asked, Error>,
    access: &mut Access,
) -> Result<Success, Failure> {
    match &asked {
        Ok(Asked::Contract(Route::Authentication(route))) => {
            return authentication::answer(call, route.clone()).await;
        }
        Ok(Asked::Operator(asked)) if asked.is_public() => {
            return Ok(operator::public(&call, asked));
        }
        _ => {}
    }
    let principal = authenticate(call.engine(), &call.headers)?;
    access.by(&principal);
    match asked? {
        Asked::Contract(Route::Collaboration(route)) => {
            collaboration::answer(call, &principal, route).await
        }
        Asked::Contract(Route::Management(route)) => {
            management::answer(call, &principal, route).await
        }
        Asked::Contract(Route::Provisioning(route)) => {
            provisioning::answer(call, &principal, route).await
        }
        Asked::Contract(Route::Authentication(route)) => authentication::answer(call, route).await,
        Asked::Operator(asked) => operator::answer(call, &principal, asked).await,
        Asked::Control(chat, asked) => match principal.who() {
            Who::SuperUser(_) => Box::pin(control::answer(call, chat, asked)).await,
            _ => Err(Error::Forbidden("only the super user directs the chat system".into()).into()),
        },
    }
}

/// Who calls, by `Authorization: FCF <token>`.
fn authenticate(engine: &Engine, headers: &HeaderMap) -> Result<Principal, Error> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = given
        .and_then(|value| value.trim().split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("FCF"));
    match token {
        Some((_, token)) => engine.authenticate(&Token::new(token.trim())),
        None => Err(Error::Unauthorized(
            "no token was sent; the header is `Authorization: FCF <token>`".to_owned(),
        )),
    }
}
