//! What a request may be, and what requests may hold in memory.

use crate::error::Error;
use crate::wire::error::Failure;
use http::request::Parts;
use http::{Version, header};

/// Limits of requests. What a client of the contract ever sends is far below each default.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a document; default: 1 MiB. The largest document of the contract is a long list of
    /// channels. A login has at most 16 KiB, and an uploaded file what the chat system takes.
    pub document_bytes: usize,
    /// Bytes of a path with its query; default: 16 KiB. Two ids of 1,024 bytes, each byte
    /// percent-encoded, are 6 KiB.
    pub target_bytes: usize,
    /// Header lines; default: 80. Browsers behind two proxies send forty.
    pub header_lines: usize,
    /// Bytes of all header names and values; default: 32 KiB, which includes cookies of other
    /// services on the host.
    pub header_bytes: usize,
    /// Bytes that all large bodies and responses hold; default: 96 MiB. One client may have a
    /// quarter of them. A body or response of at most 16 KiB is not counted.
    pub held_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            document_bytes: 1 << 20,
            target_bytes: 16 << 10,
            header_lines: 80,
            header_bytes: 32 << 10,
            held_bytes: 96 << 20,
        }
    }
}

impl Limits {
    /// Refuses a head that is longer than these, or that two readers could understand differently.
    pub(super) fn check(&self, parts: &Parts) -> Result<(), Failure> {
        let hosts = parts.headers.get_all(header::HOST).iter().count();
        if hosts > 1 || (hosts == 0 && parts.version == Version::HTTP_11) {
            // Two readers of one request (a proxy and we) could each believe another one.
            return Err(Error::Invalid(format!(
                "a request has one Host header, this one has {hosts}"
            ))
            .into());
        }
        let target = parts.uri.path_and_query();
        let length = target.map_or(0, |target| target.as_str().len());
        if length > self.target_bytes {
            let limit = self.target_bytes;
            return Err(Failure::TargetTooLong { length, limit });
        }
        let sizes = parts.headers.iter();
        let bytes: usize = sizes
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if parts.headers.len() > self.header_lines || bytes > self.header_bytes {
            return Err(Failure::HeadersTooLarge(format!(
                "{} headers of {bytes} bytes; the limits are {} and {}",
                parts.headers.len(),
                self.header_lines,
                self.header_bytes
            )));
        }
        Ok(())
    }
}
