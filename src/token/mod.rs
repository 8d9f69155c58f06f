//! Tokens: 256 random bits for the owner, their SHA-256 for the engine, and the table of valid
//! tokens.
//!
//! The table is keyed by digest, so no comparison depends on a secret, and neither memory nor the
//! database holds a text that could be used as a token. A token that ends leaves the table at once
//! and marks its principals, so that a view made from it refuses its next call.
//!
//! A token ends by monotonic time, because the date may jump: a token that was made while the date
//! was 60 days ahead lived for 60 days after the date was set back. The date is only shown.
//!
//! Each user has a bound: [`PAIR_MAX`](grants::PAIR_MAX) tokens of one user of one agent,
//! [`USER_MAX`](grants::USER_MAX) tokens of one user; the user's oldest tokens end first. With one
//! bound for all users, a user whose password was checked from memory made 4,612 tokens a second
//! and held a million of them after four minutes. A thousand bots that share a user stay within the
//! bound, twice.
//!
//! Rejected: signed tokens without a table, which cannot be ended, and a table keyed by the token
//! itself.

mod grant;
mod grants;

pub(crate) use grant::Grant;
pub(crate) use grants::Grants;

use crate::error::{Error, Result};
use crate::model::Token;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// What a token is known by.
pub(crate) type Digest = [u8; 32];

/// Characters of a token: 32 bytes as base64url without padding.
const TOKEN_CHARS: usize = 43;

/// Makes a new token, and its digest.
///
/// # Errors
/// [`Error::Internal`] if the system has no randomness to give.
pub(crate) fn fresh() -> Result<(Token, Digest)> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)
        .map_err(|error| Error::Internal(format!("no random bytes: {error}")))?;
    let text = URL_SAFE_NO_PAD.encode(bits);
    let digest = Sha256::digest(text.as_bytes()).into();
    Ok((Token::new(text), digest))
}

/// The digest of a token; `None` if the text cannot be a token.
pub(crate) fn digest(token: &Token) -> Option<Digest> {
    let text = token.expose().as_bytes();
    let plausible = text.len() == TOKEN_CHARS
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    plausible.then(|| Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_token_is_none_before_it_is_hashed() {
        let (token, known) = fresh().unwrap();
        assert_eq!(
            (token.expose().len(), digest(&token)),
            (TOKEN_CHARS, Some(known))
        );
        let text = token.expose();
        for wrong in [
            "",
            "x",
            &text[1..],
            &format!("{text}="),
            &text.replace(&text[..1], " "),
            &"ü".repeat(22)[..43 - 1],
        ] {
            assert_eq!(digest(&Token::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_million_tokens_do_not_repeat() {
        let tokens: std::collections::HashSet<_> =
            (0..1_000_000).map(|_| fresh().unwrap().1).collect();
        assert_eq!(tokens.len(), 1_000_000);
    }
}
