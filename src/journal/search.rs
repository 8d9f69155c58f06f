//! Search as a scan of the journal, newest first, each conversation by its own index, in slices.
//!
//! A slice reads a bounded number of rows and bytes for a bounded time, and remembers its position.
//! A search over everything takes seconds, and must not hold a transaction or the only connection
//! of a database in memory for so long. Dates are compared here and not in SQL, where one statement
//! that finds nothing would read all rows at once. A full-text index may replace this scan later;
//! its results must be the same.

use super::row::{MESSAGE_COLUMNS, read_message};
use super::spans::conversation;
use crate::database::{Failure, Scan, Stop};
use crate::error::Result;
use crate::model::{Message, Place, SearchCriteria, Seq, What};
use crate::words::Words;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows read in one slice.
const ROWS: usize = 400;
/// Bytes read in one slice, roughly.
const BYTES: usize = 2 << 20;
/// Real time of one slice, roughly: the cost of matching depends on the words.
const TIME: Duration = Duration::from_millis(5);

/// A search under way.
pub(crate) struct Search {
    places: Vec<Place>,
    words: Words,
    from: i64,
    until: i64,
    limit: usize,
    /// What all that is found may weigh, in bytes.
    bytes_max: usize,
    /// Which place is searched, and below which seq.
    at: usize,
    below: Seq,
    /// With the weight of each, and the index of its place.
    found: BTreeMap<Seq, (usize, usize)>,
    bytes: usize,
    /// Nothing up to here can be among the newest.
    floor: Seq,
}

impl Search {
    /// Searches for the newest `limit` matching messages of `places`, with at most `bytes_max`
    /// bytes in all; older ones are left out first.
    ///
    /// # Errors
    /// `Invalid` for too many words.
    pub(crate) fn new(
        places: Vec<Place>,
        criteria: &SearchCriteria,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Search> {
        Ok(Search {
            places,
            words: Words::of(criteria)?,
            from: criteria
                .from
                .map_or(i64::MIN, |from| from.timestamp_millis()),
            until: criteria
                .until
                .map_or(i64::MAX, |until| until.timestamp_millis()),
            limit,
            bytes_max,
            at: 0,
            below: Seq::MAX,
            found: BTreeMap::new(),
            bytes: 0,
            floor: 0,
        })
    }

    /// Reads one slice of the present place; true if the place is done.
    fn place(&mut self, connection: &Connection, stop: &Stop) -> Result<bool, Failure> {
        let place = self.places[self.at].clone();
        let Some(key) = conversation(connection, &place)? else {
            return Ok(true);
        };
        let sql = format!(
            "SELECT {MESSAGE_COLUMNS} FROM message
             WHERE conversation = ?1 AND seq < ?2
             ORDER BY seq DESC LIMIT {ROWS}"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![key.0, self.below])?;
        let (mut count, mut bytes) = (0, 0);
        let began = Instant::now();
        while let Some(row) = rows.next()? {
            stop.check()?;
            let record = read_message(row, &place.channel)?;
            if record.seq <= self.floor {
                return Ok(true);
            }
            count += 1;
            let weight = record.weight();
            bytes += weight;
            self.below = record.seq;
            if let What::Message { message, .. } = &record.what
                && (self.from..self.until).contains(&message.time.timestamp_millis())
                && matches(&self.words, message)
            {
                self.keep(record.seq, message.encoded_bytes());
            }
            if bytes >= BYTES || began.elapsed() >= TIME {
                return Ok(false);
            }
        }
        Ok(count < ROWS)
    }

    fn keep(&mut self, seq: Seq, weight: usize) {
        self.found.insert(seq, (weight, self.at));
        self.bytes += weight;
        while self.found.len() > 1 && (self.found.len() > self.limit || self.bytes > self.bytes_max)
        {
            let Some((oldest, (weight, _))) = self.found.pop_first() else {
                return;
            };
            self.bytes -= weight;
            self.floor = oldest;
        }
        if self.found.len() == self.limit
            && let Some((oldest, _)) = self.found.first_key_value()
        {
            self.floor = self.floor.max(oldest.saturating_sub(1));
        }
    }

    /// The messages that were found, without those deleted since.
    fn read_found(&self, connection: &Connection, stop: &Stop) -> Result<Vec<Message>, Failure> {
        let sql = format!("SELECT {MESSAGE_COLUMNS} FROM message WHERE seq = ?1");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut messages = Vec::with_capacity(self.found.len());
        for (seq, (_, place)) in &self.found {
            stop.check()?;
            let channel = &self.places[*place].channel;
            let record = statement
                .query_row([seq], |row| read_message(row, channel))
                .optional()?;
            if let Some(What::Message { message, .. }) = record.map(|record| record.what) {
                messages.push(Arc::unwrap_or_clone(message));
            }
        }
        Ok(messages)
    }
}

impl Scan for Search {
    type Found = Vec<Message>;

    fn slice(
        &mut self,
        connection: &Connection,
        stop: &Stop,
    ) -> Result<Option<Vec<Message>>, Failure> {
        let mut asked = 0;
        while self.at < self.places.len() && asked < ROWS {
            stop.check()?;
            if !self.place(connection, stop)? {
                return Ok(None);
            }
            self.at += 1;
            self.below = Seq::MAX;
            asked += 20;
        }
        if self.at < self.places.len() {
            return Ok(None);
        }
        self.read_found(connection, stop).map(Some)
    }
}

fn matches(words: &Words, message: &Message) -> bool {
    match &message.content.subject {
        None => words.are_in(&message.text),
        Some(subject) => words.are_in(&format!("{subject} {}", message.text)),
    }
}
