//! The application: what an account is on the server while it is signed in, and what keeps it alive.
//!
//! It is known by an endpoint id made of this database's key and the address, so that the same gateway finds its own
//! application again after a crash, and another gateway with the same account is another endpoint. An application found
//! again is gone on with: what nobody has fetched of its events comes first, so a message of the last seconds is not
//! lost. Rejected: a fresh one each time (the server keeps the old one, with whoever writes to it, until it expires).

use super::Client;
use crate::backend::ucwa::protocol::address::{endpoint_id, segment_after};
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::failure::Verdict;
use crate::backend::ucwa::protocol::request::{Lost, Request};
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind};
use serde_json::json;

/// The links of an application that are followed.
const FOLLOWED: [&str; 10] = [
    "events",
    "makeMeAvailable",
    "reportMyActivity",
    "presenceSubscriptions",
    "search",
    "startMessaging",
    "joinOnlineMeeting",
    "conversations",
    "myOnlineMeetings",
    "myContacts",
];

/// An application as the server describes it.
pub(crate) struct Application {
    /// Where it is itself.
    pub(crate) url: Url,
    /// Its id, part of the ids of its messages.
    pub(crate) id: String,
    /// The account's display name.
    pub(crate) name: Option<String>,
    links: Vec<(&'static str, Box<str>)>,
}

impl Application {
    /// Makes the account's application, or finds it again.
    pub(crate) async fn make(
        account: &Client,
        applications: &Url,
    ) -> Result<Application, BackendError> {
        let endpoint = endpoint_id(
            account
                .inbox
                .identity(&format!("ucwa endpoint {}", account.sip)),
        );
        let (agent, culture) = (&account.config.user_agent, &account.config.culture);
        let input = json!({"UserAgent": agent, "EndpointId": endpoint, "Culture": culture});
        let ask = Request::post(applications.clone()).json(&input);
        let answer = account.ask(ask).await.map_err(Lost::error)?;
        if !answer.status.is_success() {
            return Err(answer.failure().of_application());
        }
        Application::read(account, applications, &answer.body)
    }

    /// Reads an application's description, asked for at `from`.
    fn read(account: &Client, from: &Url, body: &[u8]) -> Result<Application, BackendError> {
        let unfit = || {
            BackendError::new(
                BackendErrorKind::Protocol,
                format!("{from} answered with no application"),
            )
        };
        let document = Document::read(body).ok_or_else(unfit)?;
        let own = document.own().ok_or_else(unfit)?;
        let links = FOLLOWED
            .iter()
            .filter_map(|rel| Some((*rel, document.find_link(rel)?.into())));
        Ok(Application {
            url: account.follow(from, own)?,
            id: segment_after(own, "applications")
                .ok_or_else(unfit)?
                .to_owned(),
            name: document
                .embedded("me")
                .and_then(|me| me.text("name"))
                .map(str::to_owned),
            links: links.collect(),
        })
    }

    /// Shows the account as available, so that people can write to it, and looks at what is possible then. An
    /// application found again may be so already.
    pub(crate) async fn make_available(&mut self, account: &Client) -> Result<(), BackendError> {
        if let Some(link) = self.link("makeMeAvailable") {
            let input = json!({
                "signInAs": "Online",
                "supportedMessageFormats": ["Plain", "Html"],
                "supportedModalities": ["Messaging"],
            });
            let ask = Request::post(account.follow(&self.url, link)?).json(&input);
            let answer = account.ask(ask).await.map_err(Lost::error)?;
            if !answer.status.is_success() {
                let failure = answer.failure();
                return Err(match failure.verdict() {
                    Verdict::ApplicationGone | Verdict::Stop => failure.of_link(),
                    _ => failure.of_request("the account was not made available"),
                });
            }
        }
        if self.link("reportMyActivity").is_none() {
            let answer = account
                .ask(Request::get(self.url.clone()))
                .await
                .map_err(Lost::error)?;
            if !answer.status.is_success() {
                return Err(answer.failure().of_link());
            }
            let events = self
                .links
                .iter()
                .position(|(rel, _)| *rel == "events")
                .map(|at| self.links.swap_remove(at));
            let Application { links, name, .. } =
                Application::read(account, &self.url, &answer.body)?;
            self.links = links;
            self.name = name.or_else(|| self.name.take());
            // The channel is being read already: its first link is the one that counts.
            if let Some(events) = events {
                self.links.retain(|(rel, _)| *rel != "events");
                self.links.push(events);
            }
        }
        Ok(())
    }

    /// Where `rel` is; absent where the server does not allow it.
    pub(crate) fn link(&self, rel: &str) -> Option<&str> {
        self.links
            .iter()
            .find(|(known, _)| *known == rel)
            .map(|(_, href)| &**href)
    }
}
