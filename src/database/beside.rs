//! The names of the files beside the database.

use std::path::{Path, PathBuf};

/// The file that SQLite keeps beside `path` under that ending.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
