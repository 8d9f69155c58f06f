//! What happened, stored once: one row for each message, each change of a message and each notice.
//! An agent's events are a view of these rows.
//!
//! An agent's events after N are its notices and the messages of its conversations within its
//! spans, merged by seq. The merge is done here, page by page: a JOIN with ORDER BY took between 87
//! and 844 us, because SQLite's planner changed its plan. Rejected: an event row for each agent (81
//! ms and 14.8 MB of WAL for one message in a room of 5,000 agents), reused ids, `ON DELETE
//! CASCADE` into messages.

mod acknowledging;
mod archive;
mod changing;
mod contacts;
pub(crate) mod dates;
pub(crate) mod deliveries;
mod early;
mod entries;
mod entry;
mod event_copy;
mod first_id;
mod history;
mod known;
mod newest;
mod numbers;
mod opening;
mod overlay;
mod parts;
mod recording;
mod retention;
mod revisions;
mod row;
mod said;
mod search;
mod spans;
mod stays;
mod stored;
mod sweeping;
mod transaction;
mod usage;
mod view;

pub(crate) use entries::Entries;
pub(crate) use entry::{
    Acknowledged, Batch, DeliveryChange, DeliveryEntry, Entry, EntryKind, NewRow,
};
pub(crate) use event_copy::EventCopy;
pub(crate) use history::{find_message, find_origin, history, recent_posts, resume, target};
pub(crate) use newest::reach;
pub(crate) use opening::{Freshness, Opening, open};
pub(crate) use overlay::{Archived, Overlay, overlay};
pub(crate) use recording::{Journal, JournalSettings};
pub(crate) use retention::Retention;
pub(crate) use search::Search;
pub(crate) use transaction::Transaction;
pub(crate) use view::{everything_after, read_page};
