//! The raw side. Each probe is a few dozen lines on the crate that it measures, in the version that
//! the engine uses.

pub mod agents;
pub mod commit;
pub mod ring;
pub mod token;
