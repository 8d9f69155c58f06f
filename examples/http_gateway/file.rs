//! `--config FILE`: the settings in TOML.
//!
//! ```toml
//! listen = "0.0.0.0:8443"
//! database = "/var/lib/switchboard/switchboard.db"
//! super_password = { file = "/etc/switchboard/password" }   # or { env = "NAME" }; never the password itself
//! tls_cert = "/etc/switchboard/cert.pem"
//! tls_key = "/etc/switchboard/key.pem"
//! keep_messages = "90d"
//!
//! [rooms]                       # or rooms = ["ops=Operations"]
//! ops = "Operations"
//!
//! [[backend]]                   # of `type = "xmpp"` see `xmpp.rs`, of `"ucwa"` see `ucwa.rs`
//! type = "loopback"
//!
//! [[authenticator]]
//! type = "database"
//! ```
//!
//! A key nobody knows is refused with its line and the name that was probably meant: a misspelt limit that silently
//! is the default is found out only when it is needed. Read with [`crate::settings`], as the command line is.

use crate::backends::Chat;
use crate::nearest::nearest;
use crate::settings::{Given, Setting, TABLE, Takes};
use crate::{ucwa, xmpp};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is not in the table of settings.
const MORE: [&str; 3] = ["super_password", "backend", "authenticator"];

/// The chat systems this program has.
const BACKENDS: [&str; 3] = ["loopback", "xmpp", "ucwa"];

/// Where users' passwords can be checked.
const AUTHENTICATORS: [&str; 1] = ["database"];

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) settings: Vec<Given>,
    /// In their order there.
    pub(crate) backends: Vec<Chat>,
}

/// Reads a file; the error is a sentence that begins with `FILE:LINE:`.
pub(crate) fn read(path: &Path) -> Result<Said, String> {
    let text = crate::regular::text(path)
        .map_err(|error| format!("--config {}: {error}", path.display()))?;
    parse(&path.display().to_string(), &text)
}

fn parse(name: &str, text: &str) -> Result<Said, String> {
    let file = File { name, text };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        file.error(at, error.message())
    })?;
    let mut said = Said::default();
    for (key, value) in table.get_ref() {
        match key.get_ref().as_ref() {
            "backend" => said.backends = file.backends(key.span().start, value)?,
            _ => said.settings.extend(file.setting(key, value)?),
        }
    }
    Ok(said)
}

