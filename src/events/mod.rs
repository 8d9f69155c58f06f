//! A reader = the hub and the journal in one loop: what is in memory from there, what is below from SQLite, and
//! where there is nothing, a wait. Filters run here, on the reader's side.

mod feed;
mod look;
mod named;
mod reader;
mod subscription;

pub(crate) use feed::{Ask, Feed, Start};
pub(crate) use named::Names;
pub use reader::Reader;
pub use subscription::Subscription;
