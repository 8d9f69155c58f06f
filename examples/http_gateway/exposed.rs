//! Warns of secret files that others can read, at the start, at SIGHUP and by `--check`; never a
//! reason to stop.
//!
//! Rejected: refusing them, as ssh does. Secrets that an orchestrator mounts often belong to a
//! group, and a gateway that does not start is worse than a warning.

use crate::config::Arguments;
use std::path::Path;

/// How many files are checked; a directory may hold a secret for each account.
const ACCOUNTS_MAX: usize = 10_000;

/// Returns a warning for each such file.
pub(crate) fn warnings(arguments: &Arguments) -> Vec<String> {
    let mut files = arguments.secret_files();
    files.truncate(ACCOUNTS_MAX);
    files
        .iter()
        .filter(|path| others_read(path))
        .map(|path| warning(path))
        .collect()
}

fn warning(path: &Path) -> String {
    format!(
        "other users of this machine can read the secret in {0}: chmod 600 {0}",
        path.display()
    )
}

#[cfg(unix)]
fn others_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // The group or everybody may read the secret, or write another in its place.
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o066 != 0)
}

#[cfg(not(unix))]
fn others_read(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn each_mode_that_lets_others_in_is_told() {
        let path = std::env::temp_dir().join(format!("switchboard-exposed-{}", std::process::id()));
        std::fs::write(&path, "secret").expect("a file");
        for (mode, told) in [
            (0o600, false),
            (0o400, false),
            (0o700, false),
            (0o640, true),
            (0o604, true),
            (0o620, true),
        ] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its mode");
            assert_eq!(others_read(&path), told, "{mode:o}");
        }
        std::fs::remove_file(&path).expect("gone");
        assert!(
            !others_read(&path),
            "what is not there is found by whoever reads it"
        );
    }
}
