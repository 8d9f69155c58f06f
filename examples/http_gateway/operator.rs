//! For whoever operates this gateway, beside the contract.
//!
//! | | answers |
//! |---|---|
//! | `GET /healthz` | 200 while the process lives |
//! | `GET /readyz` | 200, or 503 with the reason, for whoever decides where requests go |
//! | `GET /openapi.json` | the description of all resources |
//! | `GET /Gateway/v1/Agents` | how every agent stands, and why |
//! | `GET /Gateway/v1/Agents/{agentId}` | one of them |
//! | `GET /Gateway/v1/Agents/{agentId}/Readers` | its named readers |
//! | `DELETE /Gateway/v1/Agents/{agentId}/Readers/{name}` | forgets one, with its place; whoever reads under it is ended |
//! | `GET /Gateway/v1/Audit?since=N&limit=N` | changes after number `since` (0), oldest first, at most `limit` (100; 1,000) |
//!
//! The last five are for the super user and agents with provisioning mode System, and speak JSON. An agent is
//! `{Id, State: "Idle"|"Activating"|"Active", Reason, Since, Attempt, NextTry, Channels: [{Id, State, Reason, NextTry}],
//! Readers: [{Name, Lag, Moved}]}`: `Reason` says why it is not active, `Attempt` counts tries since it was, `Lag` is
//! the number of journal rows a reader has not acknowledged. A change is `{Number, Time, Who, Action, Subject, Before,
//! After}`. Times are ISO 8601 in UTC; what is not there is null.

use crate::answer::{Answer, Failure};
use crate::handler::Call;
use axum::http::StatusCode;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use switchboard::wire::Document;
use switchboard::wire::route::Resource;
use switchboard::wire::xml::Root;
use switchboard::{AgentId, AgentState, AgentStatus, AuditEntry, Error, Principal, ReaderStatus};

/// What an operator can ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Health,
    Readiness,
    Description,
    Agents,
    Agent { agent: String },
    Readers { agent: String },
    ForgetReader { agent: String, name: String },
    Audit,
}

/// The operator's resources.
#[rustfmt::skip]
pub(crate) const TABLE: &[Resource<Asked>] = &[
    Resource { path: "/healthz", methods: &[("GET", |_| Asked::Health)] },
    Resource { path: "/readyz", methods: &[("GET", |_| Asked::Readiness)] },
    Resource { path: "/openapi.json", methods: &[("GET", |_| Asked::Description)] },
    Resource { path: "/Gateway/v1/Agents", methods: &[("GET", |_| Asked::Agents)] },
    Resource { path: "/Gateway/v1/Agents/{agentId}", methods: &[("GET", |v| Asked::Agent { agent: v.0 })] },
    Resource { path: "/Gateway/v1/Agents/{agentId}/Readers", methods: &[("GET", |v| Asked::Readers { agent: v.0 })] },
    Resource { path: "/Gateway/v1/Agents/{agentId}/Readers/{name}", methods: &[
        ("DELETE", |v| Asked::ForgetReader { agent: v.0, name: v.1 })] },
    Resource { path: "/Gateway/v1/Audit", methods: &[("GET", |_| Asked::Audit)] },
];

/// Changes in one answer unless more are asked for.
const AUDIT_DEFAULT: usize = 100;

impl Asked {
    /// Whether anybody may ask.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self, Asked::Health | Asked::Readiness | Asked::Description)
    }
}

/// What `/readyz` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Readiness<'a> {
    ready: bool,
    reason: &'a str,
}

