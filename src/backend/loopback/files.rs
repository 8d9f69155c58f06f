//! Files that agents uploaded, in memory. The oldest make room for the newest.

use std::collections::VecDeque;

/// The largest file, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most bytes kept of all files together.
const TOTAL_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The most files kept, so that a million empty ones do not fill the memory.
const FILES_MAX: usize = 10_000;

const LINK_PREFIX: &str = "loopback://files/";

struct File {
    number: u64,
    name: String,
    bytes: Vec<u8>,
}

/// All files kept.
#[derive(Default)]
pub(super) struct Files {
    /// The files, in rising order of number.
    kept: VecDeque<File>,
    next: u64,
    bytes: usize,
}

impl Files {
    /// Keeps a file and returns the link to it.
    pub(super) fn keep(&mut self, name: &str, bytes: Vec<u8>) -> String {
        self.next += 1;
        self.bytes += bytes.len();
        self.kept.push_back(File {
            number: self.next,
            name: name.to_owned(),
            bytes,
        });
        while self.bytes > TOTAL_BYTES_MAX || self.kept.len() > FILES_MAX {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes.len();
        }
        format!("{LINK_PREFIX}{}/{}", self.next, percent_encoded(name))
    }

    /// Returns the name and the bytes of the file that a link leads to.
    pub(super) fn find(&self, link: &str) -> Option<(String, Vec<u8>)> {
        let (number, _) = link.strip_prefix(LINK_PREFIX)?.split_once('/')?;
        let number: u64 = number.parse().ok()?;
        let file = self.kept.iter().find(|file| file.number == number)?;
        Some((file.name.clone(), file.bytes.clone()))
    }
}

/// Returns `name` with all characters encoded except RFC 3986's unreserved ones.
fn percent_encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_file_whatever_its_name() {
        let mut files = Files::default();
        let link = files.keep("täglich/50%.txt", b"hello".to_vec());
        assert_eq!(link, "loopback://files/1/t%C3%A4glich%2F50%25.txt");
        assert_eq!(
            files.find(&link),
            Some(("täglich/50%.txt".into(), b"hello".to_vec()))
        );
        assert_eq!(files.find("loopback://files/2/x"), None);
    }

    #[test]
    fn the_oldest_make_room() {
        let mut files = Files::default();
        let links: Vec<String> = (0..9)
            .map(|_| files.keep("big", vec![0; FILE_BYTES_MAX]))
            .collect();
        assert_eq!(files.find(&links[0]), None);
        assert!(files.find(&links[8]).is_some());
    }
}
