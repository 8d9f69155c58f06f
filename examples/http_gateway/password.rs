//! Where the super user's password comes from.

use crate::arguments::Arguments;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchboard::Secret;

/// The variable that may hold it.
const VARIABLE: &str = "SWITCHBOARD_SUPER_PASSWORD";

/// The password, and whether it was made up here and must be shown once.
pub(crate) fn super_user(arguments: &Arguments) -> Result<(Secret, bool), String> {
    if let Some(path) = &arguments.super_password_file {
        let text = std::fs::read_to_string(path).map_err(|error| format!("--super-password-file {}: {error}", path.display()))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return given("--super-password-file", text.strip_suffix('\r').unwrap_or(text));
    }
    match std::env::var(VARIABLE) {
        Ok(text) => given(VARIABLE, &text),
        Err(std::env::VarError::NotPresent) => Ok((random()?, true)),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("{VARIABLE} is not UTF-8")),
    }
}

/// 144 random bits as text that can be pasted anywhere.
pub(crate) fn random() -> Result<Secret, String> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

fn given(whence: &str, text: &str) -> Result<(Secret, bool), String> {
    if text.is_empty() {
        return Err(format!("{whence} holds no password"));
    }
    Ok((Secret::new(text), false))
}
