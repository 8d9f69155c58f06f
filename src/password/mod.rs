//! Passwords: Argon2id on a small pool of threads, behind a fair line.
//!
//! One hash costs 27 ms of a core and 19 MiB, so logins are the cheapest way to keep a machine
//! busy. The pool has one thread for each two cores, each with memory that is reused for every job
//! ([`hashing`]). Up to 1,024 logins wait, fairly by peer and by name, at most 20 s each
//! ([`line`]); a job that loses its place gets [`Error::Busy`](crate::Error::Busy). A job that
//! nobody waits for is skipped, so a stranger who sends and hangs up costs nothing.
//!
//! A password that was right within the last 15 minutes is not hashed again ([`recent`]). That is
//! checked when a login's turn comes, not only when it arrives: otherwise 1,000 bots of one user
//! that log in together are all hashed, and a third of them is refused after 20 s, though the first
//! login has proved the password of all.
//!
//! Every login costs the same whether or not its name exists; [`Passwords::work`] counts the hashes
//! so that a test can check it.
//!
//! Rejected: hashing on the caller's thread (a hundred logins would take every core and two
//! gigabytes), and a runtime's blocking pool (512 threads of 19 MiB).

mod checking;
mod hashing;
mod job;
mod line;
mod pool;
mod recent;

pub(crate) use hashing::Cost;
pub(crate) use job::{Verified, unproved};
pub(crate) use line::Asker;
pub(crate) use pool::Passwords;
pub(crate) use recent::{Recent, Whose};
