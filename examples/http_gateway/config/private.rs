//! The super user's password, and the files that no client and no other user may read.
//!
//! A warning tells of secret files that others can read, at the start, at SIGHUP and by `--check`.
//! Rejected: refusing them, as ssh does. Secrets that an orchestrator mounts often belong to a
//! group, and a gateway that does not start is worse than a warning.

use super::{Arguments, builder};
use std::path::PathBuf;
use switchboard::Secret;
use switchboard::backend::{StoredSecret, others_can_read};
use switchboard::directory::Configured;

/// How many files are checked; a directory may hold a secret for each account.
const ACCOUNTS_MAX: usize = 10_000;

/// The environment variable that is read if no setting names the source of the password.
const VARIABLE: &str = "SWITCHBOARD_SUPER_PASSWORD";

impl Arguments {
    /// Returns the super user's password from the source that the settings name, else from
    /// [`VARIABLE`], or `None` if neither is there.
    pub(crate) fn super_password(&self) -> Result<Option<Secret>, String> {
        let is_set = std::env::var_os(VARIABLE).is_some();
        let variable = is_set.then(|| StoredSecret::Variable(VARIABLE.to_owned()));
        let stored = self.password.clone().or(variable);
        let secret = stored.map(|stored| stored.read()).transpose();
        secret.map_err(|error| error.to_string())
    }

    /// Returns the files of the database, the configuration, and those that hold a secret.
    pub(crate) fn private_files(&self) -> Vec<PathBuf> {
        let mut files = builder(self).database_files();
        files.extend(self.config.clone());
        files.extend(self.secret_files());
        files
    }

    fn secret_files(&self) -> impl Iterator<Item = PathBuf> {
        let password = self.password.iter().filter_map(StoredSecret::file);
        let backends = self.backends.iter().flat_map(|chat| chat.private_files());
        let key = self.tls_key.iter().cloned();
        let directories = self
            .authenticator
            .iter()
            .flat_map(Configured::private_files);
        key.chain(password).chain(backends).chain(directories)
    }

    /// Returns a warning for each secret file that others can read.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let files = self.secret_files().take(ACCOUNTS_MAX);
        let exposed = files.filter(|path| others_can_read(path));
        let warning = |path: PathBuf| {
            let path = path.display();
            format!("other users of this machine can read the secret in {path}: chmod 600 {path}")
        };
        exposed.map(warning).collect()
    }
}
