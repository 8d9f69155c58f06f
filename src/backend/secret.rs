//! Where secrets come from: asked for at every dial, kept nowhere, never shown.
//!
//! A configuration is copied into tickets and kept in repositories, so it names where a secret is
//! and never holds the secret itself. Rejected: a setting that takes either; it is used once and
//! then copied.

use super::error::BackendError;
use super::regular::read_text;
use super::traits::{Reply, reply};
use crate::model::Secret;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;
use std::env::VarError;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::OnceLock;

/// The most bytes a stored secret may have.
const BYTES_MAX: usize = 1024;

/// What knows the secrets of agents. It is asked at every dial, so that a changed password is used
/// at the next try.
///
/// A closure is one too: `|of: &str| Ok(Secret::new("…"))`.
pub trait SecretSource: Send + Sync + 'static {
    /// The secret of `of`: a component's domain (`agents.example.org`) or an account's address
    /// (`bot@example.org`).
    fn secret(&self, of: &str) -> Reply<Secret>;

    /// Returns the files that hold secrets, as far as the source knows them now. A host serves none
    /// of them and warns of those that others can read. Default: none.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Reads what can be read before a dial; may block. Default: reads nothing.
    ///
    /// # Errors
    /// `Refused` for what cannot be read.
    fn check(&self) -> Result<(), BackendError> {
        Ok(())
    }
}

impl<F: Fn(&str) -> Result<Secret, BackendError> + Send + Sync + 'static> SecretSource for F {
    fn secret(&self, of: &str) -> Reply<Secret> {
        reply(std::future::ready(self(of)))
    }
}

impl SecretSource for Secret {
    fn secret(&self, _of: &str) -> Reply<Secret> {
        reply(std::future::ready(Ok(self.clone())))
    }
}

/// Returns a number that changes when the secret of `of` does, or the reason why it cannot be read.
/// It says nothing about the secret, and is different in each process.
pub fn secret_mark(source: &dyn SecretSource, of: &str) -> Reply<Option<u64>> {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    let secret = source.secret(of);
    reply(async move {
        let keys = KEYS.get_or_init(RandomState::new);
        Ok(Some(match secret.await {
            Ok(secret) => keys.hash_one((true, secret.expose())),
            Err(error) => keys.hash_one((false, error.reason.as_str())),
        }))
    })
}

/// Where one secret is stored. A configuration writes it as `{ file = "…" }` or `{ env = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredSecret {
    /// In this file; one line end at its end is not part of the secret.
    File(PathBuf),
    /// In this environment variable.
    Variable(String),
}

impl StoredSecret {
    /// Returns the file that holds the secret, if a file holds it.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            StoredSecret::File(path) => Some(path.clone()),
            StoredSecret::Variable(_) => None,
        }
    }

    /// Reads the secret now; may block.
    ///
    /// # Errors
    /// `Refused` if the file or the variable cannot be read, and if the secret is empty or longer
    /// than 1,024 bytes.
    pub fn read(&self) -> Result<Secret, BackendError> {
        let refused = |text: String| Err(BackendError::refused(text));
        let (holder, text) = match self {
            StoredSecret::File(path) => {
                let holder = format!("the password file {}", path.display());
                match read_text(path) {
                    Ok(text) => (holder, text),
                    Err(error) => return refused(format!("{holder}: {error}")),
                }
            }
            StoredSecret::Variable(name) => match std::env::var(name) {
                Ok(text) => (name.clone(), text),
                Err(VarError::NotPresent) => {
                    return refused(format!("the variable {name} is not set"));
                }
                Err(VarError::NotUnicode(_)) => {
                    return refused(format!("the variable {name} is not UTF-8"));
                }
            },
        };
        let mut secret = text.as_str();
        if self.file().is_some() {
            secret = secret.strip_suffix('\n').unwrap_or(secret);
            secret = secret.strip_suffix('\r').unwrap_or(secret);
        }
        if (1..=BYTES_MAX).contains(&secret.len()) {
            Ok(Secret::new(secret))
        } else {
            refused(format!(
                "{holder} holds no password, or one of more than 1,024 bytes"
            ))
        }
    }
}

