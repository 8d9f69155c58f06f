//! What lies between the sockets and the contract: TLS, pages from elsewhere, files.
//!
//! The contract is in the library ([`switchboard::rest`]), and so is the server that guards the
//! connections ([`switchboard::serve`]).

pub(crate) mod cors;
pub(crate) mod site;
pub(crate) mod tls;

use axum::body::Body;
use cors::Cors;
use hyper::{Method, Request, Response};
use site::Site;
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

impl Edge {
    /// Returns the response to a request: a file, what the contract says, or a preflight's.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        match &self.cors {
            Some(cors) if cors.concerns(&request) => {
                let plainly = |request| async { Ok(self.answer_plainly(request).await) };
                // In a box, so that a waiting poll without CORS does not keep room for it.
                Box::pin(cors.answer(request, tower::service_fn(plainly))).await
            }
            _ => self.answer_plainly(request).await,
        }
    }

    async fn answer_plainly(&self, mut request: Request<RequestBody>) -> Response<Body> {
        let caller: Caller = request.extensions_mut().remove().unwrap_or_default();
        if let Some(site) = &self.site
            && matches!(*request.method(), Method::GET | Method::HEAD)
            && !self.rest.has_resource(request.uri().path())
        {
            let started = Instant::now();
            let asked = (request.method(), request.uri().path());
            let file = site.answer(asked.1, request.headers());
            if let Some(mut file) = Box::pin(file).await {
                self.rest.log(&caller, asked, started, &mut file);
                return file;
            }
        }
        self.rest.answer(request, caller).await.map(Body::new)
    }
}
