//! `--config FILE`: the settings in TOML.
//!
//! ```toml
//! listen = "0.0.0.0:8443"
//! database = "/var/lib/switchboard/switchboard.db"
//! super_password = { file = "/etc/switchboard/password" }   # or { env = "NAME" }; never the password itself
//! keep_messages = "90d"
//!
//! [rooms]                       # or rooms = ["ops=Operations"]
//! ops = "Operations"
//!
//! [[backend]]                   # `type = "xmpp"` and `"ucwa"`: see `config/document.rs` of each backend
//! type = "loopback"
//!
//! [[authenticator]]
//! type = "database"
//! ```
//!
//! `serde` reads the file and refuses unknown keys: otherwise a misspelt limit would silently keep
//! its default. Our own code only words the errors: the line, the key, what was expected, and the
//! nearest known name. Each backend's table is read separately, because `serde` loses the lines of
//! a table whose type depends on its `type` key.

use super::arguments::Arguments;
use super::chat::{Chat, System};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use switchboard::backend;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error, ValueDeserializer};

/// The chat systems that this program has.
const BACKENDS: [&str; 3] = ["loopback", "xmpp", "ucwa"];

/// A backend without settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare {}

/// Reads a file. An error begins with `FILE:LINE:`.
pub(super) fn read(path: &Path) -> Result<Arguments, String> {
    let name = path.display().to_string();
    let unreadable = |error: &dyn std::fmt::Display| format!("--config {name}: {error}");
    let bytes = backend::read_regular(path).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable(&"it is not UTF-8"))?;
    let (name, text) = (&name, &text);
    File { name, text }.read()
}

/// A file's name and its text.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl File<'_> {
    pub(super) fn read(&self) -> Result<Arguments, String> {
        let told = |error| self.told(&error, "", "backend", 0);
        let mut table = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            format!("{}{}", self.line(at), error.message())
        })?;
        let backends = table.get_mut().remove("backend");
        let mut arguments = Arguments::deserialize(Deserializer::from(table)).map_err(told)?;
        arguments.backends = backends.map_or(Ok(Vec::new()), |list| self.backends(list))?;
        arguments.settle_password();
        Ok(arguments)
    }

    /// Returns `FILE:LINE: ` for a byte of the text.
    fn line(&self, at: usize) -> String {
        let before = self.text.bytes().take(at);
        let line = 1 + before.filter(|byte| *byte == b'\n').count();
        format!("{}:{line}: ", self.name)
    }

    fn backends(&self, list: Spanned<DeValue<'_>>) -> Result<Vec<Chat>, String> {
        let at = self.line(list.span().start);
        let DeValue::Array(list) = list.into_inner() else {
            return Err(format!("{at}backend must be a list: [[backend]]"));
        };
        list.into_iter().map(|item| self.backend(item)).collect()
    }

    fn backend(&self, mut item: Spanned<DeValue<'_>>) -> Result<Chat, String> {
        let whence = self.line(item.span().start);
        let DeValue::Table(table) = item.get_mut() else {
            return Err(format!("{whence}backend must be a table"));
        };
        let Some(kind) = table.remove("type") else {
            return Err(match table.iter().next().filter(|_| table.len() == 1) {
                Some((key, _)) => {
                    let at = self.line(key.span().start);
                    at + &unknown("setting of a backend", key.get_ref(), &["type"])
                }
                None => format!("{whence}a backend needs a type"),
            });
        };
        let system = match kind.get_ref().as_str().unwrap_or_default() {
            "loopback" => self.settings(item).map(|Bare {}| System::Loopback)?,
            "xmpp" => System::Xmpp(Box::new(self.settings(item)?)),
            "ucwa" => System::Ucwa(Box::new(self.settings(item)?)),
            other => {
                let at = self.line(kind.span().start);
                return Err(at + &unknown("backend of type", other, &BACKENDS));
            }
        };
        Ok(Chat { whence, system })
    }

    fn settings<T: DeserializeOwned>(&self, table: Spanned<DeValue<'_>>) -> Result<T, String> {
        let start = table.span().start;
        T::deserialize(ValueDeserializer::from(table))
            .map_err(|error| self.told(&error, "a backend", "type", start))
    }

    /// Adds to an error of `serde` the line, the key, and the nearest known name for an unknown one.
    /// `owner` is empty, or the backend whose table is read; `also` is a known key that `serde` does
    /// not see; `start` is where the table begins, for errors without a position.
    fn told(&self, error: &Error, owner: &str, also: &str, start: usize) -> String {
        let line = self.line(error.span().map_or(start, |span| span.start));
        let mut message = error.message().to_owned();
        // What stands there may be a secret.
        if let Some((wrong, expected)) = message.rsplit_once(", expected ")
            && wrong.starts_with("invalid type")
        {
            message = format!("invalid type, expected {expected}");
        }
        let all = error.to_string();
        let key = all.trim_end().rsplit_once("\nin `");
        let key = key.map_or("", |(_, key)| key.trim_end_matches('`'));
        let owner = match (owner, key) {
            ("", key) => key.to_owned(),
            (owner, "") => owner.to_owned(),
            (owner, key) => format!("{owner}'s {key}"),
        };
        if message.starts_with("unknown field") {
            let mut names = message.split('`').skip(1).step_by(2);
            let name = names.next().unwrap_or_default();
            let known: Vec<&str> = names.chain(key.is_empty().then_some(also)).collect();
            let of = if owner.is_empty() { "" } else { " of " };
            line + &unknown(&format!("setting{of}{owner}"), name, &known)
        } else if owner.is_empty() {
            line + &message
        } else {
            format!("{line}{owner}: {message}")
        }
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .min_by_key(|known| strsim::levenshtein(name, known));
    let nearest = nearest.copied().unwrap_or_default();
    let name = name.escape_debug();
    format!("there is no {what} `{name}`; did you mean `{nearest}`?")
}
