//! Filters and bind names, made of a user's name. Pure.
//!
//! Every part of a name is escaped for where it stands: in a filter (RFC 4515) or in a
//! distinguished name (RFC 4514). A bind name that is no distinguished name, as `CORP\user`, is
//! taken as it is by the server, and has no syntax to break.

use crate::model::AccountName;
use ldap3::{dn_escape, ldap_escape};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// What can stand in braces.
const PARTS: [&str; 4] = ["account", "domain", "name", "canonical"];

/// Bytes of a name, at most: Active Directory's names have 256 characters.
const NAME_MAX: usize = 512;

/// Whether an account can have that name at all.
///
/// A server compares more loosely than we do (RFC 4518): it drops blanks at the ends and invisible
/// characters, and takes wide letters for plain ones. A name that it would change is refused, or a
/// stranger would have a fresh number of guesses for each spelling of one account.
pub(super) fn is_possible(name: &AccountName) -> bool {
    let spelled = name.spelled();
    let is_invisible = |c: char| {
        let is_format = matches!(c, '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}');
        c.is_control() || is_format || (c.is_whitespace() && c != ' ')
    };
    let has_odd_blanks = |text: &str| text.trim() != text || text.contains("  ");
    (1..=NAME_MAX).contains(&spelled.len())
        && !name.account().is_empty()
        && !has_odd_blanks(spelled)
        && !has_odd_blanks(name.account())
        && !spelled.contains(is_invisible)
        && spelled.nfkc().eq(spelled.chars())
}

/// Checks a template: each brace is closed and names a part, and one of them tells accounts apart.
pub(super) fn check(template: &str) -> Result<(), String> {
    let mut named = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((part, after)) = after.split_once('}') else {
            return Err("a brace is not closed".to_owned());
        };
        if !PARTS.contains(&part) {
            return Err(format!(
                "there is no {{{part}}}, but {{{}}}",
                PARTS.join("}, {")
            ));
        }
        named.push(part);
        rest = after;
    }
    match named.iter().any(|part| *part != "domain") {
        true => Ok(()),
        false => Err("it names every account alike: {account} or {name} is missing".to_owned()),
    }
}

/// A template with made-up parts, to see whether it can be read.
pub(super) fn sample(template: &str) -> String {
    PARTS.iter().fold(template.to_owned(), |text, part| {
        text.replace(&format!("{{{part}}}"), "x")
    })
}

/// The filter for that name.
pub(super) fn filter(template: &str, name: &AccountName) -> String {
    filled(template, name, ldap_escape)
}

/// The name to bind with for that name.
pub(super) fn bind_name(template: &str, name: &AccountName) -> String {
    let is_dn = template.contains('=');
    filled(template, name, |part| match is_dn {
        true => dn_escape(part),
        false => Cow::Borrowed(part),
    })
}

fn filled<'a>(
    template: &str,
    name: &'a AccountName,
    escape: impl Fn(&'a str) -> Cow<'a, str>,
) -> String {
    let mut text = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (part, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&escape(match part {
            "account" => name.account(),
            "domain" => name.domain().unwrap_or_default(),
            "canonical" => name.canonical(),
            _ => name.spelled(),
        }));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// A distinguished name in the form in which two are compared here: lower case, without blanks
/// around commas and equal signs.
pub(super) fn comparable(dn: &str) -> String {
    let pieces = dn.split(',').map(|piece| {
        let (kind, value) = piece.split_once('=').unwrap_or((piece, ""));
        format!("{}={}", kind.trim(), value.trim()).to_lowercase()
    });
    pieces.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Domains;

    fn named(spelled: &str) -> AccountName {
        Domains::new().domain("CORP", "corp.test").name(spelled)
    }

    #[test]
    fn what_somebody_typed_stays_a_value() {
        let template =
            "(&(objectClass=user)(|(sAMAccountName={account})(userPrincipalName={name})))";
        for (typed, wanted) in [
            (
                r"CORP\alice",
                r"(&(objectClass=user)(|(sAMAccountName=alice)(userPrincipalName=CORP\5calice)))",
            ),
            (
                "*",
                r"(&(objectClass=user)(|(sAMAccountName=\2a)(userPrincipalName=\2a)))",
            ),
            (
                "a)(uid=*",
                r"(&(objectClass=user)(|(sAMAccountName=a\29\28uid=\2a)(userPrincipalName=a\29\28uid=\2a)))",
            ),
        ] {
            assert_eq!(filter(template, &named(typed)), wanted);
        }
        let dn = "uid={account},ou=people,dc=corp";
        assert_eq!(
            bind_name(dn, &named("a,ou=admins")),
            r"uid=a\2cou\3dadmins,ou=people,dc=corp"
        );
        assert_eq!(
            bind_name(r"CORP\{account}", &named("alice@corp.test")),
            r"CORP\alice"
        );
        assert_eq!(
            bind_name("{canonical}", &named(r"CORP\Alice")),
            "alice@corp.test"
        );
    }

    #[test]
    fn a_template_names_what_there_is() {
        assert!(check("(uid={account})").is_ok() && check("{name}").is_ok());
        for (template, why) in [
            ("(uid=alice)", "is missing"),
            ("{domain}", "is missing"),
            ("(uid={user})", "there is no {user}"),
            ("(uid={account)", "not closed"),
        ] {
            let refused = check(template).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn a_name_that_a_server_would_change_is_none() {
        for name in ["alice", r"CORP\Élève Müller", "a.b-c@corp.test"] {
            assert!(is_possible(&named(name)), "{name:?}");
        }
        for name in [
            "",
            "a\0b",
            r"CORP\",
            &"x".repeat(600),
            " alice",
            "alice ",
            r"CORP\ alice",
            "al  ice",
            "al\u{ad}ice",
            "al\u{200d}ice",
            "al\tice",
            "ａｌｉｃｅ",
        ] {
            assert!(!is_possible(&named(name)), "{name:?}");
        }
    }

    #[test]
    fn distinguished_names_compare_without_case_and_blanks() {
        let one = comparable("CN=Bots, OU=Groups,DC=corp, dc=test");
        assert_eq!(one, comparable("cn=bots,ou=groups,dc=corp,dc=test"));
        assert_ne!(one, comparable("cn=bot,ou=groups,dc=corp,dc=test"));
    }
}
