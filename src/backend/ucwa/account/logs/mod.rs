//! What contacts said while the agent was away, from the server's logs (§ucwa/logs).
//!
//! A server drops what nobody fetches within 30 seconds. Some keep what was said, in the user's
//! mailbox, as logs of conversations. After a sign-in, and when the server tells of missed items,
//! the logs are read once for all contacts, one request after the other, within a deadline: a join
//! waits for them, because what was missed comes before what is said now, and goes on without them
//! if they do not come. The event channel waits for none of it.
//!
//! Rejected: to mark logs as read. People read the same mailbox.

mod heard;
mod reading;

pub(crate) use heard::Heard;

use super::effect::{LogStep as Step, Purpose, Timer};
use super::post::Done;
use super::turn::Turn;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::request::Request;
use crate::backend::{ChannelId, Joined, Received};
use chrono::{DateTime, TimeDelta, Utc};
use reading::Log;
use std::collections::VecDeque;
use std::time::Duration;

/// How long the logs may take.
const READING_MAX: Duration = Duration::from_secs(15);
/// Logs that are read at one time, the first that the server lists.
const LOGS_MAX: usize = 40;
/// Requests for logs and for pages of their messages at one time.
const REQUESTS_MAX: usize = 100;
/// Bytes of messages that are found at one time.
const BYTES_MAX: usize = 4 << 20;
/// How long the server's news of missed items wait after the last reading.
const PAUSE: TimeDelta = TimeDelta::seconds(60);

/// A contact that is joined once the logs were read.
pub(crate) struct Entering {
    pub(crate) channel: ChannelId,
    pub(crate) with: Sip,
    pub(crate) done: Done<Joined>,
    /// What the search knows of the contact.
    pub(crate) found: Option<Document>,
    pub(crate) heard: Heard,
}

/// A reading that is under way.
struct Reading {
    number: u64,
    /// Joins wait for it: then the number of unread items does not matter.
    is_joining: bool,
    logs: VecDeque<String>,
    /// The log whose messages are read.
    log: Option<Log>,
    requests: usize,
    /// Bytes of what was found.
    bytes: usize,
    found: Vec<(Sip, Received)>,
}

/// The reading of the logs, and who waits for it.
#[derive(Default)]
pub(crate) struct Logs {
    /// In a box: an account that waits has none.
    reading: Option<Box<Reading>>,
    waiting: Vec<Entering>,
    /// When the last reading began.
    last: Option<DateTime<Utc>>,
    /// News of missed items wait for the pause to end.
    is_due: bool,
}

/// A reading that has ended.
pub(crate) struct Ended {
    /// Who has waited for it.
    pub(crate) waiting: Vec<Entering>,
    /// What was found, in the order of its time.
    pub(crate) found: Vec<(Sip, Received)>,
}

impl Logs {
    /// Whether the server has logs.
    pub(crate) fn are_kept(turn: &Turn<'_>) -> bool {
        turn.profile.link("conversationLogs").is_ok()
    }

    /// A contact is joined when the logs were read.
    pub(crate) fn wait(&mut self, turn: &mut Turn<'_>, entering: Entering) {
        self.waiting.push(entering);
        self.begin(turn, true);
    }

    /// The server tells of missed items.
    pub(crate) fn news(&mut self, turn: &mut Turn<'_>) {
        let rest = self.last.map(|last| last + PAUSE - turn.now);
        match rest.and_then(|rest| rest.to_std().ok()) {
            _ if self.is_due || !Logs::are_kept(turn) => {}
            Some(rest) if !rest.is_zero() => {
                self.is_due = true;
                turn.wait(Timer::LogsDue, rest);
            }
            _ => self.begin(turn, false),
        }
    }

    /// The pause has ended.
    pub(crate) fn due(&mut self, turn: &mut Turn<'_>) {
        if std::mem::take(&mut self.is_due) {
            self.begin(turn, false);
        }
    }

