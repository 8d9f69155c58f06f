//! The one handler: find the route, authenticate, call, encode.

use crate::answer::{Answer, Failure};
use crate::budget::{Budget, Charge, FREE};
use crate::cors::Cors;
use crate::guarded::Phase;
use crate::log::Access;
use crate::network::{self, Network};
use crate::site::Site;
use crate::{authentication, collaboration, control, management, operator, provisioning};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use switchboard::backend::Loopback;
use switchboard::wire::Format;
use switchboard::wire::query::Query;
use switchboard::wire::route::{self, Found, Route};
use switchboard::{Engine, Error, Principal, Token, Who};

/// Bytes of a path with its query. Two ids of 1,024 bytes, each byte percent-encoded, are 6 KiB.
const TARGET_MAX: usize = 16 * 1024;

/// Header lines of a request; browsers behind two proxies send forty. More than hyper's 100 never come here.
const HEADERS_MAX: usize = 80;

/// Bytes of all header names and values: what other servers take too, cookies of other services on this host included.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// What a browser must not do with an answer of the API; a site's files have their own ([`crate::site`]).
const POLICIES: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
];

/// What every request shares.
pub(crate) struct Gateway {
    pub(crate) engine: Engine,
    pub(crate) edge: Edge,
    /// For bodies and answers of those who have a token.
    pub(crate) budget: Budget,
    /// For the long heads of whoever connects: strangers must not use up what the others' answers need.
    pub(crate) strangers: Budget,
    /// `/openapi.json`, made when it is asked for first.
    description: OnceLock<Bytes>,
    /// Set once, by the signal that ends the program.
    stopping: AtomicBool,
    /// Random, so that ids of two runs do not meet in one log.
    run: u32,
    requests: AtomicU64,
}

impl Gateway {
    pub(crate) fn new(engine: Engine, edge: Edge) -> Gateway {
        let run = getrandom::u32().unwrap_or_else(|_| std::process::id());
        Gateway {
            engine,
            edge,
            budget: Budget::default(),
            strangers: Budget::of_strangers(),
            description: OnceLock::new(),
            stopping: AtomicBool::new(false),
            run,
            requests: AtomicU64::new(0),
        }
    }

    /// From now on this gateway is not ready.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The description of all resources, as JSON.
    pub(crate) fn description(&self) -> Bytes {
        let made =
            || Bytes::from(crate::openapi::description(self.edge.control.is_some()).to_string());
        self.description.get_or_init(made).clone()
    }

    /// For whom a connection and its memory are counted.
    pub(crate) fn peer(&self, other_end: IpAddr) -> Option<IpAddr> {
        network::peer(other_end.to_canonical(), &self.edge.trusted_proxies)
    }

    fn next_request_id(&self) -> String {
        format!(
            "{:08x}-{}",
            self.run,
            self.requests.fetch_add(1, Ordering::Relaxed) + 1
        )
    }
}

/// What is configured of serving.
pub(crate) struct Edge {
    /// How long a request for events waits.
    pub(crate) poll_timeout: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Which pages from elsewhere may call.
    pub(crate) cors: Cors,
    /// Files served beside the contract.
    pub(crate) site: Option<Arc<Site>>,
    /// The chat system whose people and faults may be ordered about.
    pub(crate) control: Option<Loopback>,
}

/// A request on its way to a service: everything but who calls and what is asked for.
pub(crate) struct Call<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) format: Format,
    /// HEAD asks what GET would answer, and must change nothing.
    pub(crate) head: bool,
    /// Where it comes from; `None` behind a proxy that does not say.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Query,
    /// How far the connection is; it tells when the client leaves.
    pub(crate) phase: Phase,
    pub(crate) body: Body,
    /// What the body is charged to, given back when the call is over.
    pub(crate) charge: Charge,
}

