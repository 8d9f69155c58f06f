//! `examples/irc_backend.rs` against an IRC server that others wrote (ngircd).
//!
//! Goal: a backend that a newcomer writes from the guide conforms, and the engine does the rest.
//! Method: a server of its own for each test, people with a plain IRC connection.

mod conformance;
mod person;
mod server;
mod talking;
mod trouble;

#[path = "../../../examples/irc_backend.rs"]
#[expect(dead_code, reason = "its program is not run here")]
pub(crate) mod irc_backend;

pub(crate) use person::Person;

/// The size that the second example of the guide may have.
#[test]
fn the_example_has_256_lines_of_code_at_most_and_needs_tokio_only() {
    let text = include_str!("../../../examples/irc_backend.rs");
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines = text.lines().filter(is_code).count();
    assert!(lines <= 256, "{lines} lines");
    let crates = text.lines().filter_map(|line| line.strip_prefix("use "));
    for used in crates {
        let name = used.split("::").next().unwrap();
        assert!(["std", "switchboard", "tokio"].contains(&name), "{used}");
    }
}
