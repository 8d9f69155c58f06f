//! Requests over HTTP/1.1, and the connections that are kept for the next request. Each request has
//! a deadline, and each response has a bound.
//!
//! Every event channel keeps one connection of its own: ten thousand channels may end their wait in
//! the same second, and none of them should dial anew. All other requests of all accounts share a
//! few connections. A request that changes something is sent at most once, so that the caller of a
//! post learns whether the message may have arrived.
//!
//! Rejected: hyper-util's pooled client. It uses tokio's timers, which a test cannot step, and it
//! spawns tasks itself.

use super::connect::Connect;
use crate::backend::ucwa::protocol::reason::short;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response, in_seconds};
use crate::backend::ucwa::protocol::status::Status;
use crate::backend::ucwa::protocol::url::Origin;
use crate::backend::{BackendError, BackendErrorKind, Inbox};
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::Method;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderValue};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest body that is read, for example a package of events after a long pause, or a hundred
/// people found.
const BODY_MAX: usize = 16 * 1024 * 1024;
/// The longest head of a response that is read. IIS sends challenges of some kilobytes in it.
const HEAD_MAX: usize = 64 * 1024;
/// The most idle connections kept to one server, for all accounts together.
const IDLE_MAX: usize = 32;
/// How long an idle connection may be used again. IIS closes a connection after two minutes of
/// silence.
const IDLE_AGE_MAX: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// A connection that no request uses.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    origin: Origin,
    since: DateTime<Utc>,
}

impl Connection {
    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        !self.sender.is_closed() && (now - self.since).abs() < IDLE_AGE_MAX
    }
}

/// Makes the requests of all accounts of a backend.
pub(crate) struct Http {
    connect: Arc<dyn Connect>,
    idle: Mutex<HashMap<Origin, Vec<Connection>>>,
}

impl Http {
    pub(crate) fn new(connect: Arc<dyn Connect>) -> Http {
        Http {
            connect,
            idle: Mutex::default(),
        }
    }

    /// Makes a request over a shared connection, and waits for the response.
    pub(crate) async fn ask(&self, inbox: &Inbox, ask: &Request) -> Result<Response, Lost> {
        let (answer, line) = self.ask_over(inbox, ask, None).await?;
        if let Some(line) = line {
            self.keep(line);
        }
        Ok(answer)
    }

    /// As [`Http::ask`], over the caller's own connection, which comes back with the response.
    pub(crate) async fn ask_over(
        &self,
        inbox: &Inbox,
        ask: &Request,
        own: Option<Connection>,
    ) -> Result<(Response, Option<Connection>), Lost> {
        let sent = AtomicBool::new(false);
        let url = &ask.url;
        tokio::select! {
            biased;
            answered = self.send(inbox, ask, own, &sent) => answered,
            () = inbox.sleep(ask.within) => {
                let error = BackendError::unreachable(format!("{url} did not answer within {} s", ask.within.as_secs()));
                Err(if sent.load(Ordering::Relaxed) { Lost::Unanswered(error) } else { Lost::Unsent(error) })
            }
        }
    }

    async fn send(
        &self,
        inbox: &Inbox,
        ask: &Request,
        mut own: Option<Connection>,
        sent: &AtomicBool,
    ) -> Result<(Response, Option<Connection>), Lost> {
        let url = &ask.url;
        let cut = |what: String| {
            BackendError::unreachable(format!("the connection to {url} was cut: {what}"))
        };
        let unfit = |error| {
            Lost::Unsent(BackendError::refused(format!(
                "{url} cannot be asked for: {error}"
            )))
        };
        let mut request = encode(ask).map_err(unfit)?;
        loop {
            let now = inbox.now();
            let mine = own
                .take()
                .filter(|line| line.origin == url.origin && line.is_fresh(now));
            let used = mine.or_else(|| self.take(&url.origin, now));
            let is_used = used.is_some();
            let mut sender = match used {
                Some(line) => line.sender,
                None => self.open(&url.origin, inbox).await.map_err(Lost::Unsent)?,
            };
            if let Err(error) = sender.ready().await {
                if is_used {
                    continue;
                }
                return Err(Lost::Unsent(cut(error.to_string())));
            }
            sent.store(true, Ordering::Relaxed);
            let answered = match sender.try_send_request(request).await {
                Ok(response) => read(response, inbox.now()).await,
                Err(mut error) => match error.take_message() {
                    Some(back) if is_used => {
                        sent.store(false, Ordering::Relaxed);
                        request = back;
                        continue;
                    }
                    Some(_) => return Err(Lost::Unsent(cut(error.error().to_string()))),
                    None => Err(Unread::Cut(error.error().to_string())),
                },
            };
            match answered {
                Ok(answer) => {
                    let line = Connection {
                        sender,
                        origin: url.origin.clone(),
                        since: inbox.now(),
                    };
                    return Ok((answer, (!line.sender.is_closed()).then_some(line)));
                }
                // The server has closed the idle connection. A GET may be repeated.
                Err(Unread::Cut(_)) if is_used && ask.method == Method::GET => {
                    request = encode(ask).map_err(unfit)?
                }
                Err(Unread::Cut(what)) => return Err(Lost::Unanswered(cut(what))),
                Err(Unread::Strange(what)) => {
                    let reason = format!("{url} answered with {what}");
                    let error = BackendError::new(BackendErrorKind::Protocol, reason);
                    return Err(Lost::Unanswered(error));
                }
            }
        }
    }

