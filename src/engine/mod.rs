//! The engine: its parts are opened in order and closed in order.

mod assembled;
mod loading;
mod machines;
mod opening;
mod stats;
mod stored;

pub use stats::{Readiness, Stats};

use crate::config::Builder;
use crate::error::{Error, Result};
use crate::events::Subscription;
use crate::model::{AgentId, AgentStatus, Credentials, Id, Principal, Secret, Token, TokenDetails};
use crate::services::{AsyncResult, Collaboration, Management, ManagesThrough, Provisioning};
use crate::waiting::{from_now, park};
use assembled::Assembled;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The gateway. Cheap to clone; any thread may use it, also one of another runtime.
///
/// The engine stops when [`Engine::shutdown`] is called or its last clone is dropped. Views,
/// readers and futures that were made from it do not keep it alive.
#[derive(Clone)]
pub struct Engine(Arc<Assembled>);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("stats", &self.stats())
            .finish()
    }
}

impl Engine {
    /// Settings for an engine in memory without backends, to be changed.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Logs in a user of an agent, or the super user (§tokens/log-in). A host that serves strangers
    /// says which address the login comes from ([`Credentials::from_peer`]), so that many logins
    /// from one address do not keep out the others.
    ///
    /// # Errors
    /// `Unauthorized`; `Busy` if the login waited 20 seconds of real time for the hashing pool, if
    /// 1,024 others wait and no peer has more of them than this one, or if the database is busy;
    /// `Closed`.
    pub fn log_in(&self, credentials: &Credentials) -> Result<Token> {
        park(self.log_in_async(credentials))
    }

    /// As [`Engine::log_in`], on any executor.
    pub fn log_in_async(&self, credentials: &Credentials) -> AsyncResult<Token> {
        Box::pin(self.0.services.access().clone().log_in(credentials.clone()))
    }

    /// Whether a directory takes SPNEGO tokens, those of `Authorization: Negotiate`.
    pub fn negotiates(&self) -> bool {
        self.0.services.access().negotiates()
    }

    /// Logs in whoever a SPNEGO token is of (§tokens/kerberos): `ticket` is its Base64, `agent` the
    /// agent to act through, `None` or empty for the super user. Returns the token, and what the
    /// client is sent back, in Base64, to know the server.
    ///
    /// # Errors
    /// `Unauthorized` if no directory takes the ticket, or its owner may not use the agent;
    /// `Invalid`; `Busy` or `Unreachable` if a directory cannot tell now; `Storage`.
    pub fn log_in_by_ticket(
        &self,
        ticket: impl Into<Secret>,
        agent: Option<&str>,
    ) -> Result<(Token, Option<String>)> {
        park(self.log_in_by_ticket_async(ticket, agent))
    }

    /// As [`Engine::log_in_by_ticket`], on any executor.
    pub fn log_in_by_ticket_async(
        &self,
        ticket: impl Into<Secret>,
        agent: Option<&str>,
    ) -> AsyncResult<(Token, Option<String>)> {
        let access = self.0.services.access().clone();
        Box::pin(access.log_in_by_ticket(ticket.into(), agent.map(str::to_owned)))
    }

    /// The principal that bears `token`; from memory.
    ///
    /// # Errors
    /// `Unauthorized` if the token is unknown or has ended.
    pub fn authenticate(&self, token: &Token) -> Result<Principal> {
        self.0.services.access().authenticate(token)
    }

    /// The details of `token` that its bearer may see (§tokens/details); from memory.
    ///
    /// # Errors
    /// `Invalid` if the token is unknown or has ended, which is 400 on the wire (§tokens/details).
    pub fn token_details(&self, token: &Token) -> Result<TokenDetails> {
        self.0.services.access().token_details(token)
    }

    /// Ends `token` and the waits made with it. A token that has already ended is no error.
    ///
    /// # Errors
    /// `Busy`; `Storage`; `Closed`.
    pub fn log_out(&self, token: &Token) -> Result<()> {
        park(self.log_out_async(token))
    }

    /// As [`Engine::log_out`], on any executor.
    pub fn log_out_async(&self, token: &Token) -> AsyncResult<()> {
        Box::pin(self.0.services.access().clone().log_out(token.clone()))
    }

    /// The provisioning calls (§provisioning/modes) of a principal that may make them.
    ///
    /// # Errors
    /// `Forbidden` if this agent may provision nothing; `Unauthorized` if the token has ended.
    pub fn provisioning(&self, principal: &Principal) -> Result<Provisioning> {
        self.0.services.provisioning(principal)
    }

    /// The collaboration calls of a principal, through its agent.
    ///
    /// # Errors
    /// `Invalid` for a principal without an agent (§answer/unauthorized); `Unauthorized` if the
    /// token has ended.
    pub fn collaboration(&self, principal: &Principal) -> Result<Collaboration> {
        self.0.services.collaboration(principal)
    }

    /// The management calls (§management/calls): those of a principal through its agent, or of
    /// the host itself through the agent of that id. The host needs no token, and the agent's
    /// management mode binds only its users.
    ///
    /// # Errors
    /// `Invalid` for a principal without an agent, or for what is no id; `NotFound`; `Forbidden`
    /// if the agent may not manage; `Unauthorized`.
    pub fn management(&self, through: impl ManagesThrough) -> Result<Management> {
        self.0.services.management(through)
    }

