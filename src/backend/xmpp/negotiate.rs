//! From a connection to a stream that carries stanzas, as a component or as an account.

use super::config::{Accounts, Component, Security, XmppConfig};
use super::errors;
use super::jid::Jid;
use super::ns;
use super::resolver;
use super::scram::{Bound, Hash, Scram};
use super::srv::Endpoint;
use super::stream::{Stream, Way};
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind, Inbox, Secret, Trust};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use std::time::Duration;

/// How many servers, one after the other, may send us to another one.
const HOPS_MAX: usize = 3;
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
pub(super) async fn component(component: &Component, trust: &Trust) -> Result<Ready, BackendError> {
    let secret = component.secret.secret(&component.domain).await?;
    let (domain, security) = (&*component.domain, component.security);
    let way = Way {
        host: &component.host,
        port: component.port,
        security,
        trust,
        domain,
    };
    let mut stream = Stream::connect(&way).await?;
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

/// Signs an account in (RFC 6120), at the first of its domain's hosts that can be reached.
pub(super) async fn account(
    jid: &Jid,
    accounts: &Accounts,
    config: &XmppConfig,
    inbox: &Inbox,
) -> Result<Ready, BackendError> {
    let secret = accounts.secrets.secret(jid.bare()).await?;
    let security = accounts.security;
    let is_tls = matches!(security, Security::StartTls | Security::DirectTls);
    let endpoints = if accounts.host.is_none() && accounts.port.is_none() && is_tls {
        resolver::endpoints(accounts.resolver, jid.domain(), security, inbox).await
    } else {
        let host = accounts
            .host
            .clone()
            .unwrap_or_else(|| jid.domain().to_owned());
        let port = accounts.port.unwrap_or(if security == Security::DirectTls {
            5223
        } else {
            5222
        });
        vec![Endpoint {
            host,
            port,
            security,
        }]
    };
    let mut unreachable = BackendError::refused(format!(
        "`{}` says that it serves no accounts",
        jid.domain()
    ));
    for endpoint in endpoints {
        match at(endpoint, jid, &secret, config, inbox).await {
            Err(error) if error.kind == BackendErrorKind::Unreachable => unreachable = error,
            done => return done,
        }
    }
    Err(unreachable)
}

/// Signs an account in at one host, or at the host that this one names.
async fn at(
    endpoint: Endpoint,
    jid: &Jid,
    secret: &Secret,
    config: &XmppConfig,
    inbox: &Inbox,
) -> Result<Ready, BackendError> {
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
        match sign_in(&way, jid, secret, &config.resource, inbox).await {
            Ok(ready) => return Ok(ready),
            // Without TLS nobody has to prove anything there: the login is for the host that is
            // configured.
            Err(Ended::Elsewhere(other, _))
                if security == Security::InsecurePlaintext && other != host =>
            {
                return Err(BackendError::refused(format!(
                    "the server redirects to `{other}`, and the connection has no TLS"
                )));
            }
            Err(Ended::Elsewhere(other, other_port)) => {
                (host, port) = (other, other_port.unwrap_or(port))
            }
            Err(Ended::Failed(error)) => return Err(error),
        }
    }
    Err(BackendError::unreachable(
        "the server redirects from one host to another",
    ))
}

enum Ended {
    Failed(BackendError),
    /// The server sends us to another host.
    Elsewhere(String, Option<u16>),
}

impl From<BackendError> for Ended {
    fn from(error: BackendError) -> Ended {
        Ended::Failed(error)
    }
}

