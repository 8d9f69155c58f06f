//! The host programs of `examples/`: relay, helpdesk, a host on tokio, a room in a terminal.
//!
//! Goal: what a newcomer copies is short and right. Method: each program's own functions over the
//! loopback backend, and the program itself, killed again and again, over a real XMPP server.

mod helpdesk;
mod program;
mod relay;
mod terminal;
mod tokio_host;

/// The size that each may have: two thirds of what it had with the first API.
#[test]
fn the_programs_are_short() {
    let lines = |text: &str| {
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        text.lines().filter(is_code).count()
    };
    for (name, text, most) in [
        ("relay", include_str!("../../../examples/relay.rs"), 109),
        (
            "helpdesk",
            include_str!("../../../examples/helpdesk.rs"),
            111,
        ),
        (
            "tokio_host",
            include_str!("../../../examples/tokio_host.rs"),
            258,
        ),
        (
            "terminal",
            include_str!("../../../examples/terminal.rs"),
            63,
        ),
    ] {
        assert!(lines(text) <= most, "{name}: {} lines", lines(text));
    }
}
