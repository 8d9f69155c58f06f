//! Every setting, once: what it is called in the file and on the command line, what it takes, and what it does.
//!
//! The command line and the file are two ways to say the same thing, so both become a list of [`Given`], and this
//! table turns either into [`Arguments`]. Rejected: `serde` on a struct for the file and a second parser for the flags;
//! the two would drift apart, and serde's errors name neither the line of an unknown key nor the one that was meant.

use crate::arguments::{Arguments, LogFormat};
use crate::backends::Chat;
use crate::network::Network;
use crate::secret::Source;
use crate::xmpp;
use std::path::PathBuf;
use std::time::Duration;
use switchboard::{ChannelId, Durability, EventMode};
use tracing::Level;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// Seconds, or a text as `500ms`, `15s`, `5m`, `12h`, `30d`.
    Duration,
    /// Bytes, or a text as `512MiB`, `4GiB`.
    Size,
    /// `true` or `false`; on the command line it is there or it is not.
    Switch,
    /// Several texts: a list in the file, the flag several times on the command line.
    List,
}

/// One setting of the gateway, or of one of its backends.
pub(crate) struct Setting<T = Arguments> {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// Its name on the command line, after the `--`.
    pub(crate) flag: &'static str,
    pub(crate) takes: Takes,
    set: Set<T>,
}

/// A setting that somebody wrote down.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    /// How to speak of it in an error: `--poll-timeout`, or `gateway.toml:7: poll_timeout`.
    pub(crate) whence: String,
}

impl Given {
    /// Does what the row of this name says.
    pub(crate) fn set<T>(&self, table: &[Setting<T>], to: &mut T) -> Result<(), String> {
        let setting = table
            .iter()
            .find(|setting| setting.name == self.name)
            .ok_or("a setting without a row")?;
        (setting.set)(to, &self.value).map_err(|expected| {
            format!(
                "{} is `{}`: {expected}",
                self.whence,
                self.value.escape_debug()
            )
        })
    }
}

/// All settings.
#[rustfmt::skip]
pub(crate) const TABLE: &[Setting] = &[
    setting("listen", "listen", Takes::Text, |to, text| put(&mut to.listen, Ok(text.to_owned()))),
    setting("database", "database", Takes::Text, |to, text| put(&mut to.database, Ok(Some(text.into())))),
    setting("durability", "durability", Takes::Text, |to, text| put(&mut to.durability, match text {
        "power" => Ok(Durability::Power),
        "process" => Ok(Durability::Process),
        _ => Err("power or process".to_owned()),
    })),
    setting("accept_loss", "accept-loss", Takes::Switch, |to, text| put(&mut to.accept_loss, switch(text))),
    setting("super_user", "super-user", Takes::Text, |to, text| put(&mut to.super_user, Ok(text.to_owned()))),
    setting("super_password_file", "super-password-file", Takes::Text, |to, text| {
        put(&mut to.super_password, Ok(Some(Source::File(text.into()))))
    }),
    setting("super_password_env", "super-password-env", Takes::Text, |to, text| {
        put(&mut to.super_password, Ok(Some(Source::Variable(text.to_owned()))))
    }),
    setting("rooms", "room", Takes::List, |to, text| add(&mut to.rooms, room(text))),
    setting("categories", "category", Takes::List, |to, text| add(&mut to.categories, category(text))),
    setting("poll_timeout", "poll-timeout", Takes::Duration, |to, text| put(&mut to.poll_timeout, duration(text))),
    setting("polls_per_agent", "polls-per-agent", Takes::Number, |to, text| put(&mut to.polls_per_agent, number(text))),
    setting("event_window", "event-window", Takes::Duration, |to, text| put(&mut to.event_window, duration(text))),
    setting("events", "events", Takes::Text, |to, text| put(&mut to.events, match text {
        "durable" => Ok(EventMode::Durable),
        "buffered" => Ok(EventMode::Buffered),
        _ => Err("durable or buffered".to_owned()),
    })),
    setting("token_lifetime", "token-lifetime", Takes::Duration, |to, text| put(&mut to.token_lifetime, duration(text))),
    setting("flap_delay", "flap-delay", Takes::Duration, |to, text| put(&mut to.flap_delay, duration(text))),
    setting("keep_messages", "keep-messages", Takes::Duration, |to, text| put(&mut to.keep_messages, duration(text).map(kept))),
    setting("keep_bytes", "keep-bytes", Takes::Size, |to, text| {
        put(&mut to.keep_bytes, size(text).map(|bytes| Some(bytes).filter(|bytes| *bytes > 0)))
    }),
    setting("keep_audit", "keep-audit", Takes::Duration, |to, text| put(&mut to.keep_audit, duration(text).map(kept))),
    setting("connections", "connections", Takes::Number, |to, text| put(&mut to.connections, match number(text) {
        Ok(most @ 1..=1_000_000) => u32::try_from(most).map_err(|error| error.to_string()),
        _ => Err("1 to 1,000,000".to_owned()),
    })),
    setting("connections_per_peer", "connections-per-peer", Takes::Number, |to, text| put(&mut to.connections_per_peer, match number(text) {
        Ok(most @ 1..=1_000_000) => u32::try_from(most).map(Some).map_err(|error| error.to_string()),
        _ => Err("1 to 1,000,000".to_owned()),
    })),
    setting("trusted_proxies", "trusted-proxy", Takes::List, |to, text| add(&mut to.trusted_proxies, Network::parse(text))),
    setting("tls_cert", "tls-cert", Takes::Text, |to, text| put(&mut to.tls_cert, Ok(Some(text.into())))),
    setting("tls_key", "tls-key", Takes::Text, |to, text| put(&mut to.tls_key, Ok(Some(text.into())))),
    setting("static", "static", Takes::Text, |to, text| put(&mut to.site, Ok(Some(PathBuf::from(text))))),
    setting("cors_origin", "cors-origin", Takes::List, |to, text| add(&mut to.cors_origins, origin(text))),
    setting("xmpp_component", "xmpp-component", Takes::Text, |to, text| {
        add(&mut to.backends, xmpp::Settings::shorthand(text).map(|settings| Chat::Xmpp(Box::new(settings))))
    }),
    setting("default_backend", "default-backend", Takes::Text, |to, text| put(&mut to.default_backend, Ok(Some(text.to_owned())))),
    setting("loopback_control", "loopback-control", Takes::Switch, |to, text| put(&mut to.loopback_control, switch(text))),
    setting("log_format", "log-format", Takes::Text, |to, text| put(&mut to.log_format, match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json".to_owned()),
    })),
    setting("log_level", "log-level", Takes::Text, |to, text| put(&mut to.log_level, match text {
        "error" => Ok(Level::ERROR),
        "warn" => Ok(Level::WARN),
        "info" => Ok(Level::INFO),
        "debug" => Ok(Level::DEBUG),
        "trace" => Ok(Level::TRACE),
        _ => Err("error, warn, info, debug or trace".to_owned()),
    })),
];