impl SecretSource for StoredSecret {
    fn secret(&self, of: &str) -> Reply<Secret> {
        let stored = self.clone();
        read_later(of, move |_| stored.read())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.file().into_iter().collect()
    }

    fn check(&self) -> Result<(), BackendError> {
        self.read().map(drop)
    }
}

impl<'de> Deserialize<'de> for StoredSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StoredSecret, D::Error> {
        let refusal =
            "a secret does not belong in this file; write { file = \"…\" } or { env = \"…\" }";
        let (key, text) = single_key(deserializer, &["file", "env"], refusal)?;
        Ok(match key {
            "file" => StoredSecret::File(PathBuf::from(text)),
            _ => StoredSecret::Variable(text),
        })
    }
}

/// Reads a table of one key and a text. The error never shows the value, which may be a secret that
/// does not belong there.
pub(super) fn single_key<'de, D: Deserializer<'de>>(
    deserializer: D,
    known: &'static [&'static str],
    refusal: &str,
) -> Result<(&'static str, String), D::Error> {
    let refused = || D::Error::custom(refusal);
    let Value::Object(table) = Value::deserialize(deserializer)? else {
        return Err(refused());
    };
    let mut entries = table.into_iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return Err(refused());
    };
    let found = known.iter().find(|known| **known == key);
    let key = found.ok_or_else(|| D::Error::unknown_field(&key, known))?;
    match value {
        Value::String(text) => Ok((key, text)),
        _ => Err(refused()),
    }
}

/// Reads on a thread that may block, because dials run on threads that carry connections.
pub(super) fn read_later(
    of: &str,
    read: impl FnOnce(&str) -> Result<Secret, BackendError> + Send + 'static,
) -> Reply<Secret> {
    let of = of.to_owned();
    reply(async move {
        let done = crate::backend::start_blocking(move || {
            read(&of).map_err(|error| {
                BackendError::refused(format!("the secret of `{of}` cannot be read: {error}"))
            })
        });
        done.await
            .unwrap_or_else(|_| Err(BackendError::unreachable("the engine is stopping")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_configuration_is_refused_and_never_shown() {
        let read = |text: &str| serde_json::from_str::<StoredSecret>(text);
        assert_eq!(
            read(r#"{"file": "/etc/x"}"#).expect("a place"),
            StoredSecret::File("/etc/x".into())
        );
        assert_eq!(
            read(r#"{"env": "PW"}"#).expect("a place"),
            StoredSecret::Variable("PW".to_owned())
        );
        for text in [
            "\"hunter2\"",
            "12345",
            "[\"hunter2\"]",
            r#"{"file": 12345}"#,
            r#"{"file": "hunter2", "env": "hunter2"}"#,
            "{}",
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(
                error.starts_with("a secret does not belong in this file"),
                "{error}"
            );
            assert!(
                !error.contains("hunter2") && !error.contains("12345"),
                "{error}"
            );
        }
        let error = read(r#"{"fil": "x"}"#).expect_err("a key").to_string();
        assert!(error.contains("unknown field `fil`"), "{error}");
    }

    #[test]
    fn one_line_end_is_not_part_of_a_stored_secret() {
        let path = std::env::temp_dir().join(format!("switchboard-stored-{}", std::process::id()));
        let stored = StoredSecret::File(path.clone());
        for (text, secret) in [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" a ", " a "),
        ] {
            std::fs::write(&path, text).expect("a file");
            assert_eq!(stored.read().expect(text).expose(), secret);
        }
        for text in [String::new(), "\n".to_owned(), "x".repeat(1025)] {
            std::fs::write(&path, &text).expect("a file");
            assert!(stored.read().is_err(), "{text}");
        }
        std::fs::remove_file(&path).expect("gone");
        assert!(stored.read().is_err(), "no file");
    }
}
