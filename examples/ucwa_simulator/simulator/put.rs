//! The rule for PUT: the client passes back the whole resource with its guid property, and names
//! the etag in If-Match.

use super::answer::{Answer, Fault};
use super::request::{Input, Request};

/// Checks a PUT against the etag and the guid property that the resource has now.
///
/// # Errors
/// 428 without If-Match, 412 with an old etag, 400 without the guid property.
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