type Set<T> = fn(&mut T, &str) -> Result<(), String>;

pub(crate) const fn setting<T>(
    name: &'static str,
    flag: &'static str,
    takes: Takes,
    set: Set<T>,
) -> Setting<T> {
    Setting {
        name,
        flag,
        takes,
        set,
    }
}

/// What the file says, and over it what the command line says: a list given on the command line replaces the file's.
pub(crate) fn apply(
    arguments: &mut Arguments,
    file: Vec<Given>,
    flags: Vec<Given>,
) -> Result<(), String> {
    let kept = file
        .into_iter()
        .filter(|given| flags.iter().all(|flag| flag.name != given.name));
    for given in kept.chain(flags.iter().cloned()) {
        given.set(TABLE, arguments)?;
    }
    Ok(())
}

pub(crate) fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

pub(crate) fn add<T>(list: &mut Vec<T>, value: Result<T, String>) -> Result<(), String> {
    list.push(value?);
    Ok(())
}

fn room(text: &str) -> Result<(ChannelId, String), String> {
    let (id, name) = text.split_once('=').ok_or("ID=NAME")?;
    let id = ChannelId::parse(&format!("chat-room:{id}")).map_err(|error| error.to_string())?;
    Ok((id, name.to_owned()))
}

fn category(text: &str) -> Result<(String, String), String> {
    let (id, name) = text
        .split_once('=')
        .filter(|(id, _)| !id.is_empty())
        .ok_or("ID=NAME")?;
    Ok((id.to_owned(), name.to_owned()))
}

/// An origin is compared as it stands, so that one written with a path would never match.
fn origin(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let fine = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
    if text == "*" || fine {
        Ok(text.to_owned())
    } else {
        Err("an origin as https://example.org, or *".to_owned())
    }
}

/// 0 means for ever.
fn kept(age: Duration) -> Option<Duration> {
    Some(age).filter(|age| !age.is_zero())
}

pub(crate) fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "a whole number".to_owned())
}

/// How long a message may be, in characters.
pub(crate) fn length(text: &str) -> Result<Option<u32>, String> {
    match number(text)? {
        length @ 1..=60_000 => u32::try_from(length)
            .map(Some)
            .map_err(|error| error.to_string()),
        _ => Err("1 to 60,000 characters".to_owned()),
    }
}

pub(crate) fn switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "true or false".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let units = [
        ("ms", 0.001),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
        ("d", 86_400.0),
    ];
    let (number, unit) = with_unit(text, &units);
    let seconds = number.parse::<f64>().ok().map(|number| number * unit);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| {
        "a number of seconds, or one with a unit as 500ms, 15s, 5m, 12h, 30d".to_owned()
    })
}

pub(crate) fn size(text: &str) -> Result<u64, String> {
    let units = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ];
    let (number, unit) = with_unit(text, &units);
    let bytes = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| "a number of bytes, or one with a unit as 512MiB, 4GiB".to_owned())
}

fn with_unit<'a, T: Copy + From<u8>>(text: &'a str, units: &[(&str, T)]) -> (&'a str, T) {
    let found = units
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?.trim_end(), *unit)));
    found.unwrap_or((text, T::from(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        for (text, milliseconds) in [
            ("30", 30_000),
            ("0.5", 500),
            ("500ms", 500),
            ("15 s", 15_000),
            ("5m", 300_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                duration(text).map(|duration| duration.as_millis()),
                Ok(milliseconds),
                "{text}"
            );
        }
        for (text, bytes) in [("0", 0), ("512", 512), ("4GiB", 4 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "soon", "-1", "1w", "inf", "NaN", "1e300"] {
            assert!(duration(text).is_err(), "{text}");
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_one_that_a_browser_sends() {
        for text in ["*", "https://example.org", "http://localhost:3000"] {
            assert!(origin(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "example.org",
            "https://",
            "https://example.org/",
            "https://*.example.org",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