impl Document for Readiness<'_> {
    fn root() -> Root {
        Root::bare("Readiness")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Agent {
    id: String,
    state: &'static str,
    reason: Option<String>,
    since: String,
    attempt: u32,
    next_try: Option<String>,
    channels: Vec<Channel>,
    readers: Vec<Reader>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Channel {
    id: String,
    state: &'static str,
    reason: Option<String>,
    next_try: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reader {
    name: String,
    lag: u64,
    moved: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    number: u64,
    time: String,
    who: String,
    action: String,
    subject: String,
    before: Option<Value>,
    after: Option<Value>,
}

/// Answers what anybody may ask.
pub(crate) fn public(call: &Call<'_>, asked: &Asked) -> Answer {
    let format = call.format;
    match asked {
        Asked::Readiness => {
            let found = call.gateway.engine.readiness();
            let stopping = call.gateway.is_stopping();
            let ready = found.ready && !stopping;
            let reason = if stopping { "stopping" } else { &found.reason };
            let mut answer = Answer::document(format, &Readiness { ready, reason });
            if !ready {
                answer.status = StatusCode::SERVICE_UNAVAILABLE;
                answer = answer
                    .with("content-type", format.content_type())
                    .with("retry-after", "1");
            }
            answer
        }
        Asked::Description => Answer::made(call.gateway.description()),
        _ => Answer::document(format, "ok"),
    }
}

/// Answers the rest.
pub(crate) async fn answer(
    call: Call<'_>,
    principal: &Principal,
    asked: Asked,
) -> Result<Answer, Failure> {
    let engine = &call.gateway.engine;
    let agent = match &asked {
        Asked::Agent { agent } | Asked::Readers { agent } | Asked::ForgetReader { agent, .. } => {
            Some(AgentId::parse(agent)?)
        }
        _ => None,
    };
    let since = number(&call, "since", 0)?;
    let limit = number(&call, "limit", AUDIT_DEFAULT as u64)?;
    let administration = engine.provisioning(principal)?;
    if asked == Asked::Audit {
        let entries = administration
            .audit_async(since, usize::try_from(limit).unwrap_or(usize::MAX))
            .await?;
        return Ok(Answer::json(
            &entries.into_iter().map(Entry::from).collect::<Vec<_>>(),
        ));
    }
    if let (Asked::ForgetReader { name, .. }, Some(agent)) = (&asked, &agent) {
        administration
            .delete_reader_async(agent.clone(), name.as_str())
            .await?;
        return Ok(Answer::empty(StatusCode::OK));
    }
    // It is refused to whoever may not see all agents, so it comes before any of them is looked for.
    let readers = administration.readers_async().await?;
    let agents = match &agent {
        Some(agent) => vec![agent.clone()],
        None => administration
            .agents_async()
            .await?
            .into_iter()
            .map(|agent| agent.id)
            .collect(),
    };
    let mut shown = Vec::with_capacity(agents.len());
    for id in agents {
        match engine.agent_status(&id) {
            Ok(status) => shown.push(Agent::new(status, &readers)),
            // Deleted just now.
            Err(Error::NotFound(_)) if agent.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    }
    match agent {
        Some(_) if matches!(asked, Asked::Readers { .. }) => {
            Ok(Answer::json(&shown.pop().map(|agent| agent.readers)))
        }
        Some(_) => Ok(Answer::json(&shown.pop())),
        None => Ok(Answer::json(&shown)),
    }
}

fn number(call: &Call<'_>, name: &str, default: u64) -> Result<u64, Error> {
    match call.query.single(name)? {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| Error::Invalid(format!("{name} must be a whole number"))),
    }
}

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn state(state: AgentState) -> &'static str {
    match state {
        AgentState::Activating => "Activating",
        AgentState::Active => "Active",
        _ => "Idle",
    }
}

impl Agent {
    fn new(status: AgentStatus, readers: &[ReaderStatus]) -> Agent {
        let own = readers.iter().filter(|reader| reader.agent == status.id);
        Agent {
            readers: own
                .map(|reader| Reader {
                    name: reader.name.to_string(),
                    lag: reader.lag,
                    moved: iso(reader.moved),
                })
                .collect(),
            id: status.id.to_string(),
            state: state(status.state),
            reason: status.reason,
            since: iso(status.since),
            attempt: status.attempt,
            next_try: status.next_try.map(iso),
            channels: status
                .channels
                .into_iter()
                .map(|channel| Channel {
                    id: channel.id.to_string(),
                    state: state(channel.state),
                    reason: channel.reason,
                    next_try: channel.next_try.map(iso),
                })
                .collect(),
        }
    }
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Entry {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Entry {
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
