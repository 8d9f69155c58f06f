//! The parameters that a client may give with every invitation.

use super::answer::{Answer, Fault};
use super::request::Input;
use super::text::Text;

/// The parameters of an invitation.
pub struct Wish {
    /// `operationId`.
    pub operation: Option<String>,
    /// `subject`, else empty.
    pub subject: String,
    /// `importance`, else `Normal`.
    pub importance: String,
    /// `threadId`.
    pub thread: Option<String>,
    /// The first text, from the link `message`.
    pub text: Option<Text>,
}

impl Wish {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// 400 that names the parameter.
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
