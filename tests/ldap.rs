//! Logins by an LDAP server: a real slapd.
//!
//! Method: a server of its own for each test (`tests/servers/slapd`), with a schema like Active
//! Directory's. `tests/run` runs this file with the feature `ldap`; `cargo test` alone leaves it
//! out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "ldap/engine.rs"]
mod engine;
#[path = "ldap/faults.rs"]
mod faults;
#[path = "ldap/groups.rs"]
mod groups;
#[path = "ldap/logins.rs"]
mod logins;
#[path = "it/port.rs"]
mod port;
#[path = "ldap/samba.rs"]
mod samba;
#[path = "ldap/server.rs"]
mod server;
#[path = "ldap/trust.rs"]
mod trust;