    fn begin(&mut self, turn: &mut Turn<'_>, is_joining: bool) {
        if let Some(reading) = &mut self.reading {
            reading.is_joining |= is_joining;
            return;
        }
        let number = turn.number();
        self.last = Some(turn.now);
        self.reading = Some(Box::new(Reading {
            number,
            is_joining,
            logs: VecDeque::new(),
            log: None,
            requests: 0,
            bytes: 0,
            found: Vec::new(),
        }));
        turn.wait(Timer::Logs(number), READING_MAX);
        match turn.profile.link("missedItems") {
            Ok(url) => turn.ask(Purpose::Logs(number, Step::Count), Request::get(url)),
            Err(_) => list(turn, number),
        }
    }

    /// A document of the logs, or that there is none; returns the reading if it has ended with it.
    pub(crate) fn came(
        &mut self,
        turn: &mut Turn<'_>,
        number: u64,
        step: Step,
        found: Option<Document>,
    ) -> Option<Ended> {
        let reading = self.reading.as_mut()?;
        if reading.number != number {
            return None;
        }
        match (step, found) {
            (Step::Count, found) => {
                if reading.is_worth_it(found.as_ref()) {
                    list(turn, number);
                    return None;
                }
            }
            (Step::List, Some(list)) => {
                let links = list.anchors("conversationLog").take(LOGS_MAX);
                reading.logs = links.map(|link| link.href.to_string()).collect();
            }
            (Step::Log, Some(log)) => {
                if let Some(log) = Log::of(&log)
                    && reading.ask(turn, Step::Page, &log.transcripts)
                {
                    reading.log = Some(log);
                    return None;
                }
            }
            (Step::Page, Some(page)) => {
                if let Some(log) = &reading.log {
                    for (with, message) in log.said(&page) {
                        reading.bytes += message.weight();
                        if reading.bytes > BYTES_MAX {
                            return self.end();
                        }
                        reading.found.push((with, message));
                    }
                }
                if let Some(next) = page.link("nextConversationLogTranscripts")
                    && page.embedded("conversationLogTranscript").is_some()
                    && reading.ask(turn, Step::Page, next)
                {
                    return None;
                }
            }
            (_, None) => {}
        }
        while let Some(log) = reading.logs.pop_front() {
            if reading.ask(turn, Step::Log, &log) {
                return None;
            }
        }
        self.end()
    }

    /// The logs take too long: what was found must do.
    pub(crate) fn late(&mut self, number: u64) -> Option<Ended> {
        let is_it = self
            .reading
            .as_ref()
            .is_some_and(|reading| reading.number == number);
        is_it.then(|| self.end()).flatten()
    }

    /// The link is over: returns who waits.
    pub(crate) fn over(&mut self) -> Vec<Entering> {
        std::mem::take(self).waiting
    }

    fn end(&mut self) -> Option<Ended> {
        let mut found = self.reading.take()?.found;
        found.sort_by_key(|(_, message)| message.time);
        Some(Ended {
            waiting: std::mem::take(&mut self.waiting),
            found,
        })
    }
}

impl Reading {
    /// Whether the logs are to be read, by what the server says of missed items.
    fn is_worth_it(&self, items: Option<&Document>) -> bool {
        let Some(items) = items else {
            return self.is_joining;
        };
        let unread = items.number("unreadMissedConversationsCount");
        let all = ["conversationLogsCount", "missedConversationsCount"];
        let counted: Vec<u64> = all.iter().filter_map(|name| items.number(name)).collect();
        match self.is_joining {
            true => counted.is_empty() || counted.iter().any(|count| *count > 0),
            false => unread.is_none_or(|unread| unread > 0),
        }
    }

    /// Asks for the next document, unless there were too many; false if it does not.
    fn ask(&mut self, turn: &mut Turn<'_>, step: Step, href: &str) -> bool {
        self.requests += 1;
        match turn.profile.url(href) {
            Ok(url) if self.requests <= REQUESTS_MAX => {
                turn.ask(Purpose::Logs(self.number, step), Request::get(url));
                true
            }
            _ => false,
        }
    }
}

fn list(turn: &mut Turn<'_>, number: u64) {
    if let Ok(url) = turn.profile.link("conversationLogs") {
        let url = url.with("limit", &LOGS_MAX.to_string());
        turn.ask(Purpose::Logs(number, Step::List), Request::get(url));
    }
}
