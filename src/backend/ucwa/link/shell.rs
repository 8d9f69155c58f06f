//! The shell around an account: the one place that locks it, and that does what it wants.
//!
//! [`Shell::step`] holds the lock for one step and never across a wait. What the engine is to have
//! leaves in the order of the steps, whichever task made them. Requests run in tasks of their own;
//! the one that a response leads to runs in the same task.

use super::stage::{Stage, Stages};
use crate::backend::ucwa::account::effect::{Call, Output, Purpose, Timer};
use crate::backend::ucwa::account::profile::Profile;
use crate::backend::ucwa::account::{Account, Input};
use crate::backend::ucwa::client::Client;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::failure::Verdict;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response, Trouble};
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind, Closed, Inbox};
use futures_util::future::join_all;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a request that must succeed is made, and the pause before the second time; it doubles.
const PERSIST_MAX: u32 = 4;
const PERSIST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause within one request that a server may ask for; beyond it the request has
/// failed.
const PERSIST_PAUSE_MAX: Duration = Duration::from_secs(10);

/// How long the sign-out of an application may take that cannot be understood.
const GIVE_UP_MAX: Duration = Duration::from_secs(5);

/// Accounts whose last link heard nothing: at most one entry for each account.
pub(crate) type Deaf = Mutex<HashSet<Sip>>;

/// The shell around an account.
pub(crate) struct Shell {
    pub(super) client: Arc<Client>,
    pub(super) profile: Arc<Profile>,
    pub(super) inbox: Inbox,
    pub(super) stages: Stages,
    /// Accounts whose last link heard nothing.
    deaf: Arc<Deaf>,
    account: Mutex<Account>,
    /// Held by the task that hands over, so that the order stays. An asynchronous lock: the
    /// engine's queue may be full.
    hand_over: tokio::sync::Mutex<()>,
    /// Something was handed over that is not known to be committed.
    is_unflushed: AtomicBool,
}

impl Shell {
    pub(super) fn new(
        client: Arc<Client>,
        profile: Arc<Profile>,
        deaf: Arc<Deaf>,
        stage: Stage,
    ) -> Shell {
        Shell {
            deaf,
            inbox: client.inbox.clone(),
            client,
            account: Mutex::new(Account::new(profile.clone())),
            profile,
            stages: Stages::new(stage),
            hand_over: tokio::sync::Mutex::default(),
            is_unflushed: AtomicBool::new(false),
        }
    }

    /// Gives the account an input. The caller carries out what it wants.
    fn step(&self, input: Input) -> Vec<Output> {
        let now = self.inbox.now();
        self.account.lock().step(input, now)
    }

    /// Gives the account an input, does what can be done at once, and leaves the rest to tasks.
    pub(super) fn give(self: &Arc<Self>, input: Input) {
        self.set_off(self.step(input));
    }

    fn set_off(self: &Arc<Self>, outputs: Vec<Output>) {
        let waits = |output: &Output| matches!(output, Output::HandOver);
        if outputs.iter().any(waits) {
            let shell = self.clone();
            self.inbox
                .spawn(async move { shell.carry_out(outputs).await });
            return;
        }
        for output in outputs {
            if let Some(call) = self.at_once(output) {
                self.spawn_call(call);
            }
        }
    }

    /// Gives the account an input and carries out what it wants. Returns when everything was handed
    /// over, and every request for which the step waits was answered.
    pub(super) async fn run(self: &Arc<Self>, input: Input) {
        self.carry_out(self.step(input)).await;
    }

    async fn carry_out(self: &Arc<Self>, outputs: Vec<Output>) {
        let mut outputs = outputs;
        loop {
            let mut waited_for = Vec::new();
            for output in outputs {
                if matches!(output, Output::HandOver) {
                    self.hand_over().await;
                    continue;
                }
                match self.at_once(output) {
                    Some(call) if call.purpose.is_waited_for() => waited_for.push(call),
                    Some(call) => self.spawn_call(call),
                    None => {}
                }
            }
            if waited_for.is_empty() {
                return;
            }
            let responses = join_all(waited_for.into_iter().map(|call| self.call(call))).await;
            outputs = responses
                .into_iter()
                .flat_map(|(purpose, result)| self.step(Input::Response(purpose, result)))
                .collect();
        }
    }

    /// Makes a request, gives the response to the account, and goes on with the request that this
    /// leads to.
    async fn converse(self: Arc<Self>, first: Call) {
        let mut next = Some(first);
        while let Some(call) = next.take() {
            let (purpose, result) = self.call(call).await;
            for output in self.step(Input::Response(purpose, result)) {
                if matches!(output, Output::HandOver) {
                    self.hand_over().await;
                    continue;
                }
                match self.at_once(output) {
                    Some(call) if next.is_none() => next = Some(call),
                    Some(call) => self.spawn_call(call),
                    None => {}
                }
            }
        }
    }

    /// Does what needs no wait; returns a request.
    fn at_once(self: &Arc<Self>, output: Output) -> Option<Call> {
        match output {
            Output::Request(call) => return Some(call),
            Output::HandOver => {}
            Output::State(change) => self.inbox.state(change),
            Output::Wait(timer, duration) => self.wait(timer, duration),
            Output::Posted(done, answer) => drop(done.send(answer)),
            Output::Joined(done, answer) => drop(done.send(answer)),
            Output::Confirmed(done, answer) => drop(done.send(answer)),
        }
        None
    }

