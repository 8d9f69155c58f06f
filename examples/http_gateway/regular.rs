//! Files that a setting or a request names: regular ones only.
//!
//! Opening a FIFO waits for its other end, for ever, on a thread that the end of the program waits for; a device may do
//! anything. So what a path leads to is looked at before it is opened, and what was opened is looked at again.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest settings, certificate or secret file that is read.
const BYTES_MAX: u64 = 4 << 20;

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    let file = File::open(path)?;
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
