//! HTTP/1.1 for a host that has no web server of its own: connections that no client can use up.
//!
//! [`Server`] takes connections from a listener of the host's and hands their requests to a
//! [`tower_service::Service`], such as [`Rest`](crate::rest::Rest) or an `axum::Router` that
//! contains it. Each request has a [`Caller`](crate::rest::Caller) among its extensions, with the
//! client's address and what tells that the client sends no more.
//!
//! ```no_run
//! # async fn serve(engine: switchboard::Engine) -> std::io::Result<()> {
//! use switchboard::{rest::Rest, serve, serve::Server};
//!
//! let listener = serve::listen("127.0.0.1:8081")?;
//! let server = Server::new(Rest::new(engine));
//! server.accept(listener).await; // until this future is dropped; then `server.end().await`
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! - Connections, of all clients and of one ([`Server::connections`]); one too many hears 503.
//! - A request's head comes within 10 s and has at most 64 KiB. All heads of more than 8 KiB that
//!   are being read have at most 32 MiB together, and one client a quarter of that.
//! - A connection lies idle for 75 s at most between two requests.
//! - A client that does not read its responses is cut off after 30 s; each KiB that it reads earns
//!   it a second.
//! - A TLS handshake takes at most 10 s.
//!
//! Rejected: `axum::serve` and hyper-util's server, which have no limit of connections: the
//! ten-thousand-and-first slow client would take the last file descriptor from the database. And
//! hyper's own timer for heads, which runs between requests too.

mod closing;
mod connection;
mod guarded;
mod listener;
mod phase;
mod refusal;
mod request_body;
mod server;
mod watched;

pub use listener::{listen, raise_open_files};
pub use request_body::RequestBody;
pub use server::Server;
