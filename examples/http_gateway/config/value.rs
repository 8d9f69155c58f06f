//! How the values of settings are read. A flag and a key of the file share one reader, `FromStr`,
//! whose error says what was expected.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Value, json};
use std::fmt::Display;
use std::str::FromStr;
use switchboard::backend::xmpp::XmppConfig;
use tracing::Level;

/// Reads a level of the log.
pub(super) fn level<'de, D: Deserializer<'de>>(file: D) -> Result<Level, D::Error> {
    let text = String::deserialize(file)?;
    let expected = "error, warn, info, debug or trace";
    text.parse().map_err(|_| wrong(&text, expected))
}

/// Reads the value of a key whose flag may be repeated: a list of texts, a table of texts, or one
/// text.
pub(super) fn list<'de, D, T>(file: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = |given: &Value| given.as_str().map(str::to_owned);
    let texts: Option<Vec<String>> = match Value::deserialize(file)? {
        Value::Array(list) => list.iter().map(text).collect(),
        Value::Object(table) => table
            .iter()
            .map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
            .collect(),
        other => text(&other).map(|text| vec![text]),
    };
    let texts =
        texts.ok_or_else(|| D::Error::custom("invalid type: another, expected a list of texts"))?;
    let read = |text: &String| text.parse().map_err(|expected| wrong(text, expected));
    texts.iter().map(read).collect()
}

/// The error has the form of `serde`'s own errors.
fn wrong<E: Error>(text: &str, expected: impl Display) -> E {
    let value = text.escape_debug();
    E::custom(format_args!(
        "invalid value: `{value}`, expected {expected}"
    ))
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The id and the name of a loopback room or category.
#[derive(Debug, Clone)]
pub(crate) struct Named(pub(crate) String, pub(crate) String);

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Named, String> {
        let halves = text.split_once('=').filter(|(id, _)| !id.is_empty());
        let (id, name) = halves.ok_or("ID=NAME")?;
        Ok(Named(id.to_owned(), name.to_owned()))
    }
}

/// An origin as browsers send it, or `*`. An origin with a path would never match, so it is
/// refused.
#[derive(Debug, Clone)]
pub(crate) struct Origin(pub(crate) String);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Origin, String> {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let fine = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
        let origin = (text == "*" || fine).then(|| Origin(text.to_owned()));
        origin.ok_or_else(|| "an origin as https://example.org, or *".to_owned())
    }
}

/// `HOST:PORT,DOMAIN,SECRETFILE`. The service's domain is the parent of DOMAIN.
#[derive(Debug, Clone)]
pub(crate) struct Shorthand(pub(crate) Box<XmppConfig>);

impl FromStr for Shorthand {
    type Err = String;

    fn from_str(text: &str) -> Result<Shorthand, String> {
        let parsed = || {
            let mut parts = text.splitn(3, ',');
            let (server, domain, file) = (parts.next()?, parts.next()?, parts.next()?);
            let (host, port) = server.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let (_, above) = domain.split_once('.')?;
            let (port, secret): (u16, _) = (port.parse().ok()?, json!({ "file": file }));
            let component =
                json!({ "domain": domain, "host": host, "port": port, "secret": secret });
            let complete = !host.is_empty() && !file.is_empty();
            complete.then(|| json!({ "domain": above, "component": component }))
        };
        let document = parsed().ok_or(
            "HOST:PORT,DOMAIN,SECRETFILE, as 127.0.0.1:5347,agents.example.org,/etc/switchboard/component",
        )?;
        let config = serde_json::from_value(document).map_err(|error| error.to_string())?;
        Ok(Shorthand(config))
    }
}
