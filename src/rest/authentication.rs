//! The authentication service (§tokens/log-in): the only one that asks for no token.

use super::answer::{NEGOTIATE, Success};
use super::call::Call;
use crate::error::Error;
use crate::model::{Credentials, Secret};
use crate::wire::error::Failure;
use crate::wire::route::Authentication;
use crate::wire::{AuthenticationCredentials, TokenDetails};
use http::header;

pub(super) async fn answer(mut call: Call<'_>, route: Authentication) -> Result<Success, Failure> {
    match route {
        Authentication::LogIn => log_in(&mut call).await,
        Authentication::TokenDetails { token } => {
            let details = call.engine().token_details(&token);
            // An unknown token is 400 here and not 401: a client would log in again for ever
            // (§tokens/details).
            let details = details.map_err(|error| match error {
                Error::Unauthorized(_) | Error::NotFound(_) => {
                    Error::invalid("the token is unknown or has expired")
                }
                other => other,
            })?;
            Ok(Success::document(call.format, &TokenDetails::from(details)))
        }
    }
}

async fn log_in(call: &mut Call<'_>) -> Result<Success, Failure> {
    let credentials = call.credentials::<AuthenticationCredentials>().await?;
    if call.engine().negotiates() {
        let has_name = credentials
            .as_ref()
            .is_some_and(|credentials| !credentials.username.is_empty());
        if let Some(ticket) = ticket(call) {
            let agent = credentials.map(|credentials| credentials.agent_id);
            return by_ticket(call, ticket, agent).await;
        }
        if !has_name {
            return Err(Failure::TicketWanted);
        }
    }
    let credentials =
        credentials.ok_or_else(|| Error::invalid("the body is empty, but must be a document"))?;
    let credentials = Credentials::from(credentials).from_peer(call.caller.peer());
    let token = call.engine().log_in_async(&credentials).await?;
    Ok(Success::document(call.format, token.expose()))
}

/// The ticket of `Authorization: Negotiate …` (§tokens/kerberos).
fn ticket(call: &Call<'_>) -> Option<Secret> {
    let value = call.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, ticket) = value.split_once(' ')?;
    let is_ticket = scheme.eq_ignore_ascii_case(NEGOTIATE);
    is_ticket.then(|| Secret::new(ticket.trim()))
}

async fn by_ticket(
    call: &mut Call<'_>,
    ticket: Secret,
    agent: Option<String>,
) -> Result<Success, Failure> {
    let logged_in = call
        .engine()
        .log_in_by_ticket_async(ticket, agent.as_deref());
    let (token, reply) = logged_in.await?;
    let answer = Success::document(call.format, token.expose());
    Ok(match reply {
        None => answer,
        Some(reply) => answer.with("www-authenticate", &format!("{NEGOTIATE} {reply}")),
    })
}
