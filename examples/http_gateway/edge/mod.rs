//! What belongs to the sockets: connections and their deadlines, TLS, proxies, pages from
//! elsewhere, files.
//!
//! The contract itself is in the library ([`switchboard::rest`]); this folder hands it its
//! requests.

mod allowance;
mod connection;
pub(crate) mod cors;
mod guarded;
pub(crate) mod listener;
pub(crate) mod network;
mod phase;
pub(crate) mod site;
pub(crate) mod tls;
mod unread;
mod watched;

use axum::body::Body;
use cors::Cors;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Method, Request, Response};
use network::Network;
use site::Site;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use switchboard::rest::{BodyError, Budget, Caller, Departure, Rest};
use switchboard::wire::route;

/// Bytes of all long heads that are being read. They have a budget of their own, because anybody
/// can send them, and the responses of others need room.
const HEADS_BYTES_MAX: usize = 32 << 20;

/// What all connections share.
pub(crate) struct Edge {
    rest: Rest,
    /// Whose `X-Forwarded-For` is believed.
    trusted_proxies: Vec<Network>,
    /// Which pages from elsewhere may call; `None`: none.
    cors: Option<Cors>,
    /// Files served beside the contract.
    site: Option<Arc<Site>>,
    /// For long heads.
    heads: Budget,
}

impl Edge {
    pub(crate) fn new(
        rest: Rest,
        trusted_proxies: Vec<Network>,
        cors: Option<Cors>,
        site: Option<Arc<Site>>,
    ) -> Edge {
        Edge {
            rest,
            trusted_proxies,
            cors,
            site,
            heads: Budget::new(HEADS_BYTES_MAX, HEADS_BYTES_MAX / 4),
        }
    }

    /// Returns the caller of a request, by the other end of its connection and what a trusted proxy
    /// says.
    fn caller(&self, other_end: IpAddr, headers: &HeaderMap) -> Caller {
        let client = network::client(other_end, headers, &self.trusted_proxies);
        if network::is_trusted(client, &self.trusted_proxies) {
            Caller::proxy_at(client)
        } else {
            Caller::at(client)
        }
    }

    /// Returns for whom a connection and its head are counted.
    fn peer(&self, other_end: IpAddr) -> Option<IpAddr> {
        self.caller(other_end, &HeaderMap::new()).peer()
    }

    /// Returns the response to a request: a file, what the contract says, or a preflight's.
    async fn answer<B>(
        &self,
        other_end: IpAddr,
        departure: Departure,
        request: Request<B>,
    ) -> Response<Body>
    where
        B: hyper::body::Body + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let caller = self.caller(other_end, request.headers());
        let caller = caller.with_departure(departure);
        match &self.cors {
            None => self.answer_plainly(caller, request).await,
            // In a box, so that a waiting poll does not keep room for both.
            Some(cors) => {
                let plainly = |request| self.answer_plainly(caller, request);
                Box::pin(cors.answer(request, plainly)).await
            }
        }
    }

    async fn answer_plainly<B>(&self, caller: Caller, request: Request<B>) -> Response<Body>
    where
        B: hyper::body::Body + Send + 'static,
        B::Error: Into<BodyError>,
    {
        if let Some(site) = &self.site
            && matches!(*request.method(), Method::GET | Method::HEAD)
            && !self.rest.has_resource(request.uri().path())
        {
            let (method, path) = (request.method(), request.uri().path());
            let file = self.file(site, &caller, method, path, request.headers());
            if let Some(file) = Box::pin(file).await {
                return file;
            }
        }
        self.rest.answer(request, caller).await.map(Body::new)
    }

    /// Returns a file of the site, and logs it as requests of the contract are logged.
    async fn file(
        &self,
        site: &Site,
        caller: &Caller,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<Response<Body>> {
        let started = Instant::now();
        let mut file = site.answer(path, headers).await?;
        let request_id = self.rest.next_request_id();
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            file.headers_mut().insert("x-request-id", id);
        }
        let (path, status) = (route::without_token(path), file.status().as_u16());
        let client = caller.address().map(tracing::field::display);
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(target: "access", request_id, client, agent = "", user = "", %method, path, status, milliseconds, "request");
        Some(file)
    }
}
