//! Readers: each reads from the hub what is in memory, from SQLite what is older, and waits where
//! there is nothing. Filters run here, on the reader's side.

mod above;
mod feed;
mod look;
mod named;
mod reader;
mod subscription;

pub(crate) use above::HighCursor;
#[cfg(feature = "rest")]
pub(crate) use above::Receipt;
pub(crate) use feed::{Delivery, Feed, Request, Start};
pub(crate) use named::Names;
pub use reader::Reader;
pub use subscription::Subscription;
