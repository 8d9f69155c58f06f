//! Reads the event channel: one request waits at the server until something happens, and the next
//! one follows as soon as what it brought is committed.
//!
//! The next package is asked for after `flush`, because asking acknowledges the last one. Between
//! the two lie milliseconds, and the server keeps a message that nobody fetches for 30 seconds
//! (§ucwa/thirty-seconds). So the channel waits for no other request: an event that lacks its
//! resource waits in the account.

use super::shell::Shell;
use super::stage::Stage;
use crate::backend::BackendError;
use crate::backend::ucwa::account::Input;
use crate::backend::ucwa::account::channel::{Arrived, Channel, Next};
use crate::backend::ucwa::client::http::Connection;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response};
use crate::backend::ucwa::protocol::url::Url;
use std::sync::Arc;
use std::time::Duration;

/// The server lets go of an empty request after 180 seconds; half a minute later nobody is there.
const PARKED_MAX: Duration = Duration::from_secs(210);

/// Reads the channel until the link is over.
pub(super) async fn read(shell: Arc<Shell>, first: Url) {
    let error = tokio::select! {
        biased;
        () = shell.stages.ended() => return,
        error = follow(&shell, first) => error,
    };
    shell.fail(error);
}

async fn follow(shell: &Arc<Shell>, first: Url) -> BackendError {
    let mut channel = Channel::new(first, shell.stages.now() == Stage::Trial);
    let mut own = None;
    loop {
        let began = shell.inbox.now();
        let result = fetch(shell, channel.url().clone(), &mut own).await;
        let waited = shell.inbox.now() - began;
        let next = channel.step(&shell.client.config, result, waited);
        if !channel.is_on_trial() {
            shell.stages.hears();
        }
        match next {
            // Boxed: ten thousand accounts wait here, and none of them for this.
            Next::Package(arrived) => match Box::pin(handle(shell, arrived)).await {
                Ok(()) => {}
                Err(error) => return error,
            },
            Next::Over(error) => return error,
            Next::Deaf {
                error,
                gives_up_application,
            } => {
                Box::pin(shell.note_deaf(gives_up_application)).await;
                return error;
            }
            Next::Again(pause, error) => {
                tracing::info!(address = %shell.client.sip, reason = error.reason, "the event channel is asked again");
                shell.inbox.sleep(pause).await;
            }
        }
    }
}

/// Makes the request that waits, over the channel's own connection.
async fn fetch(shell: &Shell, url: Url, own: &mut Option<Connection>) -> Result<Response, Lost> {
    let request = Request::get(url).within(PARKED_MAX);
    let (response, kept) = shell.client.ask_over(request, own.take()).await?;
    *own = kept;
    Ok(response)
}

/// Gives the events to the account, one after the other, and waits until all that they brought at
/// once is committed.
async fn handle(shell: &Arc<Shell>, arrived: Arrived) -> Result<(), BackendError> {
    if arrived.is_forgotten {
        shell.run(Input::Forgotten).await;
    }
    for event in arrived.events {
        shell.run(Input::Event(Box::new(event))).await;
    }
    if shell.flush().await.is_err() {
        return Err(BackendError::unreachable("the engine has closed this link"));
    }
    if let Some(pause) = arrived.pause {
        shell.inbox.sleep(pause).await;
    }
    Ok(())
}
