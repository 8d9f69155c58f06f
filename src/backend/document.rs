//! What the configuration documents of the connectors have in common.

use super::settings::wrong;
use super::tls::Trust;
use crate::error::Error;
use serde::de::{Deserialize, Deserializer};
use serde_json::Value;
use std::path::PathBuf;

/// What a certificate's fingerprint looks like.
const FINGERPRINT: &str =
    "64 hexadecimal digits, as openssl x509 -noout -fingerprint -sha256 prints them";

/// Reads the longest message or story, in characters.
#[cfg(any(feature = "xmpp", feature = "ucwa"))]
pub(super) fn length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let length = value.as_u64().and_then(|number| u32::try_from(number).ok());
    match length.filter(|length| (1..=60_000).contains(length)) {
        None => Err(wrong(&value, "1 to 60,000 characters")),
        found => Ok(found),
    }
}

/// Reads a port.
#[cfg(feature = "xmpp")]
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let port = value.as_u64().and_then(|number| u16::try_from(number).ok());
    match port.filter(|port| *port > 0) {
        None => Err(wrong(&value, "a port from 1 to 65535")),
        found => Ok(found),
    }
}

/// Reads a list of texts, or one text.
#[cfg(any(feature = "xmpp", feature = "ucwa"))]
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts = match &value {
        Value::Array(list) => list.iter().map(text).collect(),
        value => text(value).map(|text| vec![text]),
    };
    texts.ok_or_else(|| wrong(&value, "a list of texts"))
}

/// Reads the fingerprint of a pinned certificate: with colons or without.
pub(crate) fn pin<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<[u8; 32]>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_str().and_then(fingerprint) {
        None => Err(wrong(&value, FINGERPRINT)),
        found => Ok(found),
    }
}

fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let letters = text.chars().filter(|letter| *letter != ':');
    let digits: Vec<u8> = letters
        .map(|letter| letter.to_digit(16).and_then(|digit| digit.try_into().ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    let bytes: Vec<u8> = pairs.map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.try_into().ok()
}

/// Returns the one way of trust that a document names.
///
/// # Errors
/// `Invalid` if it names several.
pub(crate) fn trust(
    ca_file: Option<PathBuf>,
    pinned_sha256: Option<[u8; 32]>,
    insecure_any_certificate: bool,
) -> Result<Trust, Error> {
    match (ca_file, pinned_sha256, insecure_any_certificate) {
        (None, None, false) => Ok(Trust::System),
        (Some(path), None, false) => Ok(Trust::CaFile(path)),
        (None, Some(pin), false) => Ok(Trust::PinnedSha256(pin)),
        (None, None, true) => Ok(Trust::InsecureAnyCertificate),
        _ => Err(Error::invalid(
            "ca_file, pinned_sha256 and insecure_any_certificate exclude each other",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints() {
        let plain = "00ff".repeat(16);
        assert_eq!(fingerprint(&plain).expect("fine")[..2], [0, 255]);
        assert_eq!(
            fingerprint(&["00:FF"; 16].join(":")).expect("fine")[31],
            255
        );
        for text in ["", "00ff", "zz", &"00ff".repeat(17), &plain[1..]] {
            assert!(fingerprint(text).is_none(), "{text}");
        }
    }
}
