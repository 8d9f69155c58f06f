//! XMPP: rooms and people on servers that others wrote, as a component, as accounts, or both in one
//! engine.
//!
//! | part | does |
//! |---|---|
//! | `xml` | stanzas as trees, text into stanzas: pure |
//! | `jid` `form` `message` `markers` `identity` `point` `presence` `errors` `scram` `srv` | what is meant by them: pure |
//! | `resolver` `stream` `negotiate` `outbox` `http` | bytes |
//! | `core` `state` `asking` `fence` `held` `copies` `seats` `strays` `sent` `shared` | what a link knows, and what links share |
//! | `link` `tasks` `probe` `dispatch` | the connection, whether it is the only one, and what comes in |
//! | `session` `rooms` `room_presence` `room_words` `contacts` `hearing` `talk` `catch_up` `archive` `look_up` `posting` `upload` `disco` `manage` | what an agent does |
//!
//! Rejected: `tokio-xmpp`. Whether it is a component's library or an account's is a switch at
//! compile time, and one binary needs both; its component's stream ends for one invalid stanza of
//! any stranger; a wrong password is a line in a log. A stream is a parser, a handshake and a
//! login: they are here.
//!
//! A room sends a message once to each agent in it, and the first copy counts. Where the room's own
//! id (XEP-0359) does not tell which copies belong together, `identity` decides from the rest. Our
//! own posts are recognised when the room sends them back by two things together: the nickname is
//! one that an agent of ours holds, and the message carries the id under which it left, or the text
//! of the oldest post that has not come back (`sent`).
//!
//! What a component cannot do: nobody keeps an archive for its agents, so a contact's words of
//! while the gateway was away are lost with the component's connection (servers bounce them), and
//! its history is the journal's.
//!
//! Rejected: resuming streams (XEP-0198, 5). A resumed stream repeats what was not acknowledged.
//! What was missed comes from the archives anyway (XEP-0313), after a restart and after a day as
//! well, and a post whose answer was lost is looked for there by its id; so resumption would be a
//! second way to the same end, and the one that does not always work. A component has nothing to
//! resume. Acknowledgements are sent where the server counts them, each after what it acknowledges
//! is committed.
//!
//! Rejected: XHTML-IM (XEP-0071), deprecated since 2018 because strangers' HTML was shown
//! unchecked, and always beside a text that says the same. The text is read and written; a link
//! whose text is not its address goes out as `text <address>`. A link beside the text (XEP-0066) is
//! a part.
//!
//! What servers do that has to be known:
//!
//! - ejabberd admits a second connection of a component and divides the stanzas between both:
//!   `probe`.
//! - ejabberd keeps everybody's role in a moderated room, and lets in by it who was taken out of
//!   the members: rooms that an agent makes are not moderated.
//! - Prosody takes a presence probe that comes after a request to subscribe, and before its answer,
//!   for a stranger's, and drops the request: `contacts` sends the probe first.
//! - Prosody 0.12 forgets with a `kill -9` the rooms whose configuration was never submitted, even
//!   if they are persistent by default; one that an agent makes is configured, one that a person
//!   made by joining may not be.
//!
//! What one host carries. Over a component, agents are data: some KB each with a room. An account
//! is a connection. Measured with 1,000 of them and their Prosody on one machine (two cores, which
//! others used as well), each with TLS and a room of twenty: 46 KB each here, 64 KB after a restart
//! of the server, 71 KB in Prosody; 27 sign-ons a second, each 6 ms of processor here and 23 ms in
//! Prosody for SCRAM, TLS and the join. The engine begins at most 50 dials a second. So 10,000
//! accounts (reckoned, not run) are half a gigabyte, as many open files, and three to seven minutes
//! after a restart; beyond that a component is the way. And a room sends each of its accounts a
//! copy, over TLS of its own.

mod archive;
mod asking;
mod attached;
mod catch_up;
mod config;
mod contacts;
mod copies;
mod core;
mod disco;
mod dispatch;
mod errors;
mod fence;
mod form;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod fuzz;
mod hearing;
mod held;
mod http;
mod identity;
mod jid;
mod link;
mod living;
mod login;
mod look_up;
mod manage;
mod markers;
mod mentions;
mod message;
mod negotiate;
mod ns;
mod outbox;
mod past;
mod point;
mod posting;
mod presence;
mod probe;
mod reply;
mod resolver;
mod room_presence;
mod room_words;
mod rooms;
mod scram;
mod seats;
mod sent;
mod session;
mod shared;
mod srv;
mod state;
mod strays;
mod stream;
mod talk;
mod tasks;
mod upload;
mod xhtml;
mod xml;

