//! A chat gateway engine as a library: agents that stay logged on to chat systems, and applications that talk through
//! them, over a Rust API or over HTTP.
//!
//! An administrator provisions **agents**: each has an address on a chat system, **channels** it may use (rooms and
//! contacts), and users who may act through it. The engine keeps every agent signed in and joined, for ever. An
//! application posts through its agent and reads what was said as **events**, which survive restarts of either side.
//! All of it lies in one SQLite file.
//!
//! ```
//! use std::time::Duration;
//! use switchboard::{Engine, EventQuery, NewAgent, NewMessage, Principal, backend::Loopback};
//!
//! let chat = Loopback::new(); // the embedded chat system; a room of it, and the engine on it
//! chat.room("chat-room:ops", "Operations");
//! let engine = Engine::builder().in_memory().backend(chat.clone()).open()?;
//!
//! let admin = engine.provisioning(&Principal::host("example"))?;
//! admin.put_agent(NewAgent::new("greeter", "loopback:greeter")?.channel("chat-room:ops")?)?;
//! let agent = engine.agent("greeter")?;
//! agent.wait_active(Duration::from_secs(10))?;
//!
//! let lene = chat.person("contact:lene"); // somebody on the other side
//! lene.say("chat-room:ops", "hello")?;
//!
//! let mut reader = agent.reader("main", EventQuery::messages().remote())?;
//! let event = reader.next_timeout(Duration::from_secs(10))?.expect("she said something");
//! assert_eq!(event.message().map(|message| &*message.text), Some("hello"));
//! agent.post("chat-room:ops", NewMessage::text("good morning").answering(&event))?;
//!
//! assert_eq!(lene.hears("chat-room:ops")?.text, "good morning");
//! engine.shutdown(Duration::from_secs(5))?;
//! # Ok::<(), switchboard::Error>(())
//! ```
//!
//! # Where to begin
//!
//! - To write a bot: [`Engine`], [`Builder`], then [`Collaboration`] and [`Reader`]; `examples/echo_bot.rs` is a whole one,
//!   and [`guide::testing`] shows how it is tested.
//! - To administer: [`Provisioning`]. To log users in and act for them: [`Engine::log_in`], [`Engine::authenticate`],
//!   [`Engine::collaboration`]. To manage rooms: [`Management`].
//! - To watch everything: [`Engine::subscribe`]; `examples/tail_events.rs`.
//! - To serve the HTTP contract: `examples/http_gateway`. To run it: [`guide::operating`].
//! - To connect another chat system: [`backend`] and [`guide::backend`].
//! - When something fails: [`Error`] and [`guide::errors`].
//!
//! Every call that can wait comes in two forms: `x()` parks the calling thread, `x_async()` is a future for any executor
//! that knows no tokio. Times that a call takes are the engine's ([`Clock`]) unless it says that they are real.
//! Ids are taken as `impl Id<ChannelId>`: a `&str` is checked on the way in, an id in hand is not checked again.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `bundled` (default) | SQLite is built from source; without it the system's is linked, 3.51.3 or newer |
//! | `wire` | the documents of the MindLink REST contract, for hosts that serve it |
//! | `testing` | a clock moved by hand, and the conformance suite for backends |
//! | `xmpp` | rooms and people on XMPP servers: `backend::xmpp` |
//! | `ucwa` | Lync Server 2013 and Skype for Business Server: `backend::ucwa` |
//!
//! # The floors
//!
//! A module imports from lower floors only, and nothing on its own floor outside its own folder. `tests/floors.rs` keeps
//! it so.
//!
//! ```text
//!   5   engine  config  publish        beside: wire  testing  guide     assembles all
//!   4   services                                                        who may do what, in which order it is checked
//!   3   agents  events                                                  links kept up; readers
//!   2   store  journal                                                  SQL: what is wanted; what happened
//!   1   database  hub  backend/*                                        the file; who waits for what; chat systems
//!       throttle token password login_delay origin filter words runtime  one machine each
//!   0   model  error  clock  waiting                                    the words, time, and waiting itself
//! ```
//!
//! **Commands go down**, from a host's thread through a session to the link; **what happens comes up**, from the link
//! through the writer to the hub, and only then to readers. So whatever a reader was shown has been committed.
//!
//! To read the source, begin with `schema.sql` and `model`, then follow one message in: `backend/traits.rs` and
//! `backend/inbox.rs` (the seam), `agents/intake.rs` (into the writer's queue), `database/writer.rs` (one group, one
//! commit), `journal/recorder.rs` (rows), `publish.rs` and `hub/state.rs` (who is woken), `events/feed.rs` (what a reader
//! gets). Then one message out: `services/collaboration/posting.rs`, `agents/posting.rs`, and the same way back. Then one
//! change of an administrator: `services/provisioning`, `services/change.rs`, `store`, `agents/registry.rs`.
//!
//! # Invariants
//!
//! Most say what is absent.
//!
//! 1. `model` derives no serde and knows no SQL, JSON, XML or tokio.
//! 2. No task on the runtime waits on SQLite, and no SQL knows tokio. The writer is fed through a queue weighed in bytes;
//!    async readers are served by two threads.
//! 3. A connector knows its configuration, an [`Inbox`](backend::Inbox) and its socket, and keeps nothing across links.
//!    What it must remember comes back as [`ResumePoint`]; it acknowledges only what
//!    [`flush`](backend::Inbox::flush) has confirmed.
//! 4. Only the writer makes [`EventId`]s. Within one [`InstanceId`] they rise and no two events share one, not across
//!    deletion, retention or restart either. An id is shown only after its commit.
//! 5. Every queue has a bound, every wait a deadline, every retry a cap. Overflow is a value ([`Error::Busy`],
//!    [`EventBatch::gap`]), never an endless wait. [`Reader::next`] and [`Subscription`] wait until the engine stops: that
//!    is their deadline.
//! 6. No lock is held across an await, or across a call into another module.
//! 7. `wire` is the only place where names of the REST protocol are spelled; status numbers stand in `wire/error.rs` alone.
//! 8. A panic in a task or a backend ends that task, is logged, and becomes that link's state. It never reaches the host's
//!    thread.
//! 9. The database is the desired state. Applying it is idempotent, in the order of revisions, and the same code at `open`.
//! 10. Dropping the engine, from any thread, inside a foreign runtime too, neither panics nor hangs.
//! 11. A blocking wait parks the thread. There is no `block_on`, `blocking_recv` or `blocking_send`, and no runtime is dropped
//!     on a thread that is not its own: each panics inside a foreign runtime. clippy's `disallowed-methods` guards it.
//!
//! # Where the plan was left
//!
//! The house was planned before it was built; these walls were moved.
//!
//! - **`waiting` is floor 0** (`Busy`, `Pending`, `park`, `pipe`): database, hub and backends all need them, and on floor 1
//!   they would have to import from one another. It is `std`, `parking_lot` and a line in the log. `clock` and `error` stand beside
//!   `model` instead of in it, because half of them is not words.
//! - **Notices of a lost link go in the one ordered lane**, not in a lower one: a late "inactive" written behind a newer
//!   "active" would be the last word, and wrong. What has a lower lane is the acknowledgement of named readers.
//! - **`publish.rs` is floor 5.** The hand-off from the commit to the readers speaks to the hub, the ring and the book of
//!   posts in `agents`, so it belongs to none of them. It is a trait of the writer's, implemented where all is assembled.
//! - **`login_delay`, `origin` and `words` are machines of floor 1** of their own: each is pure, and tested as such.
//! - **A spool for uploads is not there.** They are streamed through a pipe of 256 KiB.

#![warn(unreachable_pub)]

mod agents;
pub mod backend;
mod clock;
mod config;
mod database;
mod engine;
mod error;
mod events;
mod filter;
pub mod guide;
mod hub;
mod journal;
mod login_delay;
mod model;
mod origin;
mod password;
mod publish;
mod runtime;
mod services;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod throttle;
mod token;
mod waiting;
#[cfg(feature = "wire")]
pub mod wire;
mod words;

pub use clock::{Clock, SystemClock, Timeline};
pub use config::{Builder, EventMode};
pub use database::Durability;
pub use engine::{Engine, Readiness, Stats};
pub use error::{Error, Outcome, Result};
pub use events::{Reader, Subscription};
pub use model::*;
pub use services::{
    AsyncResult, Authenticator, Collaboration, Management, Provisioning, Uploading,
};

pub use chrono;

/// The README's Rust is compiled as any other.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
