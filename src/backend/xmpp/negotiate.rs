//! From a connection to a stream that carries stanzas, as a component or as an account.

use super::config::{Accounts, Component, Security, XmppConfig};
use super::errors;
use super::jid::Jid;
use super::login::{Ended, login, next};
use super::ns;
use super::resolver;
use super::srv::Endpoint;
use super::stream::{Stream, Way};
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind, Inbox, Secret, Trust};
use sha1::{Digest, Sha1};
use std::time::Duration;

/// How many servers, one after the other, may send us to another one.
const HOPS_MAX: usize = 3;
/// How long the hosts of an account may take together. The dial as a whole has a little more.
const HOSTS_TIME: Duration = Duration::from_secs(18);
/// How long a host may take to accept the connection until the next one is tried.
const CONNECT_MAX: Duration = Duration::from_secs(8);

/// A stream that is ready for stanzas.
pub(super) struct Ready {
    pub(super) stream: Stream,
    /// The component's domain, or the account's address with its resource.
    pub(super) jid: Jid,
    /// True if acknowledgements are counted (XEP-0198).
    pub(super) acknowledges: bool,
    /// The elements that came before it was ready.
    pub(super) early: Vec<Element>,
}

fn protocol(reason: impl Into<String>) -> BackendError {
    BackendError::new(BackendErrorKind::Protocol, reason)
}

/// Signs a component in (XEP-0114).
pub(super) async fn component(
    component: &Component,
    trust: &Trust,
    inbox: &Inbox,
) -> Result<Ready, BackendError> {
    let secret = component.secret.secret(&component.domain).await?;
    let (domain, security) = (&*component.domain, component.security);
    let way = Way {
        host: &component.host,
        port: component.port,
        security,
        trust,
        domain,
    };
    let mut stream = Stream::connect(&way, inbox).await?;
    let header = stream.open(domain, ns::COMPONENT).await?;
    let Some(id) = header.attribute("id") else {
        // A server that does not know the component says so in place of the handshake.
        return Err(stream
            .expect()
            .await
            .err()
            .unwrap_or_else(|| protocol("the stream has no id")));
    };
    let digest = Sha1::digest(format!("{id}{}", secret.expose()));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    stream
        .send(&format!("<handshake>{hex}</handshake>"))
        .await?;
    let answer = stream.expect().await?;
    if !answer.is("handshake", ns::CLIENT) {
        return Err(protocol(format!(
            "the handshake was answered with <{}>",
            answer.name
        )));
    }
    let jid = Jid::parse(domain)
        .ok_or_else(|| BackendError::refused(format!("`{domain}` is not a domain")))?;
    Ok(Ready {
        stream,
        jid,
        acknowledges: false,
        early: Vec::new(),
    })
}

/// Signs an account in (RFC 6120), at the first of its domain's hosts that admits it. Each host has
/// its share of the time.
pub(super) async fn account(
    jid: &Jid,
    accounts: &Accounts,
    config: &XmppConfig,
    inbox: &Inbox,
) -> Result<Ready, BackendError> {
    let deadline = inbox.now() + HOSTS_TIME;
    let secret = accounts.secrets.secret(jid.bare()).await?;
    let mut endpoints = endpoints(jid, accounts, inbox).await.into_iter();
    let mut kept = None;
    while let Some(endpoint) = endpoints.next() {
        let left = (deadline - inbox.now()).to_std().unwrap_or_default();
        let share = share(left, endpoints.len());
        let name = format!("{}:{}", endpoint.host, endpoint.port);
        let signed_in = at(endpoint, jid, &secret, config, inbox);
        let failed = match inbox.within(share, signed_in).await {
            Some(Ok(ready)) => return Ok(ready),
            Some(Err(failed)) => failed,
            None => Failed::before_login(BackendError::unreachable(format!(
                "{name} did not complete the sign-in in time"
            ))),
        };
        if !failed.may_try_next() {
            return Err(failed.error);
        }
        tracing::debug!(host = name, reason = failed.error.reason, "a host failed");
        kept = Some(more_telling(kept, failed.error));
    }
    Err(kept.unwrap_or_else(|| {
        BackendError::refused(format!(
            "`{}` says that it serves no accounts",
            jid.domain()
        ))
    }))
}

