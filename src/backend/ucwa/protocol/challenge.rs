//! `WWW-Authenticate` of a UCWA server: where a token is issued, and for which login
//! (§ucwa/challenge). Pure.
//!
//! A server sends two challenges, `Bearer` and `MsRtcOAuth`, in two headers. Some proxies fold them
//! into one header. The address may be quoted or not. Rejected: a search for `href="` in the text,
//! which finds the other challenge's address.

use crate::backend::BackendError;

/// The most challenges and parameters that are read. A server sends two and five.
const READ_MAX: usize = 64;
/// The ways to get a token (§ucwa/token).
const WINDOWS: &str = "urn:microsoft.rtc:windows";
const PASSWORD: &str = "password";

/// Where a token is issued, and for which logins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The address that issues tokens, as the server wrote it.
    pub(crate) href: String,
    grants: Vec<String>,
}

impl Challenge {
    /// Finds the challenge of scheme `MsRtcOAuth` in the values of all `WWW-Authenticate` headers
    /// of one answer.
    ///
    /// # Errors
    /// `Refused` if there is none: then users of this server cannot sign in here.
    pub(crate) fn read<'a>(
        headers: impl IntoIterator<Item = &'a str>,
    ) -> Result<Challenge, BackendError> {
        let schemes: Vec<Scheme<'a>> = headers
            .into_iter()
            .take(READ_MAX)
            .flat_map(schemes)
            .take(READ_MAX)
            .collect();
        let ours = schemes
            .iter()
            .find(|scheme| scheme.name.eq_ignore_ascii_case("MsRtcOAuth"));
        if let Some((ours, href)) = ours.and_then(|ours| {
            Some((
                ours,
                ours.parameter("href").filter(|href| !href.is_empty())?,
            ))
        }) {
            let mut grants: Vec<String> = Vec::new();
            for grant in ours
                .parameter("grant_type")
                .unwrap_or_default()
                .split([',', ' '])
                .map(str::trim)
            {
                if !grant.is_empty() && !grants.iter().any(|known| known == grant) {
                    grants.push(grant.to_owned());
                }
            }
            return Ok(Challenge {
                href: href.to_owned(),
                grants,
            });
        }
        let is_cloud = schemes
            .iter()
            .any(|scheme| scheme.parameter("authorization_uri").is_some());
        Err(BackendError::refused(if is_cloud {
            "the server wants a token of Azure AD: that is Skype for Business Online, which is not supported"
        } else {
            "the server wants a token and does not say where to get one (no `MsRtcOAuth` challenge)"
        }))
    }

    /// Whether it accepts a user's name and password.
    pub(crate) fn takes_password(&self) -> bool {
        self.grants.iter().any(|grant| grant == PASSWORD)
    }

    /// Whether it accepts a Windows login of the token request.
    pub(crate) fn takes_windows(&self) -> bool {
        self.grants.iter().any(|grant| grant == WINDOWS)
    }

    /// The logins that it accepts, for an error text.
    pub(crate) fn grants(&self) -> String {
        self.grants.join(", ")
    }
}

/// One challenge: its scheme and its parameters.
struct Scheme<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, String)>,
}

impl Scheme<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The challenges of one header. A word that is followed by `=` is a parameter; any other word
/// begins a challenge.
fn schemes(header: &str) -> Vec<Scheme<'_>> {
    let mut found: Vec<Scheme<'_>> = Vec::new();
    let mut rest = header;
    for _ in 0..READ_MAX {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        let end = rest
            .find(|c: char| c == '=' || c == ',' || c.is_whitespace())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            // An `=` without a name before it is skipped.
            match rest.strip_prefix('=') {
                Some(after) => rest = after,
                None => break,
            }
            continue;
        }
        match after.trim_start().strip_prefix('=') {
            Some(value) => {
                let (value, after) = value_of(value.trim_start());
                if let Some(scheme) = found.last_mut() {
                    scheme.parameters.push((word, value));
                }
                rest = after;
            }
            None => {
                found.push(Scheme {
                    name: word,
                    parameters: Vec::new(),
                });
                rest = after;
            }
        }
    }
    found
}

/// A quoted string or a bare word, and the rest of the text.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .find(|c: char| c == ',' || c.is_whitespace())
            .unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            '"' if !escaped => return (value, &quoted[at + 1..]),
            '\\' if !escaped => escaped = true,
            c => {
                value.push(c);
                escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BEARER: &str = r#"Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@contoso.com", client_id="00000004-0000-0ff1-ce00-000000000000""#;
    const OURS: &str = r#"MsRtcOAuth href="https://lyncweb.contoso.com/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password""#;
    const HREF: &str = "https://lyncweb.contoso.com/WebTicket/oauthtoken";

    #[test]
    fn every_variant_of_the_sheet_is_read() {
        let folded = format!("{BEARER}, {OURS}");
        let turned = format!("{OURS}, {BEARER}");
        let unquoted = OURS.replace(&format!("\"{HREF}\""), HREF);
        for headers in [
            vec![BEARER, OURS],
            vec![OURS, BEARER],
            vec![r#"Bearer trusted_issuers="", client_id="x""#, OURS],
            vec![&folded],
            vec![&turned],
            vec![BEARER, &unquoted],
            vec!["Negotiate", "NTLM", OURS],
            vec!["Negotiate, NTLM", OURS],
        ] {
            let challenge = Challenge::read(headers.clone()).expect("a challenge");
            assert_eq!(challenge.href, HREF, "{headers:?}");
            assert!(
                challenge.takes_password() && challenge.takes_windows(),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_grant_given_twice_counts_once() {
        let header = r#"msrtcoauth HREF=https://a/t, grant_type="urn:microsoft.rtc:passive,password,password""#;
        let challenge = Challenge::read([header]).expect("a challenge");
        assert_eq!(challenge.grants(), "urn:microsoft.rtc:passive, password");
        assert!(challenge.takes_password() && !challenge.takes_windows());
    }

    #[test]
    fn the_cloud_is_named() {
        let cloud = r#"Bearer trusted_issuers="", client_id="x", authorization_uri="https://login.windows.net/common/oauth2/authorize""#;
        let reason = |headers: &[&'static str]| {
            Challenge::read(headers.iter().copied())
                .expect_err("no challenge")
                .reason
        };
        assert!(reason(&[cloud]).contains("Azure AD"));
        for headers in [
            &[][..],
            &[BEARER],
            &["MsRtcOAuth"],
            &["MsRtcOAuth href="],
            &["Basic realm=\"a\\\"b"],
        ] {
            assert!(reason(headers).contains("MsRtcOAuth"), "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in "(\\PC|[=,\" \\\\]|MsRtcOAuth |href=|grant_type=){0,40}") {
            let _ = Challenge::read([header.as_str()]);
        }
    }
}