    fn wait(self: &Arc<Self>, timer: Timer, duration: Duration) {
        let shell = self.clone();
        self.inbox.spawn(async move {
            tokio::select! {
                biased;
                () = shell.stages.ended() => {}
                () = shell.inbox.sleep(duration) => shell.run(Input::Timer(timer)).await,
            }
        });
    }

    fn spawn_call(self: &Arc<Self>, call: Call) {
        self.inbox.spawn(self.clone().converse(call));
    }

    async fn call(&self, call: Call) -> (Purpose, Result<Response, Trouble>) {
        let Call {
            purpose,
            request,
            persists,
        } = call;
        let result = if persists {
            self.persist(|| request.clone()).await
        } else {
            self.ask(request).await
        };
        (purpose, result)
    }

    /// Makes a request, once. An application that is gone ends the link.
    pub(super) async fn ask(&self, request: Request) -> Result<Response, Trouble> {
        if let Some(error) = self.stages.why_over() {
            return Err(Trouble::Lost(Lost::Unsent(error.clone())));
        }
        let response = self.client.ask(request).await.map_err(Trouble::Lost)?;
        if response.status.is_success() {
            return Ok(response);
        }
        let failure = response.failure();
        if matches!(failure.verdict(), Verdict::ApplicationGone | Verdict::Stop) {
            self.fail(failure.of_link());
        }
        Err(Trouble::Failed(failure))
    }

    /// Asks for a resource.
    ///
    /// # Errors
    /// Why it did not come.
    pub(super) async fn get(&self, url: Url) -> Result<Document, BackendError> {
        let what = url.to_string();
        let response = self
            .ask(Request::get(url))
            .await
            .map_err(|trouble| trouble.error(&what))?;
        let strange = || {
            BackendError::new(
                BackendErrorKind::Protocol,
                format!("{what} is not a resource"),
            )
        };
        Document::read(&response.body).ok_or_else(strange)
    }

    /// Makes a request that does no harm twice, again and again for some seconds if the trouble may
    /// pass.
    pub(super) async fn persist(&self, request: impl Fn() -> Request) -> Result<Response, Trouble> {
        let mut pause = PERSIST_PAUSE;
        for _ in 1..PERSIST_MAX {
            let asked = match self.ask(request()).await {
                Err(Trouble::Failed(failure)) => match failure.verdict() {
                    Verdict::Again(Some(asked)) if asked > PERSIST_PAUSE_MAX => {
                        return Err(Trouble::Failed(failure));
                    }
                    Verdict::Again(asked) => asked,
                    _ => return Err(Trouble::Failed(failure)),
                },
                Err(Trouble::Lost(Lost::Unsent(error) | Lost::Unanswered(error)))
                    if error.is_passing() =>
                {
                    None
                }
                done => return done,
            };
            if self.stages.now() == Stage::Over {
                break;
            }
            self.inbox.sleep(asked.unwrap_or(pause)).await;
            pause *= 2;
        }
        self.ask(request()).await
    }

    /// Hands over everything that the engine is to have, also what another task's step has added.
    async fn hand_over(&self) {
        let _turn = self.hand_over.lock().await;
        loop {
            let Some(item) = self.account.lock().next_inbound() else {
                return;
            };
            self.is_unflushed.store(true, Ordering::Relaxed);
            if self.inbox.send(item).await.is_err() {
                return self.fail(BackendError::unreachable("the engine has closed this link"));
            }
        }
    }

    /// Waits until all that was handed over is committed.
    ///
    /// # Errors
    /// [`Closed`] if the engine does not want this link any more.
    pub(super) async fn flush(&self) -> Result<(), Closed> {
        if self.is_unflushed.swap(false, Ordering::Relaxed) {
            self.inbox.flush().await
        } else {
            Ok(())
        }
    }

    /// Notes that nothing is heard on this link, so that the next one has to show that it hears.
    /// With `gives_up_application` the server forgets the application, with all that cannot be
    /// understood in it.
    pub(super) async fn note_deaf(&self, gives_up_application: bool) {
        self.deaf.lock().insert(self.client.sip.clone());
        if !gives_up_application {
            return;
        }
        let url = self.profile.application.url.clone();
        let request = Request::delete(url).within(GIVE_UP_MAX);
        if let Err(lost) = self.client.ask(request).await {
            let reason = lost.error().reason;
            tracing::debug!(address = %self.client.sip, reason, "the application was not deleted");
        }
    }

    /// Ends the link for that reason; the first one counts. While the agent says goodbye the engine
    /// is not told: the application that is gone then is the one we deleted.
    pub(super) fn fail(&self, error: BackendError) {
        let is_open = self.stages.now() <= Stage::Open;
        if self.finish(&error) && is_open {
            self.inbox.lost(error);
        }
    }

    /// Answers everything that waits; true the first time.
    pub(super) fn finish(&self, error: &BackendError) -> bool {
        if !self.stages.set_error(error) {
            return false;
        }
        for output in self.step(Input::Over(error.clone())) {
            match output {
                Output::Posted(done, answer) => drop(done.send(answer)),
                Output::Joined(done, answer) => drop(done.send(answer)),
                // Nothing else can be done any more.
                _ => {}
            }
        }
        self.stages.end();
        true
    }
}