/// Returns the hosts of an account, in the order in which they are tried.
async fn endpoints(jid: &Jid, accounts: &Accounts, inbox: &Inbox) -> Vec<Endpoint> {
    let security = accounts.security;
    let is_tls = matches!(security, Security::StartTls | Security::DirectTls);
    if accounts.host.is_none() && accounts.port.is_none() && is_tls {
        return resolver::endpoints(accounts.resolver, jid.domain(), security, inbox).await;
    }
    let host = accounts.host.as_deref().unwrap_or(jid.domain()).to_owned();
    let is_direct = security == Security::DirectTls;
    let port = accounts.port.unwrap_or(if is_direct { 5223 } else { 5222 });
    vec![Endpoint {
        host,
        port,
        security,
    }]
}

/// Returns the time of one host, if that many others are tried after it. What a host leaves over
/// is for those.
fn share(left: Duration, others: usize) -> Duration {
    left.min(HOSTS_TIME) / u32::try_from(others + 1).unwrap_or(u32::MAX)
}

/// A host that did not admit an account.
struct Failed {
    error: BackendError,
    /// True if the account's password was not used yet.
    is_before_login: bool,
}

impl Failed {
    fn before_login(error: BackendError) -> Failed {
        Failed {
            error,
            is_before_login: true,
        }
    }

    /// Returns whether another host of the domain may do better. Once a host has refused the
    /// password, it would be refused everywhere.
    fn may_try_next(&self) -> bool {
        self.is_before_login || self.error.kind == BackendErrorKind::Unreachable
    }
}

/// Returns the failure that decides when the account is tried again: the first one that may pass,
/// else the first one.
fn more_telling(kept: Option<BackendError>, new: BackendError) -> BackendError {
    match kept {
        Some(kept) if kept.is_passing() || !new.is_passing() => kept,
        _ => new,
    }
}

/// Signs an account in at one host, or at the host that this one names.
async fn at(
    endpoint: Endpoint,
    jid: &Jid,
    secret: &Secret,
    config: &XmppConfig,
    inbox: &Inbox,
) -> Result<Ready, Failed> {
    let Endpoint {
        mut host,
        mut port,
        security,
    } = endpoint;
    for _ in 0..HOPS_MAX {
        let way = Way {
            host: &host,
            port,
            security,
            trust: &config.trust,
            domain: jid.domain(),
        };
        let mut is_before_login = true;
        let signed_in = async {
            let (stream, offered) = reach(&way, jid, inbox).await?;
            is_before_login = false;
            enter(stream, offered, jid, secret, &config.resource).await
        };
        let (other, other_port) = match signed_in.await {
            Ok(ready) => return Ok(ready),
            Err(Ended::Elsewhere(other, port)) => (other, port),
            Err(Ended::Failed(error)) => {
                return Err(Failed {
                    error,
                    is_before_login,
                });
            }
        };
        // Without TLS nobody has to prove anything there: the login is for the host that is
        // configured.
        if security == Security::InsecurePlaintext && other != host {
            return Err(Failed::before_login(BackendError::refused(format!(
                "the server redirects to `{other}`, and the connection has no TLS"
            ))));
        }
        (host, port) = (other, other_port.unwrap_or(port));
    }
    Err(Failed::before_login(BackendError::unreachable(
        "the server redirects from one host to another",
    )))
}

async fn features(stream: &mut Stream, domain: &str) -> Result<Element, Ended> {
    stream.open(domain, ns::CLIENT).await?;
    let features = next(stream).await?;
    if features.is("features", ns::STREAM) {
        Ok(features)
    } else {
        Err(protocol("the server sent no features").into())
    }
}

