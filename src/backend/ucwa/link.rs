//! One account's connection: its dial, its sign-in, and what keeps it alive until it ends.
//!
//! A dial goes as far as the application, so that a wrong password and an unknown server are seen there, where the
//! engine paces; signing in makes the account available and opens the event channel. When the agent signs out, the
//! session or the link is dropped, or the link is closed, conversations are ended and the application is deleted. When
//! the connection is lost it is not: the next dial finds it again, with what nobody has fetched.

use super::Ucwa;
use super::channel;
use super::client::Client;
use super::client::application::Application;
use super::contacts::{keep_subscribed, terminate};
use super::core::{Core, Stage};
use super::meetings;
use super::protocol::address::Sip;
use super::protocol::request::Request;
use super::protocol::url::Url;
use super::session::UcwaSession;
use crate::backend::{BackendError, BackendErrorKind, Inbox, Link, LinkKey, Reply, Session, reply};
use crate::model::{Address, AgentKey};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often activity is reported: after four minutes the account looks idle (§ucwa/activity).
const ACTIVE_EVERY: Duration = Duration::from_secs(180);
/// How long the last words may take.
const FAREWELL_MAX: Duration = Duration::from_secs(4);

/// Opens an account's connection.
pub(super) async fn dial(
    backend: Arc<Ucwa>,
    key: LinkKey,
    inbox: Inbox,
) -> Result<Arc<dyn Link>, BackendError> {
    let address = backend.person(key.as_str())?;
    parted(&backend, &address, &inbox).await;
    let account = Arc::new(Client::new(
        backend.http.clone(),
        backend.config.clone(),
        inbox,
        address,
    ));
    let applications = account.discover(&backend.root).await?;
    let application = Application::make(&account, &applications).await?;
    let ready = Mutex::new(Some(application));
    Ok(Arc::new(UcwaLink {
        backend,
        account,
        applications,
        ready,
        signed_in: Mutex::default(),
    }))
}

/// Waits until the account's last link has said goodbye: its application would be found again, and then be deleted.
async fn parted(backend: &Ucwa, address: &Sip, inbox: &Inbox) {
    let before = backend
        .signed_in
        .lock()
        .get(address)
        .and_then(Weak::upgrade);
    if let Some(before) = before.filter(|before| before.stage() == Stage::Closing) {
        tokio::select! {
            biased;
            () = before.ended() => {}
            () = inbox.sleep(FAREWELL_MAX) => {}
        }
    }
}

/// One account's connection; dropping it signs the agent out.
struct UcwaLink {
    backend: Arc<Ucwa>,
    account: Arc<Client>,
    applications: Url,
    /// What the dial made, until the agent signs in.
    ready: Mutex<Option<Application>>,
    signed_in: Mutex<Weak<Core>>,
}

impl Drop for UcwaLink {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl UcwaLink {
    fn hang_up(&self) -> Option<Arc<Core>> {
        let core = self.signed_in.lock().upgrade()?;
        core.close();
        Some(core)
    }
}

impl Link for UcwaLink {
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>> {
        reply(async move {
            if self.backend.person(address.name())? != self.account.sip {
                return Err(BackendError::refused(format!(
                    "`{address}` does not belong to this connection"
                )));
            }
            if let Some(before) = self.hang_up() {
                before.ended().await;
            }
            let ready = self.ready.lock().take();
            let mut application = match ready {
                Some(application) => application,
                None => Application::make(&self.account, &self.applications).await?,
            };
            let unfit = || {
                BackendError::new(
                    BackendErrorKind::Protocol,
                    "the application has no event channel",
                )
            };
            let events = self.account.follow(
                &application.url,
                application.link("events").ok_or_else(unfit)?,
            )?;
            application.make_available(&self.account).await?;
            let core = Arc::new(Core::new(
                self.account.clone(),
                application,
                agent,
                address,
            )?);
            *self.signed_in.lock() = Arc::downgrade(&core);
            self.backend.note(&self.account.sip, &core);
            core.inbox.spawn(channel::read(core.clone(), events));
            core.inbox.spawn(keep_up(core.clone()));
            Ok(Arc::new(UcwaSession { core }) as Arc<dyn Session>)
        })
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        let closing = self.hang_up();
        reply(async move {
            if let Some(core) = closing {
                core.ended().await;
            }
            Ok(())
        })
    }
}

/// Keeps the account active until it says goodbye, and says it. What it does is boxed, for mostly it waits.
async fn keep_up(core: Arc<Core>) {
    let rounds = async {
        loop {
            core.inbox.sleep(ACTIVE_EVERY).await;
            Box::pin(report(&core)).await;
        }
    };
    tokio::select! {
        biased;
        () = core.closing() => {}
        () = rounds => {}
    }
    tokio::select! {
        biased;
        () = Box::pin(farewell(&core)) => {}
        () = core.inbox.sleep(FAREWELL_MAX) => {}
    }
    core.finish(&BackendError::unreachable("the agent has signed out"));
}

/// Says that the account is active, and sees to what has to be renewed.
async fn report(core: &Arc<Core>) {
    if let Ok(url) = core.link("reportMyActivity")
        && let Err(trouble) = core.persist(|| Request::post(url.clone())).await
    {
        let reason = trouble.error("reporting activity").reason;
        tracing::debug!(link = %core.account.sip, reason, "activity was not reported");
    }
    keep_subscribed(core).await;
}

/// Ends the conversations, then the application.
async fn farewell(core: &Core) {
    let stops = {
        let mut state = core.state.lock();
        if state.over.is_some() {
            return;
        }
        state
            .talks
            .values_mut()
            .filter_map(|talk| talk.stop.take())
            .collect()
    };
    tokio::join!(terminate(core, stops), meetings::part(core));
    let url = core.application.url.clone();
    if let Err(trouble) = core.persist(|| Request::delete(url.clone())).await {
        let reason = trouble.error("signing out").reason;
        tracing::debug!(link = %core.account.sip, reason, "the application was not deleted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_two<A, B, F>(_: impl FnOnce(A, B) -> F) -> usize {
        size_of::<F>()
    }

    fn size_of_one<A, F>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_account_that_waits_is_small() {
        // 10,000 accounts a host: what each holds while nothing happens, beside its connection.
        let sizes = (
            size_of_two(channel::read),
            size_of_one(keep_up),
            size_of::<Core>(),
        );
        assert!(
            sizes.0 <= 4096 && sizes.1 <= 1024 && sizes.2 <= 1024,
            "{sizes:?}"
        );
    }
}
