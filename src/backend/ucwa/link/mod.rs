//! One account's connection: its dial, its sign-in, and what keeps it alive until it ends.
//!
//! A dial already makes the application, so that a wrong password or an unknown server fails the
//! dial, which the engine paces. Signing in makes the account available and opens the event
//! channel. When the agent signs out, or the session or the link is dropped or closed, the link
//! ends the conversations and deletes the application. When the connection is lost, the application
//! stays: the next dial finds it again, with the events that nobody has fetched.

mod channel;
mod session;
mod shell;
mod stage;

use super::Ucwa;
use super::account::Input;
use super::account::profile::Profile;
use super::client::{Client, application};
use super::protocol::address::Sip;
use super::protocol::application::Application;
use super::protocol::request::Request;
use super::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind, Inbox, Link, LinkKey, Reply, Session, reply};
use crate::model::{Address, AgentKey};
use parking_lot::Mutex;
use session::UcwaSession;
pub(super) use shell::{Deaf, Shell};
use stage::Stage;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often activity is reported: after four minutes the account looks idle (§ucwa/activity).
const ACTIVE_EVERY: Duration = Duration::from_secs(180);
/// How long the sign-out may take.
const FAREWELL_MAX: Duration = Duration::from_secs(4);
/// How long a link on trial may do without a document. A request that has waited so long was not
/// refused, so it is parked; a connection that cannot be opened has failed before.
const TRIAL_MAX: Duration = Duration::from_secs(12);

/// Opens an account's connection.
pub(super) async fn dial(
    backend: Arc<Ucwa>,
    key: LinkKey,
    inbox: Inbox,
) -> Result<Arc<dyn Link>, BackendError> {
    let sip = backend.person(key.as_str())?;
    parted(&backend, &sip, &inbox).await;
    let (http, config) = (backend.http.clone(), backend.config.clone());
    let client = Arc::new(Client::new(http, config, inbox, sip));
    let applications = client.discover(&backend.root).await?;
    let ready = Mutex::new(Some(application::make(&client, &applications).await?));
    Ok(Arc::new(UcwaLink {
        backend,
        client,
        applications,
        ready,
        signed_in: Mutex::default(),
    }))
}

/// Waits until the account's last link has signed out. Otherwise this dial would find the old
/// application, which is deleted then.
async fn parted(backend: &Ucwa, sip: &Sip, inbox: &Inbox) {
    let before = backend.signed_in.lock().get(sip).and_then(Weak::upgrade);
    if let Some(before) = before.filter(|before| before.stages.now() == Stage::Closing) {
        tokio::select! {
            biased;
            () = before.stages.ended() => {}
            () = inbox.sleep(FAREWELL_MAX) => {}
        }
    }
}

/// One account's connection; dropping it signs the agent out.
struct UcwaLink {
    backend: Arc<Ucwa>,
    client: Arc<Client>,
    applications: Url,
    /// The application that the dial made, until the agent signs in.
    ready: Mutex<Option<Application>>,
    signed_in: Mutex<Weak<Shell>>,
}

impl Drop for UcwaLink {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl UcwaLink {
    fn hang_up(&self) -> Option<Arc<Shell>> {
        let shell = self.signed_in.lock().upgrade()?;
        shell.stages.close();
        Some(shell)
    }

    /// Makes the account available, and starts what keeps it signed in.
    async fn open(&self, agent: AgentKey, address: Address) -> Result<Arc<Shell>, BackendError> {
        let client = &self.client;
        let ready = self.ready.lock().take();
        let mut application = match ready {
            Some(application) => application,
            None => application::make(client, &self.applications).await?,
        };
        let unfit = || {
            BackendError::new(
                BackendErrorKind::Protocol,
                "the application has no event channel",
            )
        };
        let events = application.link("events").ok_or_else(unfit)?;
        let events = client.follow(&application.url, events)?;
        application::make_available(client, &mut application).await?;
        let salt = getrandom::u64()
            .map_err(|error| BackendError::unreachable(format!("no random bytes: {error}")))?;
        let profile = Profile {
            agent,
            address,
            application,
            config: client.config.clone(),
            salt,
        };
        let was_deaf = self.backend.deaf.lock().remove(&client.sip);
        let stage = if was_deaf { Stage::Trial } else { Stage::Open };
        let (profile, deaf) = (Arc::new(profile), self.backend.deaf.clone());
        let shell = Arc::new(Shell::new(client.clone(), profile, deaf, stage));
        *self.signed_in.lock() = Arc::downgrade(&shell);
        self.backend.note(&client.sip, &shell);
        shell.inbox.spawn(channel::read(shell.clone(), events));
        shell.inbox.spawn(keep_up(shell.clone()));
        if was_deaf {
            Box::pin(try_out(&shell)).await?;
        }
        Ok(shell)
    }
}

impl Link for UcwaLink {
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>> {
        reply(async move {
            if self.backend.person(address.name())? != self.client.sip {
                return Err(BackendError::refused(format!(
                    "`{address}` does not belong to this connection"
                )));
            }
            if let Some(before) = self.hang_up() {
                before.stages.ended().await;
            }
            let shell = self.open(agent, address).await?;
            Ok(Arc::new(UcwaSession { shell }) as Arc<dyn Session>)
        })
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        let closing = self.hang_up();
        reply(async move {
            if let Some(shell) = closing {
                shell.stages.ended().await;
            }
            Ok(())
        })
    }
}

/// Waits until a link on trial has heard something, or its request is parked.
///
/// # Errors
/// Why it heard nothing.
async fn try_out(shell: &Shell) -> Result<(), BackendError> {
    tokio::select! {
        biased;
        () = shell.stages.tried() => {}
        () = shell.inbox.sleep(TRIAL_MAX) => shell.stages.hears(),
    }
    shell
        .stages
        .why_over()
        .map_or(Ok(()), |error| Err(error.clone()))
}

/// Reports activity until the agent signs out, then signs it out. The sign-out is boxed, because
/// this task mostly waits.
async fn keep_up(shell: Arc<Shell>) {
    let rounds = async {
        loop {
            shell.inbox.sleep(ACTIVE_EVERY).await;
            shell.give(Input::Pulse);
        }
    };
    tokio::select! {
        biased;
        () = shell.stages.closing() => {}
        () = rounds => {}
    }
    tokio::select! {
        biased;
        () = Box::pin(farewell(&shell)) => {}
        () = shell.inbox.sleep(FAREWELL_MAX) => {}
    }
    shell.finish(&BackendError::unreachable("the agent has signed out"));
}

/// Ends the conversations, then the application.
async fn farewell(shell: &Arc<Shell>) {
    if shell.stages.now() == Stage::Over {
        return;
    }
    shell.run(Input::Farewell).await;
    let url = shell.profile.application.url.clone();
    if let Err(trouble) = shell.persist(|| Request::delete(url.clone())).await {
        let reason = trouble.error("signing out").reason;
        tracing::debug!(address = %shell.client.sip, reason, "the application was not deleted");
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
        // A host carries 10,000 accounts: this is what each holds while nothing happens, beside its
        // connection.
        let sizes = (
            size_of_two(channel::read),
            size_of_one(keep_up),
            size_of::<Shell>(),
        );
        assert!(
            sizes.0 <= 4096 && sizes.1 <= 1024 && sizes.2 <= 1024,
            "{sizes:?}"
        );
    }
}