    /// The collaboration calls through `agent` for the host itself, which needs no token.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for what is no id.
    pub fn agent(&self, agent: impl Id<AgentId>) -> Result<Collaboration> {
        let id = agent.into_id()?;
        self.0.services.agent(&id, Principal::host("host"))
    }

    /// Replaces the super user's password while the engine runs. The tokens given for the old
    /// password end. The same password again changes nothing.
    ///
    /// # Errors
    /// `Invalid` if there is no super user, or for a password that is none; `Busy`; `Storage`.
    pub fn set_super_password(&self, password: impl Into<Secret>) -> Result<()> {
        park(self.set_super_password_async(password))
    }

    /// As [`Engine::set_super_password`], on any executor.
    pub fn set_super_password_async(&self, password: impl Into<Secret>) -> AsyncResult<()> {
        Box::pin(
            self.0
                .services
                .access()
                .clone()
                .set_super_password(password.into()),
        )
    }

    /// The date and time of day by the engine's clock. A host that reads "today" in a request
    /// should use it.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.wall()
    }

    /// The state of an agent and its channels, with reasons.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for what is no id.
    pub fn agent_status(&self, agent: impl Id<AgentId>) -> Result<AgentStatus> {
        self.0.services.agent_status(&agent.into_id()?)
    }

    /// Everything that happens to any agent from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription::new(self.0.feed.clone(), self.0.machines.ring.clone())
    }

    /// Monotonic time by the engine's clock.
    #[cfg(feature = "rest")]
    pub(crate) fn monotonic(&self) -> Duration {
        self.0.machines.timer.now()
    }

    /// Sleeps for `duration` of the engine's clock, so that a test moves the host's pauses by hand
    /// too.
    ///
    /// # Errors
    /// `Closed` once the engine is shut down; `WouldDeadlock` on one of the engine's own threads.
    pub fn sleep(&self, duration: Duration) -> Result<()> {
        park(self.sleep_async(duration))
    }

    /// As [`Engine::sleep`], on any executor.
    pub fn sleep_async(&self, duration: Duration) -> AsyncResult<()> {
        let sleep = self.0.machines.timer.sleep(duration);
        let stopping = self.0.services.stopping();
        Box::pin(async move {
            sleep.await;
            stopping.check()
        })
    }

    /// Counts of what the engine holds now.
    pub fn stats(&self) -> Stats {
        let Assembled {
            services,
            registry,
            machines,
            ..
        } = &*self.0;
        let (password_work, passwords_waiting) = services.access().password_work();
        Stats {
            agents: registry.len(),
            active_agents: registry.active(),
            tokens: services.access().tokens(),
            waiters: machines.hub.waiters(),
            posts_in_flight: machines.posts.len(),
            window_bytes: machines.hub.bytes(),
            strays: machines.strays.load(Ordering::Relaxed),
            foreign_changes: machines.foreign.load(Ordering::Relaxed),
            strangers: machines.strangers.tries(),
            pattern_limits: services.pattern_limits(),
            password_work,
            passwords_waiting,
            writable: machines.writer.writable(),
        }
    }

    /// Whether the engine is ready to serve, and why not.
    pub fn readiness(&self) -> Readiness {
        let writer = &self.0.machines.writer;
        let reason = if self.0.services.is_stopping() {
            "the engine is stopping".to_owned()
        } else if let Err(reason) = self.0.opened.look() {
            format!("the journal cannot be written: {reason}")
        } else if !writer.writable() {
            "the journal cannot be written".to_owned()
        } else if let Some(reason) = writer.missed_checkpoints() {
            reason
        } else if let Some(reason) = self.0.opened.damage() {
            format!("the database is damaged: {reason}")
        } else if !self.0.registry.all_tried() {
            "some links were not tried yet".to_owned()
        } else {
            String::new()
        };
        Readiness {
            ready: reason.is_empty(),
            reason,
        }
    }

    /// Waits, for at most `real_time`, until nothing is under way: no backend works on a call,
    /// the writer and the hub are idle, and every reader that was woken waits again. It does not
    /// know of a bot that has no reader yet.
    ///
    /// # Errors
    /// `TimedOut`.
    pub fn settle(&self, real_time: Duration) -> Result<()> {
        let activity = &self.0.machines.activity;
        if activity.wait_idle(from_now(real_time)) {
            return Ok(());
        }
        Err(Error::TimedOut("something is still under way".into()))
    }

    /// Stops the engine: it ends every wait, signs out every agent and makes every commit. Signing
    /// out may take `real_time`. Later calls fail with `Closed`. Calling it again does
    /// nothing.
    ///
    /// # Errors
    /// `TimedOut` if links had to be cut at the deadline; `WouldDeadlock` on one of the engine's
    /// own threads.
    pub fn shutdown(&self, real_time: Duration) -> Result<()> {
        self.0.shut_down(real_time)
    }

    /// As [`Engine::shutdown`], on any executor: a thread of its own waits.
    pub fn shutdown_async(&self, real_time: Duration) -> AsyncResult<()> {
        let (promise, pending) = crate::waiting::pending();
        let assembled = self.0.clone();
        let shut_down = move || promise.fulfil(assembled.shut_down(real_time));
        match crate::waiting::start_thread("shutdown", shut_down) {
            Ok(_) => Box::pin(pending),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}
