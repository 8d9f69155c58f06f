//! The engine: everything assembled, opened in order and closed in order.

use crate::agents::{Desired, Ground, Infos, Pace, PostBook, Registry};
use crate::clock::Timeline;
use crate::config::{Builder, EventMode};
use crate::database::{self, Budget, Durability, Opened, Readers, Reading, Writer, storage};
use crate::error::{Error, Result};
use crate::events::{Feed, Names, Subscription};
use crate::filter::Patterns;
use crate::hub::{Hub, Ring, Timer};
use crate::journal::{self, Freshness, Journal, JournalSettings, Opening, Retention};
use crate::model::{AgentId, AgentStatus, Credentials, Id, Principal, Secret, Token, TokenDetails, Who};
use crate::origin::Origins;
use crate::password::{Cost, Passwords};
use crate::publish::Publishing;
use crate::runtime::Runtime;
use crate::services::{Collaboration, Provisioning, Services, SuperUser, Waiting};
use crate::store;
use crate::throttle::Throttles;
use crate::token::{Grant, Grants};
use crate::waiting::{Activity, Tracked, park, park_until};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a dropped engine may take to sign its agents out.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// The gateway. Cheap to clone; any thread may use it, one of a foreign runtime too.
///
/// It stops when [`Engine::shutdown`] is called or the last clone is dropped; views, readers and futures made from it
/// do not keep it alive.
#[derive(Clone)]
pub struct Engine(Arc<Assembled>);

/// Whether the engine is fit to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    /// The database is open and can be written, every agent's link was tried once, and the engine is not stopping.
    pub ready: bool,
    /// Why not.
    pub reason: String,
}

/// What the engine holds now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Agents provisioned.
    pub agents: usize,
    /// Agents signed in.
    pub active_agents: usize,
    /// Live tokens.
    pub tokens: usize,
    /// Readers waiting for events.
    pub waiters: usize,
    /// Posts under way.
    pub posts_in_flight: usize,
    /// Bytes of recent records in memory.
    pub window_bytes: usize,
    /// Messages that came for conversations none of our agents was ever in.
    pub strays: u64,
    /// Matches given up because a pattern met its limit; each counted as no match.
    pub pattern_limits: u64,
    /// Passwords hashed or verified.
    pub password_work: u64,
    /// Whether the last commit succeeded.
    pub writable: bool,
}

struct Assembled {
    services: Arc<Services>,
    writer: Arc<Writer<Journal>>,
    publishing: Arc<Publishing>,
    readers: Readers,
    runtime: Runtime,
    timer: Arc<Timer>,
    ring: Arc<Ring>,
    opened: Arc<Opened>,
    activity: Activity,
    strays: Arc<AtomicU64>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Keeps the clock's way to this engine; the clock itself holds it weakly.
    _timeline: Arc<dyn Timeline>,
    down: Mutex<bool>,
}

/// What a clock moved by hand may do with this engine.
struct Moved {
    activity: Activity,
    timer: Arc<Timer>,
    alive: AtomicBool,
}

impl Timeline for Moved {
    fn settle(&self, deadline: Instant) -> bool {
        self.activity.wait_idle(deadline)
    }

    fn next_due(&self) -> Option<Duration> {
        self.timer.next_due()
    }

    fn fire(&self) {
        self.timer.fire();
    }

    fn alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("stats", &self.stats()).finish()
    }
}

impl Engine {
    /// An engine in memory without backends, until told otherwise.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn start(builder: Builder) -> Result<Engine> {
        let backends = builder.backends()?;
        let opened = Arc::new(database::open(builder.location.clone(), builder.durability)?);
        let clock = builder.clock.clone();
        let window = i64::try_from(builder.event_window.as_millis()).unwrap_or(i64::MAX);
        let opening = read_opening(&opened, &builder, clock.wall().timestamp_millis(), window)?;