struct File<'a> {
    name: &'a str,
    text: &'a str,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl File<'_> {
    fn error(&self, at: usize, text: impl std::fmt::Display) -> String {
        format!("{}{text}", self.place(at))
    }

    /// `FILE:LINE: `
    fn place(&self, at: usize) -> String {
        let line = 1 + self
            .text
            .bytes()
            .take(at)
            .filter(|byte| *byte == b'\n')
            .count();
        format!("{}:{line}: ", self.name)
    }

    fn setting(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Value<'_>,
    ) -> Result<Vec<Given>, String> {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        match name {
            "super_password" => return self.secret(at, value).map(|given| vec![given]),
            "authenticator" => {
                for (table, _) in self.kinds("authenticator", at, value, &AUTHENTICATORS)? {
                    self.bare("authenticator", table)?;
                }
                return Ok(Vec::new());
            }
            _ => {}
        }
        let Some(setting) = TABLE.iter().find(|setting| setting.name == name) else {
            return Err(self.unknown(
                "setting",
                name,
                at,
                TABLE.iter().map(|setting| setting.name).chain(MORE),
            ));
        };
        let texts = texts(setting.takes, value.get_ref())
            .map_err(|expected| self.error(at, format!("{name} must be {expected}")))?;
        let whence = self.error(at, name);
        Ok(texts
            .into_iter()
            .map(|value| Given {
                name: setting.name,
                value,
                whence: whence.clone(),
            })
            .collect())
    }

    fn unknown<'a>(
        &self,
        what: &str,
        name: &str,
        at: usize,
        known: impl IntoIterator<Item = &'a str>,
    ) -> String {
        let meant = nearest(name, known).unwrap_or_default();
        self.error(
            at,
            format!(
                "there is no {what} `{}`; did you mean `{meant}`?",
                name.escape_debug()
            ),
        )
    }

    /// `{ file = "…" }` or `{ env = "…" }`.
    fn secret(&self, at: usize, value: &Value<'_>) -> Result<Given, String> {
        let refused = "a secret does not belong into this file; write super_password = { file = \"…\" } or { env = \"…\" }";
        let table = value.get_ref().as_table().filter(|table| table.len() == 1);
        let (key, value) = table
            .and_then(|table| table.iter().next())
            .ok_or_else(|| self.error(at, refused))?;
        let setting = match key.get_ref().as_ref() {
            "file" => "super_password_file",
            "env" => "super_password_env",
            other => return Err(self.unknown("source of a secret", other, at, ["file", "env"])),
        };
        let value = value
            .get_ref()
            .as_str()
            .ok_or_else(|| self.error(at, refused))?;
        Ok(Given {
            name: setting,
            value: value.to_owned(),
            whence: self.error(at, "super_password"),
        })
    }

    /// `[[backend]]` or `[[authenticator]]`: a list of tables, no two of one `type`.
    fn kinds<'v>(
        &self,
        what: &str,
        at: usize,
        value: &'v Value<'v>,
        known: &[&'static str],
    ) -> Result<Vec<(&'v DeTable<'v>, &'static str)>, String> {
        let list = value
            .get_ref()
            .as_array()
            .ok_or_else(|| self.error(at, format!("{what} must be a list: [[{what}]]")))?;
        let mut found: Vec<(&DeTable<'_>, &str)> = Vec::new();
        for item in list {
            let at = item.span().start;
            let table = item
                .get_ref()
                .as_table()
                .ok_or_else(|| self.error(at, format!("{what} must be a table")))?;
            let Some(kind) = table.get("type") else {
                if let Some((key, _)) = table.iter().next().filter(|_| table.len() == 1) {
                    return Err(self.unknown(
                        &format!("setting of a {what}"),
                        key.get_ref(),
                        key.span().start,
                        ["type"],
                    ));
                }
                return Err(self.error(at, format!("a {what} needs a type")));
            };
            let name = kind.get_ref().as_str().unwrap_or_default();
            let Some(known) = known.iter().find(|known| **known == name) else {
                return Err(self.unknown(
                    &format!("{what} of type"),
                    name,
                    kind.span().start,
                    known.iter().copied(),
                ));
            };
            if found.iter().any(|(_, before)| before == known) {
                return Err(self.error(at, format!("there can be one {what} of type `{name}`")));
            }
            found.push((table, known));
        }
        Ok(found)
    }

    /// A table that has a `type` and nothing else.
    fn bare(&self, what: &str, table: &DeTable<'_>) -> Result<(), String> {
        match table.iter().find(|(key, _)| key.get_ref() != "type") {
            Some((key, _)) => Err(self.unknown(
                &format!("setting of a {what}"),
                key.get_ref(),
                key.span().start,
                ["type"],
            )),
            None => Ok(()),
        }
    }

    fn backends(&self, at: usize, value: &Value<'_>) -> Result<Vec<Chat>, String> {
        let read = |(table, kind): (&DeTable<'_>, &str)| match kind {
            "xmpp" => {
                let given = self.nested(xmpp::TABLE, "", table)?;
                Ok(Chat::Xmpp(Box::new(xmpp::Settings::new(
                    self.first(at, table),
                    &given,
                )?)))
            }
            "ucwa" => {
                let given = self.nested(ucwa::TABLE, "", table)?;
                Ok(Chat::Ucwa(Box::new(ucwa::Settings::new(
                    self.first(at, table),
                    &given,
                )?)))
            }
            _ => self.bare("backend", table).map(|()| Chat::Loopback),
        };
        self.kinds("backend", at, value, &BACKENDS)?
            .into_iter()
            .map(read)
            .collect()
    }

    /// Where a table's first key stands.
    fn first(&self, at: usize, table: &DeTable<'_>) -> String {
        self.place(
            table
                .iter()
                .map(|(key, _)| key.span().start)
                .min()
                .unwrap_or(at),
        )
    }

    /// The settings in a table of a backend, and in the tables in it; `within` is empty or ends in a dot.
    fn nested<T>(
        &self,
        settings: &[Setting<T>],
        within: &str,
        table: &DeTable<'_>,
    ) -> Result<Vec<Given>, String> {
        let mut given = Vec::new();
        for (key, value) in table {
            let (name, at) = (format!("{within}{}", key.get_ref()), key.span().start);
            if name == "type" {
                continue;
            }
            let deeper = format!("{name}.");
            if let Some(setting) = settings.iter().find(|setting| setting.name == name) {
                let texts = texts(setting.takes, value.get_ref());
                let texts = texts
                    .map_err(|expected| self.error(at, format!("{name} must be {expected}")))?;
                let whence = self.error(at, &name);
                given.extend(texts.into_iter().map(|value| Given {
                    name: setting.name,
                    value,
                    whence: whence.clone(),
                }));
            } else if settings
                .iter()
                .any(|setting| setting.name.starts_with(&deeper))
            {
                let inner = value.get_ref().as_table();
                let inner = if deeper.contains("secret") {
                    inner.filter(|inner| inner.len() == 1)
                } else {
                    inner
                };
                given.extend(self.nested(
                    settings,
                    &deeper,
                    inner.ok_or_else(|| self.error(at, must_be_a_table(&name)))?,
                )?);
            } else {
                let known = settings
                    .iter()
                    .filter_map(|setting| setting.name.strip_prefix(within)?.split('.').next());
                let known = known.chain(within.is_empty().then_some("type"));
                let what = format!(
                    "setting of a backend{}{}",
                    if within.is_empty() { "" } else { "'s " },
                    within.trim_end_matches('.')
                );
                return Err(self.unknown(&what, key.get_ref(), at, known));
            }
        }
        Ok(given)
    }
}

