//! Readers: each reads from the hub what is in memory, from SQLite what is older, and waits where
//! there is nothing. Filters run here, on the reader's side.

mod above;
mod feed;
mod look;
mod named;
mod reader;
mod shared;
mod subscription;

pub(crate) use above::HighCursor;
#[cfg(feature = "rest")]
pub(crate) use above::Receipt;
pub(crate) use feed::{Feed, Handed, Request, Start};
pub(crate) use named::Names;
pub use reader::Reader;
pub use shared::{Delivery, SharedReader, Terms};
pub(crate) use shared::{Opening, Shared, Shares};
pub use subscription::Subscription;
