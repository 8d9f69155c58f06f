//! A SIP address. All parts of the simulator compare it without case.

use std::fmt;

/// `sip:user@domain` in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// Reads `sip:a@b` or `a@b`. Returns `None` without a user or a domain.
    pub fn parse(text: &str) -> Option<Address> {
        let lower = text.trim().to_lowercase();
        let bare = lower.strip_prefix("sip:").unwrap_or(&lower);
        let (user, domain) = bare.split_once('@')?;
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= 255
                && !part.contains(|c: char| c.is_whitespace() || c == '/')
        };
        (plain(user) && plain(domain)).then(|| Address(format!("sip:{bare}")))
    }

    /// Returns the address with `sip:`.
    pub fn uri(&self) -> &str {
        &self.0
    }

    /// Returns the address without `sip:`, as paths contain it.
    pub fn bare(&self) -> &str {
        &self.0[4..]
    }

    /// Returns whether this is the address of a guest, who has no account.
    pub fn is_guest(&self) -> bool {
        self.bare().ends_with("@anonymous.invalid")
    }

    /// Returns the part before the `@`.
    pub fn user(&self) -> &str {
        self.bare().split('@').next().unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}