fn must_be_a_table(name: &str) -> String {
    match name {
        "component.secret" => {
            "a secret does not belong into this file; write secret = { file = \"…\" } or { env = \"…\" }".to_owned()
        }
        "accounts.secrets" | "secrets" => {
            "secrets do not belong into this file; write secrets = { directory = \"…\" } or { file = \"…\" }".to_owned()
        }
        _ => format!("{name} must be a table: [backend.{name}]"),
    }
}

/// A value as the command line would say it; the error says what was expected.
fn texts(takes: Takes, value: &DeValue<'_>) -> Result<Vec<String>, &'static str> {
    let number = match value {
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) if takes == Takes::Duration => Some(number.as_str().to_owned()),
        _ => None,
    };
    let text = value.as_str().map(str::to_owned);
    match takes {
        Takes::Text => text.map(|text| vec![text]).ok_or("a text"),
        Takes::Number => number.map(|number| vec![number]).ok_or("a whole number"),
        Takes::Duration => number
            .or(text)
            .map(|text| vec![text])
            .ok_or("a number of seconds, or a text as \"30d\""),
        Takes::Size => number
            .or(text)
            .map(|text| vec![text])
            .ok_or("a number of bytes, or a text as \"4GiB\""),
        Takes::Switch => value
            .as_bool()
            .map(|on| vec![on.to_string()])
            .ok_or("true or false"),
        Takes::List => match value {
            DeValue::Array(list) => list
                .iter()
                .map(|item| {
                    item.get_ref()
                        .as_str()
                        .map(str::to_owned)
                        .ok_or("a list of texts")
                })
                .collect(),
            DeValue::Table(table) => table
                .iter()
                .map(|(key, value)| {
                    Ok(format!(
                        "{}={}",
                        key.get_ref(),
                        value.get_ref().as_str().ok_or("a table of texts")?
                    ))
                })
                .collect(),
            _ => text.map(|text| vec![text]).ok_or("a list of texts"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Result<Vec<(&'static str, String)>, String> {
        Ok(parse("gateway.toml", text)?
            .settings
            .into_iter()
            .map(|given| (given.name, given.value))
            .collect())
    }

    #[test]
    fn what_the_file_says_is_what_the_command_line_would() {
        let text = "listen = \"[::1]:80\"\npoll_timeout = 1.5\nkeep_messages = \"90d\"\nconnections = 5\nloopback_control = true\n\
                    super_password = { env = \"PW\" }\n[rooms]\nops = \"Operations\"\n\"a/b\" = \"A slash\"\n[[backend]]\ntype = \"loopback\"";
        let mut pairs = pairs(text).expect("fine");
        pairs.sort();
        let expected = [
            ("connections", "5"),
            ("keep_messages", "90d"),
            ("listen", "[::1]:80"),
            ("loopback_control", "true"),
            ("poll_timeout", "1.5"),
            ("rooms", "a/b=A slash"),
            ("rooms", "ops=Operations"),
            ("super_password_env", "PW"),
        ];
        assert_eq!(
            pairs
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_was_meant() {
        for (text, error) in [
            (
                "listen = 'x'\npol_timeout = 3",
                "gateway.toml:2: there is no setting `pol_timeout`; did you mean `poll_timeout`?",
            ),
            (
                "backends = []",
                "gateway.toml:1: there is no setting `backends`; did you mean `backend`?",
            ),
            ("\n\nlisten = ", "gateway.toml:3: "),
            ("listen = 5", "gateway.toml:1: listen must be a text"),
            (
                "poll_timeout = true",
                "gateway.toml:1: poll_timeout must be a number of seconds, or a text as \"30d\"",
            ),
            (
                "super_password = 'secret'",
                "gateway.toml:1: a secret does not belong into this file; write super_password =",
            ),
            (
                "super_password = { fil = 'x' }",
                "gateway.toml:1: there is no source of a secret `fil`; did you mean `file`?",
            ),
            (
                "[[backend]]\ntype = 'loopbak'",
                "gateway.toml:2: there is no backend of type `loopbak`; did you mean `loopback`?",
            ),
            (
                "[[backend]]\nkind = 'x'",
                "gateway.toml:2: there is no setting of a backend `kind`; did you mean `type`?",
            ),
            (
                "[[backend]]\ntype = 'xmpp'\ndomian = 'b.c'",
                "gateway.toml:3: there is no setting of a backend `domian`; did you mean `domain`?",
            ),
            (
                "[[backend]]\ntype = 'xmpp'\n[backend.component]\nhots = 'x'",
                "gateway.toml:4: there is no setting of a backend's component `hots`; did you mean `host`?",
            ),
            (
                "[[backend]]\ntype = 'xmpp'\n[backend.component]\nsecret = 'secret'",
                "gateway.toml:4: a secret does not belong into this file",
            ),
            (
                "[[backend]]\ntype = 'xmpp'\n[backend.accounts]\nsecrets = {}",
                "gateway.toml:4: secrets do not belong into this file",
            ),
            (
                "[[backend]]\ntype = 'xmpp'\ncomponent = 5",
                "gateway.toml:3: component must be a table: [backend.component]",
            ),
            (
                "[[backend]]\ntype = 'xmpp'\ndomain = 'b.c'",
                "gateway.toml:2: an XMPP backend needs a component",
            ),
            (
                "[[backend]]\ntype = 'ucwa'\ndomain = 'b.c'",
                "gateway.toml:2: a UCWA backend needs the accounts' secrets",
            ),
            (
                "[[backend]]\ntype = 'ucwa'\nsecrets = 'x'",
                "gateway.toml:3: secrets do not belong into this file",
            ),
            (
                "[[backend]]\ntype = 'ucwa'\nrooms_host = 'x'",
                "gateway.toml:3: there is no setting of a backend `rooms_host`; did you mean",
            ),
            (
                "[[backend]]\ntype = 'xmpp'\nmessage_length = 0",
                "gateway.toml:3: message_length is `0`: 1 to 60,000",
            ),
            (
                "[[backend]]\ntype = 'loopback'\n[[backend]]\ntype = 'loopback'",
                "gateway.toml:3: there can be one backend of type",
            ),
            (
                "[backend]\ntype = 'loopback'",
                "gateway.toml:1: backend must be a list: [[backend]]",
            ),
        ] {
            let found = pairs(text).expect_err(text);
            assert!(found.starts_with(error), "{found}");
            assert!(!found.contains("'secret'"));
        }
    }
}
