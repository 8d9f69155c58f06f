//! The HTTP example as its clients see it: a child process, plain sockets, and text.
//!
//! Goal: every status and each rule of the contract (`guide::contract`), in JSON and in XML, told
//! by a test of its name. Method: the program itself is started on a free port, because what
//! matters (exit status, signals, what is printed and logged, raw paths) exists only in a process;
//! the client is forty lines over `TcpStream`, because a real one would repair just those odd
//! requests that are to be tried. `cargo test` builds the program; `cargo test --test it` alone
//! does not and runs the one that lies there.

mod bad_input;
mod browser;
pub(crate) mod client;
mod clients;
mod configuration;
mod edge;
pub(crate) mod gateway;
mod harness;
mod living;
mod management;
mod mounted;
mod odd_clients;
mod operator;
mod process;
mod rules;
mod statuses;
mod streaming;
mod tickets;
mod tls;
mod ucwa;
pub(crate) mod world;
mod xml;
mod xmpp;
