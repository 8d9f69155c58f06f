//! Which chat systems the engine is given: those that are configured, or the embedded one alone.

use super::arguments::Arguments;
use std::path::PathBuf;
use switchboard::Builder;
use switchboard::backend::Loopback;
use switchboard::backend::ucwa::{Ucwa, UcwaConfig};
use switchboard::backend::xmpp::{Xmpp, XmppConfig};

/// One configured chat system.
#[derive(Debug, Clone)]
pub(crate) struct Chat {
    /// Where it is configured, as an error begins: `gateway.toml:7: `.
    pub(super) whence: String,
    pub(super) system: System,
}

#[derive(Debug, Clone)]
pub(crate) enum System {
    Loopback,
    Xmpp(Box<XmppConfig>),
    Ucwa(Box<UcwaConfig>),
}

impl Chat {
    /// The files that hold its secrets.
    pub(super) fn private_files(&self) -> Vec<PathBuf> {
        match &self.system {
            System::Loopback => Vec::new(),
            System::Xmpp(config) => config.private_files(),
            System::Ucwa(config) => config.private_files(),
        }
    }

    /// What it is called as a `type`, which is also the scheme of its addresses.
    fn kind(&self) -> &'static str {
        match &self.system {
            System::Loopback => "loopback",
            System::Xmpp(_) => "xmpp",
            System::Ucwa(_) => "ucwa",
        }
    }

    /// Gives the connector to the builder, once everything that a dial reads could be read now.
    fn add(&self, builder: Builder, loopback: &Loopback) -> switchboard::Result<Builder> {
        Ok(match &self.system {
            System::Loopback => builder.backend(loopback.clone()),
            System::Xmpp(config) => {
                config.check_files()?;
                builder.backend(Xmpp::new((**config).clone())?)
            }
            System::Ucwa(config) => {
                config.check_files()?;
                builder.backend(Ucwa::new((**config).clone())?)
            }
        })
    }
}

/// Puts in the embedded chat system where nothing is configured, and refuses what does not fit together.
pub(super) fn complete(arguments: &mut Arguments) -> Result<(), String> {
    let backends = &mut arguments.backends;
    if backends.is_empty() {
        backends.push(Chat {
            whence: String::new(),
            system: System::Loopback,
        });
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
    if let Some(named) = arguments
        .default_backend
        .as_deref()
        .filter(|named| !kinds.contains(named))
    {
        return Err(format!(
            "default_backend is `{named}`, but the backends are: {}",
            kinds.join(", ")
        ));
    }
    if arguments.loopback_control && kinds != ["loopback"] {
        return Err(
            "--loopback-control is for tests: it is refused beside a backend that has real people"
                .to_owned(),
        );
    }
    let embedded = [
        ("--demo", arguments.demo),
        ("--room", !arguments.rooms.is_empty()),
        ("--category", !arguments.categories.is_empty()),
    ];
    match embedded
        .iter()
        .find(|(_, given)| *given && !kinds.contains(&"loopback"))
    {
        Some((flag, _)) => Err(format!("{flag} needs a backend of type `loopback`")),
        None => Ok(()),
    }
}

/// Gives the builder its backends, the first of which is the default unless another is named.
pub(crate) fn add(
    mut builder: Builder,
    arguments: &Arguments,
    loopback: &Loopback,
) -> Result<Builder, String> {
    for chat in &arguments.backends {
        let added = chat.add(builder, loopback);
        builder = added.map_err(|error| format!("{}{error}", chat.whence))?;
    }
    Ok(match &arguments.default_backend {
        Some(named) => builder.default_backend(named),
        None => builder,
    })
}
