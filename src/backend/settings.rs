//! Values as a configuration file writes them, shared by the connectors' configurations.
//!
//! Every error says which value was wrong and what was expected, in the form that `serde` gives its
//! own errors, so that a host can tell them alike.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;
use std::str::FromStr;

/// A number of bytes: `512`, or a text with a unit such as `"512MiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(
    /// In bytes.
    pub u64,
);

/// What a [`Size`] looks like.
const SIZE: &str = "a number of bytes, or one with a unit as 512MiB, 4GiB";

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
        let with_unit = units
            .iter()
            .find_map(|(unit, bits)| Some((text.strip_suffix(unit)?.trim_end(), 1 << bits)));
        let (number, unit) = with_unit.unwrap_or((text, 1_u64));
        let bytes = number.parse().ok().and_then(|n: u64| n.checked_mul(unit));
        bytes.map(Size).ok_or_else(|| SIZE.to_owned())
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let size = match &value {
            Value::String(text) => text.parse().ok(),
            _ => value.as_u64().map(Size),
        };
        size.ok_or_else(|| wrong(&value, SIZE))
    }
}

/// The error for a value that is not what was expected.
pub(super) fn wrong<E: Error>(value: &Value, expected: &str) -> E {
    match value {
        Value::String(text) => E::custom(format_args!(
            "invalid value: `{}`, expected {expected}",
            text.escape_debug()
        )),
        Value::Number(number) => E::custom(format_args!(
            "invalid value: `{number}`, expected {expected}"
        )),
        _ => E::custom(format_args!("invalid type: `{value}`, expected {expected}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("\"4GiB\"", 4 << 30),
            ("\"2 KiB\"", 2048),
        ] {
            let size: Size = serde_json::from_str(text).expect(text);
            assert_eq!(size, Size(bytes), "{text}");
        }
        for text in [
            "\"\"",
            "\"soon\"",
            "-1",
            "1.5",
            "\"1w\"",
            "true",
            "\"99999999999TiB\"",
        ] {
            let error = serde_json::from_str::<Size>(text).expect_err(text);
            assert!(error.to_string().contains(SIZE), "{error}");
        }
    }
}
