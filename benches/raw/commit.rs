//! A bare group commit: one writer thread with a queue, one transaction per drained queue, and an
//! answer after the commit.

use crate::common::world::{PRAGMAS, SCHEMA};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use rusqlite::{Connection, params};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

/// As in the engine's writer.
const GROUP: usize = 512;
const WAL_BYTES: usize = 8 << 20;
const IDLE: Duration = Duration::from_millis(200);

/// The engine's row of a post.
pub struct Row {
    pub conversation: i64,
    pub message_id: String,
    pub origin_id: String,
    pub sender: String,
    pub sender_agent: i64,
    pub posted_by: String,
    pub time: i64,
    pub text: String,
}

struct Entry {
    row: Row,
    done: Sender<()>,
}

/// The writer.
pub struct RawWriter {
    queue: Sender<Entry>,
    thread: Option<JoinHandle<()>>,
}

impl RawWriter {
    pub fn open(path: &Path) -> RawWriter {
        let connection = Connection::open(path).expect("opens");
        connection.execute_batch(PRAGMAS).expect("pragmas");
        connection.execute_batch(SCHEMA).expect("schema");
        let (queue, entries) = unbounded();
        let thread = std::thread::Builder::new()
            .name("raw-writer".into())
            .spawn(move || run(&connection, &entries));
        RawWriter {
            queue,
            thread: Some(thread.expect("starts")),
        }
    }

    /// Posts and waits for the answer on a channel that the poster keeps.
    pub fn post(&self, row: Row, reply: &(Sender<()>, Receiver<()>)) {
        self.queue
            .send(Entry {
                row,
                done: reply.0.clone(),
            })
            .expect("the writer lives");
        reply.1.recv().expect("the writer answers");
    }
}

impl Drop for RawWriter {
    fn drop(&mut self) {
        self.queue = unbounded().0;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the writer ended in good order");
        }
    }
}

fn run(connection: &Connection, entries: &Receiver<Entry>) {
    let mut begin = connection.prepare("BEGIN IMMEDIATE").expect("SQL");
    let mut commit = connection.prepare("COMMIT").expect("SQL");
    let mut insert = connection
        .prepare(
            "INSERT INTO message (seq, conversation, message_id, origin_id, sender, sender_alias, sender_agent,
                                  posted_by, time, committed, alert, transfer, subject, text, parts,
                                  classification, contexts)
             VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6, ?7, ?8, ?8, 0, 0, NULL, ?9, NULL, NULL, NULL)
             ON CONFLICT DO NOTHING",
        )
        .expect("SQL");
    let (mut seq, mut dirty) = (0i64, 0usize);
    let mut waiting: Vec<Sender<()>> = Vec::with_capacity(GROUP);
    loop {
        let first = match entries.recv_timeout(IDLE) {
            Ok(entry) => entry,
            Err(RecvTimeoutError::Timeout) => {
                checkpoint(connection, &mut dirty, 0);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        begin.execute([]).expect("begins");
        let mut next = Some(first);
        while let Some(Entry { row, done }) = next {
            seq += 1;
            dirty += row.text.len() + 700;
            let Row {
                conversation,
                message_id,
                origin_id,
                sender,
                sender_agent,
                posted_by,
                time,
                text,
            } = row;
            insert
                .execute(params![
                    seq,
                    conversation,
                    message_id,
                    origin_id,
                    sender,
                    sender_agent,
                    posted_by,
                    time,
                    text
                ])
                .expect("inserts");
            waiting.push(done);
            next = if waiting.len() < GROUP {
                entries.try_recv().ok()
            } else {
                None
            };
        }
        commit.execute([]).expect("commits");
        for done in waiting.drain(..) {
            let _ = done.send(());
        }
        checkpoint(connection, &mut dirty, WAL_BYTES);
    }
}

fn checkpoint(connection: &Connection, dirty: &mut usize, above: usize) {
    if *dirty > above {
        *dirty = 0;
        connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .expect("checkpoints");
    }
}
