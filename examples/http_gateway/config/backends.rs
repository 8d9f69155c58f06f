//! The chat systems of the engine: the configured ones, or the embedded one if none is configured.

use super::arguments::Arguments;
use super::chat::{Chat, System};
use switchboard::Builder;
use switchboard::backend::Loopback;

/// Adds the embedded chat system if none is configured, and refuses combinations that cannot work.
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

/// Adds the chat systems to the builder. The first is the default unless a setting names another.
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
