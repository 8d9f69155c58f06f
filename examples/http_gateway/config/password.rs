//! The super user's password: where the settings say, in a variable of the environment, or made up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchboard::Secret;
use switchboard::backend::StoredSecret;

/// The variable that may hold the super user's password when nothing else is said.
const VARIABLE: &str = "SWITCHBOARD_SUPER_PASSWORD";

/// The super user's password, if one was given: where the settings say, else in the variable of that name.
pub(crate) fn super_password(stored: Option<&StoredSecret>) -> Result<Option<Secret>, String> {
    let variable = || StoredSecret::Variable(VARIABLE.to_owned());
    let is_set = std::env::var_os(VARIABLE).is_some();
    let stored = stored.cloned().or_else(|| is_set.then(variable));
    let secret = stored.map(|stored| stored.read()).transpose();
    secret.map_err(|error| error.to_string())
}

/// 144 random bits as text that can be pasted anywhere.
pub(crate) fn random() -> Result<Secret, String> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
