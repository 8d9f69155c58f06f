//! The namespaces that the connector uses, each once.

use std::borrow::Cow;

macro_rules! namespaces {
    ($($name:ident = $text:literal;)*) => {
        $(pub(super) const $name: &str = $text;)*
        /// All namespaces, so that a parsed element does not need its own copy.
        const ALL: &[&str] = &[$($text),*];
    };
}

namespaces! {
    ATTENTION = "urn:xmpp:attention:0";
    BIND = "urn:ietf:params:xml:ns:xmpp-bind";
    CHANNEL_BINDING = "urn:xmpp:sasl-cb:0";
    CHAT_STATES = "http://jabber.org/protocol/chatstates";
    CLIENT = "jabber:client";
    COMPONENT = "jabber:component:accept";
    CORRECT = "urn:xmpp:message-correct:0";
    DATA = "jabber:x:data";
    DELAY = "urn:xmpp:delay";
    DISCO_INFO = "http://jabber.org/protocol/disco#info";
    DISCO_ITEMS = "http://jabber.org/protocol/disco#items";
    FALLBACK = "urn:xmpp:fallback:0";
    FASTEN = "urn:xmpp:fasten:0";
    FILE_SHARING = "urn:xmpp:sfs:0";
    FORWARD = "urn:xmpp:forward:0";
    HINTS = "urn:xmpp:hints";
    IDLE = "urn:xmpp:idle:1";
    LEGACY_DELAY = "jabber:x:delay";
    MAM = "urn:xmpp:mam:2";
    MARKERS = "urn:xmpp:chat-markers:0";
    MEDIA_SHARING = "urn:xmpp:sims:1";
    MODERATE = "urn:xmpp:message-moderate:1";
    MODERATE_0 = "urn:xmpp:message-moderate:0";
    MUC = "http://jabber.org/protocol/muc";
    MUC_ADMIN = "http://jabber.org/protocol/muc#admin";
    MUC_OWNER = "http://jabber.org/protocol/muc#owner";
    MUC_USER = "http://jabber.org/protocol/muc#user";
    OCCUPANT_ID = "urn:xmpp:occupant-id:0";
    OOB = "jabber:x:oob";
    PING = "urn:xmpp:ping";
    REACTIONS = "urn:xmpp:reactions:0";
    RECEIPTS = "urn:xmpp:receipts";
    REFERENCE = "urn:xmpp:reference:0";
    REPLY = "urn:xmpp:reply:0";
    RETRACT = "urn:xmpp:message-retract:1";
    RETRACT_0 = "urn:xmpp:message-retract:0";
    ROSTER = "jabber:iq:roster";
    RSM = "http://jabber.org/protocol/rsm";
    SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
    SID = "urn:xmpp:sid:0";
    SM = "urn:xmpp:sm:3";
    STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas";
    STREAM = "http://etherx.jabber.org/streams";
    STREAMS = "urn:ietf:params:xml:ns:xmpp-streams";
    TLS = "urn:ietf:params:xml:ns:xmpp-tls";
    UPLOAD = "urn:xmpp:http:upload:0";
    URL_DATA = "http://jabber.org/protocol/url-data";
    XHTML = "http://www.w3.org/1999/xhtml";
    XHTML_IM = "http://jabber.org/protocol/xhtml-im";
    XML = "http://www.w3.org/XML/1998/namespace";
}

/// The namespace's name, borrowed where it is one of ours. A component's own is read as [`CLIENT`],
/// so that nothing above the stream has to know how it is connected.
pub(super) fn known(text: &str) -> Cow<'static, str> {
    if text == COMPONENT {
        return Cow::Borrowed(CLIENT);
    }
    match ALL.iter().find(|known| **known == text) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(text.to_owned()),
    }
}
