//! An administrator's call: what all resources of this service have in common.
//!
//! Rejected: a trait for the resources. It takes more lines than it saves.

use super::super::answer::Success;
use super::super::call::Call;
use crate::model::Principal;
use crate::services::{AsyncResult, Provisioning};
use crate::wire::error::Failure;
use crate::wire::{Document, Read};

/// A call, and who makes it.
pub(super) struct Administration<'a> {
    call: Call<'a>,
    principal: &'a Principal,
}

impl<'a> Administration<'a> {
    pub(super) fn new(call: Call<'a>, principal: &'a Principal) -> Administration<'a> {
        Administration { call, principal }
    }

    /// Reads the document in the body.
    pub(super) async fn body<T: Read>(&mut self) -> Result<T, Failure> {
        self.call.document().await
    }

    /// Reads the text to search for.
    pub(super) fn search(&self) -> Result<String, Failure> {
        Ok(self.call.query.search()?)
    }

    /// Responds with a document for each item that `find` returns.
    pub(super) async fn list<D: From<T>, T>(
        self,
        find: impl FnOnce(&Provisioning) -> AsyncResult<Vec<T>>,
    ) -> Result<Success, Failure>
    where
        Vec<D>: Document,
    {
        let found = find(&self.service()?).await?;
        Ok(Success::documents::<T, D>(self.call.format, found))
    }

    /// Responds with the document of what `find` returns.
    pub(super) async fn one<D: From<T> + Document, T>(
        self,
        find: impl FnOnce(&Provisioning) -> AsyncResult<T>,
    ) -> Result<Success, Failure> {
        let found = find(&self.service()?).await?;
        Ok(self.document(&D::from(found)))
    }

    /// Responds with a document.
    pub(super) fn document(&self, document: &impl Document) -> Success {
        Success::document(self.call.format, document)
    }

    /// Responds without a document once `change` has succeeded.
    pub(super) async fn change<T>(
        self,
        change: impl FnOnce(&Provisioning) -> AsyncResult<T>,
    ) -> Result<Success, Failure> {
        change(&self.service()?).await?;
        Ok(Success::done())
    }

    /// The service, if the principal may use it. Ids and the body are checked before this is called.
    pub(super) fn service(&self) -> Result<Provisioning, Failure> {
        Ok(self.call.engine().provisioning(self.principal)?)
    }
}
