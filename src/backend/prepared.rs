//! Addresses and passwords as servers compare them: prepared by stringprep (RFC 3454).
//!
//! A server answers under the prepared address: `straße@rooms.example.org` is
//! `strasse@rooms.example.org` there. A connector that compares what was written would wait for
//! ever. What is stored stays as it was provisioned.
//!
//! Whether a character is prohibited is the server's business. Rejected: the profiles of the crate
//! `stringprep`. They refuse every character that is younger than Unicode 3.2, for example an
//! emoji, and servers let those pass unchanged. Also rejected: PRECIS (RFC 8264), because Prosody
//! and ejabberd use stringprep.

use std::borrow::Cow;
use stringprep::tables;
use unicode_normalization::UnicodeNormalization;

/// Returns an address, or its local part or domain, in the form in which addresses are compared
/// (nodeprep and nameprep). It does not check that the result is an address.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return normalized(kept(text).flat_map(tables::case_fold_for_nfkc)).into();
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

/// Returns a resource, for example a nickname, as a server keeps it (resourceprep).
#[cfg(feature = "xmpp")]
pub(crate) fn resource(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        text.into()
    } else {
        normalized(kept(text)).into()
    }
}

/// Returns a password as SCRAM hashes it (SASLprep, RFC 4013).
#[cfg(feature = "xmpp")]
pub(crate) fn password(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let spaced: String = text
        .chars()
        .map(|c| match tables::non_ascii_space_character(c) {
            true => ' ',
            false => c,
        })
        .collect();
    normalized(kept(&spaced)).into()
}

/// Returns the characters that preparation does not remove. It removes the soft hyphen, for
/// example.
fn kept(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|c| !tables::commonly_mapped_to_nothing(*c))
}

/// Returns the characters in normal form KC. Those younger than Unicode 3.2 stay as they are.
fn normalized(characters: impl Iterator<Item = char>) -> String {
    let mapped: String = characters.collect();
    let mut normal = String::with_capacity(mapped.len());
    let mut rest = &*mapped;
    while let Some(first) = rest.chars().next() {
        let is_young = tables::unassigned_code_point(first);
        let end = rest.find(|c| tables::unassigned_code_point(c) != is_young);
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        if is_young {
            normal.push_str(run);
        } else {
            normal.extend(run.nfkc());
        }
        rest = after;
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_folded_as_servers_fold_it() {
        for (written, prepared) in [
            ("Ops", "ops"),
            ("straße", "strasse"),
            ("ＯＰＳ", "ops"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("CAF\u{c9}", "caf\u{e9}"),
            ("\u{130}stanbul", "i\u{307}stanbul"),
            ("soft\u{ad}hyphen", "softhyphen"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("ſtand\u{2126}", "standω"),
            ("😀x²", "😀x2"),
            // Younger than Unicode 3.2: servers neither fold nor decompose it.
            ("\u{1f130}\u{2c00}", "\u{1f130}\u{2c00}"),
        ] {
            assert_eq!(folded(written), prepared, "{written}");
        }
        assert!(matches!(folded("ops@rooms"), Cow::Borrowed(_)));
    }

    #[cfg(feature = "xmpp")]
    #[test]
    fn a_password_is_prepared_and_keeps_its_case() {
        for (written, prepared) in [
            ("Plain pass", "Plain pass"),
            ("m²-Pass", "m2-Pass"),
            ("pa\u{a0}ss", "pa ss"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("wait…", "wait..."),
            ("soft\u{ad}hyphen", "softhyphen"),
            ("\u{2168}", "IX"),
            ("😀²", "😀2"),
        ] {
            assert_eq!(password(written), prepared, "{written}");
        }
        assert_eq!(resource("Zoë\u{a0}²"), "Zoë 2");
    }

    /// Addresses that a server has prepared stay as they are.
    #[test]
    fn a_prepared_character_stays_as_it_is() {
        for character in ('\0'..=char::MAX).filter(|c| !c.is_ascii()) {
            let text = character.to_string();
            let once = folded(&text).into_owned();
            assert_eq!(folded(&once), once, "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}") {
            let once = folded(&text).into_owned();
            let _ = folded(&once);
        }
    }
}
