//! Logs of conversations, as the server keeps them in a user's mailbox: what was said, and what
//! nobody took (§ucwa/logs).
//!
//! Only talks of two are logged, for users with a password: simulated people have no mailbox that
//! anybody reads.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::event::Event;
use super::model::log::Log;
use super::model::paths::href;
use super::text::Text;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// The most logs of a user, and messages of a log; the oldest go.
const LOGS_MAX: usize = 100;
const SAID_MAX: usize = 500;

/// The conversation that a message belongs to.
pub struct Logged<'a> {
    /// Whose mailbox it is.
    pub of: &'a Address,
    /// Whom the owner talked with.
    pub with: &'a Address,
    /// The thread.
    pub thread: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The importance.
    pub importance: &'a str,
    /// True if nobody took the message.
    pub missed: bool,
}

impl World {
    /// Logs a message of a talk of two in the mailboxes of both.
    pub fn log_said(&mut self, now: Moment, talk: u64, from: &Address, text: &Text) {
        let Some(own) = self.talks.get(&talk).filter(|own| own.meeting.is_none()) else {
            return;
        };
        let (thread, subject) = (own.thread.clone(), own.subject.clone());
        let importance = own.importance.clone();
        let mut both: Vec<Address> = own
            .members
            .iter()
            .map(|member| member.address.clone())
            .collect();
        both.dedup();
        let [one, other] = &both[..] else { return };
        for (of, with) in [(one, other), (other, one)] {
            let logged = Logged {
                of,
                with,
                thread: &thread,
                subject: &subject,
                importance: &importance,
                missed: false,
            };
            self.log(now, &logged, from, text);
        }
    }

    /// Logs a message, and tells the owner's applications if nobody took it.
    pub fn log(&mut self, now: Moment, logged: &Logged<'_>, from: &Address, text: &Text) {
        let has_mailbox = self
            .people
            .get(logged.of)
            .is_some_and(|person| person.password.is_some());
        if !self.switches.history || !has_mailbox {
            return;
        }
        let number = self.number();
        let logs = self.logs.entry(logged.of.clone()).or_default();
        let same = logs.iter_mut().find(|log| {
            log.thread == logged.thread && log.with == *logged.with && log.missed == logged.missed
        });
        let said = (now, from.clone(), text.clone());
        match same {
            Some(log) => {
                if log.said.len() == SAID_MAX {
                    log.said.remove(0);
                }
                log.said.push(said);
                log.read &= !logged.missed;
            }
            None => {
                logs.truncate(LOGS_MAX - 1);
                logs.push_front(Log {
                    number,
                    with: logged.with.clone(),
                    thread: logged.thread.to_owned(),
                    subject: logged.subject.to_owned(),
                    importance: logged.importance.to_owned(),
                    created: now,
                    incoming: from != logged.of,
                    missed: logged.missed,
                    read: !logged.missed,
                    said: vec![said],
                });
            }
        }
        if logged.missed {
            let own = self
                .applications
                .iter()
                .filter(|(_, own)| own.user == *logged.of);
            let apps: Vec<String> = own.map(|(id, _)| id.clone()).collect();
            for app in apps {
                let base = format!("{}/communication", href(&app));
                let sender = ("communication", base.clone());
                let event = Event::new(
                    sender,
                    "updated",
                    "missedItems",
                    &format!("{base}/missedItems"),
                );
                self.push(now, &app, event);
            }
        }
    }

    /// Answers `GET {A}/communication/missedItems`.
    pub fn missed_items(&self, app: &str) -> Result<Answer, Answer> {
        let logs = self.logs_of(app)?;
        let missed = || logs.iter().filter(|log| log.missed);
        Ok(Answer::ok(json!({
            "rel": "missedItems", "conversationLogsCount": logs.len(), "conversationLogsNotifications": "Disabled",
            "missedConversationsCount": missed().count(),
            "unreadMissedConversationsCount": missed().filter(|log| !log.read).count(),
            "unreadVoicemailsCount": 0, "voiceMailsCount": 0,
            "_links": {"self": {"href": format!("{}/communication/missedItems", href(app))}},
        })))
    }

    /// Answers requests under `{A}/communication/conversationLogs`.
    pub fn conversation_logs(
        &mut self,
        app: &str,
        method: &str,
        rest: &[&str],
        limit: Option<usize>,
    ) -> Result<Answer, Answer> {
        let base = format!("{}/communication/conversationLogs", href(app));
        let missing = || Answer::from(Fault::not_found("ResourceNotFound"));
        let [number, rest @ ..] = rest else {
            if method != "GET" {
                return Err(Fault::method().into());
            }
            let logs = self.logs_of(app)?.iter().take(limit.unwrap_or(usize::MAX));
            let links: Vec<Value> = logs
                .map(|log| json!({"href": format!("{base}/{}", log.number)}))
                .collect();
            let links = json!({"self": {"href": base}, "conversationLog": links});
            return Ok(Answer::ok(
                json!({"rel": "conversationLogs", "_links": links}),
            ));
        };
        let number: u64 = number.parse().map_err(|_| missing())?;
        let user = self.existing(app)?.user.clone();
        let logs = self.logs.get_mut(&user).ok_or_else(missing)?;
        let at = logs
            .iter()
            .position(|log| log.number == number)
            .ok_or_else(missing)?;
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(logs[at].json(app, &base))),
            ([], "DELETE") => {
                logs.remove(at);
                Ok(Answer::done())
            }
            (["markasread"], "POST") => {
                logs[at].read = true;
                Ok(Answer::done())
            }
            (["conversationlogtranscripts"], "GET") => {
                Ok(Answer::ok(logs[at].page(app, &user, &base, 0)))
            }
            (["conversationlogtranscripts", page], "GET") => {
                let page = page.parse().map_err(|_| missing())?;
                Ok(Answer::ok(logs[at].page(app, &user, &base, page)))
            }
            ([] | ["markasread"] | ["conversationlogtranscripts", ..], _) => {
                Err(Fault::method().into())
            }
            _ => Err(missing()),
        }
    }

    fn logs_of(&self, app: &str) -> Result<&VecDeque<Log>, Answer> {
        static NONE: VecDeque<Log> = VecDeque::new();
        let user = &self.existing(app)?.user;
        Ok(self.logs.get(user).unwrap_or(&NONE))
    }
}
