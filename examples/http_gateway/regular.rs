//! Files that a setting or a request names: regular ones only.
//!
//! Opening a FIFO waits for its other end, for ever, on a thread that the end of the program waits for; a device may do
//! anything. So what a path leads to is looked at before it is opened, and what was opened is looked at again.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The largest settings, certificate or secret file that is read.
const BYTES_MAX: u64 = 4 << 20;

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
        let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        let own = identity(path);
        move |other: &PathBuf| own.is_some() && identity(other) == own
    };
    #[cfg(not(unix))]
    let same = |other: &PathBuf| path.canonicalize().is_ok_and(|path| other.canonicalize().is_ok_and(|other| other == path));
    files.iter().any(same)
}

/// Opens a regular file for reading, and no database file of ours.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    if DATABASE.get().is_some_and(|files| is_one_of(path, files)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a file of the database"));
    }
    let mut options = File::options();
    options.read(true);
    // Should it have become a FIFO meanwhile, opening it does not wait.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(refused()) }
}

/// Reads a regular file of at most 4 MiB.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 4 MiB"));
    }
    Ok(bytes)
}

/// Reads a regular file as text.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}
