//! The MindLink REST contract as a service over the types of the crates `http` and `http-body`.
//!
//! [`Rest`] takes a request and returns the response: it finds the resource, authenticates the
//! caller, calls the engine and encodes what the engine returned, in JSON or XML. It contains the
//! contract's five services, the operator's resources (`/healthz`, `/readyz`, `/openapi.json`,
//! `/Gateway/v1`) and, if a host asks for it, the control of the embedded chat system
//! (`/Loopback/v1`). It is a [`tower_service::Service`] that is always ready and never fails, so a
//! host mounts it and writes nothing else:
//!
//! ```
//! use switchboard::{Engine, rest::Rest};
//!
//! let engine = Engine::builder().in_memory().open()?;
//! let rest = Rest::builder(engine).prefix("/mindlink").build();
//! let application: axum::Router = axum::Router::new().nest_service("/mindlink", rest);
//! # drop(application);
//! # Ok::<(), switchboard::Error>(())
//! ```
//!
//! A waiting poll is a future of the engine's and costs no thread. No runtime is needed: every wait
//! uses the engine's clock and timer.
//!
//! # What a host adds
//!
//! The host owns the sockets: TLS, deadlines for heads, the number of connections, and clients that
//! do not read their responses; the feature `serve` has all of that but TLS, for a host without a
//! web server. The host tells what it knows of the other end by a [`Caller`], which is
//! an extension of the request or an argument of [`Rest::answer`]: the address, for which logins
//! and memory are counted, and a [`Departure`], by which a waiting poll learns that its client
//! sends no more. Without a [`Caller`] all requests count as one unknown client.
//! `examples/http_gateway` is such a host.
//!
//! # Limits
//!
//! Heads and bodies are bounded ([`Limits`]), a body must keep coming, and what large bodies and
//! responses hold in memory is charged to a [`Budget`], of which one client has a share. A large
//! response is handed over in pieces of 32 KiB. A request that finds no room hears 503.
//!
//! Rejected: a router of an HTTP server (the contract's paths must be split before they are
//! decoded), axum's types (a host has its own server), and middleware of `tower` for the limits
//! (their errors have no body of the contract).

mod access;
pub(crate) mod allowance;
mod answer;
mod authentication;
mod body;
mod budget;
mod builder;
mod call;
mod caller;
mod collaboration;
mod control;
mod departure;
mod dispatch;
mod handover;
mod limits;
mod management;
mod operator;
mod provisioning;
mod proxies;
mod received;
mod resources;
mod shared;
mod shares;

pub use body::Body;
pub use budget::{Budget, Charge};
pub use builder::RestBuilder;
pub use caller::Caller;
pub use departure::Departure;
#[cfg(feature = "serve")]
pub(crate) use handover::Handover;
pub use limits::Limits;
pub use proxies::Network;

use crate::engine::Engine;
use access::Access;
use received::Received;
use shared::Shared;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// An error of a host's request body.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The contract, served by one engine. Cheap to clone; all clones are one service.
#[derive(Clone)]
pub struct Rest(Arc<Shared>);

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").finish_non_exhaustive()
    }
}

impl Rest {
    /// Serves `engine` with every option at its default.
    pub fn new(engine: Engine) -> Rest {
        Rest::builder(engine).build()
    }

    /// Serves `engine` with options.
    pub fn builder(engine: Engine) -> RestBuilder {
        RestBuilder::new(engine)
    }

    /// Returns the response to `request`, which `caller` made. It is the same as calling the
    /// service with `caller` as an extension of the request, without the box around the future.
    pub fn answer<B>(
        &self,
        request: http::Request<B>,
        caller: Caller,
    ) -> impl Future<Output = http::Response<Body>> + Send + use<B>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let (parts, body) = request.into_parts();
        dispatch::answer(self.0.clone(), caller, Box::new(parts), Received::new(body))
    }

    /// Whether a resource has this path, with whatever methods. A host that serves files beside the
    /// contract serves them for other paths.
    pub fn has_resource(&self, path: &str) -> bool {
        resources::exists(&self.0, path)
    }

    /// Logs a response that the host made itself, for a request that began at `started`, as those
    /// of the contract are logged, and gives the response its `X-Request-Id`.
    pub fn log<B>(
        &self,
        caller: &Caller,
        (method, path): (&http::Method, &str),
        started: Instant,
        response: &mut http::Response<B>,
    ) {
        let access = Access::begin(self.0.next_request_id(), method, path, caller);
        access.since(started).end(response);
    }
}

impl<B> tower_service::Service<http::Request<B>> for Rest
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BodyError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answering {
        let caller = request.extensions().get::<Caller>().cloned();
        Answering(Box::pin(self.answer(request, caller.unwrap_or_default())))
    }
}

/// The future of a response. Dropping it ends a wait or a search; a change that has begun is
/// carried out.
pub struct Answering(Pin<Box<dyn Future<Output = http::Response<Body>> + Send>>);

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

impl Future for Answering {
    type Output = Result<http::Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}
