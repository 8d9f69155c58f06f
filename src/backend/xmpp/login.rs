//! The login on a stream that is not signed in yet (RFC 6120, 6): which mechanism, and its messages.

use super::errors;
use super::jid::Jid;
use super::ns;
use super::scram::{Bound, Hash, Scram};
use super::stream::Stream;
use super::xml::Element;
use crate::backend::{BackendError, BackendErrorKind, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How a negotiation that has no stream in the end was ended.
pub(super) enum Ended {
    Failed(BackendError),
    /// The server sends us to another host.
    Elsewhere(String, Option<u16>),
}

impl From<BackendError> for Ended {
    fn from(error: BackendError) -> Ended {
        Ended::Failed(error)
    }
}

/// Waits for the next element. The end of the stream is an error, and so is a redirection.
pub(super) async fn next(stream: &mut Stream) -> Result<Element, Ended> {
    let element = stream.next().await?;
    if !element.is("error", ns::STREAM) {
        return Ok(element);
    }
    match errors::other_host(&element) {
        Some((host, port)) => Err(Ended::Elsewhere(host, port)),
        None => Err(errors::of_stream(&element).into()),
    }
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

/// Logs in with the best mechanism that the server offers.
pub(super) async fn login(
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
    let words = decoded(&challenge).ok_or_else(|| {
        BackendError::new(
            BackendErrorKind::Protocol,
            "the login's challenge cannot be read",
        )
    })?;
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
