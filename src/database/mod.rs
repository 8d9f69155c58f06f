//! The one file: opening it safely, one writing connection on a thread of its own, reading
//! connections beside it.
//!
//! Measured and rejected: two writing connections (an administrator's change took 933 ms at p90
//! beside a busy journal, with one writer 6.9 ms, and only one writer commits a change together
//! with its event); shared cache and the memdb VFS for a database in memory (read errors and
//! starved readers: it is one connection under a mutex). The writer knows neither the journal nor
//! the hub: it is handed a [`RowWriter`] and a [`Publisher`].

mod ahead;
mod beside;
mod body;
mod committable;
mod copied;
mod crowd;
mod error;
mod examine;
mod file;
mod holding;
mod in_use;
mod location;
mod lock;
mod missed;
mod opening;
mod pragmas;
mod queue;
mod reach;
mod reads;
mod row_writer;
mod shared;
mod step_2;
mod step_3;
mod steps;
mod transactions;
mod wal;
mod watch;
mod writer;

pub(crate) use ahead::{Ages, Dated};
pub(crate) use error::{Failure, damaged, in_table, storage};
pub(crate) use file::Opened;
pub use location::Durability;
pub(crate) use location::{Location, Wanted};
pub(crate) use opening::open;
pub(crate) use queue::{Budget, Reserved, Urgency};
pub(crate) use reach::Reach;
pub(crate) use reads::{Reads, Scan, Stop, Turn, Whole};
pub(crate) use row_writer::{After, Publisher, RowWriter};
pub(crate) use writer::Writer;
