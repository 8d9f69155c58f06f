//! What a link knows while its application stands, and how it asks.
//!
//! One lock, held for moments and never across a wait. What changes is announced to whoever waits for it
//! ([`Core::changed`]): a post waits until its conversation is connected, and reads then how things stand.

use super::client::Client;
use super::client::application::Application;
use super::contacts::Contact;
use super::conversation::{Phase, Talk};
use super::meetings;
use super::protocol::address::Sip;
use super::protocol::document::Document;
use super::protocol::failure::Verdict;
use super::protocol::reason::Reason;
use super::protocol::request::{Lost, Request, Response, Trouble};
use super::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind, Closed, Inbound, Inbox, Received};
use crate::model::{Address, AgentKey};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How often a request that must succeed is made, and the pause before the second time; it doubles.
const PERSIST_MAX: u32 = 4;
const PERSIST_PAUSE: Duration = Duration::from_millis(500);
/// Conversations that an account has at most; the server's own limit is lower.
const TALKS_MAX: usize = 1000;
/// The longest pause within one request that a server may ask for; beyond it the request has failed.
const PERSIST_PAUSE_MAX: Duration = Duration::from_secs(10);

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Stage {
    /// The agent is signed in.
    Open,
    /// It says goodbye.
    Closing,
    /// Nothing is asked any more.
    Over,
}

/// An invitation of ours under way, by its operation id.
pub(super) struct Invitation {
    pub(super) with: Sip,
    /// Its own address, as a key.
    pub(super) own: Option<String>,
    /// Where it is cancelled.
    pub(super) cancel: Option<String>,
    /// The conversation's key.
    pub(super) talk: Option<String>,
    /// How it ended.
    pub(super) outcome: Option<Result<(), Option<Reason>>>,
}

/// Somebody rings whose channel is not joined, or not yet.
pub(super) struct Ringing {
    pub(super) with: Sip,
    pub(super) accept: Option<String>,
    pub(super) decline: Option<String>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) over: Option<BackendError>,
    pub(super) contacts: HashMap<Sip, Contact>,
    /// Conversations with contacts, by key.
    pub(super) talks: HashMap<String, Talk>,
    /// Invitations of ours, by operation id.
    pub(super) invitations: HashMap<String, Invitation>,
    /// By the conversation's key.
    pub(super) ringing: HashMap<String, Ringing>,
    /// What people said whose channel is not joined yet.
    pub(super) strays: VecDeque<(Sip, Received)>,
    /// Whose presence is to be looked at.
    pub(super) stale: HashSet<Sip>,
    pub(super) is_looking: bool,
    pub(super) subscription: super::contacts::Subscription,
    pub(super) meetings: meetings::Meetings,
}

impl State {
    /// Whether one more conversation may be known; those that ended and were never taken away make room.
    pub(super) fn has_room(&mut self) -> bool {
        if self.talks.len() >= TALKS_MAX {
            self.talks.retain(|_, talk| talk.phase != Phase::Over);
        }
        self.talks.len() < TALKS_MAX
    }
}

pub(super) struct Core {
    pub(super) account: Arc<Client>,
    pub(super) inbox: Inbox,
    pub(super) application: Application,
    pub(super) agent: AgentKey,
    /// The agent's address as the host gave it.
    pub(super) address: Address,
    pub(super) state: Mutex<State>,
    /// Told whenever a conversation or an invitation stands otherwise than before.
    pub(super) changed: Notify,
    stage: watch::Sender<Stage>,
    /// Something was handed over that is not known to be committed.
    unflushed: AtomicBool,
    next: AtomicU64,
    salt: u64,
}

impl Core {
    pub(super) fn new(
        account: Arc<Client>,
        application: Application,
        agent: AgentKey,
        address: Address,
    ) -> Result<Core, BackendError> {
        let salt = getrandom::u64()
            .map_err(|error| BackendError::unreachable(format!("no random bytes: {error}")))?;
        Ok(Core {
            inbox: account.inbox.clone(),
            account,
            application,
            agent,
            address,
            state: Mutex::default(),
            changed: Notify::new(),
            stage: watch::Sender::new(Stage::Open),
            unflushed: AtomicBool::new(false),
            next: AtomicU64::new(0),
            salt,
        })
    }

