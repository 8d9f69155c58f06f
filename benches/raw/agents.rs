//! Bare agents: plain state behind a lock, read from the engine's tables.

use parking_lot::Mutex;
use rusqlite::Connection;
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

/// One agent with its channels.
#[derive(Default)]
pub struct RawAgent {
    pub id: String,
    pub address: String,
    pub events: VecDeque<u64>,
    pub stamps: [u64; 2],
    pub channels: Vec<(String, bool)>,
    pub spans: Vec<(i64, i64)>,
}

/// All agents of the database at `path`: its rows read in three scans, and the newest message.
pub fn read(path: &Path) -> rusqlite::Result<HashMap<i64, Arc<Mutex<RawAgent>>>> {
    let connection = Connection::open(path)?;
    let mut agents = HashMap::new();
    let mut statement = connection.prepare("SELECT key, id, address FROM agent ORDER BY key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let agent = RawAgent {
            id: row.get(1)?,
            address: row.get(2)?,
            ..RawAgent::default()
        };
        agents.insert(row.get(0)?, Arc::new(Mutex::new(agent)));
    }
    let mut statement =
        connection.prepare("SELECT agent, channel FROM agent_channel ORDER BY agent, position")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(agent) = agents.get(&row.get::<_, i64>(0)?) {
            agent.lock().channels.push((row.get(1)?, false));
        }
    }
    let mut statement =
        connection.prepare("SELECT agent, conversation, since FROM membership ORDER BY agent")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(agent) = agents.get(&row.get::<_, i64>(0)?) {
            agent.lock().spans.push((row.get(1)?, row.get(2)?));
        }
    }
    let newest: Option<i64> =
        connection.query_row("SELECT max(seq) FROM message", [], |row| row.get(0))?;
    std::hint::black_box(newest);
    Ok(agents)
}
