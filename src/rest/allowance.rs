//! How long a client that moves no bytes may keep us waiting: the one rule against clients that send
//! or read a byte at a time.
//!
//! A client has [`GRANT`] of waiting to spend, and earns a second more with each [`RATE`] bytes,
//! never beyond the grant. A slow line that moves earns as fast as it spends; one that drips is cut
//! off half a minute later. Time in which *we* are busy costs it nothing, so that an upload into a
//! slow chat system is not the uploader's fault. Rejected: a deadline for each read or write (a
//! byte every 29 seconds would hold a connection for ever), and one for the whole body (too long
//! for a greeting or too short for a file).

use std::time::Duration;

/// How long a client may keep us waiting before it has moved any bytes.
const GRANT: Duration = Duration::from_secs(30);

/// Bytes that earn a second: slower than any line people use, and 16 MiB at this pace still end
/// within five hours.
const RATE: u32 = 1024;

/// The waiting that one client has left.
pub(crate) struct Allowance(Duration);

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance(GRANT)
    }
}

impl Allowance {
    /// How long the client may still keep us waiting.
    pub(crate) fn left(&self) -> Duration {
        self.0
    }

    /// Takes what was waited, and adds what `bytes` earn.
    pub(crate) fn moved(&mut self, waited: Duration, bytes: usize) {
        let earned = Duration::from_secs(1) * u32::try_from(bytes).unwrap_or(u32::MAX) / RATE;
        self.0 = (self.0.saturating_sub(waited) + earned).min(GRANT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_earned_never_exceeds_the_grant() {
        let mut allowance = Allowance(Duration::from_secs(1));
        allowance.moved(Duration::from_millis(500), 512);
        assert_eq!(allowance.left(), Duration::from_secs(1));
        allowance.moved(Duration::ZERO, usize::MAX);
        assert_eq!(allowance.left(), GRANT);
    }
}
