//! The account's tokens, one for each host.
//!
//! A token is sent only to hosts that the configuration allows. It is renewed before it expires,
//! and when the server refuses it.

use super::Client;
use super::ntlm::Login;
use super::windows;
use crate::backend::ucwa::config::Grant;
use crate::backend::ucwa::protocol::challenge::Challenge;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::follow::keeps_secrets;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response};
use crate::backend::ucwa::protocol::url::{Origin, Url, encode};
use crate::backend::{BackendError, BackendErrorKind};
use chrono::{DateTime, TimeDelta, Utc};
use hyper::header::HeaderValue;
use std::time::Duration;

/// How long a token request may take.
const STEP_MAX: Duration = Duration::from_secs(10);
/// The most hosts for which an account has tokens.
const TOKENS_MAX: usize = 4;
/// The lifetime in seconds of a token for which the server gives none (§ucwa/token: a user's lives
/// 8 hours).
const LIFE_DEFAULT: u64 = 3600;
/// A token is renewed that long before it expires, or after nine tenths of its lifetime if that is
/// later.
const RENEWED_BEFORE: TimeDelta = TimeDelta::minutes(10);

/// The tokens that an account has.
pub(super) type Tokens = Vec<Token>;

/// A token of one host.
pub(super) struct Token {
    origin: Origin,
    value: HeaderValue,
    /// When it is renewed.
    renew: DateTime<Utc>,
    issuer: Url,
}

impl Client {
    /// Returns the token for a host. A token that is about to expire is renewed first.
    pub(super) async fn token(&self, origin: &Origin) -> Result<Option<HeaderValue>, BackendError> {
        let mut tokens = self.tokens.lock().await;
        let Some(token) = tokens.iter_mut().find(|token| token.origin == *origin) else {
            return Ok(None);
        };
        if self.inbox.now() >= token.renew {
            match self.issue(token.issuer.clone(), origin).await {
                Ok(fresh) => *token = fresh,
                // The old token is still valid. A request in a minute tries again.
                Err(error) if error.is_passing() => {
                    token.renew = self.inbox.now() + TimeDelta::minutes(1)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(token.value.clone()))
    }

    /// Returns a new token after the server refused the one in `ask`. Another request may have
    /// fetched it already.
    pub(super) async fn fresh(
        &self,
        ask: &Request,
        answer: &Response,
    ) -> Result<HeaderValue, BackendError> {
        let mut tokens = self.tokens.lock().await;
        let origin = &ask.url.origin;
        let known = tokens.iter().position(|token| token.origin == *origin);
        if let Some(known) = known
            && ask.token.as_ref() != Some(&tokens[known].value)
        {
            return Ok(tokens[known].value.clone());
        }
        if !keeps_secrets(&self.config, origin) {
            return Err(BackendError::refused(format!(
                "{origin} requires a token, and the connection has no TLS"
            )));
        }
        let challenge = self.challenge(ask, answer).map_err(|error| {
            // A host that gave a token before does not mean it: something else has answered.
            match known {
                Some(_) => BackendError::new(BackendErrorKind::Protocol, error.reason),
                None => error,
            }
        })?;
        let issuer = self.follow(&ask.url, &challenge.href)?;
        let token = self.issue(issuer, origin).await?;
        let value = token.value.clone();
        match known {
            Some(known) => tokens[known] = token,
            None => {
                if tokens.len() == TOKENS_MAX {
                    tokens.remove(0);
                }
                tokens.push(token);
            }
        }
        Ok(value)
    }

    /// Reads where a token is issued.
    fn challenge(&self, ask: &Request, answer: &Response) -> Result<Challenge, BackendError> {
        let challenge = Challenge::read(answer.challenges.iter().map(String::as_str))?;
        let is_takable = match self.config.grant {
            Grant::Password => challenge.takes_password(),
            Grant::Windows => challenge.takes_windows(),
        };
        if is_takable {
            return Ok(challenge);
        }
        Err(BackendError::refused(format!(
            "{} does not take the configured kind of login, only: {}",
            ask.url.origin,
            challenge.grants()
        )))
    }

    /// Fetches a token.
    async fn issue(&self, issuer: Url, origin: &Origin) -> Result<Token, BackendError> {
        let late = || {
            Err(BackendError::unreachable(
                "the password's source does not answer",
            ))
        };
        let secret = self
            .inbox
            .within(STEP_MAX, self.config.passwords.secret(self.sip.as_str()))
            .await;
        let secret = secret.unwrap_or_else(late)?;
        let (name, password) = (self.config.login_of(&self.sip), secret.expose());
        let answer = match self.config.grant {
            Grant::Windows => {
                windows::ask_for_token(
                    (&self.http, &self.inbox, &self.sip),
                    &issuer,
                    &Login::new(&name, password),
                    STEP_MAX,
                )
                .await?
            }
            Grant::Password => {
                let form = format!(
                    "grant_type=password&username={}&password={}",
                    encode(&name),
                    encode(password)
                );
                let ask = Request::post(issuer.clone())
                    .body("application/x-www-form-urlencoded;charset=UTF-8", form);
                self.http
                    .ask(&self.inbox, &ask.within(STEP_MAX))
                    .await
                    .map_err(Lost::error)?
            }
        };
        if !answer.status.is_success() {
            return Err(answer.failure().of_token(self.sip.as_str()));
        }
        let document = Document::read(&answer.body).unwrap_or_default();
        let unfit = || {
            BackendError::new(
                BackendErrorKind::Protocol,
                format!("{issuer} gave no token"),
            )
        };
        let text = document.text("access_token").ok_or_else(unfit)?;
        let mut value = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| unfit())?;
        value.set_sensitive(true);
        let seconds = document
            .number("expires_in")
            .unwrap_or(LIFE_DEFAULT)
            .min(i32::MAX as u64) as i64;
        let life = TimeDelta::seconds(seconds);
        let renew = self.inbox.now() + (life - RENEWED_BEFORE).max(life * 9 / 10);
        Ok(Token {
            origin: origin.clone(),
            value,
            renew,
            issuer,
        })
    }
}