        let activity = Activity::default();
        let runtime = Runtime::start(builder.worker_threads)?;
        let timer = Timer::new(clock.clone(), activity.clone());
        let hub = Hub::new(opening.instance.clone(), opening.base, opening.head, window, activity.clone(), timer.clone());
        let ring = Ring::new();
        let posts = Arc::new(PostBook::default());
        let publishing = Publishing::start(hub.clone(), ring.clone(), posts.clone(), clock.clone())?;
        let (readers, mut threads) = Reading::start(opened.clone(), activity.clone())?;
        let strays = Arc::new(AtomicU64::new(0));
        let settings = JournalSettings {
            clock: clock.clone(),
            retention: Retention::new(builder.keep_messages, builder.keep_bytes),
            strays: strays.clone(),
            shown_max: builder.shown_max,
        };
        let journal = Journal::new(settings, &opening);
        let writer = Arc::new(Writer::start(opened.clone(), journal, publishing.clone())?);
        let ground = Arc::new(Ground {
            writer: writer.clone(),
            readers: readers.clone(),
            hub: hub.clone(),
            ring: ring.clone(),
            timer: timer.clone(),
            clock: clock.clone(),
            activity: activity.clone(),
            runtime: runtime.handle().clone(),
            posts,
            pace: Pace::default(),
            infos: Infos::default(),
            origins: Origins::new(opening.key),
            budget: Budget::default(),
            flap_delay: builder.flap_delay,
        });
        let services = Arc::new(services(&builder, ground.clone(), Registry::new(ground.clone(), backends))?);
        threads.extend(timer.start().map_err(|error| Error::Storage(format!("cannot start the timer: {error}")))?);
        let timeline: Arc<dyn Timeline> =
            Arc::new(Moved { activity: activity.clone(), timer: timer.clone(), alive: AtomicBool::new(true) });
        let engine = Engine(Arc::new(Assembled {
            services: services.clone(),
            writer,
            publishing,
            readers: readers.clone(),
            runtime,
            timer,
            ring,
            opened,
            activity: activity.clone(),
            strays,
            threads: Mutex::new(threads),
            _timeline: timeline.clone(),
            down: Mutex::new(false),
        }));
        load(&services, &readers, &hub, opening)?;
        clock.attach(timeline);
        let handle = ground.runtime.clone();
        handle.spawn(Tracked::new(activity.clone(), ground.watch_posts()));
        handle.spawn(Tracked::new(activity, Services::look_after(Arc::downgrade(&services))));
        Ok(engine)
    }

    /// Logs a user in through an agent, or the super user (reference 2.1).
    ///
    /// # Errors
    /// `Unauthorized`; `Busy` if the hashing pool or the database is; `Closed`.
    pub fn log_in(&self, credentials: &Credentials) -> Result<Token> {
        park(self.log_in_async(credentials))
    }

    /// As [`Engine::log_in`], on any executor.
    pub fn log_in_async(&self, credentials: &Credentials) -> Waiting<Token> {
        Box::pin(self.0.services.clone().log_in(credentials.clone()))
    }

    /// Who bears `token`; from memory.
    ///
    /// # Errors
    /// `Unauthorized` if it is unknown or has ended.
    pub fn authenticate(&self, token: &Token) -> Result<Principal> {
        self.0.services.authenticate(token)
    }

    /// What may be known of `token` (reference 2.2); from memory.
    ///
    /// # Errors
    /// `Invalid` if it is unknown or has ended: the reference has 400 there.
    pub fn token_details(&self, token: &Token) -> Result<TokenDetails> {
        self.0.services.token_details(token)
    }

    /// Ends `token` and the waits made with it. Ending one that has ended is fine.
    ///
    /// # Errors
    /// `Busy`; `Storage`; `Closed`.
    pub fn log_out(&self, token: &Token) -> Result<()> {
        park(self.log_out_async(token))
    }

    /// As [`Engine::log_out`], on any executor.
    pub fn log_out_async(&self, token: &Token) -> Waiting<()> {
        Box::pin(self.0.services.clone().log_out(token.clone()))
    }

    /// The provisioning calls (reference 4), for whoever may make them.
    ///
    /// # Errors
    /// `Forbidden` if this agent may provision nothing; `Unauthorized` if the token has ended.
    pub fn provisioning(&self, principal: &Principal) -> Result<Provisioning> {
        Provisioning::new(self.0.services.clone(), principal.clone())
    }

    /// The collaboration calls (reference 3) through the principal's agent.
    ///
    /// # Errors
    /// `Invalid` for a principal without an agent (rules: 400, never 401); `Unauthorized` if the token has ended.
    pub fn collaboration(&self, principal: &Principal) -> Result<Collaboration> {
        let Who::Agent { key, .. } = principal.who() else {
            return Err(Error::invalid("this login has no agent; log in with one to collaborate"));
        };
        if principal.has_ended() {
            return Err(Error::Unauthorized("the token has ended".into()));
        }
        let cell = self.0.services.registry.by_key(*key);
        let cell = cell.ok_or_else(|| Error::Unauthorized("the token's agent is gone".into()))?;
        Ok(Collaboration::new(self.0.services.clone(), cell, principal.clone()))
    }

    /// The collaboration calls through `agent`, for the host itself, which is trusted.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for what is no id.
    pub fn agent(&self, agent: impl Id<AgentId>) -> Result<Collaboration> {
        let id = agent.into_id()?;
        let cell = self.0.services.registry.by_id(&id).ok_or_else(|| Error::unknown("agent", &id))?;
        Ok(Collaboration::new(self.0.services.clone(), cell, Principal::host("host")))
    }

    /// Replaces the super user's password, which is configured and not stored, while the engine runs; tokens given for
    /// the old one end. The same password again changes nothing.
    ///
    /// # Errors
    /// `Invalid` if there is no super user, or for a password that is none; `Busy`; `Storage`.
    pub fn set_super_password(&self, password: impl Into<Secret>) -> Result<()> {
        park(self.set_super_password_async(password))
    }

    /// As [`Engine::set_super_password`], on any executor.
    pub fn set_super_password_async(&self, password: impl Into<Secret>) -> Waiting<()> {
        Box::pin(self.0.services.clone().set_super_password(password.into()))
    }

    /// How an agent stands, and why.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for what is no id.
    pub fn agent_status(&self, agent: impl Id<AgentId>) -> Result<AgentStatus> {
        let id = agent.into_id()?;
        let cell = self.0.services.registry.by_id(&id).ok_or_else(|| Error::unknown("agent", &id))?;
        Ok(cell.status())
    }

    /// Everything that happens from now on, to whatever agent.
    pub fn subscribe(&self) -> Subscription {
        Subscription::new(self.0.services.feed.clone(), self.0.ring.clone())
    }

    /// What the engine holds now.
    pub fn stats(&self) -> Stats {
        let services = &self.0.services;
        Stats {
            agents: services.registry.len(),
            active_agents: services.registry.active(),
            tokens: services.grants.len(),
            waiters: services.ground.hub.waiters(),
            posts_in_flight: services.ground.posts.len(),
            window_bytes: services.ground.hub.bytes(),
            strays: self.0.strays.load(Ordering::Relaxed),
            pattern_limits: services.patterns.limit_hits(),
            password_work: services.passwords.work(),
            writable: self.0.writer.writable(),
        }
    }

    /// Whether the engine is fit to serve.
    pub fn readiness(&self) -> Readiness {
        let services = &self.0.services;
        let reason = if services.stopping.load(Ordering::Acquire) {
            "the engine is stopping"
        } else if !self.0.writer.writable() {
            "the journal cannot be written"
        } else if !services.registry.all_tried() {
            "some links were not tried yet"
        } else {
            ""
        };
        Readiness { ready: reason.is_empty(), reason: reason.to_owned() }
    }

    /// Waits, for `deadline` of real time, until nothing is under way: nothing in a backend's hands, the writer and
    /// the hub idle, every woken reader waiting again. It cannot know a bot that has no reader yet.
    ///
    /// # Errors
    /// `TimedOut`.
    pub fn settle(&self, deadline: Duration) -> Result<()> {
        if self.0.activity.wait_idle(Instant::now() + deadline) {
            return Ok(());
        }
        Err(Error::TimedOut("something is still under way".into()))
    }

    /// Stops: every wait is answered, every agent signed out, every commit made. `deadline` (real time) bounds the
    /// signing out; later calls answer `Closed`. Calling it again is fine.
    ///
    /// # Errors
    /// `TimedOut` if links had to be cut at the deadline; `WouldDeadlock` on one of the engine's own threads.
    pub fn shutdown(&self, deadline: Duration) -> Result<()> {
        self.0.shut_down(deadline)
    }

    /// As [`Engine::shutdown`], on any executor: it waits on a thread of its own.
    pub fn shutdown_async(&self, deadline: Duration) -> Waiting<()> {
        let (promise, pending) = crate::waiting::pending();
        let assembled = self.0.clone();
        let started = std::thread::Builder::new()
            .name("switchboard-shutdown".into())
            .spawn(move || promise.fulfil(assembled.shut_down(deadline)));
        if let Err(error) = started {
            return Box::pin(std::future::ready(Err(Error::Internal(format!("cannot start a thread: {error}")))));
        }
        Box::pin(pending)
    }
}

