//! The suite's hands: a runtime, a recording intake, and calls that end at a deadline.
//!
//! Each check runs on a thread of its own with a runtime of its own, so that what one leaves
//! behind, or a panic in the backend, does not reach the next.

use super::report::CheckOutcome;
use super::world::World;
use crate::backend::recorder::Recorder;
use crate::backend::{
    Address, AgentKey, Backend, BackendError, BackendErrorKind, Capabilities, ChannelId, Inbound,
    Joined, Link, LinkKey, MessageId, OriginId, Outgoing, Posted, Received, Reply, ResumePoint,
    Session, StateChange,
};
use crate::waiting::panic_text;
use crate::waiting::park_until;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the suite listens for something that must not come.
const SILENCE: Duration = Duration::from_millis(200);

/// Why a check ended early.
pub(super) enum Stop {
    Skip(String),
    Fail(String),
}

pub(super) type Check = fn(&mut Rig<'_>) -> Result<(), Stop>;

/// The check does not apply.
pub(super) fn skip<T>(reason: &str) -> Result<T, Stop> {
    Err(Stop::Skip(reason.to_owned()))
}

/// What a call gave, where only success will do.
fn success<T>(what: &str, answer: Result<T, BackendError>) -> Result<T, Stop> {
    answer.or_else(|error| fail(format!("{what}: {:?}: {error}", error.kind)))
}

/// The check found something.
pub(super) fn fail<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Fail(reason.into()))
}

/// Fails with `reason` unless `holds`.
pub(super) fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), Stop> {
    if holds {
        Ok(())
    } else {
        Err(Stop::Fail(reason()))
    }
}

/// Runs one check.
pub(super) fn run_one(world: &dyn World, check: Check) -> CheckOutcome {
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let mut rig = Rig::new(world)?;
        check(&mut rig)
    }));
    match caught {
        Ok(Ok(())) => CheckOutcome::Passed,
        Ok(Err(Stop::Skip(reason))) => CheckOutcome::Skipped(reason),
        Ok(Err(Stop::Fail(reason))) => CheckOutcome::Failed(reason),
        Err(panic) => CheckOutcome::Failed(format!("it panicked: {}", panic_text(&*panic))),
    }
}

