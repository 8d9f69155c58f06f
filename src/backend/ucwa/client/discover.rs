//! Autodiscovery: from the domain to the address where the account's applications are made.

use super::Client;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::request::Request;
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind};
use parking_lot::Mutex;
use std::time::Duration;

/// The most links followed from a root to the applications: a root, a redirect or two, the user,
/// another pool's user.
const HOPS_MAX: usize = 8;
/// How long one request may take. One dial tries up to four candidates.
const STEP_MAX: Duration = Duration::from_secs(10);

/// The root that answered last, for all accounts.
#[derive(Default)]
pub(crate) struct Root(Mutex<Option<Url>>);

impl Client {
    /// Finds the address where the account's applications are made.
    ///
    /// # Errors
    /// What the first candidate that was reached said.
    pub(in crate::backend::ucwa) async fn discover(
        &self,
        found: &Root,
    ) -> Result<Url, BackendError> {
        let known = found.0.lock().clone();
        let mut candidates: Vec<Url> = known.iter().cloned().collect();
        candidates.extend(
            self.candidates()
                .into_iter()
                .filter(|root| known.as_ref() != Some(root)),
        );
        let mut first = None;
        for root in candidates {
            match self.walk(&root).await {
                Ok(applications) => {
                    *found.0.lock() = Some(root);
                    return Ok(applications);
                }
                // The server has found the user, so its error counts.
                Err((error, true)) => return Err(error),
                Err((error, false)) => {
                    found.0.lock().take_if(|found| *found == root);
                    tracing::debug!(%root, reason = error.reason, "no sign-on here");
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or_else(|| BackendError::refused("the root is not an address")))
    }

    /// The addresses where autodiscovery may begin, in order (§ucwa/discovery). No secret is sent
    /// to one without TLS.
    fn candidates(&self) -> Vec<Url> {
        if let Some(root) = &self.config.root {
            return Url::parse(root).into_iter().collect();
        }
        let hosts = ["lyncdiscoverinternal", "lyncdiscover"].into_iter();
        let urls = hosts.flat_map(|host| {
            ["https", "http"].map(|scheme| format!("{scheme}://{host}.{}/", self.config.domain))
        });
        urls.filter_map(|url| Url::parse(&url)).collect()
    }

    /// Follows links from a root to the applications. The flag of an error says whether the user
    /// was found.
    async fn walk(&self, root: &Url) -> Result<Url, (BackendError, bool)> {
        let (mut url, mut is_user) = (root.clone(), false);
        for _ in 0..HOPS_MAX {
            let here = move |error| (error, is_user);
            let ask = Request::get(url.clone()).within(STEP_MAX);
            let answer = self.ask(ask).await.map_err(|lost| here(lost.error()))?;
            let next = if answer.status.is_redirect() {
                answer.location.clone()
            } else if !answer.status.is_success() {
                return Err(here(answer.failure().of_request(&format!("{url}"))));
            } else {
                let stray = || {
                    BackendError::new(
                        BackendErrorKind::Protocol,
                        format!("{url} is not a UCWA server"),
                    )
                };
                let document = Document::read(&answer.body).ok_or_else(|| here(stray()))?;
                if let Some(applications) = document.link("applications") {
                    return self.follow(&url, applications).map_err(here);
                }
                is_user |= document.link("user").is_some();
                document
                    .link("user")
                    .or_else(|| document.link("redirect"))
                    .map(str::to_owned)
            };
            let here = move |error| (error, is_user);
            let lost =
                || BackendError::new(BackendErrorKind::Protocol, format!("{url} leads nowhere"));
            let next = next.ok_or_else(|| here(lost()))?;
            url = self.follow(&url, &next).map_err(here)?;
        }
        Err((
            BackendError::new(
                BackendErrorKind::Protocol,
                format!("{root} leads from one address to the next"),
            ),
            is_user,
        ))
    }
}