/// Answers every request.
pub(crate) async fn answer(
    gateway: &Gateway,
    peer: SocketAddr,
    phase: Phase,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = route::without_token(parts.uri.path());
    let client = network::client(peer.ip(), &parts.headers, &gateway.edge.trusted_proxies);
    let mut access = Access::begin(
        gateway.next_request_id(),
        parts.method.to_string(),
        path,
        client,
    );
    let format = format(&parts.headers);
    let allowed = gateway.edge.cors.allowed(&parts.headers);
    let for_site = gateway
        .edge
        .site
        .as_ref()
        .filter(|_| is_for_site(gateway, &parts));
    let for_site = for_site.map(|site| (site, parts.uri.path().to_owned(), parts.headers.clone()));
    // A change that was carried out is answered, whatever it takes: told 503, its client would do it again.
    let may_wait = matches!(parts.method, Method::GET | Method::HEAD);
    let mut response = match dispatch(gateway, format, client, phase, parts, body, &mut access)
        .await
    {
        Ok(answer) => answer.into_response(format),
        Err(Failure::Nothing(text)) => {
            let file = match for_site {
                Some((site, path, headers)) => site.answer(&path, &headers).await,
                None => None,
            };
            file.unwrap_or_else(|| Failure::Nothing(text).into_response(format, &access.request_id))
        }
        Err(failure) => failure.into_response(format, &access.request_id),
    };
    let length = response
        .body()
        .size_hint()
        .exact()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    if length > FREE {
        let mut charge = gateway
            .budget
            .charge(network::peer(client, &gateway.edge.trusted_proxies));
        if charge.more(length) || !may_wait {
            response.extensions_mut().insert(Arc::new(charge));
        } else {
            response = Failure::from(no_room()).into_response(format, &access.request_id);
        }
    }
    access.status = response.status().as_u16();
    if let Ok(id) = HeaderValue::from_str(&access.request_id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    gateway.edge.cors.mark(allowed, response.headers_mut());
    for (name, value) in POLICIES {
        response
            .headers_mut()
            .entry(*name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Too many large bodies or answers are in memory.
pub(crate) fn no_room() -> Error {
    Error::Busy {
        what: "the memory for bodies".to_owned(),
        retry_after: Duration::from_secs(1),
    }
}

/// Whether a file may be meant: no table has the path.
fn is_for_site(gateway: &Gateway, parts: &Parts) -> bool {
    matches!(parts.method, Method::GET | Method::HEAD)
        && matches!(
            find(gateway, parts.method.as_str(), parts.uri.path()),
            Found::Nothing(_)
        )
}

/// The format of the answer. A header that is given in several lines is one list.
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
    gateway: &Gateway,
    format: Format,
    client: IpAddr,
    phase: Phase,
    parts: Parts,
    body: Body,
    access: &mut Access,
) -> Result<Answer, Failure> {
    within_limits(&parts)?;
    if let Some(answer) = gateway.edge.cors.preflight(&parts.method, &parts.headers) {
        return Ok(answer);
    }
    if parts.method == Method::OPTIONS && parts.uri.path() == "*" {
        return Ok(Answer::empty(StatusCode::NO_CONTENT)
            .with("allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS"));
    }
    let found = find(gateway, parts.method.as_str(), parts.uri.path());
    let asked = match found {
        Found::Route(asked) => asked,
        Found::OtherMethods(allow) if parts.method == Method::OPTIONS => {
            return Ok(Answer::empty(StatusCode::NO_CONTENT).with("allow", &allow));
        }
        Found::OtherMethods(allow) => return Err(Failure::OtherMethods(allow)),
        Found::Nothing(text) => return Err(Failure::Nothing(text)),
    };
    let Parts {
        method,
        uri,
        headers,
        ..
    } = parts;
    let peer = network::peer(client, &gateway.edge.trusted_proxies);
    let (head, charge) = (method == Method::HEAD, gateway.budget.charge(peer));
    let call = Call {
        gateway,
        format,
        head,
        peer,
        headers,
        query: Query::parse(uri.query()),
        phase,
        body,
        charge,
    };
    // It lies in the buffer that the head was read into, as the headers do: a poll that waits must hold neither, or the
    // connection takes another buffer.
    drop(uri);
    match &asked {
        Ok(Asked::Contract(Route::Authentication(route))) => {
            return authentication::answer(call, route.clone()).await;
        }
        Ok(Asked::Operator(asked)) if asked.is_public() => {
            return Ok(operator::public(&call, asked));
        }
        _ => {}
    }
    let principal = authenticate(&gateway.engine, &call.headers)?;
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
        Asked::Operator(asked) => operator::answer(call, &principal, asked).await,
        Asked::Control(chat, asked) => match principal.who() {
            Who::SuperUser(_) => Box::pin(control::answer(call, chat, asked)).await,
            _ => Err(Error::Forbidden(
                "only the super user orders the chat system about".to_owned(),
            )
            .into()),
        },
        // A service that `wire` knows and this program does not serve.
        Asked::Contract(_) => Err(Failure::Nothing("there is no such resource".to_owned())),
    }
}

/// What is asked for, by whose table it was found in.
enum Asked {
    Contract(Route),
    Operator(operator::Asked),
    Control(Loopback, control::Asked),
}

/// Looks in all tables; what the contract says of a path it knows goes before what the others do not know.
fn find(gateway: &Gateway, method: &str, path: &str) -> Found<Asked> {
    let found = route::find_in(operator::TABLE, method, path).map(Asked::Operator);
    let found = found.or_else(|| match &gateway.edge.control {
        Some(chat) => route::find_in(control::TABLE, method, path)
            .map(|asked| Asked::Control(chat.clone(), asked)),
        None => Found::Nothing(String::new()),
    });
    found.or_else(|| route::find(method, path).map(Asked::Contract))
}

/// A head that is longer than any client's of the contract ever is.
fn within_limits(parts: &Parts) -> Result<(), Failure> {
    let hosts = parts.headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && parts.version == Version::HTTP_11) {
        // Two readers of one request (a proxy and we) could each believe another one.
        return Err(Error::Invalid(format!(
            "a request has one Host header, this one has {hosts}"
        ))
        .into());
    }
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > TARGET_MAX {
        return Err(Failure::TargetTooLong {
            length: target,
            limit: TARGET_MAX,
        });
    }
    let bytes: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if parts.headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return Err(Failure::HeadersTooLarge(format!(
            "{} headers of {bytes} bytes; the limits are {HEADERS_MAX} and {HEADER_BYTES_MAX}",
            parts.headers.len()
        )));
    }
    Ok(())
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