async fn next(stream: &mut Stream) -> Result<Element, Ended> {
    let element = stream.next().await?;
    if !element.is("error", ns::STREAM) {
        return Ok(element);
    }
    match errors::other_host(&element) {
        Some((host, port)) => Err(Ended::Elsewhere(host, port)),
        None => Err(errors::of_stream(&element).into()),
    }
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

async fn sign_in(
    way: &Way<'_>,
    jid: &Jid,
    secret: &Secret,
    resource: &str,
    inbox: &Inbox,
) -> Result<Ready, Ended> {
    let mut stream = tokio::select! {
        biased;
        connected = Stream::connect(way) => connected?,
        () = inbox.sleep(CONNECT_MAX) => {
            return Err(BackendError::unreachable(format!("{}:{} does not answer", way.host, way.port)).into());
        }
    };
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

/// A mechanism to log in.
#[derive(Debug, PartialEq, Eq)]
enum Mechanism {
    Scram(Hash, Bound, &'static str),
    Plain,
}

/// The best the server offers: bound to the channel before not bound, SHA-256 before SHA-1, PLAIN
/// only within TLS.
fn mechanism(offered: &Element, binding: Option<[u8; 32]>, is_secure: bool) -> Option<Mechanism> {
    let names: Vec<String> = offered
        .find("mechanisms", ns::SASL)?
        .children()
        .filter(|child| child.is("mechanism", ns::SASL))
        .map(Element::inner_text)
        .collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    let exporter = offered
        .find("sasl-channel-binding", ns::CHANNEL_BINDING)
        .is_some_and(|bindings| {
            bindings
                .children()
                .any(|binding| binding.attribute("type") == Some("tls-exporter"))
        });
    if let Some(exported) = binding.filter(|_| exporter) {
        for (name, hash) in [
            ("SCRAM-SHA-256-PLUS", Hash::Sha256),
            ("SCRAM-SHA-1-PLUS", Hash::Sha1),
        ] {
            if has(name) {
                return Some(Mechanism::Scram(hash, Bound::Exporter(exported), name));
            }
        }
    }
    let offers_any = names.iter().any(|name| name.ends_with("-PLUS"));
    let bound = if binding.is_some() && !offers_any {
        Bound::NotOffered
    } else {
        Bound::Cannot
    };
    for (name, hash) in [("SCRAM-SHA-256", Hash::Sha256), ("SCRAM-SHA-1", Hash::Sha1)] {
        if has(name) {
            return Some(Mechanism::Scram(hash, bound, name));
        }
    }
    (has("PLAIN") && is_secure).then_some(Mechanism::Plain)
}

async fn login(
    stream: &mut Stream,
    offered: &Element,
    jid: &Jid,
    secret: &Secret,
) -> Result<(), Ended> {
    let user = jid.local().unwrap_or_default();
    let chosen = mechanism(offered, stream.binding, stream.is_secure);
    match chosen.ok_or_else(|| {
        BackendError::refused("the server offers no login that is safe on this connection")
    })? {
        Mechanism::Plain => {
            let words = STANDARD.encode(format!("\0{user}\0{}", secret.expose()));
            stream
                .send(
                    &Element::new("auth", ns::SASL)
                        .with("mechanism", "PLAIN")
                        .text(words)
                        .to_xml(),
                )
                .await?;
            let answer = next(stream).await?;
            if answer.is("success", ns::SASL) {
                Ok(())
            } else {
                Err(errors::of_login(&answer).into())
            }
        }
        Mechanism::Scram(hash, bound, name) => {
            let mut random = [0; 18];
            getrandom::fill(&mut random)
                .map_err(|error| BackendError::unreachable(format!("no random bytes: {error}")))?;
            let (login, first) = Scram::begin(hash, bound, user, &STANDARD.encode(random));
            let first = Element::new("auth", ns::SASL)
                .with("mechanism", name)
                .text(STANDARD.encode(first));
            stream.send(&first.to_xml()).await?;
            scram(stream, login, secret).await
        }
    }
}

/// Answers the challenge of a login by SCRAM, and has the server prove that it knows the password
/// too.
async fn scram(stream: &mut Stream, mut login: Scram, secret: &Secret) -> Result<(), Ended> {
    let challenge = next(stream).await?;
    if !challenge.is("challenge", ns::SASL) {
        return Err(errors::of_login(&challenge).into());
    }
    let words =
        decoded(&challenge).ok_or_else(|| protocol("the login's challenge cannot be read"))?;
    // This is thousands of rounds, so it does not run on a thread that others wait for.
    let password = secret.clone();
    let answered = crate::backend::start_blocking(move || {
        let answer = login.answer(&words, password.expose());
        (login, answer)
    });
    let (login, answer) = answered
        .await
        .map_err(|_| BackendError::unreachable("the engine is stopping"))?;
    let answer = answer.map_err(BackendError::refused)?;
    let response = Element::new("response", ns::SASL);
    stream
        .send(&response.clone().text(STANDARD.encode(answer)).to_xml())
        .await?;
    let mut last = next(stream).await?;
    if last.is("challenge", ns::SASL) {
        // Some servers send their proof in one more challenge.
        prove(&login, &last)?;
        stream.send(&response.to_xml()).await?;
        last = next(stream).await?;
        return if last.is("success", ns::SASL) {
            Ok(())
        } else {
            Err(errors::of_login(&last).into())
        };
    }
    if !last.is("success", ns::SASL) {
        return Err(errors::of_login(&last).into());
    }
    Ok(prove(&login, &last)?)
}

fn decoded(element: &Element) -> Option<String> {
    String::from_utf8(STANDARD.decode(element.inner_text().trim()).ok()?).ok()
}

fn prove(login: &Scram, last: &Element) -> Result<(), BackendError> {
    match decoded(last) {
        Some(last) if login.is_proven(&last) => Ok(()),
        _ => Err(BackendError::refused(
            "the server could not prove that it knows the password",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(names: &[&'static str], exporter: bool) -> Element {
        let names = names
            .iter()
            .map(|name| Element::new("mechanism", ns::SASL).text(*name));
        let features = Element::new("features", ns::STREAM)
            .child(Element::new("mechanisms", ns::SASL).children_from(names));
        let binding =
            Element::new("channel-binding", ns::CHANNEL_BINDING).with("type", "tls-exporter");
        if exporter {
            features.child(Element::new("sasl-channel-binding", ns::CHANNEL_BINDING).child(binding))
        } else {
            features
        }
    }

    #[test]
    fn the_best_login_is_chosen() {
        let all = [
            "PLAIN",
            "SCRAM-SHA-1",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-256",
            "SCRAM-SHA-256-PLUS",
        ];
        let exported = Some([7; 32]);
        let chosen = |names: &[&'static str], exporter, binding| match mechanism(
            &offer(names, exporter),
            binding,
            binding.is_some(),
        ) {
            Some(Mechanism::Scram(_, bound, name)) => (name, bound),
            Some(Mechanism::Plain) => ("PLAIN", Bound::Cannot),
            None => ("", Bound::Cannot),
        };
        assert_eq!(
            chosen(&all, true, exported),
            ("SCRAM-SHA-256-PLUS", Bound::Exporter([7; 32]))
        );
        assert_eq!(
            chosen(&all, false, exported),
            ("SCRAM-SHA-256", Bound::Cannot)
        );
        assert_eq!(
            chosen(&["SCRAM-SHA-1"], false, exported),
            ("SCRAM-SHA-1", Bound::NotOffered)
        );
        assert_eq!(chosen(&["PLAIN"], false, exported).0, "PLAIN");
        assert_eq!(
            chosen(&["PLAIN", "DIGEST-MD5"], false, None).0,
            "",
            "not in the clear"
        );
    }
}
