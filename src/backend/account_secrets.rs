//! The secrets of many accounts: a folder, or a list of files.
//!
//! Both are read at every dial, so that a changed secret is used at the next one.
//!
//! A connector asks for the secret of the prepared address. The file's name, or the line in the
//! list, may have the address as it was provisioned: `Straße@example.org` names the account
//! `strasse@example.org` too.

use super::error::BackendError;
#[cfg(any(feature = "xmpp", feature = "ucwa"))]
use super::prepared::folded;
use super::regular::read_text;
use super::secret::{SecretSource, StoredSecret, read_later, single_key};
use super::traits::Reply;
use crate::model::Secret;
use serde::de::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};

/// The most files of a folder whose names are compared with an address.
const NAMES_MAX: usize = 100_000;

/// Where the secrets of accounts are stored. A configuration writes it as `{ directory = "…" }` or
/// `{ file = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSecrets {
    /// A folder with a file for each account, named like its address: `bot@example.org`.
    Directory(PathBuf),
    /// A file with lines `bot@example.org = /path/of/its/secret`, empty lines, and lines that begin
    /// with `#`. A relative path begins at the folder of this file.
    List(PathBuf),
}

impl AccountSecrets {
    /// Returns the file that holds the secret of this address.
    fn file_of(&self, address: &str) -> Result<PathBuf, BackendError> {
        let refused = |path: &Path, what: &str| {
            BackendError::refused(format!("{} has no {what}", path.display()))
        };
        match self {
            // An address with a slash would name a file elsewhere.
            AccountSecrets::Directory(path) if address.contains('/') => {
                Err(refused(path, "such file"))
            }
            AccountSecrets::Directory(path) => Ok(file_in(path, address)),
            AccountSecrets::List(path) => list(path)?
                .into_iter()
                .find(|(listed, _)| folded(listed) == folded(address))
                .map(|(_, file)| file)
                .ok_or_else(|| refused(path, "line for it")),
        }
    }
}

impl SecretSource for AccountSecrets {
    fn secret(&self, of: &str) -> Reply<Secret> {
        let secrets = self.clone();
        read_later(of, move |of| {
            StoredSecret::File(secrets.file_of(of)?).read()
        })
    }

    /// Of a folder also one name that need not exist, so that an empty folder is known too.
    fn files(&self) -> Vec<PathBuf> {
        match self {
            AccountSecrets::Directory(path) => {
                let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
                let files = entries.map(|entry| entry.path());
                files.chain([path.join("an-account")]).collect()
            }
            AccountSecrets::List(path) => {
                let listed = list(path).unwrap_or_default().into_iter();
                let files = listed.map(|(_, file)| file);
                files.chain([path.clone()]).collect()
            }
        }
    }

    /// Reads every secret of a list. Of a folder, which may be filled later, only that it is there.
    fn check(&self) -> Result<(), BackendError> {
        match self {
            AccountSecrets::Directory(path) => match std::fs::read_dir(path) {
                Ok(_) => Ok(()),
                Err(error) => Err(BackendError::refused(format!(
                    "the directory {}: {error}",
                    path.display()
                ))),
            },
            AccountSecrets::List(path) => list(path)?
                .into_iter()
                .try_for_each(|(_, file)| StoredSecret::File(file).read().map(drop)),
        }
    }
}

impl<'de> Deserialize<'de> for AccountSecrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AccountSecrets, D::Error> {
        let refusal =
            "secrets do not belong in this file; write { directory = \"…\" } or { file = \"…\" }";
        let (key, text) = single_key(deserializer, &["directory", "file"], refusal)?;
        Ok(match key {
            "directory" => AccountSecrets::Directory(text.into()),
            _ => AccountSecrets::List(text.into()),
        })
    }
}

