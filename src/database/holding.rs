//! Keeps two engines from one database, whatever name each uses for it.
//!
//! The lock file beside the database keeps apart engines that use the same path. Two hard links, or
//! two mounts of a folder, are two paths; so on Linux the database file itself is locked too, with
//! `flock`, which does not interfere with SQLite's POSIX locks. On other systems the two kinds of
//! locks interfere, and only the lock file is used.
//!
//! Closing any handle on the database releases all POSIX locks of the process on it, SQLite's too.
//! So all our handles are in one table of the process, one for each file, and a handle is closed
//! only when no engine uses the file. A handle on a file that another process has locked is never
//! closed, because the host may have the file open too.
//!
//! Rejected: refusing files with several names, because a backup made of hard links would lock out
//! the owner.

use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions};
use std::path::{Path, PathBuf};

/// How many symbolic links in a row are followed to a database that does not exist yet.
const LINKS: usize = 16;

/// Identifies a file whatever its name, where the system can tell; elsewhere the canonical path
/// must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    #[cfg(unix)]
    pub(super) fn of(found: &Metadata) -> Option<FileId> {
        use std::os::unix::fs::MetadataExt;
        Some(FileId {
            device: found.dev(),
            inode: found.ino(),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Option<FileId> {
        None
    }
}

/// What identifies a file in this process's table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    File(FileId),
    Path(PathBuf),
}

#[derive(Debug)]
struct Entry {
    handle: File,
    /// Engines that still have connections to it; only the last of them may be running.
    users: usize,
    /// Whether a running engine has it.
    taken: bool,
}

/// The database files that engines of this process use.
static TABLE: Mutex<Option<HashMap<Name, Entry>>> = Mutex::new(None);

/// A database file held by one engine.
#[derive(Debug)]
pub(super) struct Holding {
    name: Name,
}

impl Holding {
    /// Holds the file at `path`, which is canonical, and creates it if it does not exist.
    ///
    /// # Errors
    /// `InUse`; `Storage` for something that is no regular file or cannot be opened.
    pub(super) fn take(path: &Path) -> Result<Holding> {
        let shown = || path.display().to_string();
        let failed =
            |error: std::io::Error| Error::storage_by(format!("cannot open `{}`", shown()), error);
        let mut table = TABLE.lock();
        let table = table.get_or_insert_default();
        let found = match std::fs::metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = create_private(path).map_err(failed)?;
                made.metadata().map_err(failed)?
                // Closed again: nobody can have had it open.
            }
            Err(error) => return Err(failed(error)),
        };
        if !found.is_file() {
            return Err(Error::storage(format!(
                "`{}` is not a regular file",
                shown()
            )));
        }
        let id = FileId::of(&found);
        let name = id.map_or_else(|| Name::Path(path.to_owned()), Name::File);
        if let Some(entry) = table.get_mut(&name) {
            if entry.taken || !locked(&entry.handle) {
                return Err(Error::InUse(shown()));
            }
            entry.taken = true;
            entry.users += 1;
            return Ok(Holding { name });
        }
        let handle = File::open(path).map_err(failed)?;
        let opened = handle.metadata().map(|opened| FileId::of(&opened));
        let held = matches!(opened, Ok(opened) if opened == id) && locked(&handle);
        table.insert(
            name.clone(),
            Entry {
                handle,
                users: usize::from(held),
                taken: held,
            },
        );
        match held {
            true => Ok(Holding { name }),
            false => Err(Error::InUse(shown())),
        }
    }

    /// Lets another engine open the file; the handle stays until all connections of this engine are
    /// closed.
    pub(super) fn release(&self) {
        if let Some(entry) = TABLE
            .lock()
            .as_mut()
            .and_then(|table| table.get_mut(&self.name))
        {
            unlock(&entry.handle);
            entry.taken = false;
        }
    }
}

/// Dropped after the last connection of its engine.
impl Drop for Holding {
    fn drop(&mut self) {
        let mut table = TABLE.lock();
        let Some(table) = table.as_mut() else { return };
        let Some(entry) = table.get_mut(&self.name) else {
            return;
        };
        entry.users -= 1;
        if entry.users == 0 {
            unlock(&entry.handle);
            table.remove(&self.name);
        }
    }
}

#[cfg(target_os = "linux")]
fn locked(handle: &File) -> bool {
    // A file system without such locks must not keep the owner out: the lock file is there too.
    !matches!(handle.try_lock(), Err(std::fs::TryLockError::WouldBlock))
}

#[cfg(not(target_os = "linux"))]
fn locked(_: &File) -> bool {
    true
}

/// Unlocks explicitly: a child process that the host is starting has a copy of the handle for a
/// moment, and the lock would live on with it.
fn unlock(handle: &File) {
    if cfg!(target_os = "linux")
        && let Err(error) = handle.unlock()
    {
        tracing::debug!(%error, "the lock ends with its file");
    }
}

/// Makes a new file that only its owner can read and write.
pub(super) fn create_private(path: &Path) -> std::io::Result<File> {
    private().create_new(true).open(path)
}

/// Options for a file that only its owner can read and write if they make it.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The canonical name of the file that `path` leads to, whether the file exists or not.
///
/// # Errors
/// `Storage` if its folder does not exist, or for links that lead in a circle.
pub(super) fn canonical(path: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| {
        Error::storage_by(format!("cannot open `{}`", path.display()), error)
    };
    let mut at = path.to_owned();
    for _ in 0..LINKS {
        match std::fs::canonicalize(&at) {
            Ok(canonical) => return Ok(canonical),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            Err(_) => {}
        }
        let folder = at
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let folder = std::fs::canonicalize(folder).map_err(failed)?;
        let Some(name) = at.file_name() else {
            return Err(Error::storage(format!(
                "`{}` names no file",
                path.display()
            )));
        };
        at = folder.join(name);
        match std::fs::read_link(&at) {
            Ok(target) => at = folder.join(target),
            Err(_) => return Ok(at),
        }
    }
    Err(Error::storage(format!(
        "`{}` is a link that leads through too many others",
        path.display()
    )))
}
