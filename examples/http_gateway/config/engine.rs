//! The engine as it is configured: its settings and its chat systems, the embedded one if none is
//! configured.

use super::arguments::Arguments;
use super::chat::{Chat, System};
use super::value::Named;
use std::sync::Arc;
use switchboard::backend::Loopback;
use switchboard::directory::Configured;
use switchboard::{Authenticator, Builder, ChannelId, Domains, Engine};

/// Adds the embedded chat system if none is configured, and refuses combinations that cannot work.
pub(super) fn complete(arguments: &mut Arguments) -> Result<(), String> {
    let backends = &mut arguments.backends;
    if backends.is_empty() {
        let (whence, system) = (String::new(), System::Loopback);
        backends.push(Chat { whence, system });
    }
    let kinds: Vec<&str> = backends.iter().map(Chat::kind).collect();
    for (at, kind) in kinds.iter().enumerate() {
        if kinds[..at].contains(kind) {
            return Err(format!(
                "{}there can be one backend of type `{kind}`: it takes all addresses that begin with `{kind}:`",
                backends[at].whence
            ));
        }
    }
    let default = arguments.default_backend.as_deref();
    if let Some(named) = default.filter(|named| !kinds.contains(named)) {
        let kinds = kinds.join(", ");
        return Err(format!(
            "default_backend is `{named}`, but the backends are: {kinds}"
        ));
    }
    if arguments.loopback_control && kinds != ["loopback"] {
        let refused = "it is refused beside a backend that has real people";
        return Err(format!("--loopback-control is for tests: {refused}"));
    }
    for Named(id, _) in &arguments.rooms {
        ChannelId::parse(&format!("chat-room:{id}")).map_err(|error| format!("--room {error}"))?;
    }
    let embedded = [
        ("--demo", arguments.demo),
        ("--room", !arguments.rooms.is_empty()),
        ("--category", !arguments.categories.is_empty()),
    ];
    let mut given = embedded.iter().filter(|(_, given)| *given);
    match given.next().filter(|_| !kinds.contains(&"loopback")) {
        Some((flag, _)) => Err(format!("{flag} needs a backend of type `loopback`")),
        None => Ok(()),
    }
}

/// Returns a builder with the settings of the engine, without chat systems.
pub(super) fn builder(arguments: &Arguments) -> Builder {
    let builder = match &arguments.database {
        Some(path) => Engine::builder().database(path),
        None => Engine::builder().in_memory(),
    };
    builder
        .durability(arguments.durability)
        .accept_loss(arguments.accept_loss)
        .event_mode(arguments.events)
        .event_window(arguments.event_window.0)
        .token_lifetime(arguments.token_lifetime.0)
        .flap_delay(arguments.flap_delay.0)
        .keep_messages(arguments.keep_messages.map(|age| age.0))
        .keep_bytes(arguments.keep_bytes.map(|size| size.0))
        .keep_audit(arguments.keep_audit.map(|age| age.0))
        .waiters_per_agent(arguments.polls_per_agent.get() as usize)
}

/// Returns a builder with the settings and the chat systems. The first chat system is the default
/// unless a setting names another.
pub(crate) fn engine(arguments: &Arguments, loopback: &Loopback) -> Result<Builder, String> {
    let mut builder = builder(arguments);
    for chat in &arguments.backends {
        let added = chat.add(builder, loopback);
        builder = added.map_err(|error| format!("{}{error}", chat.whence))?;
    }
    for authenticator in arguments.authenticators()? {
        builder = builder.shared_authenticator(authenticator);
    }
    if let Some(every) = arguments.recheck_accounts {
        builder = builder.recheck_accounts(every.0);
    }
    if let Some(named) = &arguments.default_authenticator {
        builder = builder.default_authenticator(named);
    }
    builder = builder.domains(arguments.domains());
    Ok(match &arguments.default_backend {
        Some(named) => builder.default_backend(named),
        None => builder,
    })
}

impl Arguments {
    /// The directories, in the order of questions; reads their files.
    pub(crate) fn authenticators(&self) -> Result<Vec<Arc<dyn Authenticator>>, String> {
        let made = self.authenticator.iter().map(Configured::authenticator);
        let made: switchboard::Result<Vec<_>> = made.collect();
        let made = made.map_err(|error| format!("[[authenticator]]: {error}"))?;
        Ok(made.into_iter().flatten().collect())
    }

    /// How user names are compared.
    pub(crate) fn domains(&self) -> Domains {
        let add =
            |domains: Domains, (netbios, dns): (&String, &String)| domains.domain(netbios, dns);
        let domains = self.domains.iter().fold(Domains::new(), add);
        match &self.default_domain {
            Some(dns) => domains.default_domain(dns),
            None => domains,
        }
    }
}
