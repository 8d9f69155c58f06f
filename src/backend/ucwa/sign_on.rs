//! Signing on: where the account's server is, and the tokens that it wants, a host each.
//!
//! Every step is one request that may be answered with a challenge: then a token is had where the challenge says, and
//! the step is repeated once. So a user homed on another pool, or applications on another host than the user, need
//! nothing of their own. Tokens go to hosts that the configuration allows, never elsewhere; each is renewed before it
//! ends, and when the server does not take it any more.

use super::address::Sip;
use super::challenge::Challenge;
use super::config::{Grant, UcwaConfig};
use super::document::Document;
use super::http::{Answer, Ask, Http, Line, Lost};
use super::ntlm::Login;
use super::place::{Origin, Place, encode};
use super::windows;
use crate::backend::{BackendError, BackendErrorKind, Inbox};
use chrono::{DateTime, TimeDelta, Utc};
use hyper::header::HeaderValue;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Links followed from a root to the applications at most: a root, a redirect or two, the user, another pool's.
const HOPS_MAX: usize = 8;
/// How long one step may take: four candidates are tried within a dial.
const STEP_MAX: Duration = Duration::from_secs(10);
/// Hosts that an account has tokens of at most.
const TOKENS_MAX: usize = 4;
/// The life of a token that does not say how long it lives (section 1.3: 8 hours of a user's).
const LIFE_DEFAULT: u64 = 3600;
/// A token is renewed that long before it ends, or after nine tenths of its life where that is later.
const RENEWED_BEFORE: TimeDelta = TimeDelta::minutes(10);

/// A token of one host.
struct Token {
    origin: Origin,
    value: HeaderValue,
    /// When a new one is wanted.
    renew: DateTime<Utc>,
    issuer: Place,
}

/// One account's way to its server.
pub(super) struct Account {
    pub(super) http: Arc<Http>,
    pub(super) config: Arc<UcwaConfig>,
    pub(super) inbox: Inbox,
    pub(super) address: Sip,
    /// An asynchronous lock, because whoever needs a new token waits while another gets it.
    tokens: tokio::sync::Mutex<Vec<Token>>,
}

/// The root that answered last, for all accounts.
#[derive(Default)]
pub(super) struct Root(Mutex<Option<Place>>);

impl Account {
    pub(super) fn new(
        http: Arc<Http>,
        config: Arc<UcwaConfig>,
        inbox: Inbox,
        address: Sip,
    ) -> Account {
        Account {
            http,
            config,
            inbox,
            address,
            tokens: tokio::sync::Mutex::default(),
        }
    }

