//! Which chat systems the engine is given: those that are configured, or the embedded one alone.

use crate::arguments::Arguments;
use crate::{ucwa, xmpp};
use switchboard::Builder;
use switchboard::backend::Loopback;

/// One configured chat system.
#[derive(Debug, Clone)]
pub(crate) enum Chat {
    Loopback,
    Xmpp(Box<xmpp::Settings>),
    Ucwa(Box<ucwa::Settings>),
}

impl Chat {
    /// The files that hold its secrets.
    pub(crate) fn private_files(&self) -> Vec<std::path::PathBuf> {
        match self {
            Chat::Loopback => Vec::new(),
            Chat::Xmpp(settings) => settings.private_files(),
            Chat::Ucwa(settings) => settings.private_files(),
        }
    }

    /// What it is called as a `type`, which is also the scheme of its addresses.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Chat::Loopback => "loopback",
            Chat::Xmpp(_) => "xmpp",
            Chat::Ucwa(_) => "ucwa",
        }
    }
}

/// Puts in the embedded chat system where nothing is configured, and refuses what does not fit together.
pub(crate) fn complete(arguments: &mut Arguments) -> Result<(), String> {
    let backends = &mut arguments.backends;
    if backends.is_empty() {
        backends.push(Chat::Loopback);
    }
    let kinds: Vec<&str> = backends.iter().map(Chat::kind).collect();
    for (at, kind) in kinds.iter().enumerate() {
        if kinds[..at].contains(kind) {
            return Err(format!(
                "there can be one backend of type `{kind}`: it takes all addresses that begin with `{kind}:`"
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
        builder = match chat {
            Chat::Loopback => builder.backend(loopback.clone()),
            Chat::Xmpp(settings) => builder.backend(settings.backend()?),
            Chat::Ucwa(settings) => builder.backend(settings.backend()?),
        };
    }
    Ok(match &arguments.default_backend {
        Some(named) => builder.default_backend(named),
        None => builder,
    })
}