pub use crate::backend::{Secret, SecretSource, Trust};
pub use config::{Accounts, Component, NicknameRule, Security, XmppConfig};
pub use markers::UNREADABLE;

use crate::backend::{Backend, Capabilities, Inbox, Link, Reply, reply, secret_mark};
use crate::error::Result;
use crate::model::{Address, LinkKey, NetworkId};
use jid::Jid;
use shared::Shared;
use std::fmt;
use std::sync::Arc;

/// An XMPP service. Addresses of its agents are `xmpp:bot@agents.example.org`, its channels
/// `chat-room:room@rooms.example.org` and `contact:somebody@example.org`.
pub struct Xmpp {
    config: Arc<XmppConfig>,
    network: NetworkId,
    shared: Arc<Shared>,
}

impl Xmpp {
    /// The service as configured. Nothing is opened yet.
    ///
    /// # Errors
    /// `Invalid` if a domain is none, neither a component nor accounts are configured, or a
    /// component is to use STARTTLS.
    ///
    /// # Examples
    /// ```
    /// use switchboard::backend::xmpp::{Component, Secret, Xmpp, XmppConfig};
    ///
    /// let component = Component::new("agents.example.org", "127.0.0.1", 5347, Secret::new("s3cret"));
    /// let config = XmppConfig::new("example.org").component(component).rooms_host("rooms.example.org");
    /// let xmpp = Xmpp::new(config)?;
    /// # Ok::<(), switchboard::Error>(())
    /// ```
    pub fn new(config: XmppConfig) -> Result<Xmpp> {
        config.check()?;
        let network = NetworkId::parse(&format!("xmpp:{}", config.domain))?;
        Ok(Xmpp {
            config: Arc::new(config),
            network,
            shared: Arc::new(Shared::default()),
        })
    }
}

impl Backend for Xmpp {
    fn network(&self) -> &NetworkId {
        &self.network
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::PLAIN
            .sharing_rooms()
            .echoing_rooms()
            .with_history()
            .with_look_up()
            .with_uploads()
            .with_find_channels()
            .with_composing()
            .with_edits()
            .with_retractions()
            .with_moderation()
            .with_reactions()
            .with_receipts()
            .with_replies()
    }

    fn link_key(&self, address: &Address) -> LinkKey {
        let jid = Jid::parse(address.name());
        let key = match &jid {
            Some(jid) if self.config.is_component(jid) => link::COMPONENT_KEY,
            Some(jid) => jid.bare(),
            None => address.name(),
        };
        LinkKey::parse(key)
            .unwrap_or_else(|_| LinkKey::parse(link::COMPONENT_KEY).expect("a word is a key"))
    }

    fn dial(self: Arc<Self>, key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>> {
        reply(link::dial(self, key, inbox))
    }

    fn secret_mark(self: Arc<Self>, key: LinkKey) -> Reply<Option<u64>> {
        let (component, accounts) = (&self.config.component, &self.config.accounts);
        match (component, accounts, Jid::parse(key.as_str())) {
            (Some(component), ..) if key.as_str() == link::COMPONENT_KEY => {
                secret_mark(&*component.secret, &component.domain)
            }
            (_, Some(accounts), Some(jid)) => secret_mark(&*accounts.secrets, jid.bare()),
            _ => reply(std::future::ready(Ok(None))),
        }
    }
}

impl fmt::Debug for Xmpp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Xmpp")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_of_the_components_domain_share_a_link() {
        let component = Component::new("agents.im.test", "127.0.0.1", 5347, Secret::new("s3cret"));
        let config = XmppConfig::new("im.test")
            .component(component)
            .accounts(Accounts::new(Secret::new("pw")));
        let xmpp = Xmpp::new(config).expect("a service");
        let key = |address: &str| {
            xmpp.link_key(&Address::parse(address).expect("an address"))
                .to_string()
        };
        assert_eq!(key("xmpp:bot1@agents.im.test"), "component");
        assert_eq!(key("xmpp:Bot2@Agents.im.test"), "component");
        assert_eq!(key("xmpp:Bot@im.test/x"), "bot@im.test");
        assert_eq!(key("nobody"), "nobody");
        assert!(!format!("{xmpp:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        let component = || Component::new("agents.im.test", "127.0.0.1", 5347, Secret::new("s"));
        for config in [
            XmppConfig::new("im.test"),
            XmppConfig::new("im test").component(component()),
            XmppConfig::new("im.test")
                .component(component())
                .rooms_host("a@b"),
            XmppConfig::new("im.test").component(component().security(Security::StartTls)),
            XmppConfig::new("im.test")
                .component(component())
                .resource(""),
        ] {
            assert!(Xmpp::new(config).is_err());
        }
    }
}
