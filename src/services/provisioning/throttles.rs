//! Throttles (§throttles/document).

use super::change::Changed;
use super::follow::Follow;
use super::right::Need;
use super::{Provisioning, failed};
use crate::database::Whole;
use crate::error::{Error, Result};
use crate::model::{Change, Id, Throttle, ThrottleId};
use crate::services::AsyncResult;
use crate::store::throttles::{self, ThrottlePut};
use crate::waiting::park;

impl Provisioning {
    /// All throttles (§throttles/document).
    ///
    /// # Errors
    /// `Forbidden` unless the mode is System; `Storage`.
    pub fn throttles(&self) -> Result<Vec<Throttle>> {
        park(self.throttles_async())
    }

    /// As [`Provisioning::throttles`], on any executor.
    pub fn throttles_async(&self) -> AsyncResult<Vec<Throttle>> {
        self.when(Need::System, |parts, _, _| async move {
            parts
                .reads
                .scan(Whole(|connection: &_| throttles::all(connection)))
                .await
        })
    }

    /// One throttle (§throttles/document).
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System; `Storage`.
    pub fn throttle(&self, id: impl Id<ThrottleId>) -> Result<Throttle> {
        park(self.throttle_async(id))
    }

    /// As [`Provisioning::throttle`], on any executor.
    pub fn throttle_async(&self, id: impl Id<ThrottleId>) -> AsyncResult<Throttle> {
        let id = match id.into_id() {
            Ok(id) => id,
            Err(error) => return failed(error),
        };
        self.when(Need::System, |parts, _, _| async move {
            let wanted = id.clone();
            let read = parts
                .reads
                .read(move |connection| throttles::find(connection, &wanted));
            read.await?.ok_or_else(|| Error::unknown("throttle", &id))
        })
    }

    /// Creates a throttle or replaces it (§throttles/type). What was posted in the last 60 seconds
    /// counts at once.
    ///
    /// # Errors
    /// `Invalid` if the stored throttle has another kind; `Forbidden` unless the mode is System;
    /// `Busy`; `Storage`.
    pub fn put_throttle(&self, throttle: Throttle) -> Result<Change> {
        park(self.put_throttle_async(throttle))
    }

    /// As [`Provisioning::put_throttle`], on any executor.
    pub fn put_throttle_async(&self, throttle: Throttle) -> AsyncResult<Change> {
        self.when(Need::System, |parts, principal, need| {
            parts.change(
                principal,
                need,
                move |transaction, stamp| match throttles::put(transaction, &throttle, stamp)? {
                    ThrottlePut::Done(change, throttle) => Ok(Changed {
                        value: change,
                        effects: Vec::new(),
                        follow: Follow::Throttle(throttle),
                    }),
                    ThrottlePut::KindDiffers(kind) => Err(Error::Invalid(format!(
                        "throttle `{}` is of type {}, which cannot change",
                        throttle.id, kind as i32
                    ))
                    .into()),
                },
            )
        })
    }

    /// Deletes a throttle.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` unless the mode is System; `Busy`; `Storage`.
    pub fn delete_throttle(&self, id: impl Id<ThrottleId>) -> Result<()> {
        park(self.delete_throttle_async(id))
    }

    /// As [`Provisioning::delete_throttle`], on any executor.
    pub fn delete_throttle_async(&self, id: impl Id<ThrottleId>) -> AsyncResult<()> {
        let id = match id.into_id() {
            Ok(id) => id,
            Err(error) => return failed(error),
        };
        self.when(Need::System, |parts, principal, need| {
            parts.change(principal, need, move |transaction, stamp| {
                let gone = throttles::delete(transaction, &id, stamp)?;
                let gone = gone.ok_or_else(|| Error::unknown("throttle", &id))?;
                Ok(Changed {
                    value: (),
                    effects: Vec::new(),
                    follow: Follow::ThrottleGone(gone.id),
                })
            })
        })
    }
}
