//! A request on its way to a service.

use super::answer::{Success, no_room};
use super::budget::{Charge, FREE};
use super::caller::Caller;
use super::received::Received;
use super::shared::Shared;
use crate::engine::Engine;
use crate::wire::error::Failure;
use crate::wire::query::Query;
use crate::wire::{Format, Read};
use http::HeaderMap;
use std::future::Future;
use std::pin::Pin;

/// Bytes of a login: a name and a password of 1,024 bytes each, escaped as wastefully as can be.
const CREDENTIALS_BYTES: usize = 16 << 10;

/// A service at work. A waiting poll, of which there are many, keeps no room for the others.
pub(super) type Serving<'a> = Pin<Box<dyn Future<Output = Result<Success, Failure>> + Send + 'a>>;

/// Everything of a request but the resource and the principal.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    pub(super) format: Format,
    /// HEAD asks what GET would return, and must change nothing.
    pub(super) head: bool,
    pub(super) caller: Caller,
    pub(super) headers: HeaderMap,
    pub(super) query: Query,
    pub(super) body: Received,
    /// What the body is charged to; it is given back when the call is over.
    pub(super) charge: Charge,
}

impl Call<'_> {
    pub(super) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// Reads the document of a caller who has a token, in the format that its `Content-Type` says.
    pub(super) async fn document<T: Read>(&mut self) -> Result<T, Failure> {
        let limit = self.shared.options.limits.document_bytes;
        self.read(limit).await
    }

    /// Reads a name and a password: anybody may send them, so no more than that. `None` for an
    /// empty body.
    pub(super) async fn credentials<T: Read>(&mut self) -> Result<Option<T>, Failure> {
        let text = self.text(CREDENTIALS_BYTES).await?;
        match text.trim_ascii().is_empty() {
            true => Ok(None),
            false => self.decode(&text).map(Some),
        }
    }

    async fn read<T: Read>(&mut self, limit: usize) -> Result<T, Failure> {
        let text = self.text(limit).await?;
        self.decode(&text)
    }

    /// Reads up to `limit` bytes. What goes beyond the free ones is charged as it comes, until the
    /// call is over: a document that waits for the writer is still held.
    async fn text(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut charged = FREE;
        let charge = &mut self.charge;
        let mut room = |bytes: usize| {
            // Twice: what the text is decoded into is about as large.
            let fits = bytes <= charged || charge.more(2 * (bytes - charged));
            charged = charged.max(bytes);
            fits.then_some(()).ok_or_else(|| no_room().into())
        };
        let clock = &self.shared.engine;
        self.body
            .whole(&self.headers, limit, clock, &mut room)
            .await
    }

    fn decode<T: Read>(&self, text: &[u8]) -> Result<T, Failure> {
        let content_type = self
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        Ok(Format::of_body(content_type).decode(text)?)
    }
}
