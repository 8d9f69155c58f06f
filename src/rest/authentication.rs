//! The authentication service (§tokens/log-in): the only one that asks for no token.

use super::answer::Success;
use super::call::Call;
use crate::error::Error;
use crate::model::Credentials;
use crate::wire::error::Failure;
use crate::wire::route::Authentication;
use crate::wire::{AuthenticationCredentials, TokenDetails};

pub(super) async fn answer(mut call: Call<'_>, route: Authentication) -> Result<Success, Failure> {
    match route {
        Authentication::LogIn => {
            let credentials: AuthenticationCredentials = call.credentials().await?;
            let credentials = Credentials::from(credentials).from_peer(call.caller.peer());
            let token = call.engine().log_in_async(&credentials).await?;
            Ok(Success::document(call.format, token.expose()))
        }
        Authentication::TokenDetails { token } => {
            let details = call.engine().token_details(&token);
            // An unknown token is 400 here and not 401: a client would log in again for ever
            // (§tokens/details).
            let details = details.map_err(|error| match error {
                Error::Unauthorized(_) | Error::NotFound(_) => {
                    Error::invalid("the token is unknown or has expired")
                }
                other => other,
            })?;
            Ok(Success::document(call.format, &TokenDetails::from(details)))
        }
    }
}
