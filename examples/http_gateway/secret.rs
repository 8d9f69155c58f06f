//! Where secrets come from: files and the environment, never the configuration itself, which is copied into tickets
//! and kept in repositories.

use crate::regular;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::env::VarError;
use std::path::PathBuf;
use switchboard::Secret;

/// The variable that may hold the super user's password when nothing else is said.
const VARIABLE: &str = "SWITCHBOARD_SUPER_PASSWORD";

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// In this file, less one line end.
    File(PathBuf),
    /// In this environment variable.
    Variable(String),
}

impl Source {
    /// The file it is in, if it is in one.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match self {
            Source::File(path) => Some(path.clone()),
            Source::Variable(_) => None,
        }
    }

    /// Reads it, now.
    pub(crate) fn read(&self) -> Result<Secret, String> {
        match self {
            Source::File(path) => {
                let whence = format!("the password file {}", path.display());
                let text = regular::text(path).map_err(|error| format!("{whence}: {error}"))?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                given(&whence, text.strip_suffix('\r').unwrap_or(text))
            }
            Source::Variable(name) => match std::env::var(name) {
                Ok(text) => given(name, &text),
                Err(VarError::NotPresent) => Err(format!("the variable {name} is not set")),
                Err(VarError::NotUnicode(_)) => Err(format!("the variable {name} is not UTF-8")),
            },
        }
    }
}

/// The super user's password, if one was given: where the settings say, else in the variable of that name.
pub(crate) fn super_password(source: Option<&Source>) -> Result<Option<Secret>, String> {
    match source {
        Some(source) => source.read().map(Some),
        None if std::env::var_os(VARIABLE).is_some() => {
            Source::Variable(VARIABLE.to_owned()).read().map(Some)
        }
        None => Ok(None),
    }
}

/// 144 random bits as text that can be pasted anywhere.
pub(crate) fn random() -> Result<Secret, String> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

fn given(whence: &str, text: &str) -> Result<Secret, String> {
    if (1..=1024).contains(&text.len()) {
        return Ok(Secret::new(text));
    }
    Err(format!(
        "{whence} holds no password, or one of more than 1,024 bytes"
    ))
}
