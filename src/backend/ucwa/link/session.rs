//! One agent signed in: each call becomes an input of its account.

use super::shell::Shell;
use super::stage::Stage;
use crate::backend::ucwa::account::Input;
use crate::backend::ucwa::account::post::Done;
use crate::backend::ucwa::protocol::search;
use crate::backend::{
    Accepted, BackendError, BackendErrorKind, ChannelId, Joined, Outgoing, Posted, Reply,
    ResumePoint, Session, reply,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A post that is not reported by then will not be. The engine has told its caller long before;
/// until then the message may be delivered, and a repeat of its key must not be sent beside it.
const POST_MAX: Duration = Duration::from_secs(600);

/// One agent signed in; dropping it signs it out.
pub(super) struct UcwaSession {
    pub(super) shell: Arc<Shell>,
}

impl Drop for UcwaSession {
    fn drop(&mut self) {
        self.shell.stages.close();
    }
}

impl Session for UcwaSession {
    fn join(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        self.enter(channel, move |channel, done| {
            Input::Join(channel, resume, done)
        })
    }

    fn admit(self: Arc<Self>, channel: ChannelId, resume: Option<ResumePoint>) -> Reply<Joined> {
        self.enter(channel, move |channel, done| {
            Input::Admit(channel, resume, done)
        })
    }

    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()> {
        reply(async move {
            let (done, answer) = oneshot::channel();
            self.shell.run(Input::Leave(channel, done)).await;
            answer.await.unwrap_or_else(|_| Err(lost()))
        })
    }

    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Posted> {
        let (done, answer) = oneshot::channel();
        self.shell.give(Input::Post(channel, message, done));
        let shell = self.shell.clone();
        reply(async move { arrive(shell, answer).await.map(Posted::Accepted) })
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        self.shell.stages.close();
        reply(async move {
            if self.shell.stages.now() != Stage::Over {
                self.shell.stages.ended().await;
            }
            Ok(())
        })
    }

    fn set_composing(self: Arc<Self>, channel: ChannelId, composing: bool) -> Reply<()> {
        let (done, answer): (Done<()>, _) = oneshot::channel();
        self.shell.give(Input::Compose(channel, composing, done));
        reply(async move { answer.await.unwrap_or_else(|_| Err(lost())) })
    }

    fn find_channels(self: Arc<Self>, query: String) -> Reply<Vec<(ChannelId, String)>> {
        reply(async move {
            let (shell, profile) = (&self.shell, &self.shell.profile);
            let query = search::query_of(&query);
            let url = search::address_of(&profile.link("search")?, &query);
            let mut found = search::people(&shell.get(url).await?);
            // An account that may hold no meetings has no such list.
            if let Ok(mine) = profile.link("myOnlineMeetings")
                && let Ok(listed) = shell.get(mine).await
            {
                found.extend(search::meetings(&listed, &query));
            }
            Ok(found)
        })
    }
}

impl UcwaSession {
    fn enter(
        self: Arc<Self>,
        channel: ChannelId,
        input: impl FnOnce(ChannelId, Done<Joined>) -> Input + Send + 'static,
    ) -> Reply<Joined> {
        reply(async move {
            let (done, answer) = oneshot::channel();
            self.shell.give(input(channel.clone(), done));
            let mut joining = Joining {
                shell: &self.shell,
                channel,
                answer: Some(answer),
            };
            joining.answer().await
        })
    }
}

/// Waits until the chat system has the post.
async fn arrive(
    shell: Arc<Shell>,
    answer: oneshot::Receiver<Result<Accepted, BackendError>>,
) -> Result<Accepted, BackendError> {
    let unknown = |reason| Err(BackendError::new(BackendErrorKind::OutcomeUnknown, reason));
    tokio::select! {
        biased;
        answer = answer => answer.unwrap_or_else(|_| unknown("the connection was lost before the post was answered")),
        () = shell.inbox.sleep(POST_MAX) => unknown("the message's delivery was not reported"),
    }
}

/// A join that waits for its answer. Dropped before that, it is given up.
struct Joining<'a> {
    shell: &'a Arc<Shell>,
    channel: ChannelId,
    answer: Option<oneshot::Receiver<Result<Joined, BackendError>>>,
}

impl Joining<'_> {
    async fn answer(&mut self) -> Result<Joined, BackendError> {
        let Some(answer) = &mut self.answer else {
            return Err(lost());
        };
        let joined = answer.await.unwrap_or_else(|_| Err(lost()));
        self.answer = None;
        joined
    }
}

impl Drop for Joining<'_> {
    fn drop(&mut self) {
        // Where there is no runtime any more, the server will notice by itself.
        if self.answer.take().is_some() && tokio::runtime::Handle::try_current().is_ok() {
            self.shell.give(Input::JoinGivenUp(self.channel.clone()));
        }
    }
}

fn lost() -> BackendError {
    BackendError::unreachable("the connection was lost")
}