fn read_opening(opened: &Opened, builder: &Builder, now: i64, window: i64) -> Result<Opening> {
    let fresh = match (builder.event_mode, builder.durability) {
        (EventMode::Buffered, _) => Freshness::Always,
        (EventMode::Durable, Durability::Process) => Freshness::AfterUnclean,
        (EventMode::Durable, Durability::Power) => Freshness::Never,
    };
    let read = |connection: &Connection| journal::open(connection, fresh, now, window).map_err(storage);
    match opened.memory() {
        Some(memory) => read(&memory.lock()),
        None => read(&opened.write()?),
    }
}

fn services(builder: &Builder, ground: Arc<Ground>, registry: Arc<Registry>) -> Result<Services> {
    let passwords = Passwords::open(Cost::STANDARD, ground.activity.clone())?;
    let super_user = match &builder.super_user {
        None => None,
        Some((name, password)) => Some(SuperUser { name: name.clone(), hash: park(passwords.hash(password))? }),
    };
    let feed = Arc::new(Feed {
        hub: ground.hub.clone(),
        readers: ground.readers.clone(),
        clock: ground.clock.clone(),
        activity: ground.activity.clone(),
        buffered: builder.event_mode == EventMode::Buffered,
    });
    let names = Arc::new(Names::new(ground.writer.clone(), ground.hub.clone(), ground.activity.clone()));
    Ok(Services {
        ground,
        registry,
        feed,
        names,
        patterns: Patterns::new(),
        grants: Grants::new(),
        passwords,
        delays: Mutex::default(),
        throttles: Mutex::new(Throttles::default()),
        super_user: parking_lot::RwLock::new(super_user),
        authenticator: builder.authenticator.clone(),
        token_lifetime: builder.token_lifetime,
        post_deadline: builder.post_deadline,
        audit_age: builder.keep_audit,
        waiters_per_agent: builder.waiters_per_agent,
        stopping: AtomicBool::new(false),
    })
}