/// Returns the file of an address in a folder: the one with its name, else one whose name is the
/// same address once it is prepared.
fn file_in(folder: &Path, address: &str) -> PathBuf {
    let exact = folder.join(address);
    if exact.exists() {
        return exact;
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.take(NAMES_MAX).find(|entry| {
        let name = entry.file_name();
        name.to_str()
            .is_some_and(|name| folded(name) == folded(address))
    });
    named.map_or(exact, |entry| entry.path())
}

/// Without a connector nothing prepares an address.
#[cfg(not(any(feature = "xmpp", feature = "ucwa")))]
fn folded(address: &str) -> String {
    address.to_lowercase()
}

/// Returns the addresses in a list with their files.
fn list(path: &Path) -> Result<Vec<(String, PathBuf)>, BackendError> {
    let text = read_text(path)
        .map_err(|error| BackendError::refused(format!("{}: {error}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let halves = line.split_once('=');
        let halves = halves.map(|(address, file)| (address.trim(), file.trim()));
        match halves.filter(|(address, file)| address.contains('@') && !file.is_empty()) {
            Some((address, file)) => found.push((address.to_owned(), folder.join(file))),
            // The error does not show the line: somebody may have written the secret into it.
            None => {
                return Err(BackendError::refused(format!(
                    "{}:{}: expected ADDRESS = SECRETFILE",
                    path.display(),
                    at + 1
                )));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_files_and_is_read_again_each_time() {
        let folder = std::env::temp_dir().join(format!("switchboard-list-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("list");
        let secrets = AccountSecrets::List(path.clone());
        std::fs::write(folder.join("one"), "s3cret\n").expect("a file");
        std::fs::write(&path, "# agents\n\nBot@example.org = one\n").expect("a list");
        secrets.check().expect("readable");
        let file = secrets.file_of("bot@example.org").expect("a line");
        assert_eq!(file, folder.join("one"));
        assert!(secrets.file_of("other@example.org").is_err());
        assert_eq!(secrets.files(), [folder.join("one"), path.clone()]);
        for wrong in ["bot@example.org", "bot = one", "bot@example.org ="] {
            std::fs::write(&path, format!("\n{wrong}\n")).expect("a list");
            let error = secrets.check().expect_err(wrong).to_string();
            assert!(
                error.ends_with("list:2: expected ADDRESS = SECRETFILE"),
                "{error}"
            );
        }
        std::fs::write(&path, "bot@example.org = two\n").expect("a list");
        assert!(secrets.check().is_err(), "a file that is not there");
        std::fs::remove_dir_all(&folder).expect("gone");
    }

    #[test]
    fn a_file_may_have_the_address_as_it_was_written() {
        let folder = std::env::temp_dir().join(format!("switchboard-names-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let of = |address: &str| {
            let secrets = AccountSecrets::Directory(folder.clone());
            let file = secrets.file_of(address).expect("a file");
            StoredSecret::File(file)
                .read()
                .map(|it| it.expose().to_owned())
        };
        for (name, secret) in [
            ("Straße@Example.org", "one"),
            ("cafe\u{301}@example.org", "two"),
            ("Bot@example.org", "three"),
            ("bot@example.org", "four"),
        ] {
            std::fs::write(folder.join(name), secret).expect("a file");
        }
        let list = folder.join("list");
        std::fs::write(&list, "\u{feff}ＢＯＴ@Example.org = bot@example.org\n").expect("a list");
        let listed = AccountSecrets::List(list).file_of("bot@example.org");
        let prepared = [
            "strasse@example.org",
            "caf\u{e9}@example.org",
            "bot@example.org",
        ];
        let found = prepared.map(|address| of(address).expect(address));
        let nobody = of("nobody@example.org");
        std::fs::remove_dir_all(&folder).expect("gone");
        assert_eq!(found, ["one", "two", "four"]);
        assert_eq!(listed.expect("a line"), folder.join("bot@example.org"));
        assert!(nobody.is_err());
    }

    #[test]
    fn an_address_names_no_file_outside_the_folder() {
        let secrets = AccountSecrets::Directory("/etc/accounts".into());
        assert_eq!(
            secrets.file_of("bot@example.org").expect("a name"),
            Path::new("/etc/accounts/bot@example.org")
        );
        assert!(secrets.file_of("../password").is_err());
    }
}
