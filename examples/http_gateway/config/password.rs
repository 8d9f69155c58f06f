//! The super user's password: from a file, from the environment, or generated.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchboard::Secret;
use switchboard::backend::StoredSecret;

/// The environment variable that is read if no setting names a source.
const VARIABLE: &str = "SWITCHBOARD_SUPER_PASSWORD";

/// Returns the super user's password from the source that the settings name, else from
/// [`VARIABLE`], or `None` if neither is there.
pub(crate) fn super_password(stored: Option<&StoredSecret>) -> Result<Option<Secret>, String> {
    let variable = || StoredSecret::Variable(VARIABLE.to_owned());
    let is_set = std::env::var_os(VARIABLE).is_some();
    let stored = stored.cloned().or_else(|| is_set.then(variable));
    let secret = stored.map(|stored| stored.read()).transpose();
    secret.map_err(|error| error.to_string())
}

/// Returns 144 random bits as text without special characters.
pub(crate) fn random() -> Result<Secret, String> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