/// Connects to a host, with TLS where that is configured. Returns the stream with what the host
/// offers. The password is not used yet.
async fn reach(way: &Way<'_>, jid: &Jid, inbox: &Inbox) -> Result<(Stream, Element), Ended> {
    let connected = inbox.within(CONNECT_MAX, Stream::connect(way, inbox)).await;
    let mut stream = connected.ok_or_else(|| {
        BackendError::unreachable(format!("{}:{} does not answer", way.host, way.port))
    })??;
    let mut offered = features(&mut stream, jid.domain()).await?;
    if way.security == Security::StartTls {
        if offered.find("starttls", ns::TLS).is_none() {
            return Err(BackendError::refused("the server offers no STARTTLS").into());
        }
        stream
            .send(&Element::new("starttls", ns::TLS).to_xml())
            .await?;
        if !next(&mut stream).await?.is("proceed", ns::TLS) {
            return Err(BackendError::unreachable("the server refused to begin TLS").into());
        }
        stream.secure(way).await?;
        offered = features(&mut stream, jid.domain()).await?;
    }
    Ok((stream, offered))
}

/// Logs in on the stream, and makes it ready for stanzas.
async fn enter(
    mut stream: Stream,
    offered: Element,
    jid: &Jid,
    secret: &Secret,
    resource: &str,
) -> Result<Ready, Ended> {
    login(&mut stream, &offered, jid, secret).await?;
    let offered = features(&mut stream, jid.domain()).await?;
    let jid = bind(&mut stream, resource).await?;
    let mut early = Vec::new();
    let mut acknowledges = false;
    if offered.find("sm", ns::SM).is_some() {
        stream
            .send(&Element::new("enable", ns::SM).to_xml())
            .await?;
        loop {
            let answer = next(&mut stream).await?;
            if answer.namespace == ns::SM {
                acknowledges = answer.name == "enabled";
                break;
            }
            early.push(answer);
        }
    }
    Ok(Ready {
        stream,
        jid,
        acknowledges,
        early,
    })
}

async fn bind(stream: &mut Stream, resource: &str) -> Result<Jid, Ended> {
    let resource = Element::new("resource", ns::BIND).text(resource);
    let request = Element::stanza("iq").with("type", "set").with("id", "bind");
    stream
        .send(
            &request
                .child(Element::new("bind", ns::BIND).child(resource))
                .to_xml(),
        )
        .await?;
    let answer = loop {
        let answer = next(stream).await?;
        if answer.is("iq", ns::CLIENT) && answer.attribute("id") == Some("bind") {
            break answer;
        }
    };
    if answer.attribute("type") == Some("error") {
        let error = errors::StanzaError::of(&answer);
        return Err(BackendError::unreachable(format!(
            "the resource was refused: {}",
            error.reason()
        ))
        .into());
    }
    let jid = answer
        .find("bind", ns::BIND)
        .and_then(|bind| bind.text_of("jid", ns::BIND));
    jid.and_then(|jid| Jid::parse(&jid))
        .ok_or_else(|| protocol("the server bound no address").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_share_of_the_time() {
        assert_eq!(share(HOSTS_TIME, 0), HOSTS_TIME);
        assert_eq!(share(HOSTS_TIME, 1), HOSTS_TIME / 2);
        assert_eq!(share(HOSTS_TIME * 9, 2), HOSTS_TIME / 3, "a clock was set");
        assert_eq!(share(Duration::ZERO, 3), Duration::ZERO);
    }

    #[test]
    fn the_next_host_is_tried_until_the_password_was_refused() {
        use BackendErrorKind::{Protocol, Refused, Unreachable};
        let may = |kind, is_before_login| {
            let error = BackendError::new(kind, "x");
            let failed = Failed {
                error,
                is_before_login,
            };
            failed.may_try_next()
        };
        for kind in [
            Refused,
            Protocol,
            Unreachable,
            BackendErrorKind::Unsupported,
        ] {
            assert!(may(kind, true), "{kind:?}");
        }
        assert!(may(Unreachable, false), "the host went away");
        assert!(!may(Refused, false) && !may(Protocol, false));
        let error = |kind, reason: &str| BackendError::new(kind, reason);
        let said = |errors: &[(BackendErrorKind, &str)]| {
            let all = errors.iter().map(|(kind, reason)| error(*kind, reason));
            let kept = all.fold(None, |kept, new| Some(more_telling(kept, new)));
            kept.expect("one at least").reason
        };
        assert_eq!(
            said(&[(Refused, "a"), (Unreachable, "b"), (Protocol, "c")]),
            "b"
        );
        assert_eq!(said(&[(Refused, "a"), (Refused, "b")]), "a");
    }
}
