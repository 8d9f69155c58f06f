//! Files that no client and no other user may read: databases, keys, secrets, settings.
//!
//! A host asks here before it serves files to clients, and warns of secrets that others can read.

use parking_lot::Mutex;
use std::fs::{File, metadata};
use std::io::{Read, Result, Seek};
use std::path::{Path, PathBuf};

/// The files of all databases that this process has open.
static FORBIDDEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Makes [`open_regular`](super::open_regular) and [`read_regular`](super::read_regular) refuse the files of a database, by whichever name,
/// in the whole process, until this is dropped: closing any handle on them releases the locks that
/// the engine holds on them.
pub(crate) struct Forbidden(Vec<PathBuf>);

impl Forbidden {
    pub(crate) fn new(files: Vec<PathBuf>) -> Forbidden {
        FORBIDDEN.lock().extend_from_slice(&files);
        Forbidden(files)
    }
}

impl Drop for Forbidden {
    fn drop(&mut self) {
        let mut forbidden = FORBIDDEN.lock();
        for file in &self.0 {
            if let Some(at) = forbidden.iter().position(|other| other == file) {
                forbidden.swap_remove(at);
            }
        }
    }
}

/// Whether `path` leads to a file of a database that this process has open.
pub(super) fn is_forbidden(path: &Path) -> bool {
    let forbidden = FORBIDDEN.lock().clone();
    is_one_of(path, &forbidden)
}

/// Returns whether `path` leads to one of `files`. Opens nothing.
pub fn is_one_of(path: &Path, files: &[PathBuf]) -> bool {
    #[cfg(unix)]
    let same = {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| {
            let found = metadata(path).ok()?;
            Some((found.dev(), found.ino()))
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

/// Returns whether `file` lies in `folder`, whose own path has no links; a file that does not exist
/// lies where it would be made.
pub fn lies_in(file: &Path, folder: &Path) -> bool {
    let own = file.parent().filter(|own| !own.as_os_str().is_empty());
    let inside = |path: &Path| {
        path.canonicalize()
            .is_ok_and(|path| path.starts_with(folder))
    };
    inside(own.unwrap_or(Path::new("."))) || inside(file)
}

/// The first bytes of private files: SQLite's database, its log in both byte orders, its rollback
/// journal; PuTTY's key.
const MAGICS: [&[u8]; 5] = [
    b"SQLite format 3\0",
    b"\x37\x7f\x06\x82",
    b"\x37\x7f\x06\x83",
    b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
    b"PuTTY-User-Key-File",
];

/// A part of the first line of a key in PEM.
const KEY: &[u8] = b"PRIVATE KEY";

/// Bytes of a database's header.
const HEADER: usize = 100;

/// Bytes from a file's beginning that are searched for a key.
const SEARCHED: u64 = 64 * 1024;

/// Returns whether a file begins like a SQLite database, its log or journal, or holds a private key
/// in its first 64 KiB, whatever its name. The file is at its beginning before and after.
///
/// # Errors
/// Those of reading.
pub fn looks_private(file: &mut File) -> Result<bool> {
    let mut begin = Vec::new();
    Read::take(&mut *file, SEARCHED).read_to_end(&mut begin)?;
    file.rewind()?;
    // A database that is being written has its first page last; nothing else begins with so many
    // zeros.
    let unwritten = begin.len() >= HEADER && begin[..HEADER].iter().all(|byte| *byte == 0);
    let is_key = |line: &[u8]| {
        let line = line.trim_ascii();
        line.starts_with(b"-----BEGIN ") && line.windows(KEY.len()).any(|part| part == KEY)
    };
    Ok(unwritten
        || MAGICS.iter().any(|magic| begin.starts_with(magic))
        || begin.split(|byte| *byte == b'\n').any(is_key))
}

/// Returns whether other users of this machine may read the file, or write another in its place.
/// False where there are no such modes, and for what is no file.
#[cfg(unix)]
pub fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o066 != 0)
}

/// Returns false: this system has no such modes.
#[cfg(not(unix))]
pub fn others_can_read(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn each_mode_that_lets_others_in_is_told() {
        let path = std::env::temp_dir().join(format!("switchboard-private-{}", std::process::id()));
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
            assert_eq!(others_can_read(&path), told, "{mode:o}");
        }
        std::fs::remove_file(&path).expect("gone");
        assert!(
            !others_can_read(&path),
            "whoever reads it finds that it is not there"
        );
    }
}