    /// Opens a connection that no other request uses, for logins that belong to a connection.
    pub(crate) async fn open_own(
        &self,
        inbox: &Inbox,
        origin: &Origin,
    ) -> Result<Connection, BackendError> {
        let sender = self.open(origin, inbox).await?;
        Ok(Connection {
            sender,
            origin: origin.clone(),
            since: inbox.now(),
        })
    }

    async fn open(
        &self,
        origin: &Origin,
        inbox: &Inbox,
    ) -> Result<SendRequest<Full<Bytes>>, BackendError> {
        let io = self.connect.connect(origin, inbox).await?;
        let opened = http1::Builder::new()
            .max_header_size(HEAD_MAX)
            .handshake(TokioIo::new(io))
            .await;
        let (sender, connection) = opened.map_err(|error| {
            BackendError::unreachable(format!("{origin} does not speak HTTP: {error}"))
        })?;
        inbox.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        });
        Ok(sender)
    }

    /// Takes the idle connection that was used last, so that the others age and are dropped.
    fn take(&self, origin: &Origin, now: DateTime<Utc>) -> Option<Connection> {
        let mut idle = self.idle.lock();
        let lines = idle.get_mut(origin)?;
        lines.retain(|line| line.is_fresh(now));
        lines.pop()
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, line: Connection) {
        let mut idle = self.idle.lock();
        let lines = idle.entry(line.origin.clone()).or_default();
        if lines.len() < IDLE_MAX {
            lines.push(line);
        }
    }
}

/// The request as hyper takes it.
fn encode(request: &Request) -> Result<hyper::Request<Full<Bytes>>, hyper::http::Error> {
    let mut encoded = hyper::Request::builder()
        .method(request.method.clone())
        .uri(request.url.path.as_str())
        .header(header::HOST, request.url.origin.authority())
        .header(header::ACCEPT, "application/json")
        .header(header::ACCEPT_ENCODING, "identity");
    if let Some(token) = &request.token {
        encoded = encoded.header(header::AUTHORIZATION, token.clone());
    }
    let mut bytes = Bytes::new();
    if let Some((kind, body)) = &request.body {
        encoded = encoded.header(header::CONTENT_TYPE, *kind);
        bytes = body.clone();
    }
    encoded.body(Full::new(bytes))
}

/// Why a response was not read.
enum Unread {
    /// Its body ended early.
    Cut(String),
    /// It is whole, and not in a form that this client reads.
    Strange(String),
}

/// Reads a whole response that came at `now`.
async fn read(response: hyper::Response<Incoming>, now: DateTime<Utc>) -> Result<Response, Unread> {
    let (head, body) = response.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let encoding = head.headers.get(header::CONTENT_ENCODING).map(text);
    let encoding = encoding.filter(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"));
    let body = Limited::new(body, BODY_MAX).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Unread::Strange(format!("more than {} MiB", BODY_MAX / 1024 / 1024));
        }
        Unread::Cut(error.to_string())
    })?;
    let body = body.to_bytes();
    if let Some(encoding) = encoding.filter(|_| !body.is_empty() && head.status.is_success()) {
        return Err(Unread::Strange(format!(
            "the content encoding `{}`, which was not asked for",
            short(&encoding)
        )));
    }
    let retry_after = head.headers.get(header::RETRY_AFTER).map(text);
    Ok(Response {
        status: Status::from(head.status),
        challenges: head
            .headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .map(text)
            .collect(),
        location: head.headers.get(header::LOCATION).map(text),
        retry_after: retry_after.map(|text| in_seconds(text, now)),
        body,
    })
}
