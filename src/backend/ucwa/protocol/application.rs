//! The application: what an account is on the server while it is signed in. Pure.

use super::address::segment_after;
use super::document::Document;
use super::follow::follow;
use super::url::Url;
use crate::backend::ucwa::config::UcwaConfig;
use crate::backend::{BackendError, BackendErrorKind};

/// The links of an application that are followed.
const FOLLOWED: [&str; 12] = [
    "events",
    "makeMeAvailable",
    "reportMyActivity",
    "presenceSubscriptions",
    "search",
    "startMessaging",
    "joinOnlineMeeting",
    "conversations",
    "conversationLogs",
    "missedItems",
    "myOnlineMeetings",
    "myContacts",
];

/// An application as the server describes it.
pub(crate) struct Application {
    /// Its own address.
    pub(crate) url: Url,
    /// Its id, part of the ids of its messages.
    pub(crate) id: String,
    /// The account's display name.
    pub(crate) name: Option<String>,
    links: Vec<(&'static str, Box<str>)>,
}

impl Application {
    /// Reads the description that the server gave at `from`.
    ///
    /// # Errors
    /// `Protocol` if the body describes no application; those of [`follow`] if its address must not
    /// be followed.
    pub(crate) fn read(
        config: &UcwaConfig,
        from: &Url,
        body: &[u8],
    ) -> Result<Application, BackendError> {
        let unfit = || {
            BackendError::new(
                BackendErrorKind::Protocol,
                format!("the response of {from} is not an application"),
            )
        };
        let document = Document::read(body).ok_or_else(unfit)?;
        let own = document.own().ok_or_else(unfit)?;
        let links = FOLLOWED
            .iter()
            .filter_map(|rel| Some((*rel, document.find_link(rel)?.into())));
        Ok(Application {
            url: follow(config, from, own)?,
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

    /// The address of `rel`; `None` if the server does not allow it.
    pub(crate) fn link(&self, rel: &str) -> Option<&str> {
        self.links
            .iter()
            .find(|(known, _)| *known == rel)
            .map(|(_, href)| &**href)
    }

    /// Takes name and links of a newer description. The first event channel stays: it is being read
    /// already.
    pub(crate) fn update(&mut self, newer: Application) {
        let events = self.link("events").map(Box::from);
        self.links = newer.links;
        self.name = newer.name.or_else(|| self.name.take());
        if let Some(events) = events {
            self.links.retain(|(rel, _)| *rel != "events");
            self.links.push(("events", events));
        }
    }
}
