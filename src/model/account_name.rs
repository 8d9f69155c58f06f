//! User names as Active Directory compares them (§tokens/names): without case, and with the domain
//! before a backslash or behind an `@`.
//!
//! A directory knows one account under three spellings: `DOMAIN\user`, `user@domain.com`, and
//! `user` alone. Two spellings mean one account if their [canonical](AccountName::canonical) forms
//! are equal. Rejected: asking the directory for the one true name of what somebody typed, because
//! then a directory that is down hides which users there are.

use std::collections::BTreeMap;
use std::fmt;

/// The domains of a company, to tell which spellings of a user's name are one account.
///
/// ```
/// use switchboard::Domains;
///
/// let domains = Domains::new().domain("CONTOSO", "contoso.com");
/// let (one, other) = (domains.name(r"Contoso\Bot1"), domains.name("bot1@contoso.com"));
/// assert_eq!(one.canonical(), other.canonical());
/// assert_ne!(one.canonical(), domains.name("bot1").canonical());
/// let domains = domains.default_domain("contoso.com");
/// assert_eq!(one.canonical(), domains.name("bot1").canonical());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domains {
    /// DNS domains by NetBIOS names, both folded.
    dns: BTreeMap<String, String>,
    default: Option<String>,
}

impl Domains {
    /// No domains: names are equal if they are spelled alike but for case.
    pub fn new() -> Domains {
        Domains::default()
    }

    /// Adds a domain: its NetBIOS name, as in `CONTOSO\user`, and its DNS name, as in
    /// `user@contoso.com`. The same NetBIOS name again replaces its DNS name.
    #[must_use]
    pub fn domain(mut self, netbios: &str, dns: &str) -> Domains {
        self.dns.insert(folded(netbios), folded(dns));
        self
    }

    /// The DNS name of the domain that names without one belong to. Default: none, so such a name
    /// equals only itself.
    #[must_use]
    pub fn default_domain(mut self, dns: &str) -> Domains {
        self.default = Some(folded(dns));
        self
    }

    /// Reads a name.
    pub fn name(&self, spelled: &str) -> AccountName {
        let whole = folded(spelled);
        let (account, domain) = match (whole.split_once('\\'), whole.rsplit_once('@')) {
            (Some((domain, account)), _) if !domain.is_empty() => (account, Some(domain)),
            (None, Some((account, domain))) if !account.is_empty() => (account, Some(domain)),
            _ => (&*whole, None),
        };
        let domain = match domain {
            Some(domain) => Some(self.dns.get(domain).map_or(domain, String::as_str)),
            None => self.default.as_deref(),
        };
        AccountName {
            spelled: spelled.to_owned(),
            canonical: match domain {
                Some(domain) => format!("{account}@{domain}"),
                None => account.to_owned(),
            },
            account: account.to_owned(),
        }
    }
}

/// A user's name, as it was spelled and as it is compared.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountName {
    spelled: String,
    canonical: String,
    account: String,
}

impl AccountName {
    /// As it was provisioned or typed.
    pub fn spelled(&self) -> &str {
        &self.spelled
    }

    /// The form in which names are compared: lower case, `account@domain`, or the account alone
    /// where no domain is known.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The name without its domain, in lower case: Active Directory's `sAMAccountName`.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The DNS name of its domain, or the domain as it was spelled if that is not known, in lower
    /// case.
    pub fn domain(&self) -> Option<&str> {
        let (_, domain) = self.canonical.split_at(self.account.len());
        domain.strip_prefix('@')
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.spelled, f)
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_account_have_one_canonical_form() {
        let domains = Domains::new().domain("CORP", "corp.test");
        let canonical = |name: &str| domains.name(name).canonical().to_owned();
        for name in [
            r"CORP\Alice",
            "alice@CORP.test",
            "Alice@corp",
            r"corp.test\alice",
        ] {
            assert_eq!(canonical(name), "alice@corp.test", "{name}");
        }
        // Another domain, or none, is somebody else.
        assert_eq!(canonical(r"LAB\alice"), "alice@lab");
        assert_eq!(canonical("alice"), "alice");
        assert_eq!(canonical("ÉLÈVE@Lab.test"), "élève@lab.test");
    }

    #[test]
    fn a_name_has_its_parts() {
        let domains = Domains::new()
            .domain("CORP", "corp.test")
            .default_domain("home.test");
        let parts = |name: &str| {
            let name = domains.name(name);
            (name.account().to_owned(), name.domain().map(str::to_owned))
        };
        let pair = |account: &str, domain: &str| (account.to_owned(), Some(domain.to_owned()));
        assert_eq!(parts(r"CORP\a"), pair("a", "corp.test"));
        assert_eq!(parts("a"), pair("a", "home.test"));
        assert_eq!(parts("a@b@c"), pair("a@b", "c"));
        // What has no account or no domain is one word.
        assert_eq!(parts("@x"), pair("@x", "home.test"));
        assert_eq!(parts(r"\x"), pair(r"\x", "home.test"));
        assert_eq!(parts(r"CORP\"), pair("", "corp.test"));
    }
}