    /// Finds where the account's applications are made.
    pub(super) async fn discover(&self, found: &Root) -> Result<Place, BackendError> {
        let known = found.0.lock().clone();
        let mut candidates: Vec<Place> = known.iter().cloned().collect();
        candidates.extend(
            self.candidates()
                .into_iter()
                .filter(|root| known.as_ref() != Some(root)),
        );
        let mut first = None;
        for root in candidates {
            match self.walk(&root).await {
                Ok(applications) => {
                    *found.0.lock() = Some(root);
                    return Ok(applications);
                }
                // The server knows its users: what it says is the answer.
                Err((error, true)) => return Err(error),
                Err((error, false)) => {
                    found.0.lock().take_if(|found| *found == root);
                    tracing::debug!(%root, reason = error.reason, "no sign-on here");
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or_else(|| BackendError::refused("the root is no address")))
    }

    /// Where autodiscovery may begin, in the order of section 1.1. A first hop without TLS learns nothing but where to
    /// go on.
    fn candidates(&self) -> Vec<Place> {
        if let Some(root) = &self.config.root {
            return Place::parse(root).into_iter().collect();
        }
        let hosts = ["lyncdiscoverinternal", "lyncdiscover"].into_iter();
        let urls = hosts.flat_map(|host| {
            ["https", "http"].map(|scheme| format!("{scheme}://{host}.{}/", self.config.domain))
        });
        urls.filter_map(|url| Place::parse(&url)).collect()
    }

    fn keeps_secrets(&self, origin: &Origin) -> bool {
        origin.keeps_secrets() || self.config.insecure_plain_http
    }

    /// Follows a root to the applications. The flag of a failure says that the user was found.
    async fn walk(&self, root: &Place) -> Result<Place, (BackendError, bool)> {
        let (mut place, mut is_user) = (root.clone(), false);
        for _ in 0..HOPS_MAX {
            let here = move |error| (error, is_user);
            let ask = Ask::get(place.clone()).within(STEP_MAX);
            let answer = self.ask(ask).await.map_err(|lost| here(lost.error()))?;
            let next = if answer.status.is_redirect() {
                answer.location.clone()
            } else if !answer.status.is_success() {
                return Err(here(answer.failure().of_request(&format!("{place}"))));
            } else {
                let stray = || {
                    BackendError::new(
                        BackendErrorKind::Protocol,
                        format!("{place} is no server of UCWA"),
                    )
                };
                let document = Document::read(&answer.body).ok_or_else(|| here(stray()))?;
                if let Some(applications) = document.link("applications") {
                    return self.follow(&place, applications).map_err(here);
                }
                is_user |= document.link("user").is_some();
                document
                    .link("user")
                    .or_else(|| document.link("redirect"))
                    .map(str::to_owned)
            };
            let here = move |error| (error, is_user);
            let lost =
                || BackendError::new(BackendErrorKind::Protocol, format!("{place} leads nowhere"));
            let next = next.ok_or_else(|| here(lost()))?;
            place = self.follow(&place, &next).map_err(here)?;
        }
        Err((
            BackendError::new(
                BackendErrorKind::Protocol,
                format!("{root} leads from one address to the next"),
            ),
            is_user,
        ))
    }

    /// What a link leads to, if that is a server whom the account may trust.
    pub(super) fn follow(&self, from: &Place, href: &str) -> Result<Place, BackendError> {
        let unreadable = || {
            BackendError::new(
                BackendErrorKind::Protocol,
                format!("{from} has a link that leads nowhere"),
            )
        };
        let place = from.follow(href).ok_or_else(unreadable)?;
        if !self.keeps_secrets(&place.origin) {
            return Err(BackendError::refused(format!(
                "{from} leads to {}, which is without TLS",
                place.origin
            )));
        }
        if place.origin == from.origin || self.config.allows_host(&place.origin.host) {
            return Ok(place);
        }
        Err(BackendError::refused(format!(
            "{from} leads to {}, which is not among the hosts that are allowed",
            place.origin
        )))
    }

    /// Asks with the account's token for that host, and once more with a new one where the old one is not taken.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Answer, Lost> {
        let (answer, line) = self.ask_over(ask, None).await?;
        if let Some(line) = line {
            self.http.keep(line);
        }
        Ok(answer)
    }

    /// As [`Account::ask`], over a connection of one's own.
    pub(super) async fn ask_over(
        &self,
        mut ask: Ask,
        own: Option<Line>,
    ) -> Result<(Answer, Option<Line>), Lost> {
        let origin = ask.place.origin.clone();
        ask.token = self.token(&origin).await.map_err(Lost::Unsent)?;
        let (answer, line) = self.http.ask_over(&self.inbox, &ask, own).await?;
        let is_challenged = answer.status.is_forbidden() && !answer.challenges.is_empty();
        if !answer.status.wants_token() && !is_challenged {
            return Ok((answer, line));
        }
        let fresh = self.fresh(&ask, &answer).await.map_err(Lost::Unsent)?;
        ask.token = Some(fresh);
        let (answer, line) = self.http.ask_over(&self.inbox, &ask, line).await?;
        if answer.status.wants_token() {
            let reason = format!(
                "{origin} does not accept the token that it gave `{}`",
                self.address
            );
            return Err(Lost::Unsent(BackendError::refused(reason)));
        }
        Ok((answer, line))
    }

    /// The token for a host, renewed if it is about to end.
    async fn token(&self, origin: &Origin) -> Result<Option<HeaderValue>, BackendError> {
        let mut tokens = self.tokens.lock().await;
        let Some(token) = tokens.iter_mut().find(|token| token.origin == *origin) else {
            return Ok(None);
        };
        if self.inbox.now() >= token.renew {
            match self.issue(token.issuer.clone(), origin).await {
                Ok(fresh) => *token = fresh,
                // It has not ended yet; the next request tries again, a minute from now.
                Err(error) if error.is_passing() => {
                    token.renew = self.inbox.now() + TimeDelta::minutes(1)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(token.value.clone()))
    }

    /// A new token, because the server did not take the one in `ask`; another request may have got it already.
    async fn fresh(&self, ask: &Ask, answer: &Answer) -> Result<HeaderValue, BackendError> {
        let mut tokens = self.tokens.lock().await;
        let origin = &ask.place.origin;
        let known = tokens.iter().position(|token| token.origin == *origin);
        if let Some(known) = known
            && ask.token.as_ref() != Some(&tokens[known].value)
        {
            return Ok(tokens[known].value.clone());
        }
        if !self.keeps_secrets(origin) {
            return Err(BackendError::refused(format!(
                "{origin} wants a token, and the way there is without TLS"
            )));
        }
        let challenge = Challenge::read(answer.challenges.iter().map(String::as_str))?;
        let is_takable = match self.config.grant {
            Grant::Password => challenge.takes_password(),
            Grant::Windows => challenge.takes_windows(),
        };
        if !is_takable {
            let grants = challenge.grants();
            return Err(BackendError::refused(format!(
                "{origin} does not take the configured kind of login, only: {grants}"
            )));
        }
        let issuer = self.follow(&ask.place, &challenge.href)?;
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

    /// Gets a token.
    async fn issue(&self, issuer: Place, origin: &Origin) -> Result<Token, BackendError> {
        let late = || {
            Err(BackendError::unreachable(
                "the password's source does not answer",
            ))
        };
        let secret = self
            .inbox
            .within(
                STEP_MAX,
                self.config.passwords.secret(self.address.as_str()),
            )
            .await;
        let secret = secret.unwrap_or_else(late)?;
        let (name, password) = (self.config.login_of(&self.address), secret.expose());
        let answer = match self.config.grant {
            Grant::Windows => {
                windows::ask_for_token(self, &issuer, &Login::new(&name, password), STEP_MAX)
                    .await?
            }
            Grant::Password => {
                let form = format!(
                    "grant_type=password&username={}&password={}",
                    encode(&name),
                    encode(password)
                );
                let ask = Ask::post(issuer.clone())
                    .body("application/x-www-form-urlencoded;charset=UTF-8", form);
                self.http
                    .ask(&self.inbox, &ask.within(STEP_MAX))
                    .await
                    .map_err(Lost::error)?
            }
        };
        if !answer.status.is_success() {
            return Err(answer.failure().of_token(self.address.as_str()));
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
