//! The operator's resources, beside the contract.
//!
//! | | answers |
//! |---|---|
//! | `GET /healthz` | 200 while the process lives |
//! | `GET /readyz` | 200, or 503 with the reason, for a load balancer |
//! | `GET /openapi.json` | the description of all resources |
//! | `GET /Gateway/v1/Agents` | the state of every agent, and why |
//! | `GET /Gateway/v1/Agents/{agentId}` | one of them |
//! | `GET /Gateway/v1/Agents/{agentId}/Readers` | its named readers |
//! | `DELETE /Gateway/v1/Agents/{agentId}/Readers/{name}` | forgets one and its position, and ends its poll |
//! | `GET /Gateway/v1/Audit?since=N&limit=N` | changes after number `since` (0), oldest first, at most `limit` (100; 1,000) |
//!
//! The last five are for the super user and agents with provisioning mode System, and speak JSON.
//! An agent is `{Id, State: "Idle"|"Activating"|"Active", Reason, Since, Attempt, NextTry,
//! Channels: [{Id, State, Reason, NextTry}], Readers: [{Name, Lag, Moved}]}`: `Reason` says why it
//! is not active, `Attempt` counts tries since it was, `Lag` is the number of journal rows a reader
//! has not acknowledged. A change is `{Number, Time, Who, Action, Subject, Before, After}`. Times
//! are ISO 8601 in UTC; what is not there is null.

mod documents;
pub(super) mod route;

use super::answer::Success;
use super::call::Call;
use crate::error::Error;
use crate::model::{AgentId, Principal};
use crate::wire::error::{Failure, NOT_READY};
use documents::{AgentDocument, EntryDocument, Readiness};
use route::Route;

/// Changes in one response unless `limit` says otherwise.
const AUDIT_DEFAULT: usize = 100;

/// Returns a resource that anybody may read.
pub(super) fn public(call: &Call<'_>, asked: &Route) -> Success {
    let format = call.format;
    match asked {
        Route::Readiness => {
            let found = call.engine().readiness();
            let (ready, reason) = (found.ready, found.reason.as_str());
            let answer = Success::document(format, &Readiness { ready, reason });
            if ready {
                answer
            } else {
                answer
                    .with_status(NOT_READY)
                    .with("content-type", format.content_type())
                    .with("retry-after", "1")
            }
        }
        Route::Description => Success::made(call.shared.description()),
        _ => Success::document(format, "ok"),
    }
}

/// Returns a resource that needs the right to see all agents.
pub(super) async fn answer(
    call: Call<'_>,
    principal: Principal,
    asked: Route,
) -> Result<Success, Failure> {
    let engine = call.engine();
    let agent = match &asked {
        Route::Agent { agent } | Route::Readers { agent } | Route::ForgetReader { agent, .. } => {
            Some(AgentId::parse(agent)?)
        }
        _ => None,
    };
    let since = number(&call, "since", 0)?;
    let limit = number(&call, "limit", AUDIT_DEFAULT as u64)?;
    let administration = engine.provisioning(&principal)?;
    if asked == Route::Audit {
        let entries = administration
            .audit_async(since, usize::try_from(limit).unwrap_or(usize::MAX))
            .await?;
        return Ok(Success::json(
            &entries
                .into_iter()
                .map(EntryDocument::from)
                .collect::<Vec<_>>(),
        ));
    }
    if let (Route::ForgetReader { name, .. }, Some(agent)) = (&asked, &agent) {
        administration
            .delete_reader_async(agent.clone(), name.as_str())
            .await?;
        return Ok(Success::done());
    }
    // This call is refused to a caller who may not see all agents, so it comes before an agent is
    // looked for.
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
            Ok(status) => shown.push(AgentDocument::new(status, &readers)),
            // Deleted just now.
            Err(Error::NotFound(_)) if agent.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    }
    match agent {
        Some(_) if matches!(asked, Route::Readers { .. }) => {
            Ok(Success::json(&shown.pop().map(|agent| agent.readers)))
        }
        Some(_) => Ok(Success::json(&shown.pop())),
        None => Ok(Success::json(&shown)),
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
