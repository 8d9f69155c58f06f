//! UCWA: Lync Server 2013 and Skype for Business Server, as ordinary users over their web API.
//!
//! | part | does |
//! |---|---|
//! | `protocol` | what the server says and is told, as values: pure |
//! | `client` | requests with the account's tokens, connections, autodiscovery |
//! | `account` | everything an account does, as a machine: pure |
//! | `link` | the shell around it: the event channel, requests, timers, what the engine is to have |
//!
//! Each agent is a user of its own: it has one link, one application on the server, and one request
//! that always waits there for events. Accounts share only the way to the server: connections, TLS,
//! and the root that answered. One host carries about 10,000 accounts, because each needs a
//! connection on which that request waits.
//!
//! UCWA 2.0 has no Persistent Chat. A room is an online meeting, and its name is the meeting's
//! address (`chat-room:sip:lene@contoso.com;gruu;opaque=app:conf:focus:id:ABC`). A meeting has no
//! history, and it ends. History and search come from the engine's own archive. The server keeps an
//! event for 30 seconds if nobody fetches it; messages of a longer outage are lost, and their senders
//! are told, unless the server keeps logs of conversations.
//!
//! This code was tested with the simulator of this repository, which clients of other authors use
//! too. It was not yet tested with a Lync server, because none was available. The login by NTLM was
//! tested only with the published exchange of MS-NLMP. Not done: uploads, management of meetings,
//! meetings joined as a guest, the passive grant (ADFS), Skype for Business Online.

mod account;
mod client;
mod config;
#[doc(hidden)]
pub mod fuzz;
mod link;
mod protocol;

pub use crate::backend::{Secret, SecretSource, Trust};
pub use client::connect::{Connect, Io};
pub use config::{FirstMessage, Grant, LoginRule, TlsLibrary, UcwaConfig};
pub use protocol::url::Origin;

use crate::backend::{Backend, BackendError, Capabilities, Inbox, Link, Reply, reply, secret_mark};
use crate::error::Result;
use crate::model::{Address, LinkKey, NetworkId};
use client::connect::Sockets;
use client::discover::Root;
use client::http::Http;
use link::{Deaf, Shell};
use parking_lot::Mutex;
use protocol::address::Sip;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

/// A Lync or Skype for Business service. Its agents have addresses like `ucwa:bot@contoso.com`. Its
/// channels are `contact:sip:lene@contoso.com`, and `chat-room:` with a meeting's address.
pub struct Ucwa {
    config: Arc<UcwaConfig>,
    network: NetworkId,
    http: Arc<Http>,
    root: Root,
    /// The accounts that are signed in, or are signing out.
    signed_in: Mutex<HashMap<Sip, Weak<Shell>>>,
    deaf: Arc<Deaf>,
}

impl Ucwa {
    /// The service as configured. Nothing is opened yet.
    ///
    /// # Errors
    /// `Invalid` if the domain or a host is malformed, or the root is neither an HTTPS address nor
    /// an HTTP address of this machine, or if this build lacks the configured TLS library.
    ///
    /// # Examples
    /// ```
    /// use switchboard::backend::ucwa::{Secret, Ucwa, UcwaConfig};
    ///
    /// let config = UcwaConfig::new("contoso.com", Secret::new("the accounts' password"));
    /// let ucwa = Ucwa::new(config)?;
    /// # Ok::<(), switchboard::Error>(())
    /// ```
    pub fn new(config: UcwaConfig) -> Result<Ucwa> {
        let sockets = Arc::new(Sockets::new(config.trust.clone(), config.tls));
        Ucwa::over(config, sockets)
    }

    /// As [`Ucwa::new`], over connections that `connect` opens.
    ///
    /// # Errors
    /// As [`Ucwa::new`].
    pub fn over(config: UcwaConfig, connect: Arc<dyn Connect>) -> Result<Ucwa> {
        config.check()?;
        let network = NetworkId::parse(&format!("ucwa:{}", config.domain))?;
        Ok(Ucwa {
            config: Arc::new(config),
            network,
            http: Arc::new(Http::new(connect)),
            root: Root::default(),
            signed_in: Mutex::default(),
            deaf: Arc::default(),
        })
    }

    /// Remembers an account while it is signed in.
    fn note(&self, address: &Sip, shell: &Arc<Shell>) {
        let mut signed_in = self.signed_in.lock();
        if signed_in.len() == signed_in.capacity() {
            signed_in.retain(|_, shell| shell.strong_count() > 0);
        }
        signed_in.insert(address.clone(), Arc::downgrade(shell));
    }

    /// The account of that name.
    fn person(&self, name: &str) -> std::result::Result<Sip, BackendError> {
        Sip::parse(name)
            .ok_or_else(|| BackendError::refused(format!("`{name}` is not an account's address")))
    }
}

impl Backend for Ucwa {
    fn network(&self) -> &NetworkId {
        &self.network
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::PLAIN.with_find_channels().with_composing()
    }

    fn link_key(&self, address: &Address) -> LinkKey {
        let name = address.name();
        let key = Sip::parse(name).and_then(|sip| LinkKey::parse(sip.as_str()).ok());
        key.or_else(|| LinkKey::parse(name).ok())
            .unwrap_or_else(|| LinkKey::parse("nobody").expect("a word is a key"))
    }

    fn dial(self: Arc<Self>, key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>> {
        reply(link::dial(self, key, inbox))
    }

    fn secret_mark(self: Arc<Self>, key: LinkKey) -> Reply<Option<u64>> {
        match Sip::parse(key.as_str()) {
            Some(sip) => secret_mark(&*self.config.passwords, sip.as_str()),
            None => reply(std::future::ready(Ok(None))),
        }
    }
}

impl fmt::Debug for Ucwa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ucwa")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
