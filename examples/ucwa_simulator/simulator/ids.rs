//! Ids like those of a real server: numbers, GUIDs, hex. A small generator makes them from a seed,
//! so that a run can be repeated.
//!
//! The ids protect nothing but simulated people.

/// Makes ids from a seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Ids(u64);

impl Ids {
    /// Returns a generator. The same seed makes the same ids.
    pub fn new(seed: u64) -> Ids {
        Ids(seed)
    }

    /// Returns 64 new bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns an application id: twelve digits.
    pub fn application(&mut self) -> String {
        format!("{}", 100_000_000_000 + self.bits() % 900_000_000_000)
    }

    /// Returns a GUID in its usual form.
    pub fn guid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0xfff,
            low & 0xffff_ffff_ffff
        )
    }

    /// Returns 32 hex digits, for invitations and threads.
    pub fn hex(&mut self) -> String {
        format!("{:016x}{:016x}", self.bits(), self.bits())
    }

    /// Returns eight hex digits, for subscriptions.
    pub fn short(&mut self) -> String {
        format!("{:08x}", self.bits() & 0xffff_ffff)
    }

    /// Returns an etag: a decimal number.
    pub fn etag(&mut self) -> String {
        (self.bits() & 0xffff_ffff).to_string()
    }

    /// Returns the id of a meeting: eight letters and digits.
    pub fn meeting(&mut self) -> String {
        let alphabet = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        (0..8)
            .map(|_| char::from(alphabet[(self.bits() % 32) as usize]))
            .collect()
    }
}