    /// An id for an operation that nobody else has used, within the server's 50 characters.
    pub(super) fn operation(&self) -> String {
        format!(
            "{:016x}-{:x}",
            self.salt,
            self.next.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// A resource's address as it is compared: its path, without the query.
    pub(super) fn key(&self, href: &str) -> String {
        let path = match href.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
            None => href,
        };
        path.split(['?', '#']).next().unwrap_or_default().to_owned()
    }

    /// Where a link of the application leads.
    pub(super) fn url(&self, href: &str) -> Result<Url, BackendError> {
        self.account.follow(&self.application.url, href)
    }

    /// Where the application's own `rel` is.
    pub(super) fn link(&self, rel: &str) -> Result<Url, BackendError> {
        let denied = || {
            BackendError::new(
                BackendErrorKind::Rejected,
                format!("the server does not allow this account `{rel}`"),
            )
        };
        self.url(self.application.link(rel).ok_or_else(denied)?)
    }

    /// Asks, once. An application that is gone ends the link.
    pub(super) async fn ask(&self, ask: Request) -> Result<Response, Trouble> {
        if let Some(error) = &self.state.lock().over {
            return Err(Trouble::Lost(Lost::Unsent(error.clone())));
        }
        let answer = self.account.ask(ask).await.map_err(Trouble::Lost)?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let failure = answer.failure();
        if matches!(failure.verdict(), Verdict::ApplicationGone | Verdict::Stop) {
            self.fail(failure.of_link());
        }
        Err(Trouble::Failed(failure))
    }

    /// Asks for a resource.
    pub(super) async fn get(&self, url: Url) -> Result<Document, BackendError> {
        let what = url.to_string();
        let answer = self
            .ask(Request::get(url))
            .await
            .map_err(|trouble| trouble.error(&what))?;
        let strange =
            || BackendError::new(BackendErrorKind::Protocol, format!("{what} is no resource"));
        Document::read(&answer.body).ok_or_else(strange)
    }

    /// Makes a request that does no harm twice, again and again for some seconds where the trouble may pass.
    pub(super) async fn persist(&self, ask: impl Fn() -> Request) -> Result<Response, Trouble> {
        let mut pause = PERSIST_PAUSE;
        for _ in 1..PERSIST_MAX {
            let asked = match self.ask(ask()).await {
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
            if self.stage() == Stage::Over {
                break;
            }
            self.inbox.sleep(asked.unwrap_or(pause)).await;
            pause *= 2;
        }
        self.ask(ask()).await
    }

    /// Hands something to the engine.
    pub(super) async fn hand_over(&self, item: Inbound) {
        self.unflushed.store(true, Ordering::Relaxed);
        if self.inbox.send(item).await.is_err() {
            self.fail(BackendError::unreachable("the engine has closed this link"));
        }
    }

    /// Waits until all that was handed over is committed.
    pub(super) async fn hand_over_done(&self) -> Result<(), Closed> {
        if self.unflushed.swap(false, Ordering::Relaxed) {
            self.inbox.flush().await
        } else {
            Ok(())
        }
    }

    /// Looks at what is known, changes it, and tells whoever waits for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.state.lock());
        self.changed.notify_waiters();
        done
    }

    /// Waits until `look` sees something, at most that long.
    pub(super) async fn until<T>(
        &self,
        most: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let seen = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // From here on a change is not missed, so that it may come between the look and the wait.
                changed.as_mut().enable();
                if let Some(seen) = look(&mut self.state.lock()) {
                    return seen;
                }
                changed.await;
            }
        };
        tokio::select! {
            biased;
            seen = seen => Some(seen),
            () = self.inbox.sleep(most) => None,
        }
    }

    /// The server has closed conversations and subscriptions, because it has not heard of us for long.
    pub(super) fn resumed(&self) {
        let talks = self.change(|state| {
            state.subscription.lose();
            for contact in state.contacts.values_mut() {
                contact.current = None;
            }
            state.ringing.clear();
            std::mem::take(&mut state.talks)
        });
        for mut talk in talks.into_values() {
            forsake(&mut talk);
        }
    }

    /// A conversation stands otherwise: whoever it matters to is told.
    pub(super) fn settle(&self, state: &mut State, key: &str) {
        let Some(talk) = state.talks.get_mut(key) else {
            return;
        };
        let contact = state.contacts.get_mut(&talk.with);
        match (talk.phase, contact) {
            (Phase::Connected, Some(contact)) if talk.is_open() => {
                // The one connected last is the one that people look at; while we replace one, ours.
                contact.current = Some(key.to_owned());
            }
            (Phase::Over, contact) => {
                if let Some(contact) = contact {
                    contact.current.take_if(|current| current == key);
                    contact.thread = talk.thread.take().or_else(|| contact.thread.take());
                }
                forsake(talk);
            }
            (_, Some(contact)) if talk.is_crowded => {
                drop(contact.current.take_if(|current| current == key))
            }
            _ => {}
        }
    }

    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Begins to say goodbye; false if that was begun before, or it is too late.
    pub(super) fn close(&self) -> bool {
        self.stage.send_if_modified(|stage| {
            let is_open = *stage == Stage::Open;
            if is_open {
                *stage = Stage::Closing;
            }
            is_open
        })
    }

    /// Ready when the agent is to say goodbye, or cannot any more.
    pub(super) async fn closing(&self) {
        let _ = self
            .stage
            .subscribe()
            .wait_for(|stage| *stage != Stage::Open)
            .await;
    }

    /// Ready when nothing is asked any more.
    pub(super) async fn ended(&self) {
        let _ = self
            .stage
            .subscribe()
            .wait_for(|stage| *stage == Stage::Over)
            .await;
    }

    /// The link is over, for that reason; the first one counts. While the agent says goodbye nobody is told: the
    /// application that is gone then is the one we deleted.
    pub(super) fn fail(&self, error: BackendError) {
        let is_open = self.stage() == Stage::Open;
        if self.finish(&error) && is_open {
            self.inbox.lost(error);
        }
    }

    /// Everything that waits is told; true the first time.
    pub(super) fn finish(&self, error: &BackendError) -> bool {
        let mut state = self.state.lock();
        if state.over.is_some() {
            return false;
        }
        state.over = Some(error.clone());
        let (talks, contacts) = (
            std::mem::take(&mut state.talks),
            std::mem::take(&mut state.contacts),
        );
        state.invitations.clear();
        state.ringing.clear();
        state.strays.clear();
        let meetings = state.meetings.clear();
        drop(state);
        for meeting in meetings {
            meetings::close(meeting, error);
        }
        for mut talk in talks.into_values() {
            forsake(&mut talk);
        }
        for contact in contacts.into_values() {
            for post in contact.line {
                let _ = post
                    .done
                    .send(Err(BackendError::unreachable(error.reason.clone())));
            }
        }
        self.changed.notify_waiters();
        self.stage.send_replace(Stage::Over);
        true
    }
}

/// Answers whoever waits for reports of a conversation that is no more.
fn forsake(talk: &mut Talk) {
    for done in talk.reports.forsaken() {
        let reason = "the conversation ended before the message's delivery was reported";
        let _ = done.send(Err(BackendError::new(
            BackendErrorKind::OutcomeUnknown,
            reason,
        )));
    }
}
