//! The PUT rule: the whole property bag with its odd guid property, and If-Match with the etag.

use super::answer::{Answer, Fault};
use super::request::{Input, Request};

/// Checks a PUT against the resource's present etag and guid property.
///
/// # Errors
/// 428 without If-Match, 412 with a stale one, 400 without the guid property.
pub fn check(request: &Request, input: &Input, etag: &str, guid: &str) -> Result<(), Answer> {
    let Some(given) = request.header("if-match") else {
        return Err(Fault::new(428, "PreconditionRequired", "", "If-Match is required.").into());
    };
    let given = given.trim().trim_start_matches("W/").trim_matches('"');
    if given != etag && given != "*" {
        return Err(Fault::new(412, "PreconditionFailed", "", "The resource has changed.").into());
    }
    if input.value(guid).is_none() {
        return Err(Fault::parameter(guid, "Pass the whole resource back.").into());
    }
    Ok(())
}
