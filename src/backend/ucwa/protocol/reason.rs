//! Why the server says that something failed: a code, a subcode and a message. Pure.

use serde_json::Value;
use std::fmt;

/// The longest code, subcode or message that is kept, in characters: the text comes from outside.
const TEXT_MAX: usize = 300;

/// Why something failed: a body's or an event's `code`, `subcode` and `message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// As `RemoteFailure`.
    pub(crate) code: String,
    /// As `Declined`, or empty.
    pub(crate) subcode: String,
    pub(crate) message: String,
}

impl Reason {
    /// Reads a reason; `None` if there is no code in it.
    pub(crate) fn of_value(value: &Value) -> Option<Reason> {
        let text = |name| {
            value
                .get(name)
                .and_then(Value::as_str)
                .map(|text| short(text.trim()))
                .unwrap_or_default()
        };
        let code = text("code");
        (!code.is_empty()).then(|| Reason {
            code,
            subcode: text("subcode"),
            message: text("message"),
        })
    }

    /// Whether its subcode is that one.
    pub(crate) fn is(&self, subcode: &str) -> bool {
        self.subcode.eq_ignore_ascii_case(subcode)
    }

    pub(crate) fn is_any(&self, subcodes: &[&str]) -> bool {
        subcodes.iter().any(|subcode| self.is(subcode))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        if !self.subcode.is_empty() {
            write!(f, "/{}", self.subcode)?;
        }
        if !self.message.is_empty() {
            write!(f, " ({})", self.message)?;
        }
        Ok(())
    }
}

/// `text` without control characters, cut to 300 characters.
pub(crate) fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(TEXT_MAX)
        .collect()
}
