//! Values as a configuration file writes them, shared by the connectors' configurations.
//!
//! Every error says which value was wrong and what was expected, in the form that `serde` gives its
//! own errors, so that a host can tell them alike.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;
use std::str::FromStr;
use std::time::Duration;

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

/// A duration: a number of seconds, or a text with a unit such as `"500ms"` or `"30d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(
    /// Never negative.
    pub Duration,
);

/// What a [`Period`] looks like.
const PERIOD: &str = "a number of seconds, or one with a unit as 500ms, 15s, 5m, 12h, 30d";

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Period, String> {
        let units = [
            ("ms", 0.001),
            ("s", 1.0),
            ("m", 60.0),
            ("h", 3600.0),
            ("d", 86_400.0),
        ];
        let with_unit = units
            .iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?.trim_end(), *seconds)));
        let (number, unit) = with_unit.unwrap_or((text, 1.0));
        let seconds = number.parse().ok().map(|number: f64| number * unit);
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.map(Period).ok_or_else(|| PERIOD.to_owned())
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let period = match &value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        };
        period.ok_or_else(|| wrong(&value, PERIOD))
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
    fn periods() {
        for (text, milliseconds) in [
            ("30", 30_000),
            ("0.5", 500),
            ("\"0.5\"", 500),
            ("\"500ms\"", 500),
            ("\"15 s\"", 15_000),
            ("\"5m\"", 300_000),
            ("\"1d\"", 86_400_000),
        ] {
            let Period(duration) = serde_json::from_str(text).expect(text);
            assert_eq!(duration.as_millis(), milliseconds, "{text}");
        }
        for text in [
            "\"\"", "\"soon\"", "-1", "\"-1s\"", "\"1w\"", "\"inf\"", "\"NaN\"", "1e300", "true",
        ] {
            assert!(serde_json::from_str::<Period>(text).is_err(), "{text}");
        }
    }

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
