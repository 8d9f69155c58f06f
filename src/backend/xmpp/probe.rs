//! Whether what is for a component comes to this connection.
//!
//! ejabberd admits a second connection of a component while it takes the first for alive (a line
//! that was cut and has not been noticed, another program with the same name), and gives each
//! stanza to either, by chance. Nothing says so: answers stay away. So a new connection sends words
//! round by way of the server first, and is hung up unless all of them come back on it, in order.
//! Of two connections one passes by chance once in 65,000 times.
//!
//! Rejected: finding out later, by answers that are missed: joins and posts would be lost
//! meanwhile.

use super::errors;
use super::jid::Jid;
use super::ns;
use super::stream::Stream;
use super::xml::Element;
use crate::backend::BackendError;

/// How many probes are sent.
const PROBES: usize = 16;
/// The most stanzas for agents that are kept meanwhile. No agent is signed in yet, so there are
/// few.
const EARLY_MAX: usize = 1000;
/// The reason if the probes do not come back.
pub(super) const ASTRAY: &str =
    "the server gives stanzas for this component to another connection of it as well";

/// Ready once all has come round; puts what else came into `early`. The caller's patience is the
/// deadline.
pub(super) async fn sent_round(
    stream: &mut Stream,
    jid: &Jid,
    salt: &str,
    early: &mut Vec<Element>,
) -> Result<(), BackendError> {
    let domain = jid.domain();
    let mut words = String::new();
    for number in 0..PROBES {
        let ask = Element::stanza("iq")
            .with("type", "get")
            .with("id", format!("{salt}-{number}"));
        let ask = ask
            .with("from", format!("probe@{domain}/{salt}"))
            .with("to", format!("probe{number}@{domain}/{salt}"));
        words.push_str(&ask.child(Element::new("ping", ns::PING)).to_xml());
    }
    stream.send(&words).await?;
    let mut expected = 0;
    while expected < PROBES {
        let element = stream.next().await?;
        if element.is("error", ns::STREAM) {
            return Err(errors::of_stream(&element));
        }
        let number = element.attribute("id").and_then(|id| {
            id.strip_prefix(salt)?
                .strip_prefix('-')?
                .parse::<usize>()
                .ok()
        });
        match number.filter(|_| element.is("iq", ns::CLIENT)) {
            // The question itself; or its answer, from a server that answers in the place of absent
            // agents.
            Some(number) if number == expected => expected += 1,
            // A server handles one stream in order (RFC 6120, 10.1): the ones before it went
            // elsewhere.
            Some(_) => return Err(BackendError::unreachable(ASTRAY)),
            None if early.len() < EARLY_MAX => early.push(element),
            None => {}
        }
    }
    Ok(())
}
