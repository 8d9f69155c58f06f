//! The operator's documents. They are our own and have no form but JSON, except `Readiness`.

use crate::model::{AgentState, AgentStatus, AuditEntry, JoinState, ReaderStatus};
use crate::wire::Document;
use crate::wire::xml::Root;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;

/// The document of `/readyz`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Readiness<'a> {
    pub(super) ready: bool,
    pub(super) reason: &'a str,
}

impl Document for Readiness<'_> {
    fn root() -> Root {
        Root::bare("Readiness")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AgentDocument {
    id: String,
    state: &'static str,
    reason: Option<String>,
    since: String,
    attempt: u32,
    next_try: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    channels: Vec<ChannelDocument>,
    pub(super) readers: Vec<ReaderDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChannelDocument {
    id: String,
    state: &'static str,
    reason: Option<String>,
    next_try: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReaderDocument {
    name: String,
    lag: u64,
    moved: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EntryDocument {
    number: u64,
    time: String,
    who: String,
    action: String,
    subject: String,
    before: Option<Value>,
    after: Option<Value>,
}

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn agent_state(state: AgentState) -> &'static str {
    match state {
        AgentState::Activating => "Activating",
        AgentState::Active => "Active",
        _ => "Idle",
    }
}

fn join_state(state: JoinState) -> &'static str {
    match state {
        JoinState::Activating => "Activating",
        JoinState::Active => "Active",
        _ => "Idle",
    }
}

impl AgentDocument {
    pub(super) fn new(status: AgentStatus, readers: &[ReaderStatus]) -> AgentDocument {
        let own = readers.iter().filter(|reader| reader.agent == status.id);
        AgentDocument {
            readers: own
                .map(|reader| ReaderDocument {
                    name: reader.name.to_string(),
                    lag: reader.lag,
                    moved: iso(reader.moved),
                })
                .collect(),
            id: status.id.to_string(),
            state: agent_state(status.state),
            reason: status.reason,
            since: iso(status.since),
            attempt: status.attempt,
            next_try: status.next_try.map(iso),
            warning: status.warning,
            channels: status
                .channels
                .into_iter()
                .map(|channel| ChannelDocument {
                    id: channel.id.to_string(),
                    state: join_state(channel.state),
                    reason: channel.reason,
                    next_try: channel.next_try.map(iso),
                })
                .collect(),
        }
    }
}

impl From<AuditEntry> for EntryDocument {
    fn from(entry: AuditEntry) -> EntryDocument {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        EntryDocument {
            number: entry.number,
            time: iso(entry.time),
            who: entry.who,
            action: entry.action,
            subject: entry.subject,
            before: json(entry.before),
            after: json(entry.after),
        }
    }
}
