//! Passwords: Argon2id on a small pool of threads, behind a fair line.
//!
//! One hash costs 27 ms of a core and 19 MiB, so the login path is the cheapest way to keep a machine busy: one
//! thread per two cores, each with memory that serves one job after the other ([`hashing`]). Up to 1,024 logins wait,
//! in turn by peer and by name, at most 20 s each ([`line`]); what loses its place is [`Error::Busy`]. A job that nobody
//! waits for any more is not done: a stranger who sends and hangs up costs nothing. A password that was right within the
//! last 15 minutes need not be hashed again ([`recent`]); that is asked when a login's turn comes, not only when it arrives:
//! of 1,000 bots of one user that came together each was hashed, and a third were refused after 20 s, though the first
//! had proved the password of all. Every login costs the same work whether or not its name
//! exists, and [`Passwords::work`] counts the hashes so that a test can see it.
//!
//! Rejected: hashing on the caller's thread (a hundred logins would take every core and two gigabytes), and a
//! runtime's blocking pool (512 threads of 19 MiB).

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
