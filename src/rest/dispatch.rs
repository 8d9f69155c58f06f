//! The way of a request: find the resource, authenticate the caller, call the service, encode what
//! it returned.

use super::access::Access;
use super::answer::{Success, no_room, refused};
use super::body::Body;
use super::budget::FREE;
use super::call::{Call, Serving};
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
use std::future::ready;
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
    parts: Box<Parts>,
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
    let serving = dispatch(&shared, format, caller, *parts, body, &mut access);
    let served = match serving {
        Ok(serving) => serving.await,
        Err(failure) => Err(failure),
    };
    let mut response = match served {
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

/// A response that is ready.
fn done<'a>(success: Success) -> Result<Serving<'a>, Failure> {
    Ok(Box::pin(ready(Ok(success))))
}

/// Does what needs no waiting: finds the resource and the caller.
fn dispatch<'a>(
    shared: &'a Shared,
    format: Format,
    caller: Caller,
    parts: Parts,
    body: Received,
    access: &mut Access,
) -> Result<Serving<'a>, Failure> {
    shared.options.limits.check(&parts)?;
    let options = parts.method == Method::OPTIONS;
    if options && parts.uri.path() == "*" {
        let allow = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
        return done(Success::empty(NO_CONTENT).with("allow", allow));
    }
    let path = shared.path(parts.uri.path());
    let found = resources::find(shared, parts.method.as_str(), path, parts.uri.query());
    let asked = match found {
        Found::Route(asked) => asked,
        Found::OtherMethods(allow) if options => {
            return done(Success::empty(NO_CONTENT).with("allow", &allow));
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
    serve(call, asked, access)
}

/// Calls the service that was asked for, for a caller who may need a token.
fn serve<'a>(
    call: Call<'a>,
    asked: Result<Asked, Error>,
    access: &mut Access,
) -> Result<Serving<'a>, Failure> {
    match &asked {
        Ok(Asked::Contract(Route::Authentication(route))) => {
            return Ok(Box::pin(authentication::answer(call, route.clone())));
        }
        Ok(Asked::Operator(asked)) if asked.is_public() => {
            return done(operator::public(&call, asked));
        }
        _ => {}
    }
    let principal = authenticate(call.engine(), &call.headers)?;
    access.by(&principal);
    Ok(match asked? {
        Asked::Contract(Route::Collaboration(route)) => {
            return collaboration::answer(call, principal, route);
        }
        Asked::Contract(Route::Management(route)) => {
            Box::pin(management::answer(call, principal, route))
        }
        Asked::Contract(Route::Provisioning(route)) => {
            Box::pin(provisioning::answer(call, principal, route))
        }
        Asked::Contract(Route::Authentication(route)) => {
            Box::pin(authentication::answer(call, route))
        }
        Asked::Operator(asked) => Box::pin(operator::answer(call, principal, asked)),
        Asked::Control(chat, asked) => match principal.who() {
            Who::SuperUser(_) => Box::pin(control::answer(call, chat, asked)),
            _ => {
                let refused = "only the super user directs the chat system";
                return Err(Error::Forbidden(refused.to_owned()).into());
            }
        },
    })
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
