//! The world of every test here: a chat system with rooms, an engine on it, a clock moved by hand.
//!
//! Nothing here sleeps: a test moves the clock, settles, or waits for what it wants to see.

use std::future::{Future, ready};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use switchboard::backend::{Loopback, Person};
use switchboard::chrono::{DateTime, Utc};
use switchboard::directory::{Asked, Checked};
use switchboard::testing::ManualClock;
use switchboard::{
    AccountName, AgentStatus, AsyncResult, Authenticator, Builder, Clock, Collaboration,
    Credentials, Cursor, Engine, Event, EventBody, EventQuery, JoinState, NewAgent, NewUser,
    Principal, Provisioning, Secret, Stats, Token,
};

/// A real-time limit that no test needs; whatever takes longer has failed.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// Real time after which a future that is waited for counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const OPS: &str = "chat-room:ops";
pub(crate) const LAB: &str = "chat-room:lab";
/// The one password that [`Sesame`] takes from anybody.
pub(crate) const SESAME: &str = "open sesame";

pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A chat system, an engine on it, and the time.
pub(crate) struct World {
    pub(crate) chat: Loopback,
    pub(crate) clock: ManualClock,
    pub(crate) engine: Engine,
}

impl World {
    /// In memory, with the rooms `ops` and `lab`.
    pub(crate) fn new() -> World {
        World::with(|builder| builder)
    }

    /// As [`World::new`], with an engine built a little differently.
    pub(crate) fn with(build: impl FnOnce(Builder) -> Builder) -> World {
        World::on(chat(), build)
    }

    /// On that chat system.
    pub(crate) fn on(chat: Loopback, build: impl FnOnce(Builder) -> Builder) -> World {
        let clock = ManualClock::new();
        let engine = open(&chat, &clock, build);
        World {
            chat,
            clock,
            engine,
        }
    }

    /// In a file, on the same chat system and clock after each [`World::restart`].
    pub(crate) fn stored(disk: &Disk) -> World {
        World::with(|builder| builder.database(disk.path()))
    }

    /// Stops the engine in good order and opens the file again.
    pub(crate) fn restart(self, disk: &Disk) -> World {
        self.restart_with(disk, |builder| builder)
    }

    pub(crate) fn restart_with(self, disk: &Disk, build: impl FnOnce(Builder) -> Builder) -> World {
        self.engine.shutdown(SOON).unwrap();
        let World {
            chat,
            clock,
            engine,
        } = self;
        drop(engine);
        let engine = open(&chat, &clock, |builder| {
            build(builder.database(disk.path()))
        });
        World {
            chat,
            clock,
            engine,
        }
    }

    /// The provisioning calls of the host `ada`.
    pub(crate) fn admin(&self) -> Provisioning {
        self.engine.provisioning(&Principal::host("ada")).unwrap()
    }

    /// Puts the agent `id` as `loopback:id` into those channels, and waits until it is there.
    pub(crate) fn agent(&self, id: &str, channels: &[&str]) -> Collaboration {
        self.put(new_agent(id, channels))
    }

    /// Puts that agent and waits until it is active.
    pub(crate) fn put(&self, agent: NewAgent) -> Collaboration {
        let id = agent.id.clone();
        self.admin().put_agent(agent).unwrap();
        let view = self.engine.agent(id).unwrap();
        view.wait_active(SOON).unwrap();
        self.settle();
        view
    }

    /// All that is there for `query` within the window, as [`lines`], once nothing is under way.
    pub(crate) fn seen(&self, agent: &Collaboration, query: &EventQuery) -> Vec<String> {
        self.settle();
        lines(&agent.events(Cursor::window(), query).unwrap().events)
    }

    /// Returns a cursor after the agent's newest event.
    pub(crate) fn mark(&self, agent: &Collaboration) -> Cursor {
        self.settle();
        let now = agent.events(Cursor::window(), &EventQuery::all()).unwrap();
        Cursor::after(now.last, &now.instance)
    }

    /// What came after `mark`, as [`lines`], once nothing is under way.
    pub(crate) fn since(
        &self,
        agent: &Collaboration,
        mark: &Cursor,
        query: &EventQuery,
    ) -> Vec<String> {
        self.settle();
        let batch = agent.events(mark.clone(), query).unwrap();
        assert!(!batch.gap);
        lines(&batch.events)
    }

    pub(crate) fn person(&self, name: &str) -> Person {
        self.chat.person(format!("contact:{name}"))
    }

    pub(crate) fn settle(&self) {
        self.engine.settle(SOON).unwrap();
    }

