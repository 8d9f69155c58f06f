//! Addresses of XMPP: `local@domain/resource`.
//!
//! Local part and domain are kept prepared, because a server answers under the prepared address. The
//! resource of an address that is read stays as it is: the server has prepared it, by rules of its
//! own. A resource of ours, for example a nickname, is prepared here.

use crate::backend::prepared;
use std::fmt;

/// The most bytes of each of the three parts (RFC 7622).
const PART_MAX: usize = 1023;

/// A whole address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Jid {
    text: String,
    /// The index at which the domain begins.
    domain: usize,
    /// The index at which the bare address ends.
    bare: usize,
}

impl Jid {
    /// Reads an address. Returns `None` if the text is not one.
    pub(super) fn parse(whole: &str) -> Option<Jid> {
        let (bare, resource) = match whole.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (whole, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, bare),
        };
        let (local, domain) = (local.map(prepared::folded), prepared::folded(domain));
        let fits = |part: &str| {
            !part.is_empty() && part.len() <= PART_MAX && !part.chars().any(char::is_control)
        };
        let is_local = |part: &str| {
            fits(part) && !part.contains(|c: char| c.is_whitespace() || "\"&'/:<>@".contains(c))
        };
        let is_domain = |part: &str| {
            fits(part) && !part.contains(|c: char| c.is_whitespace() || "\"&'/<>@".contains(c))
        };
        if !is_domain(&domain)
            || !local.as_deref().is_none_or(is_local)
            || !resource.is_none_or(fits)
        {
            return None;
        }
        let mut text = String::with_capacity(whole.len());
        if let Some(local) = &local {
            text.push_str(local);
            text.push('@');
        }
        let begins = text.len();
        text.push_str(&domain);
        let bare = text.len();
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(resource);
        }
        Some(Jid {
            text,
            domain: begins,
            bare,
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the address without its resource.
    pub(super) fn bare(&self) -> &str {
        &self.text[..self.bare]
    }

    pub(super) fn domain(&self) -> &str {
        &self.text[self.domain..self.bare]
    }

    pub(super) fn local(&self) -> Option<&str> {
        (self.domain > 0).then(|| &self.text[..self.domain - 1])
    }

    pub(super) fn resource(&self) -> Option<&str> {
        self.text.get(self.bare + 1..)
    }

    /// Returns the bare address as a `Jid`.
    pub(super) fn to_bare(&self) -> Jid {
        Jid {
            text: self.bare().to_owned(),
            domain: self.domain,
            bare: self.bare,
        }
    }

    /// Returns the same address with another resource, which is prepared; `None` if that cannot be
    /// a resource.
    pub(super) fn with_resource(&self, resource: &str) -> Option<Jid> {
        let resource = prepared::resource(resource);
        Jid::parse(&format!("{}/{resource}", self.bare()))
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Jid;
    use proptest::prelude::*;

    #[test]
    fn an_address_has_up_to_three_parts() {
        let jid = Jid::parse("Lene@Example.ORG/Phone/2@x").expect("an address");
        assert_eq!(
            (jid.local(), jid.domain(), jid.resource()),
            (Some("lene"), "example.org", Some("Phone/2@x"))
        );
        assert_eq!(jid.bare(), "lene@example.org");
        let jid = Jid::parse("example.org").expect("a domain");
        assert_eq!(
            (jid.local(), jid.domain(), jid.resource()),
            (None, "example.org", None)
        );
        assert_eq!(
            jid.with_resource("a").map(|jid| jid.to_string()).as_deref(),
            Some("example.org/a")
        );
        for bad in [
            "",
            "@a",
            "a@",
            "a/",
            "a b@c",
            "a@b@c",
            "a@b/\u{1}",
            "/a",
            "a\"@b",
        ] {
            assert_eq!(Jid::parse(bad), None, "{bad}");
        }
    }

    /// A server answers under the prepared address.
    #[test]
    fn an_address_is_kept_prepared() {
        for (written, prepared) in [
            ("Straße@Rooms.Example.org", "strasse@rooms.example.org"),
            ("ｏｐｓ@rooms.example.org", "ops@rooms.example.org"),
            ("cafe\u{301}@münchen.example", "caf\u{e9}@münchen.example"),
            ("lene@MÜNCHEN.example", "lene@münchen.example"),
        ] {
            let jid = Jid::parse(written).expect(written);
            assert_eq!(jid.as_str(), prepared);
            assert_eq!(Jid::parse(prepared), Some(jid));
        }
        let room = Jid::parse("ops@rooms").expect("an address");
        let resource = |text| room.with_resource(text)?.resource().map(str::to_owned);
        assert_eq!(resource("m²\u{ad}"), Some("m2".into()));
        assert_eq!(resource("\u{ad}"), None, "nothing is left of it");
        let heard = Jid::parse("ops@rooms/m²").expect("as the server gave it");
        assert_eq!(heard.resource(), Some("m²"));
        // Prepared, each of them has a character that no address may have.
        for bad in [
            "a＠b@c",
            "a／b@c",
            "a\u{a0}b@c",
            "\u{ad}@c",
            "a@b／c",
            "ａ＠ｂ@c",
        ] {
            assert_eq!(Jid::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", resource in "\\PC{0,10}") {
            if let Some(jid) = Jid::parse(&text) {
                let _ = (jid.local(), jid.domain(), jid.resource(), jid.to_bare(), jid.with_resource(&resource));
                prop_assert_eq!(Jid::parse(jid.as_str()), Some(jid));
            }
        }
    }
}
