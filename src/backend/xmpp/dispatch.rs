//! What comes in, to where it belongs. What makes no sense is passed over: it is that stanza's trouble only.

use super::core::Core;
use super::jid::Jid;
use super::ns;
use super::xml::Element;
use super::{contacts, errors, rooms};
use crate::backend::BackendError;

/// Handles one stanza.
pub(super) async fn stanza(core: &Core, stanza: Element) -> Result<(), BackendError> {
    if stanza.is("error", ns::STREAM) {
        return Err(errors::of_stream(&stanza));
    }
    if stanza.namespace != ns::CLIENT {
        return Ok(());
    }
    match &*stanza.name {
        "message" => message(core, &stanza).await,
        "presence" => presence(core, &stanza).await?,
        "iq" => question(core, stanza)?,
        _ => {}
    }
    Ok(())
}

/// Whom a stanza is for, bare.
fn recipient(core: &Core, stanza: &Element) -> Option<String> {
    match stanza.attribute("to") {
        Some(to) => Some(Jid::parse(to)?.bare().to_owned()),
        None => Some(core.jid.bare().to_owned()),
    }
}

async fn message(core: &Core, stanza: &Element) {
    let from = stanza.attribute("from").map(Jid::parse);
    if let Some(result) = stanza.find("result", ns::MAM) {
        if from != Some(None) {
            core.found(result, from.flatten().as_ref());
        }
        return;
    }
    let (Some(Some(from)), Some(to)) = (from, recipient(core, stanza)) else { return };
    match stanza.attribute("type") {
        Some("error") => {
            if core.state.lock().rooms.contains_key(from.bare()) {
                if let Some(item) = rooms::refused(core, &from, &to, stanza) {
                    core.hand_over(item).await;
                }
            } else if let Some(id) = stanza.attribute("id") {
                core.shared.refused(id, from.bare(), errors::StanzaError::of(stanza).of_post());
            }
        }
        Some("groupchat") => rooms::heard(core, &from, &to, stanza).await,
        _ => contacts::heard(core, &from, &to, stanza).await,
    }
}

async fn presence(core: &Core, stanza: &Element) -> Result<(), BackendError> {
    let Some(from) = stanza.attribute("from").and_then(Jid::parse) else { return Ok(()) };
    let Some(to) = recipient(core, stanza) else { return Ok(()) };
    if core.state.lock().rooms.contains_key(from.bare()) {
        if let Some(item) = rooms::presence(core, &from, &to, stanza) {
            core.hand_over(item).await;
        }
        return Ok(());
    }
    contacts::presence(core, &from, &to, stanza)
}

/// A question to us, or the answer to one of ours.
fn question(core: &Core, stanza: Element) -> Result<(), BackendError> {
    match stanza.attribute("type") {
        Some("result" | "error") => {
            core.answer(stanza);
            return Ok(());
        }
        Some("get" | "set") => {}
        _ => return Ok(()),
    }
    let Some(id) = stanza.attribute("id") else { return Ok(()) };
    if core.is_component && stanza.attribute("from") == Some(core.jid.as_str()) && core.is_fence(id) {
        core.fence_reached();
        return Ok(());
    }
    let is_get = stanza.attribute("type") == Some("get");
    let own = stanza.attribute("from").and_then(Jid::parse).is_none_or(|from| from.bare() == core.jid.bare());
    let reply = |kind| {
        let reply = Element::stanza("iq").with("type", kind).with("id", id).with_some("to", stanza.attribute("from"));
        reply.with_some("from", stanza.attribute("to").filter(|_| core.is_component))
    };
    let asked = stanza.children().next();
    let is = |name: &str, namespace: &str| asked.is_some_and(|asked| asked.is(name, namespace));
    let answer = if is_get && is("ping", ns::PING) {
        reply("result")
    } else if is_get && is("query", ns::DISCO_INFO) {
        let identity = Element::new("identity", ns::DISCO_INFO).with("category", "client").with("type", "bot");
        let features = [ns::DISCO_INFO, ns::PING, ns::CHAT_STATES, ns::ATTENTION, ns::SID, ns::OOB];
        let features = features.map(|feature| Element::new("feature", ns::DISCO_INFO).with("var", feature));
        reply("result").child(Element::new("query", ns::DISCO_INFO).child(identity).children_from(features))
    } else if !is_get && is("query", ns::ROSTER) && own && !core.is_component {
        if let Some(query) = asked {
            core.state.lock().roster.extend(contacts::roster(query));
        }
        reply("result")
    } else {
        let unavailable = Element::new("service-unavailable", ns::STANZAS);
        reply("error").child(Element::stanza("error").with("type", "cancel").child(unavailable))
    };
    core.send(&answer)
}
