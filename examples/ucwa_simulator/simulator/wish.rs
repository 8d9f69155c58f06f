//! What a client may ask of an invitation.

use super::answer::{Answer, Fault};
use super::request::Input;
use super::text::Text;

/// What every invitation may be given.
pub struct Wish {
    /// As given.
    pub operation: Option<String>,
    /// As given, else empty.
    pub subject: String,
    /// As given, else Normal.
    pub importance: String,
    /// As given.
    pub thread: Option<String>,
    /// The first text.
    pub text: Option<Text>,
}

impl Wish {
    /// Reads and checks it.
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn read(input: &Input) -> Result<Wish, Answer> {
        let importance = input
            .optional("importance", 50)?
            .unwrap_or_else(|| "Normal".to_owned());
        if !["Normal", "Urgent", "Emergency"].contains(&importance.as_str()) {
            return Err(Fault::parameter("importance", "Normal, Urgent or Emergency.").into());
        }
        let text = match input.link("message") {
            Some(uri) => Some(
                Text::parse(&uri).ok_or_else(|| Fault::parameter("message", "Not a data URI."))?,
            ),
            None => None,
        };
        Ok(Wish {
            operation: input
                .optional("operationId", 50)?
                .filter(|id| !id.is_empty()),
            subject: input.optional("subject", 250)?.unwrap_or_default(),
            importance,
            thread: input.optional("threadId", 250)?.filter(|id| !id.is_empty()),
            text,
        })
    }
}
