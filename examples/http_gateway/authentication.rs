//! The authentication service (reference 2): the only one that asks for no token.

use crate::answer::{Answer, Failure};
use crate::body;
use crate::handler::Call;
use switchboard::wire::route::Authentication;
use switchboard::wire::{AuthenticationCredentials, TokenDetails};
use switchboard::{Credentials, Error, Token};

pub(crate) async fn answer(mut call: Call<'_>, route: Authentication) -> Result<Answer, Failure> {
    let engine = &call.gateway.engine;
    match route {
        Authentication::LogIn => {
            let credentials: AuthenticationCredentials =
                body::credentials(&mut call.charge, &call.headers, call.body).await?;
            let credentials = Credentials::from(credentials).from_peer(call.peer);
            let token = engine.log_in_async(&credentials).await?;
            Ok(Answer::document(call.format, token.expose()))
        }
        Authentication::TokenDetails { token } => {
            // An unknown token is 400 here and not 401: a client would log in again for ever (reference 2.2).
            let details =
                engine
                    .token_details(&Token::new(token))
                    .map_err(|error| match error {
                        Error::Unauthorized(_) | Error::NotFound(_) => {
                            Error::Invalid("the token is unknown or has expired".to_owned())
                        }
                        other => other,
                    })?;
            Ok(Answer::document(call.format, &TokenDetails::from(details)))
        }
    }
}
