//! Who waits for what, and the last seconds in memory.
//!
//! Everything above one global `floor` is here as `Arc<Record>` by conversation, at most the window and 64 MiB; below
//! it readers go to SQLite, slower, not lossy. An idle agent holds nothing but its spans. Wakers are called outside
//! the lock. The hub never submits to the writer. Rejected: a ring or an event row per agent (one message in a room
//! of 5,000 agents would be 5,000 rows), and `tokio::sync::watch`, the worst waker for many.

mod broadcast;
mod spans;
mod state;
mod timer;
mod view;
mod wait;

pub(crate) use broadcast::{Ring, RingRead};
pub(crate) use spans::{Span, SpanChange};
pub(crate) use state::{Hub, Page, Published, shown, wake_all};
pub(crate) use timer::{Sleep, Timer};
pub(crate) use wait::Woken;
