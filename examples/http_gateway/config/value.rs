//! How the values of settings are read. A flag and a key of the file share one reader.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value as Given;
use std::time::Duration;
use switchboard::backend::xmpp::XmppConfig;
use switchboard::{ChannelId, Durability, EventMode};
use tracing::Level;

/// A value that is read from text. The error says what was expected.
pub(crate) trait Value: Sized {
    fn read(text: &str) -> Result<Self, String>;
}

/// Reads the value of a key: a text, a number or a boolean.
pub(super) fn given<'de, D: Deserializer<'de>, T: Value>(file: D) -> Result<T, D::Error> {
    let text = match Given::deserialize(file)? {
        Given::String(text) => text,
        other => other.to_string(),
    };
    read(&text)
}

/// Reads the value of a key whose flag may be repeated: a list of texts, a table of texts, or one
/// text.
pub(super) fn list<'de, D: Deserializer<'de>, T: Value>(file: D) -> Result<Vec<T>, D::Error> {
    let text = |given: &Given| given.as_str().map(str::to_owned);
    let texts: Option<Vec<String>> = match Given::deserialize(file)? {
        Given::Array(list) => list.iter().map(text).collect(),
        Given::Object(table) => table
            .iter()
            .map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
            .collect(),
        other => text(&other).map(|text| vec![text]),
    };
    let texts =
        texts.ok_or_else(|| D::Error::custom("invalid type: another, expected a list of texts"))?;
    texts.iter().map(|text| read(text)).collect()
}

/// Reads a value. The error has the form of `serde`'s own errors.
fn read<T: Value, E: Error>(text: &str) -> Result<T, E> {
    T::read(text).map_err(|expected| {
        let value = text.escape_debug();
        E::custom(format_args!(
            "invalid value: `{value}`, expected {expected}"
        ))
    })
}

impl<T: Value> Value for Option<T> {
    fn read(text: &str) -> Result<Option<T>, String> {
        T::read(text).map(Some)
    }
}

/// Returns the value of the word, or what was expected.
fn one_of<T: Copy>(text: &str, words: &[(&str, T)], expected: &str) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| expected.to_owned())
}

impl Value for Durability {
    fn read(text: &str) -> Result<Durability, String> {
        let words = [
            ("power", Durability::Power),
            ("process", Durability::Process),
        ];
        one_of(text, &words, "power or process")
    }
}

impl Value for EventMode {
    fn read(text: &str) -> Result<EventMode, String> {
        let words = [
            ("durable", EventMode::Durable),
            ("buffered", EventMode::Buffered),
        ];
        one_of(text, &words, "durable or buffered")
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Value for LogFormat {
    fn read(text: &str) -> Result<LogFormat, String> {
        let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        one_of(text, &words, "text or json")
    }
}

impl Value for Level {
    fn read(text: &str) -> Result<Level, String> {
        let words = [
            ("error", Level::ERROR),
            ("warn", Level::WARN),
            ("info", Level::INFO),
            ("debug", Level::DEBUG),
            ("trace", Level::TRACE),
        ];
        one_of(text, &words, "error, warn, info, debug or trace")
    }
}

/// A number of connections.
impl Value for u32 {
    fn read(text: &str) -> Result<u32, String> {
        let number = text
            .parse()
            .ok()
            .filter(|most| (1..=1_000_000).contains(most));
        number.ok_or_else(|| "1 to 1,000,000".to_owned())
    }
}

impl Value for usize {
    fn read(text: &str) -> Result<usize, String> {
        text.parse().map_err(|_| "a whole number".to_owned())
    }
}

impl Value for Duration {
    fn read(text: &str) -> Result<Duration, String> {
        let units = [
            ("ms", 0.001),
            ("s", 1.0),
            ("m", 60.0),
            ("h", 3600.0),
            ("d", 86_400.0),
        ];
        let with_unit = units
            .iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?.trim_end(), *seconds)));
        let (number, unit) = with_unit.unwrap_or((text, 1.0));
        let seconds = number.parse().ok().map(|number: f64| number * unit);
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.ok_or_else(|| {
            "a number of seconds, or one with a unit as 500ms, 15s, 5m, 12h, 30d".to_owned()
        })
    }
}

/// A loopback room: its id and its name.
#[derive(Debug, Clone)]
pub(crate) struct Room(pub(crate) ChannelId, pub(crate) String);

impl Value for Room {
    fn read(text: &str) -> Result<Room, String> {
        let (id, name) = text.split_once('=').ok_or("ID=NAME")?;
        let id = ChannelId::parse(&format!("chat-room:{id}")).map_err(|error| error.to_string())?;
        Ok(Room(id, name.to_owned()))
    }
}

/// A category of loopback rooms: its id and its name.
#[derive(Debug, Clone)]
pub(crate) struct Category(pub(crate) String, pub(crate) String);

impl Value for Category {
    fn read(text: &str) -> Result<Category, String> {
        let halves = text.split_once('=').filter(|(id, _)| !id.is_empty());
        let (id, name) = halves.ok_or("ID=NAME")?;
        Ok(Category(id.to_owned(), name.to_owned()))
    }
}

/// An origin as browsers send it, or `*`. An origin with a path would never match, so it is
/// refused.
#[derive(Debug, Clone)]
pub(crate) struct Origin(pub(crate) String);

impl Value for Origin {
    fn read(text: &str) -> Result<Origin, String> {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let fine = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
        if text == "*" || fine {
            Ok(Origin(text.to_owned()))
        } else {
            Err("an origin as https://example.org, or *".to_owned())
        }
    }
}

impl Value for crate::network::Network {
    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

/// `HOST:PORT,DOMAIN,SECRETFILE`. The service's domain is the parent of DOMAIN.
#[derive(Debug, Clone)]
pub(crate) struct Shorthand(pub(crate) XmppConfig);

impl Value for Shorthand {
    fn read(text: &str) -> Result<Shorthand, String> {
        let parsed = || {
            let mut parts = text.splitn(3, ',');
            let (server, domain, file) = (parts.next()?, parts.next()?, parts.next()?);
            let (host, port) = server.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let (_, above) = domain.split_once('.')?;
            let port: u16 = port.parse().ok()?;
            let complete = !host.is_empty() && !file.is_empty();
            complete.then(|| {
                let secret = serde_json::json!({ "file": file });
                let component = serde_json::json!({
                    "domain": domain, "host": host, "port": port, "secret": secret,
                });
                serde_json::json!({ "domain": above, "component": component })
            })
        };
        let document = parsed().ok_or(
            "HOST:PORT,DOMAIN,SECRETFILE, as 127.0.0.1:5347,agents.example.org,/etc/switchboard/component",
        )?;
        let config = serde_json::from_value(document).map_err(|error| error.to_string())?;
        Ok(Shorthand(config))
    }
}
