//! Long reads, done in pieces: scans and looks.

use super::connections::Connections;
use super::stop::Stop;
use crate::database::error::Failure;
use crate::error::Result;
use rusqlite::Connection;
use std::time::{Duration, Instant};

/// How long a scan runs before others have their turn: with ten owners and two threads, a turn
/// comes every 150 ms.
const SCAN_TURN: Duration = Duration::from_millis(30);
/// How long a look runs before others have their turn.
const LOOK_TURN: Duration = Duration::from_millis(20);
/// A read whose cost grows with what is stored, done piece by piece.
pub(crate) trait Scan: Send + 'static {
    /// What it finds.
    type Found: Send + 'static;

    /// Reads for a few milliseconds; `None` if there is more to read. It checks `stop` between
    /// rows. It keeps little between slices, because all scans that wait may have begun.
    ///
    /// # Errors
    /// The reason of `stop`; `Storage`; `Corrupt`.
    fn slice(
        &mut self,
        connection: &Connection,
        stop: &Stop,
    ) -> Result<Option<Self::Found>, Failure>;
}

/// A scan of one slice, for a list whose length an administrator decides.
pub(crate) struct Whole<F>(pub(crate) F);

impl<T, F> Scan for Whole<F>
where
    T: Send + 'static,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    type Found = T;

    fn slice(&mut self, connection: &Connection, _: &Stop) -> Result<Option<T>, Failure> {
        Ok(Some((self.0)(connection)?))
    }
}

/// Runs a scan for one turn; `None` if there is more to read.
pub(super) fn scan_for_a_turn<S: Scan>(
    connections: &Connections,
    stop: &Stop,
    scan: &mut S,
) -> Result<Option<S::Found>> {
    let until = Instant::now() + SCAN_TURN;
    loop {
        let found = connections.now(stop, |connection| scan.slice(connection, stop))?;
        if found.is_some() || Instant::now() >= until {
            return Ok(found);
        }
    }
}

/// One turn of a look. It holds neither a transaction nor a connection while it matches.
pub(crate) struct Turn<'a> {
    connections: &'a Connections,
    stop: &'a Stop,
    until: Instant,
}

impl<'a> Turn<'a> {
    pub(super) fn new(connections: &'a Connections, stop: &'a Stop) -> Turn<'a> {
        Turn {
            connections,
            stop,
            until: Instant::now() + LOOK_TURN,
        }
    }

    /// Reads inside one transaction.
    ///
    /// # Errors
    /// As the read; `Closed`; `TimedOut` if nobody waits for it.
    pub(crate) fn read<T, E: Into<Failure>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T> {
        self.connections.now(self.stop, read)
    }

    /// Whether the turn is over, or nobody waits for the result.
    pub(crate) fn is_up(&self) -> bool {
        Instant::now() >= self.until || self.stop.check().is_err()
    }
}
