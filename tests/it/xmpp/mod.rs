//! XMPP against real servers and people whom another program drives.
//!
//! Goal: what the connector promises holds with software that somebody else wrote at both ends.
//! Method: a Prosody (or ejabberd) of its own for each test, started in a third of a second from a
//! generated configuration (`tests/servers/`); people driven by slixmpp (`people.py`); a proxy
//! where the line itself is to fail. Nobody sleeps: waits are for what must come, with a deadline.
//! What cannot run here is skipped with a line that names it, and fails where `CI=true` or
//! `SWITCHBOARD_XMPP=required`.

mod archives;
mod beside;
mod faults;
mod finding;
mod identity;
mod irc;
mod living;
mod managing;
mod odd_connections;
pub(crate) mod people;
mod people_test;
mod proxy;
mod recovery;
mod refusals;
mod resolver;
pub(crate) mod scripted;
mod security;
pub(crate) mod server;
mod strangers;
mod talking;
pub(crate) mod town;
mod world;