/// The connections of a check, one for each link key, and the agents on them.
pub(super) struct Rig<'a> {
    pub(super) world: &'a dyn World,
    pub(super) capabilities: Capabilities,
    pub(super) recorder: Arc<Recorder>,
    backend: Arc<dyn Backend>,
    links: Vec<(LinkKey, Arc<dyn Link>)>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl<'a> Rig<'a> {
    fn new(world: &'a dyn World) -> Result<Rig<'a>, Stop> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| Stop::Fail(format!("no runtime: {error}")))?;
        let backend = world.backend();
        let capabilities = backend.capabilities();
        Ok(Rig {
            world,
            capabilities,
            recorder: Recorder::new(),
            backend,
            links: Vec::new(),
            runtime: Some(runtime),
        })
    }

    /// Makes a call as the engine makes it, and waits for the answer.
    pub(super) fn ask<T>(
        &self,
        call: impl FnOnce() -> Reply<T>,
    ) -> Result<Result<T, BackendError>, Stop> {
        let _entered = self.runtime.as_ref().map(|runtime| runtime.enter());
        let answer = call();
        let patience = self.world.patience();
        park_until(async { Ok(answer.await) }, Instant::now() + patience)
            .map_err(|error| Stop::Fail(format!("no answer within {patience:?}: {error}")))
    }

    /// As [`Rig::ask`], where only success will do.
    pub(super) fn want<T>(&self, what: &str, call: impl FnOnce() -> Reply<T>) -> Result<T, Stop> {
        success(what, self.ask(call)?)
    }

    pub(super) fn address(&self, n: usize) -> Address {
        self.world.agent_address(n)
    }

    fn link(&mut self, n: usize) -> Result<Arc<dyn Link>, Stop> {
        let key = self.backend.link_key(&self.address(n));
        if let Some((_, link)) = self.links.iter().find(|(known, _)| *known == key) {
            return Ok(link.clone());
        }
        let (backend, dialed, inbox) = (self.backend.clone(), key.clone(), self.recorder.inbox());
        let link = self.want("dial", || backend.dial(dialed, inbox))?;
        self.links.push((key, link.clone()));
        Ok(link)
    }

    /// Signs the `n`th agent in, as the agent of that number. If the chat system asks for a pause,
    /// because it has not seen the end of an earlier connection yet, it is tried again after that,
    /// as the engine does.
    pub(super) fn sign_in(&mut self, n: usize) -> Result<Arc<dyn Session>, Stop> {
        let link = self.link(n)?;
        let limit = Instant::now() + self.world.patience();
        loop {
            let (link, address) = (link.clone(), self.address(n));
            match self.ask(|| link.sign_in(key(n), address))? {
                Err(BackendError {
                    kind: BackendErrorKind::RetryAfter(pause),
                    ..
                }) if Instant::now() + pause < limit => std::thread::sleep(pause),
                answer => return success("sign in", answer),
            }
        }
    }

    /// Hangs up and forgets what was recorded: what comes next is another connection.
    pub(super) fn hang_up(&mut self) {
        self.links.clear();
        self.recorder = Recorder::new();
    }

    /// Hangs up by dropping, and nothing else.
    pub(super) fn drop_link(&mut self) {
        self.links.clear();
    }

    pub(super) fn join(
        &self,
        session: &Arc<dyn Session>,
        channel: &ChannelId,
        resume: Option<ResumePoint>,
    ) -> Result<Joined, Stop> {
        self.want("join", || session.clone().join(channel.clone(), resume))
    }

    pub(super) fn post(
        &self,
        session: &Arc<dyn Session>,
        channel: &ChannelId,
        message: Outgoing,
    ) -> Result<Posted, Stop> {
        self.want("post", || session.clone().post(channel.clone(), message))
    }

    /// The id under which a post became known: that of the copy which came back, or of the answer.
    pub(super) fn posted_id(&self, posted: &Posted, origin: &OriginId) -> Result<MessageId, Stop> {
        match posted {
            Posted::Accepted(accepted) => Ok(accepted.id.clone()),
            Posted::Sent => {
                let back = self.receive(1, |received| received.origin.as_ref() == Some(origin))?;
                Ok(back[0].id.clone())
            }
        }
    }

    /// The refusal of a post that was sent, once it has come.
    pub(super) fn refusal(&self, refused: &OriginId) -> Result<BackendError, Stop> {
        self.see("the refusal of a post", |items, _| {
            items.iter().find_map(|item| match item {
                Inbound::PostRefused { origin, error } if origin == refused => Some(error.clone()),
                _ => None,
            })
        })
    }

    pub(super) fn say(&self, channel: &ChannelId, n: usize, text: &str) -> Result<(), Stop> {
        match self.world.say(channel, &self.address(n), text) {
            None => skip("the world's people cannot speak"),
            Some(said) => {
                said.or_else(|reason| fail(format!("a person could not say `{text}`: {reason}")))
            }
        }
    }

    pub(super) fn room(&self) -> Result<ChannelId, Stop> {
        match self.world.room() {
            Some(room) if self.capabilities.rooms => Ok(room),
            _ => skip("no rooms"),
        }
    }

    pub(super) fn contact(&self) -> Result<ChannelId, Stop> {
        match self.world.contact() {
            Some(contact) if self.capabilities.contacts => Ok(contact),
            _ => skip("no contacts"),
        }
    }

    /// A room, or where there are none a contact.
    pub(super) fn channel(&self) -> Result<ChannelId, Stop> {
        self.room().or_else(|_| self.contact())
    }

    /// Waits until what was recorded shows something.
    pub(super) fn see<T>(
        &self,
        what: &str,
        shows: impl FnMut(&[Inbound], &[StateChange]) -> Option<T>,
    ) -> Result<T, Stop> {
        let patience = self.world.patience();
        match self.recorder.wait_for(patience, shows) {
            Some(shown) => Ok(shown),
            None => fail(format!(
                "not seen within {patience:?}: {what}; seen: {:?}",
                self.texts()
            )),
        }
    }

    /// Waits until the world shows something.
    pub(super) fn until(&self, what: &str, mut shows: impl FnMut() -> bool) -> Result<(), Stop> {
        let patience = self.world.patience();
        let deadline = Instant::now() + patience;
        while !shows() {
            if Instant::now() > deadline {
                return fail(format!("not so within {patience:?}: {what}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Waits for `count` messages that `wanted` admits and returns all that have come.
    pub(super) fn receive(
        &self,
        count: usize,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Vec<Received>, Stop> {
        self.see(&format!("{count} messages"), |items, _| {
            let received: Vec<Received> = messages(items)
                .into_iter()
                .filter(|message| wanted(message))
                .collect();
            (received.len() >= count).then_some(received)
        })
    }

    /// Listens for a while, and returns every message recorded until then.
    pub(super) fn listen(&self) -> Vec<Received> {
        std::thread::sleep(SILENCE);
        messages(&self.recorder.items())
    }

    fn texts(&self) -> Vec<String> {
        messages(&self.recorder.items())
            .iter()
            .map(text_of)
            .collect()
    }
}

impl Drop for Rig<'_> {
    fn drop(&mut self) {
        self.links.clear();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The number under which the engine would know the `n`th agent.
pub(super) fn key(n: usize) -> AgentKey {
    AgentKey(n as i64 + 1)
}

/// The messages among what was recorded.
pub(super) fn messages(items: &[Inbound]) -> Vec<Received> {
    let message = |item: &Inbound| match item {
        Inbound::Message { message, .. } => Some((**message).clone()),
        _ => None,
    };
    items.iter().filter_map(message).collect()
}

pub(super) fn text_of(message: &Received) -> String {
    message.content.visible_text()
}

/// A text that no other run has said.
pub(super) fn unique(text: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0u8; 4];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    format!(
        "{text} {:08x}{}",
        u32::from_be_bytes(bytes),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A post of that text, as the engine makes it.
pub(super) fn outgoing(text: &str) -> Outgoing {
    let origin =
        OriginId::parse(&unique("origin").replace(' ', "-")).expect("letters and digits are an id");
    Outgoing::text(origin, text)
}