/// Brings memory to what the database says: the same code that later follows each change.
fn load(services: &Arc<Services>, readers: &Readers, hub: &Hub, opening: Opening) -> Result<()> {
    let now = services.ground.timer.now();
    let now_ms = services.now_ms();
    let Opening { mut spans, window, floor, .. } = opening;
    readers.now(|connection| {
        let mut throttles = services.throttles.lock();
        throttles.replace(store::throttles::all(connection).map_err(storage)?);
        for (agent, channel, at) in journal::recent_posts(connection, now_ms - 60_000).map_err(storage)? {
            let age = Duration::from_millis(u64::try_from(now_ms - at).unwrap_or(0));
            throttles.restore(agent, &channel, age, now);
        }
        drop(throttles);
        for row in store::tokens::all_live(connection, now_ms).map_err(storage)? {
            let who = match (row.agent, row.user) {
                (Some((key, agent)), Some(user)) => Who::Agent { agent, key, user, username: row.username },
                _ => Who::SuperUser(row.username),
            };
            services.grants.insert(row.digest, Grant::new(who, row.expires));
        }
        store::agents::each_desired(connection, |row| {
            hub.add_agent(row.key, row.id.clone(), spans.remove(&row.key).unwrap_or_default());
            services.registry.apply(Desired::from(&row), false);
            Ok(())
        })
        .map_err(storage)?;
        hub.remember(floor, window);
        Ok(())
    })
}

impl Assembled {
    fn shut_down(&self, deadline: Duration) -> Result<()> {
        let limit = Instant::now() + deadline;
        // Refuses on our own threads before anything is touched.
        park(std::future::ready(Ok(())))?;
        let mut down = self.down.lock();
        if *down {
            return Ok(());
        }
        *down = true;
        let services = &self.services;
        services.stopping.store(true, Ordering::Release);
        services.ground.hub.close();
        for cell in services.registry.all() {
            cell.change(|_| ());
        }
        let tasks = services.registry.stop();
        let signed_out = park_until(
            async {
                for task in tasks {
                    let _ = task.await;
                }
                Ok(())
            },
            limit,
        );
        self.ring.close();
        self.writer.stop();
        self.publishing.stop();
        services.ground.posts.give_up();
        self.runtime.stop(Duration::from_millis(100));
        self.timer.close();
        self.readers.close();
        services.passwords.close();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("one of the engine's threads panicked");
            }
        }
        self.opened.unlock();
        signed_out.map_err(|_| Error::TimedOut("some links had to be cut".into()))
    }
}

impl Drop for Assembled {
    fn drop(&mut self) {
        match self.shut_down(DROP_DEADLINE) {
            // Dropped on one of our own threads: what can be told to end is told, and nobody waits.
            Err(Error::WouldDeadlock) => {
                self.services.stopping.store(true, Ordering::Release);
                self.services.ground.hub.close();
                self.ring.close();
                self.writer.stop_later();
                self.timer.close();
                self.readers.close();
            }
            Err(error) => tracing::warn!(%error, "the engine was dropped"),
            Ok(()) => {}
        }
    }
}
