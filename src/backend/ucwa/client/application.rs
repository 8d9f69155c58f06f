//! Makes the account's application, and makes the account available.
//!
//! The server knows an application by an endpoint id made of this database's key and the address.
//! So the same gateway finds its own application again after a crash, and another gateway with the
//! same account is another endpoint. The connector continues with an application that it finds
//! again: the events that nobody has fetched come first, so a message of the last seconds is not
//! lost. Rejected: a fresh one each time. The server keeps the old one, and whoever writes to it,
//! until it expires.

use super::Client;
use crate::backend::BackendError;
use crate::backend::ucwa::protocol::address::endpoint_id;
use crate::backend::ucwa::protocol::application::Application;
use crate::backend::ucwa::protocol::failure::Verdict;
use crate::backend::ucwa::protocol::request::{Lost, Request};
use crate::backend::ucwa::protocol::url::Url;
use serde_json::json;

/// Makes the account's application, or finds it again.
///
/// # Errors
/// Why the server made none.
pub(crate) async fn make(client: &Client, applications: &Url) -> Result<Application, BackendError> {
    let identity = client
        .inbox
        .identity(&format!("ucwa endpoint {}", client.sip));
    let input = json!({
        "UserAgent": client.config.user_agent,
        "EndpointId": endpoint_id(identity),
        "Culture": client.config.culture,
    });
    let request = Request::post(applications.clone()).json(&input);
    let response = client.ask(request).await.map_err(Lost::error)?;
    if !response.status.is_success() {
        return Err(response.failure().of_application());
    }
    Application::read(&client.config, applications, &response.body)
}

/// Shows the account as available, so that people can write to it, and reads which links the server
/// gives after that. An application that was found again may be available already.
///
/// # Errors
/// Why the server refused.
pub(crate) async fn make_available(
    client: &Client,
    application: &mut Application,
) -> Result<(), BackendError> {
    if let Some(link) = application.link("makeMeAvailable") {
        let input = json!({
            "signInAs": "Online",
            "supportedMessageFormats": ["Plain", "Html"],
            "supportedModalities": ["Messaging"],
        });
        let request = Request::post(client.follow(&application.url, link)?).json(&input);
        let response = client.ask(request).await.map_err(Lost::error)?;
        if !response.status.is_success() {
            let failure = response.failure();
            return Err(match failure.verdict() {
                Verdict::ApplicationGone | Verdict::Stop => failure.of_link(),
                _ => failure.of_request("the account was not made available"),
            });
        }
    }
    if application.link("reportMyActivity").is_none() {
        let request = Request::get(application.url.clone());
        let response = client.ask(request).await.map_err(Lost::error)?;
        if !response.status.is_success() {
            return Err(response.failure().of_link());
        }
        let newer = Application::read(&client.config, &application.url, &response.body)?;
        application.update(newer);
    }
    Ok(())
}
