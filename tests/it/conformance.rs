//! The conformance suite as a foreign backend's author sees it: from outside the crate, through
//! public names only.
//!
//! The world here is the smallest that can be: what it cannot do is skipped, and nothing fails.

use std::sync::Arc;
use switchboard::Address;
use switchboard::backend::{Backend, ChannelId, Loopback};
use switchboard::testing::conformance::{CheckOutcome, World, run};

struct Quiet(Loopback);

impl World for Quiet {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(self.0.clone())
    }

    fn agent_address(&self, n: usize) -> Address {
        Address::parse(&format!("loopback:agent{n}")).expect("an address")
    }

    fn room(&self) -> Option<ChannelId> {
        ChannelId::parse("chat-room:ops").ok()
    }
}

#[test]
fn a_world_that_can_do_little_is_skipped_not_failed() {
    let chat = Loopback::new();
    chat.room("chat-room:ops", "Operations");
    let report = run(&Quiet(chat));
    report.assert();
    let passed = report
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Passed)
        .count();
    assert!(passed >= 7 && report.skipped().count() >= 10, "{report}");
}
