//! Files that a setting or a request names: regular ones only.
//!
//! Why, and how they are opened, is the library's to say ([`backend::open_regular`]); the database's own files are added
//! to what is refused.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use switchboard::backend;

/// The database's files, which nothing but the engine may open while it runs: a handle that is closed on them takes the
/// engine's locks along.
static DATABASE: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// From now on these are never opened here, by whichever name.
pub(crate) fn never_open(files: Vec<PathBuf>) {
    let _ = DATABASE.set(files);
}

/// Whether `path` leads to one of `files`; nothing is opened to find out.
pub(crate) fn is_one_of(path: &Path, files: &[PathBuf]) -> bool {
    #[cfg(unix)]
    let same = {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| {
            std::fs::metadata(path)
                .ok()
                .map(|found| (found.dev(), found.ino()))
        };
        let own = identity(path);
        move |other: &PathBuf| own.is_some() && identity(other) == own
    };
    #[cfg(not(unix))]
    let same = |other: &PathBuf| {
        path.canonicalize()
            .is_ok_and(|path| other.canonicalize().is_ok_and(|other| other == path))
    };
    files.iter().any(same)
}

/// Opens a regular file for reading, and no database file of ours.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    allowed(path)?;
    backend::open_regular(path)
}

/// Reads a regular file of at most 4 MiB, and no database file of ours.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    allowed(path)?;
    backend::read_regular(path)
}

fn allowed(path: &Path) -> io::Result<()> {
    if DATABASE.get().is_some_and(|files| is_one_of(path, files)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a file of the database",
        ));
    }
    Ok(())
}

/// Reads a regular file as text.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}
