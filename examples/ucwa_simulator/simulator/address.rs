//! A SIP address, compared without case, as every place of the simulator uses it.

use std::fmt;

/// `sip:user@domain` in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// Reads `sip:a@b` or `a@b`; None where there is no user or no domain.
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

    /// With `sip:`.
    pub fn uri(&self) -> &str {
        &self.0
    }

    /// Without `sip:`, as paths have it.
    pub fn bare(&self) -> &str {
        &self.0[4..]
    }

    /// What stands before the `@`.
    pub fn user(&self) -> &str {
        self.bare().split('@').next().unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}
