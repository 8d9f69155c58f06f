//! The secrets of components and accounts, read from where they lie at every dial: one that is changed is used at the
//! next.

use crate::secret::Source;
use std::path::{Path, PathBuf};
use switchboard::backend::{BackendError, Reply, Secret, SecretSource, reply};

/// A component's.
#[derive(Debug, Clone)]
pub(crate) struct ComponentSecret(pub(crate) Source);

impl SecretSource for ComponentSecret {
    fn secret(&self, of: &str) -> Reply<Secret> {
        let source = self.0.clone();
        read(of, move |_| source.read())
    }
}

/// Those of accounts.
#[derive(Debug, Clone)]
pub(crate) enum AccountSecrets {
    /// A file for each, called as its address: `bot@example.org`.
    Directory(PathBuf),
    /// A file with lines `bot@example.org = /path/of/its/secret`, empty lines, and lines that begin with `#`.
    List(PathBuf),
}

impl SecretSource for AccountSecrets {
    fn secret(&self, of: &str) -> Reply<Secret> {
        let secrets = self.clone();
        read(of, move |of| Source::File(secrets.place(of)?).read())
    }
}

impl AccountSecrets {
    /// The files that hold them, as far as they are known now: a name in the directory, and the list with its files.
    pub(crate) fn private_files(&self) -> Vec<PathBuf> {
        match self {
            AccountSecrets::Directory(path) => {
                let inside = std::fs::read_dir(path)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.path());
                inside.chain([path.join("an-account")]).collect()
            }
            AccountSecrets::List(path) => {
                let listed = list(path)
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(_, file)| file);
                listed.chain([path.clone()]).collect()
            }
        }
    }

    /// What can be read now is read: the directory may be filled later, a list may be not.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            AccountSecrets::Directory(path) => std::fs::read_dir(path)
                .map(|_| ())
                .map_err(|error| format!("the directory {}: {error}", path.display())),
            AccountSecrets::List(path) => list(path)?
                .into_iter()
                .try_for_each(|(_, file)| Source::File(file).read().map(|_| ())),
        }
    }

    /// Where the secret of an address lies.
    fn place(&self, of: &str) -> Result<PathBuf, String> {
        match self {
            // An address with a slash would name a file elsewhere.
            AccountSecrets::Directory(path) if of.contains('/') => {
                Err(format!("{} has no such file", path.display()))
            }
            AccountSecrets::Directory(path) => Ok(path.join(of)),
            AccountSecrets::List(path) => {
                let found = list(path)?
                    .into_iter()
                    .find(|(address, _)| address.eq_ignore_ascii_case(of));
                found
                    .map(|(_, file)| file)
                    .ok_or_else(|| format!("{} has no line for it", path.display()))
            }
        }
    }
}

/// The addresses in a list and their files, which lie beside it unless their path is absolute.
fn list(path: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let text =
        crate::regular::text(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    lines
        .map(|(at, line)| {
            // The line itself is not shown: somebody may have written the secret into it.
            let wrong = || {
                format!(
                    "{}:{}: expected ADDRESS = SECRETFILE",
                    path.display(),
                    at + 1
                )
            };
            let (address, file) = line.split_once('=').ok_or_else(wrong)?;
            let (address, file) = (address.trim(), file.trim());
            let fine = address.contains('@') && !file.is_empty();
            if fine {
                Ok((address.to_owned(), beside.join(file)))
            } else {
                Err(wrong())
            }
        })
        .collect()
}

/// Reads off the threads that carry the connections.
fn read(
    of: &str,
    source: impl FnOnce(&str) -> Result<Secret, String> + Send + 'static,
) -> Reply<Secret> {
    let of = of.to_owned();
    reply(async move {
        let read = tokio::task::spawn_blocking(move || {
            source(&of).map_err(|error| {
                BackendError::refused(format!("the secret of `{of}` cannot be read: {error}"))
            })
        });
        read.await
            .unwrap_or_else(|_| Err(BackendError::unreachable("the engine is stopping")))
    })
}
