//! The raw side: each probe a few dozen lines against the crate it measures, of the same version as the engine's.

pub mod agents;
pub mod commit;
pub mod ring;
pub mod token;