    /// Moves the clock, in steps.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn clock_now(&self) -> DateTime<Utc> {
        self.clock.wall()
    }

    /// Waits, in real time, until the engine's numbers show something that another thread brings
    /// about.
    pub(crate) fn until(&self, shows: impl Fn(&Stats) -> bool) {
        let limit = Instant::now() + SOON;
        while !shows(&self.engine.stats()) {
            assert!(Instant::now() < limit, "{:?}", self.engine.stats());
            std::thread::yield_now();
        }
    }

    pub(crate) fn status(&self, agent: &str) -> AgentStatus {
        self.engine.agent_status(agent).unwrap()
    }

    /// The state of one channel of an agent.
    pub(crate) fn channel_state(&self, agent: &str, channel: &str) -> JoinState {
        let status = self.status(agent);
        status
            .channels
            .iter()
            .find(|there| there.id.as_str() == channel)
            .unwrap()
            .state
    }

    /// Puts the user `name` and lists it with the agent, which must be there; needs [`Sesame`].
    /// Returns its token.
    pub(crate) fn token(&self, name: &str, agent: &str) -> Token {
        self.admin()
            .put_user(NewUser::new(name, name).unwrap())
            .unwrap();
        let there = self.admin().agent(agent).unwrap();
        if !there.users.iter().any(|user| user.as_str() == name) {
            let mut again = NewAgent::new(agent, &there.address).unwrap();
            again.channels = there
                .channels
                .into_iter()
                .map(|channel| channel.id)
                .collect();
            again.users = there.users;
            again.metadata = there.metadata;
            again.mode = Some(there.mode);
            self.admin().put_agent(again.user(name).unwrap()).unwrap();
        }
        self.engine
            .log_in(&Credentials::agent(name, SESAME, agent))
            .unwrap()
    }

    pub(crate) fn principal(&self, name: &str, agent: &str) -> Principal {
        let token = self.token(name, agent);
        self.engine.authenticate(&token).unwrap()
    }
}

/// A chat system with the rooms `ops` and `lab`.
pub(crate) fn chat() -> Loopback {
    furnished(Loopback::new())
}

pub(crate) fn furnished(chat: Loopback) -> Loopback {
    chat.room(OPS, "Operations");
    chat.room(LAB, "Laboratory");
    chat
}

pub(crate) fn open(
    chat: &Loopback,
    clock: &ManualClock,
    build: impl FnOnce(Builder) -> Builder,
) -> Engine {
    let builder = Engine::builder()
        .in_memory()
        .backend(chat.clone())
        .clock(clock.clone());
    build(builder).open().unwrap()
}

/// `loopback:id` in those channels.
pub(crate) fn new_agent(id: &str, channels: &[&str]) -> NewAgent {
    channels.iter().fold(
        NewAgent::new(id, format!("loopback:{id}")).unwrap(),
        |agent, channel| agent.channel(*channel).unwrap(),
    )
}

/// Events in a few words each: `lene: hello`, `chat-room:ops on`, `colour=red`, `colour gone`,
/// `gap`.
pub(crate) fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(line).collect()
}

pub(crate) fn line(event: &Event) -> String {
    match &event.body {
        EventBody::Message(message) => {
            format!(
                "{}: {}",
                message.sender.rsplit(':').next().unwrap_or_default(),
                message.text
            )
        }
        EventBody::ChannelState { channel, active } => {
            format!("{channel} {}", if *active { "on" } else { "off" })
        }
        EventBody::MetaData {
            key,
            value: Some(value),
        } => format!("{key}={value}"),
        EventBody::MetaData { key, value: None } => format!("{key} gone"),
        EventBody::Gap => "gap".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A directory that takes one password from everybody it is asked for, so that a test of something
/// else hashes nothing.
pub(crate) struct Sesame;

impl Authenticator for Sesame {
    fn check(&self, _username: AccountName, password: Secret) -> Asked<Checked> {
        Box::pin(ready(Ok((password.expose() == SESAME).into())))
    }
}

/// A directory for one test, gone with it.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn new() -> Disk {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "switchboard-it-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Disk(directory)
    }

    /// The database.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.join("switchboard.db")
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What cannot be removed is left to the operating system.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Waits for `future` on this thread, as any small executor would.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(left > Duration::ZERO, "not ready within {PATIENCE:?}");
        std::thread::park_timeout(left);
    }
}

/// Polls `future` once.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Begins to wait for `future`: it was polled once when this returns, so that every timer it needs
/// is set.
pub(crate) fn begin<T: Send + 'static>(
    mut future: AsyncResult<T>,
) -> JoinHandle<switchboard::Result<T>> {
    let ready = match poll(&mut future) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    };
    std::thread::spawn(move || ready.unwrap_or_else(|| wait(future)))
}
