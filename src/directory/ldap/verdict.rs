//! What an answer of a server means for an account. Pure.
//!
//! The caller of a login learns none of it but yes or no; the log has the word.

use ldap3::SearchEntry;
use std::fmt;

/// Between the epoch of Windows (1601) and that of Unix, in seconds.
const WINDOWS_EPOCH: i64 = 11_644_473_600;
/// `userAccountControl`: the account is disabled.
const DISABLED: i64 = 0x2;

/// Why an account does not log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    WrongPassword,
    NoSuchAccount,
    Disabled,
    Locked,
    Expired,
    PasswordExpired,
    NotNow,
    NotInGroup,
    Other,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::WrongPassword => "the password is wrong",
            Refusal::NoSuchAccount => "there is no such account",
            Refusal::Disabled => "the account is disabled",
            Refusal::Locked => "the account is locked",
            Refusal::Expired => "the account has expired",
            Refusal::PasswordExpired => "the password has expired or must be changed first",
            Refusal::NotNow => "the account may not log in at this time, or from here",
            Refusal::NotInGroup => "the account is not in the group that is required",
            Refusal::Other => "the server refuses it",
        })
    }
}

/// What the result of a bind says.
pub(super) enum Bound {
    Right,
    Refused(Refusal),
    /// The server cannot tell now, or is not configured for this.
    CannotTell,
}

/// What the result of a bind says: its code, and the text that Active Directory explains it with.
pub(super) fn bound(code: u32, text: &str) -> Bound {
    match code {
        0 => Bound::Right,
        // Invalid credentials.
        49 => Bound::Refused(of_active_directory(text)),
        // No such object; invalid syntax of a name; a referral elsewhere.
        32 | 34 | 10 => Bound::Refused(Refusal::NoSuchAccount),
        // Constraint violation: how OpenLDAP's password policy says it.
        19 => Bound::Refused(Refusal::Locked),
        // Inappropriate authentication, insufficient rights, unwilling to perform.
        48 | 50 | 53 => Bound::Refused(Refusal::Other),
        _ => Bound::CannotTell,
    }
}

/// `80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v2580`.
fn of_active_directory(text: &str) -> Refusal {
    let data = text
        .split_once("data ")
        .map(|(_, data)| data.split(',').next().unwrap_or_default().trim());
    match data {
        Some("525") => Refusal::NoSuchAccount,
        Some("530" | "531") => Refusal::NotNow,
        Some("532" | "773") => Refusal::PasswordExpired,
        Some("533") => Refusal::Disabled,
        Some("701") => Refusal::Expired,
        Some("775") => Refusal::Locked,
        _ => Refusal::WrongPassword,
    }
}

/// The attributes that [`standing`] reads.
pub(super) const ATTRIBUTES: &[&str] = &[
    "userAccountControl",
    "accountExpires",
    "pwdAccountLockedTime",
];

/// Why the account of this entry must not log in at `now`, in seconds since 1970. An account that
/// is locked for wrong guesses is not meant: a stranger can lock it, and its bind fails anyway.
pub(super) fn standing(entry: &SearchEntry, now: i64) -> Option<Refusal> {
    let value = |name: &str| {
        let mut attributes = entry.attrs.iter();
        let found = attributes.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, values)| values.first())
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<i64>().ok());
    if number("userAccountControl").is_some_and(|control| control & DISABLED != 0) {
        return Some(Refusal::Disabled);
    }
    // In units of 100 ns since 1601; 0 and the largest number mean never.
    let expires = number("accountExpires").filter(|at| *at > 0 && *at < i64::MAX);
    if expires.is_some_and(|at| at / 10_000_000 - WINDOWS_EPOCH <= now) {
        return Some(Refusal::Expired);
    }
    // OpenLDAP's password policy: an administrator has locked it for good.
    if value("pwdAccountLockedTime").is_some_and(|time| time.starts_with("000001010000")) {
        return Some(Refusal::Locked);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn active_directory_says_why() {
        let told = |data: &str| {
            let text = format!(
                "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v2580"
            );
            match bound(49, &text) {
                Bound::Refused(refusal) => refusal,
                _ => panic!("{data}"),
            }
        };
        assert_eq!(told("52e"), Refusal::WrongPassword);
        assert_eq!(told("525"), Refusal::NoSuchAccount);
        assert_eq!(told("533"), Refusal::Disabled);
        assert_eq!(told("701"), Refusal::Expired);
        assert_eq!(told("773"), Refusal::PasswordExpired);
        assert_eq!(told("775"), Refusal::Locked);
        assert!(matches!(
            bound(49, ""),
            Bound::Refused(Refusal::WrongPassword)
        ));
    }

    #[test]
    fn a_server_that_cannot_tell_is_no_wrong_password() {
        for code in [1, 2, 7, 8, 13, 51, 52, 80] {
            assert!(matches!(bound(code, ""), Bound::CannotTell), "{code}");
        }
    }

    fn entry(attributes: &[(&str, &str)]) -> SearchEntry {
        let attrs = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        SearchEntry {
            dn: "cn=a".to_owned(),
            attrs: attrs.collect(),
            bin_attrs: HashMap::new(),
        }
    }

    #[test]
    fn an_entry_says_whether_the_account_is_good() {
        let at = |attributes: &[(&str, &str)]| standing(&entry(attributes), 1_800_000_000);
        assert_eq!(at(&[]), None);
        assert_eq!(at(&[("useraccountcontrol", "512")]), None);
        assert_eq!(
            at(&[("userAccountControl", "514")]),
            Some(Refusal::Disabled)
        );
        for never in ["0", "9223372036854775807"] {
            assert_eq!(at(&[("accountExpires", never)]), None);
        }
        // 2020-01-01, and 2100-01-01.
        assert_eq!(
            at(&[("accountExpires", "132223104000000000")]),
            Some(Refusal::Expired)
        );
        assert_eq!(at(&[("accountExpires", "157468320000000000")]), None);
        assert_eq!(
            at(&[("pwdAccountLockedTime", "000001010000Z")]),
            Some(Refusal::Locked)
        );
    }
}
