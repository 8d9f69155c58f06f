//! Which links of the server are followed: those to hosts that the configuration allows, and that
//! keep a token secret.

use super::url::{Origin, Url};
use crate::backend::ucwa::config::UcwaConfig;
use crate::backend::{BackendError, BackendErrorKind};

/// Returns the address that `href` in a document of `from` leads to.
///
/// # Errors
/// `Protocol` if `href` is no address; `Refused` if the host is not allowed, or the way there is
/// without TLS.
pub(crate) fn follow(config: &UcwaConfig, from: &Url, href: &str) -> Result<Url, BackendError> {
    let unreadable = || {
        BackendError::new(
            BackendErrorKind::Protocol,
            format!("{from} has a link that leads nowhere"),
        )
    };
    let url = from.follow(href).ok_or_else(unreadable)?;
    if !keeps_secrets(config, &url.origin) {
        return Err(BackendError::refused(format!(
            "{from} leads to {}, which is without TLS",
            url.origin
        )));
    }
    if url.origin == from.origin || config.allows_host(&url.origin.host) {
        return Ok(url);
    }
    Err(BackendError::refused(format!(
        "{from} leads to {}, which is not among the hosts that are allowed",
        url.origin
    )))
}

/// Whether passwords and tokens may go to `origin`.
pub(crate) fn keeps_secrets(config: &UcwaConfig, origin: &Origin) -> bool {
    origin.keeps_secrets() || config.insecure_plain_http
}
