//! Files that a setting names: regular ones only, for connectors and for hosts.
//!
//! Opening a FIFO waits for its other end, for ever, on a thread that the end of the program waits
//! for; a device may do anything. So what a path leads to is looked at before it is opened, it is
//! opened without waiting should it have become a FIFO meanwhile, and what was opened is looked at
//! again. There were two of these, and one of them waited.

use super::private::is_forbidden;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// The largest settings, certificate or secret file that is read.
const BYTES_MAX: u64 = 4 << 20;
/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Opens a regular file for reading; never waits for the other end of a FIFO.
///
/// # Errors
/// `InvalidInput` for what is no regular file and for a file of a database that an engine of this
/// process has open; those of opening a file.
pub fn open_regular(path: &Path) -> Result<File> {
    let invalid = |reason| Error::new(ErrorKind::InvalidInput, reason);
    let refused = || invalid("it is not a regular file");
    if is_forbidden(path) {
        return Err(invalid("it is a file of the database"));
    }
    if !std::fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(refused())
    }
}

/// Reads a regular file of at most 4 MiB: a certificate, a secret, settings. A byte order mark at
/// its beginning, which editors of Windows write, is not part of the contents.
///
/// # Errors
/// As [`open_regular`]; `InvalidData` for a larger one; those of reading.
pub fn read_regular(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?
        .take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "it is larger than 4 MiB",
        ));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// Reads a regular file of at most 4 MiB as text.
///
/// # Errors
/// As [`read_regular`]; `InvalidData` for what is not UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read_regular(path)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_file() {
        let path = std::env::temp_dir().join(format!("switchboard-mark-{}", std::process::id()));
        for (written, read) in [
            ("\u{feff}word\n", "word\n"),
            ("word\u{feff}", "word\u{feff}"),
            ("\u{feff}\u{feff}x", "\u{feff}x"),
            ("\u{feff}", ""),
        ] {
            std::fs::write(&path, written).expect("written");
            assert_eq!(read_text(&path).expect("read"), read, "{written:?}");
        }
        std::fs::remove_file(&path).expect("gone");
    }

    /// A FIFO takes the file's place between the look and the open, again and again.
    #[test]
    fn a_fifo_that_takes_a_files_place_is_not_waited_for() {
        let folder =
            std::env::temp_dir().join(format!("switchboard-regular-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (path, pipe, file) = (
            folder.join("secret"),
            folder.join("pipe"),
            folder.join("file"),
        );
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .is_ok_and(|made| made.success())
        );
        std::fs::write(&file, "word").expect("a file");
        std::fs::hard_link(&file, &path).expect("in place");
        let (done, ended) = mpsc::channel();
        let read = path.clone();
        std::thread::spawn(move || {
            let words = (0..3000)
                .filter(|_| read_regular(&read).is_ok_and(|bytes| bytes == b"word"))
                .count();
            done.send(words).expect("waited for");
        });
        let next = folder.join("next");
        let mut words = None;
        for turn in 0..1_000_000 {
            let from = if turn % 2 == 0 { &pipe } else { &file };
            std::fs::hard_link(from, &next)
                .and_then(|()| std::fs::rename(&next, &path))
                .expect("in its place");
            words = ended.try_recv().ok();
            if words.is_some() {
                break;
            }
        }
        let words = words.or_else(|| ended.recv_timeout(Duration::from_secs(10)).ok());
        std::fs::remove_dir_all(&folder).expect("gone");
        println!("{words:?} of 3000 reads met the file");
        assert!(words.is_some(), "a read waits for the other end of a FIFO");
    }
}
