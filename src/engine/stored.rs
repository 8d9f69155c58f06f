//! What the database says when the engine opens, read before anything else is started.
//!
//! The dates are noted before anybody can log in. Once, a token was stored by the date of a clock
//! that was 60 days ahead, and the process was killed before its first note a minute later; each
//! start by the right date then took the row for one of 60 more days. No row is left with an end
//! beyond a whole lifetime from now either, as a file of an earlier version or a shortened lifetime
//! has them: bounded in memory only, such a token came back at every start. Rejected: deleting
//! those rows, which would log everybody out whenever the lifetime is shortened.

use crate::clock::{Calendar, Clock};
use crate::config::{Builder, EventMode};
use crate::database::{self, Durability, Opened, damaged, storage};
use crate::error::Result;
use crate::journal::{self, Freshness, Opening};
use crate::store;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

/// An open database, and what was read from it.
pub(super) struct Stored {
    pub(super) opened: Arc<Opened>,
    pub(super) opening: Opening,
    pub(super) calendar: Arc<Calendar>,
    /// How far back a reader without a cursor is given events, in milliseconds.
    pub(super) window: i64,
}

impl Stored {
    pub(super) fn open(builder: &Builder) -> Result<Stored> {
        let opened = Arc::new(database::open(database::Wanted {
            location: builder.location.clone(),
            durability: builder.durability,
            accept_loss: builder.accept_loss,
            reach: journal::reach,
        })?);
        let window = i64::try_from(builder.event_window.as_millis()).unwrap_or(i64::MAX);
        let now = builder.clock.wall().timestamp_millis();
        let opening = read_opening(&opened, builder, now, window)?;
        let calendar = open_calendar(&opened, builder.clock.clone(), builder.token_lifetime)?;
        Ok(Stored {
            opened,
            opening,
            calendar: Arc::new(calendar),
            window,
        })
    }
}

fn read_opening(opened: &Opened, builder: &Builder, now: i64, window: i64) -> Result<Opening> {
    let fresh = Freshness {
        always: builder.event_mode == EventMode::Buffered || opened.is_copy(),
        after_unclean: builder.durability == Durability::Process,
    };
    let read = |connection: &Connection| {
        journal::open(connection, fresh, opened.lost(), now, window).map_err(damaged("setting"))
    };
    match opened.memory() {
        Some(memory) => read(&memory.lock()),
        None => read(&opened.write_through()?),
    }
}

/// Continues from the dates that the database was last open at, and notes those of this start.
fn open_calendar(opened: &Opened, clock: Arc<dyn Clock>, lifetime: Duration) -> Result<Calendar> {
    let proceed = |connection: &Connection| {
        let transaction = connection.unchecked_transaction().map_err(storage)?;
        let calendar = Calendar::new(
            clock,
            journal::dates::seen(&transaction).map_err(damaged("setting"))?,
        );
        let dates = calendar.dates();
        let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        store::tokens::bound(&transaction, dates.ledger.saturating_add(lifetime))
            .map_err(damaged("token"))?;
        journal::dates::note(&transaction, dates).map_err(damaged("setting"))?;
        transaction.commit().map_err(storage)?;
        Ok(calendar)
    };
    match opened.memory() {
        Some(memory) => proceed(&memory.lock()),
        None => proceed(&opened.write()?),
    }
}
