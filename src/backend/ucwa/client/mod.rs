//! One account's client: it makes requests with the account's tokens, and nothing else knows about
//! tokens.
//!
//! Every request may be answered with a challenge. Then a token is fetched where the challenge
//! says, and the request is repeated once. So a user homed on another pool, or applications on
//! another host than the user, need no code of their own.

pub(super) mod application;
pub(super) mod connect;
pub(super) mod discover;
pub(super) mod http;
mod ntlm;
mod tokens;
mod windows;

use super::config::UcwaConfig;
use super::protocol::address::Sip;
use super::protocol::follow::follow;
use super::protocol::request::{Lost, Request, Response};
use super::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind, Inbox};
use http::{Connection, Http};
use std::sync::Arc;
use tokens::Tokens;

/// One account's client.
pub(super) struct Client {
    http: Arc<Http>,
    /// The service as configured.
    pub(super) config: Arc<UcwaConfig>,
    /// Timers, tasks and the engine's time.
    pub(super) inbox: Inbox,
    /// The account's address.
    pub(super) sip: Sip,
    /// An asynchronous lock: who needs a new token waits while another task fetches it.
    tokens: tokio::sync::Mutex<Tokens>,
}

impl Client {
    /// A client without tokens.
    pub(super) fn new(http: Arc<Http>, config: Arc<UcwaConfig>, inbox: Inbox, sip: Sip) -> Client {
        Client {
            http,
            config,
            inbox,
            sip,
            tokens: tokio::sync::Mutex::default(),
        }
    }

    /// The address that a link in a document of `from` leads to.
    ///
    /// # Errors
    /// As [`follow`].
    pub(super) fn follow(&self, from: &Url, href: &str) -> Result<Url, BackendError> {
        follow(&self.config, from, href)
    }

    /// Makes a request with the account's token for that host, and repeats it once with a new token
    /// if the server does not take the old one.
    ///
    /// # Errors
    /// [`Lost`] if there is no response.
    pub(super) async fn ask(&self, request: Request) -> Result<Response, Lost> {
        let (response, connection) = self.ask_over(request, None).await?;
        if let Some(connection) = connection {
            self.http.keep(connection);
        }
        Ok(response)
    }

    /// As [`Client::ask`], over the caller's own connection, which comes back with the response.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(super) async fn ask_over(
        &self,
        mut request: Request,
        own: Option<Connection>,
    ) -> Result<(Response, Option<Connection>), Lost> {
        let origin = request.url.origin.clone();
        request.token = self.token(&origin).await.map_err(Lost::Unsent)?;
        let (response, connection) = self.http.ask_over(&self.inbox, &request, own).await?;
        let is_challenged = response.status.is_forbidden() && !response.challenges.is_empty();
        if !response.status.wants_token() && !is_challenged {
            return Ok((response, connection));
        }
        let fresh = self
            .fresh(&request, &response)
            .await
            .map_err(Lost::Unsent)?;
        request.token = Some(fresh);
        let (response, connection) = self
            .http
            .ask_over(&self.inbox, &request, connection)
            .await?;
        if response.status.wants_token() {
            let reason = format!(
                "{origin} does not accept the token that it gave `{}`",
                self.sip
            );
            // The login was right, so this is no refused one: another server behind the same name
            // may take the token.
            return Err(Lost::Unsent(BackendError::new(
                BackendErrorKind::Protocol,
                reason,
            )));
        }
        Ok((response, connection))
    }
}
