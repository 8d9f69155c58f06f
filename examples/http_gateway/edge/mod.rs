//! What lies between the sockets and the contract: TLS, pages from elsewhere, files.
//!
//! The contract is in the library ([`switchboard::rest`]), and so is the server that guards the
//! connections ([`switchboard::serve`]).

pub(crate) mod cors;
pub(crate) mod site;
pub(crate) mod tls;

use axum::body::Body;
use cors::Cors;
use futures_util::FutureExt;
use hyper::{Method, Request, Response};
use site::Site;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use switchboard::rest::{Caller, Rest};
use switchboard::serve::RequestBody;

/// What responds to a request.
pub(crate) struct Edge {
    pub(crate) rest: Rest,
    /// Which pages from elsewhere may call; `None`: none.
    pub(crate) cors: Option<Cors>,
    /// Files served beside the contract.
    pub(crate) site: Option<Arc<Site>>,
}

/// The future of a response.
type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl Edge {
    /// Returns the response to a request: a file, what the contract says, or a preflight's. Where
    /// there are neither files nor pages from elsewhere, a waiting poll keeps no room for them.
    pub(crate) fn answer(self: Arc<Self>, mut request: Request<RequestBody>) -> Answering {
        if self.cors.is_none() && self.site.is_none() {
            let caller: Caller = request.extensions_mut().remove().unwrap_or_default();
            let answer = self.rest.answer(request, caller);
            return Box::pin(answer.map(|response| response.map(Body::new)));
        }
        Box::pin(async move {
            match &self.cors {
                Some(cors) if cors.concerns(&request) => {
                    let plainly = |request| async { Ok(self.answer_plainly(request).await) };
                    cors.answer(request, tower::service_fn(plainly)).await
                }
                _ => self.answer_plainly(request).await,
            }
        })
    }

    async fn answer_plainly(&self, mut request: Request<RequestBody>) -> Response<Body> {
        let caller: Caller = request.extensions_mut().remove().unwrap_or_default();
        let asked = (request.method(), request.uri().path());
        if let Some(site) = &self.site
            && matches!(*asked.0, Method::GET | Method::HEAD)
            && !self.rest.has_resource(asked.1)
        {
            let started = Instant::now();
            if let Some(mut file) = site.answer(asked.1, request.headers()).await {
                self.rest.log(&caller, asked, started, &mut file);
                return file;
            }
        }
        self.rest.answer(request, caller).await.map(Body::new)
    }
}
