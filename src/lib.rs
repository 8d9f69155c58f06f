//! A chat gateway engine as a library: agents that stay logged on to chat systems, and applications
//! that talk through them, over a Rust API or over HTTP.
//!
//! An administrator provisions **agents**: each has an address on a chat system, **channels** it
//! may use (rooms and contacts), and users who may act through it. The engine keeps every agent
//! signed in and joined, for ever. An application posts through its agent and reads what was said
//! as **events**, which survive restarts of either side. All of it lies in one SQLite file.
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
//! - To write a bot: [`Engine`], [`Builder`], then [`Collaboration`] and [`Reader`];
//!   `examples/echo_bot.rs` is a whole one, [`guide::testing`] shows how it is tested, and
//!   [`guide::patterns`] has a relay, a helpdesk with workers, and hosts with and without tokio.
//! - To administer: [`Provisioning`]. To log users in and act for them: [`Engine::log_in`],
//!   [`Engine::authenticate`], [`Engine::collaboration`]. To manage rooms: [`Management`].
//! - To watch everything: [`Engine::subscribe`]; `examples/tail_events.rs`.
//! - To serve the HTTP contract: the module `rest` in a server of yours or under `serve`, or the program
//!   `examples/http_gateway`, which [`guide::operating`] describes. Its rules: [`guide::contract`].
//! - To connect another chat system: [`backend`] and [`guide::backend`].
//! - When something fails: [`Error`] and [`guide::errors`].
//!
//! Every call that can wait comes in two forms: `x()` parks the calling thread, `x_async()` is a
//! future for any executor that knows no tokio. Durations use the engine's clock ([`Clock`])
//! unless the parameter is called `real_time`. A call takes an id as `impl Id<ChannelId>`: it checks a
//! `&str`, and does not check a [`ChannelId`] again.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `bundled` (default) | builds SQLite; without it the system's is linked, 3.51.3 or newer |
//! | `wire` | the documents of the MindLink REST contract, for hosts that serve it |
//! | `rest` | the contract as a service over `http` and `http-body`, to be mounted in any server |
//! | `serve` | HTTP/1.1 for a host without a web server: guarded connections |
//! | `serde` | `Serialize` and `Deserialize` on the model's types: [`guide::event_json`] |
//! | `testing` | a clock moved by hand, and the conformance suite for backends |
//! | `xmpp` | rooms and people on XMPP servers: `backend::xmpp` |
//! | `ucwa` | Lync Server 2013 and Skype for Business Server: `backend::ucwa` |
//!
//! # The source
//!
//! [`guide::architecture`] has the layers, the invariants and the way of a message;
//! [`guide::contributing`] says how to build, test and add something. To read the source, begin
//! with `schema.sql` and `model`, then follow one message in and one out.

#![warn(unreachable_pub)]

mod agents;
pub mod backend;
mod clock;
mod config;
mod database;
pub mod directory;
mod engine;
mod error;
mod events;
mod filter;
pub mod guide;
mod hub;
mod journal;
#[cfg(feature = "serde")]
mod json;
mod login_delay;
mod model;
mod origin;
mod password;
mod publish;
#[cfg(feature = "rest")]
pub mod rest;
mod runtime;
#[cfg(feature = "serve")]
pub mod serve;
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
pub use directory::Authenticator;
pub use engine::{Engine, Readiness, Stats};
pub use error::{Cause, Error, Outcome, Result};
pub use events::{Delivery, Reader, SharedReader, Subscription, Terms};
pub use model::*;
pub use services::{
    AsyncResult, Collaboration, Handled, IntoHandled, Management, ManagesThrough, Provisioning,
    Uploading, Workers,
};

pub use chrono;

/// The README's Rust is compiled as any other.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
