//! How every connection is set up.

use super::error::storage;
use super::location::Durability;
use crate::error::Result;
use rusqlite::Connection;
use std::time::Duration;

/// How long a statement waits for a lock that another program holds.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Sets up a connection; `reading`: it cannot write.
pub(super) fn pragmas(
    connection: &Connection,
    durability: Durability,
    reading: bool,
) -> Result<()> {
    let synchronous = match durability {
        Durability::Power => "FULL",
        Durability::Process => "NORMAL",
    };
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA busy_timeout = 5000;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA secure_delete = FAST;
             PRAGMA cache_size = -8000;
             PRAGMA temp_store = MEMORY;
             PRAGMA query_only = {};",
            if reading { "ON" } else { "OFF" }
        ))
        .map_err(storage)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}
