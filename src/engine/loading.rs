//! Memory is brought to what the database says when the engine opens: by the same code that later
//! follows each change.

use crate::agents::{Desired, Registry};
use crate::clock::Calendar;
use crate::database::{Reads, damaged};
use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::journal::{self, Opening};
use crate::model::Who;
use crate::services::{Access, Admission, Services};
use crate::store;
use rusqlite::Connection;
use std::time::Duration;

/// What is loaded into, and the time of it.
pub(super) struct Loading<'a> {
    pub(super) services: &'a Services,
    pub(super) registry: &'a Registry,
    pub(super) hub: &'a Hub,
    pub(super) calendar: &'a Calendar,
}

impl Loading<'_> {
    pub(super) fn load(&self, reads: &Reads, opening: Opening) -> Result<()> {
        let now = self.hub.timer().now();
        // If the clock was set back meanwhile, this is the date that was noted last.
        let date = self.calendar.ledger();
        let Opening {
            mut spans,
            window,
            floor,
            ..
        } = opening;
        reads.now(|connection| {
            load_throttles(connection, self.services.admission(), now, date)?;
            load_tokens(connection, self.services.access(), date)?;
            store::agents::each_desired(connection, |row| {
                let spans = spans.remove(&row.key).unwrap_or_default();
                self.hub.add_agent(row.key, row.id.clone(), spans);
                self.registry.apply(Desired::from(&row), false);
                Ok(())
            })
            .map_err(damaged("agent"))?;
            self.hub.remember(floor, window, date);
            Ok::<(), Error>(())
        })
    }
}

/// The throttles, and the posts of the last minute that they count. `date` is in milliseconds since
/// 1970.
fn load_throttles(
    connection: &Connection,
    admission: &Admission,
    now: Duration,
    date: i64,
) -> Result<()> {
    admission.replace(store::throttles::all(connection).map_err(damaged("throttle"))?);
    let posts = journal::recent_posts(connection, date - 60_000).map_err(damaged("message"))?;
    for (agent, channel, at) in posts {
        admission.restore(agent, &channel, milliseconds(date.saturating_sub(at)), now);
    }
    Ok(())
}

fn load_tokens(connection: &Connection, access: &Access, date: i64) -> Result<()> {
    for row in store::tokens::all_live(connection, date).map_err(damaged("token"))? {
        let who = match (row.agent, row.user) {
            (Some((key, agent)), Some(user)) => Who::Agent {
                agent,
                key,
                user,
                username: row.username,
            },
            _ => Who::SuperUser(row.username),
        };
        let left = milliseconds(row.expires.saturating_sub(date));
        access.restore(row.digest, who, left);
    }
    Ok(())
}

/// A time in milliseconds; a negative one is none.
fn milliseconds(time: i64) -> Duration {
    Duration::from_millis(u64::try_from(time).unwrap_or(0))
}
