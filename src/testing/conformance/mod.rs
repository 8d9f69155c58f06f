//! What a backend must do, as a suite that anybody's backend can be run against.
//!
//! The suite takes the engine's part: it dials, signs agents in and records what enters the inbox.
//! The other side, the people, is the [`World`], which the backend's author supplies; what a world
//! or a backend cannot do is skipped and listed as such, never passed in silence. Rejected: running
//! it through an engine (the engine forgives what it should not have to: copies, order across
//! channels, late echoes).
//!
//! [`crate::guide::testing`] shows the smallest world, [`crate::guide::backend`] what a backend is
//! held to.

mod checks;
mod files;
mod history;
mod living;
mod report;
mod rig;
mod rules;
mod talking;
mod world;

pub use report::{CheckOutcome, CheckResult, Report};
pub use world::World;

/// Runs every check, one after the other, each on a connection of its own.
///
/// A failed or panicking check does not keep the others from running.
pub fn run(world: &dyn World) -> Report {
    let mut report = Report::default();
    for (name, rule, check) in checks::ALL {
        report.note(name, rule, rig::run_one(world, *check));
    }
    report
}

#[cfg(test)]
mod tests;
