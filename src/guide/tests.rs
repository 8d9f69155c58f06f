//! What the guides copy from elsewhere is compared with where it comes from.

const ERRORS: &str = include_str!("errors.md");
const ERROR_RS: &str = include_str!("../error.rs");
const README: &str = include_str!("../../README.md");
const ECHO_BOT: &str = include_str!("../../examples/echo_bot.rs");

/// The first three columns of the table of codes, made from the variants' doc comments and from
/// `Error::code`.
fn table() -> Vec<String> {
    let variants = ERROR_RS
        .split_once("pub enum Error {")
        .and_then(|(_, rest)| rest.split_once("\n}\n"));
    let (variants, rest) = variants.expect("src/error.rs has the enum");
    let mut table = Vec::new();
    let mut meaning = Vec::new();
    for line in variants
        .lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "))
    {
        let line = line.trim();
        let name: String = line
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        if let Some(text) = line.strip_prefix("/// ") {
            meaning.push(text);
        } else if !name.is_empty() {
            let arm = rest
                .lines()
                .find(|arm| arm.contains(" => \"") && named(arm, &name))
                .expect("every error has a code");
            let code = arm.split('"').nth(1).unwrap_or_default();
            table.push(format!(
                "| `{code}` | [`{name}`](crate::Error::{name}) | {} | ",
                meaning.join(" ")
            ));
            meaning.clear();
        }
    }
    table
}

fn named(arm: &str, name: &str) -> bool {
    let after = arm
        .trim()
        .strip_prefix("Error::")
        .and_then(|rest| rest.strip_prefix(name));
    after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

#[test]
fn the_table_of_codes_is_that_of_error_rs_and_says_what_a_host_does() {
    let table = table();
    assert!(
        table.len() > 20,
        "src/error.rs was not understood: {table:?}"
    );
    let head = "| code | error | what happened | what a host does |\n|---|---|---|---|\n";
    let (_, rest) = ERRORS.split_once(head).expect("the head of the table");
    let mut rows = rest.lines();
    for wanted in &table {
        let row = rows.next().unwrap_or_default();
        let advice = row.strip_prefix(wanted.as_str());
        let advice = advice.and_then(|advice| advice.strip_suffix(" |"));
        assert!(
            advice.is_some_and(|advice| advice.ends_with('.')),
            "src/guide/errors.md must have the row\n{wanted}…\nnot\n{row}"
        );
    }
    assert_eq!(rows.next(), Some(""), "a row without an error");
}

#[test]
fn the_readme_shows_the_echo_bot_as_it_is() {
    let code: Vec<&str> = ECHO_BOT
        .lines()
        .filter(|line| !line.starts_with("//!") && !line.starts_with("#[allow("))
        .collect();
    assert!(
        README.contains(code.join("\n").trim()),
        "the README's echo bot is not examples/echo_bot.rs"
    );
}

#[test]
fn the_readme_names_the_version_of_rust() {
    let version = include_str!("../../Cargo.toml")
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let version = version
        .expect("Cargo.toml has a rust-version")
        .trim_matches('"');
    assert!(
        README.contains(&format!("Rust {version} ")),
        "the README must say Rust {version}"
    );
}

/// The README's HTTP tables against the route table and the statuses.
#[cfg(feature = "wire")]
mod http {
    use super::README;
    use crate::error::Error;
    use crate::wire::{error::status, route};
    use std::time::Duration;

    #[test]
    fn the_readme_lists_every_resource_and_method() {
        for resource in route::TABLE {
            let start = format!("| `{}` |", resource.path);
            let row = README.lines().find(|line| line.starts_with(&start));
            let row = row.unwrap_or_else(|| panic!("the README does not list {}", resource.path));
            for (method, _) in resource.methods {
                assert!(
                    row.contains(method),
                    "the README does not say {method} {}",
                    resource.path
                );
            }
        }
    }

    #[test]
    fn the_readme_gives_every_code_its_status() {
        let text = || "why".to_owned();
        let retry_after = Duration::from_secs(1);
        for error in [
            Error::Unauthorized(text()),
            Error::Invalid(text()),
            Error::Forbidden(text()),
            Error::NotFound(text()),
            Error::AgentInactive {
                agent: text(),
                reason: text(),
                retry_after: None,
            },
            Error::ChannelInactive {
                channel: text(),
                reason: text(),
            },
            Error::TooLarge {
                what: "message text",
                length: 501,
                limit: 500,
            },
            Error::Throttled {
                throttle: text(),
                retry_after,
            },
            Error::Busy {
                what: text(),
                retry_after,
            },
            Error::Unreachable(text()),
            Error::Rejected(text()),
            Error::Unsupported(text()),
            Error::OutcomeUnknown(text()),
            Error::InstanceGone,
            Error::Conflict(text()),
            Error::TimedOut(text()),
            Error::Closed,
            Error::WouldDeadlock,
            Error::InUse(text()),
            Error::ForeignDatabase {
                path: text(),
                reason: text(),
            },
            Error::NewerDatabase {
                path: text(),
                found: 2,
                known: 1,
            },
            Error::CommitsLost {
                path: text(),
                lacking: text(),
            },
            Error::corrupt(text()),
            Error::storage(text()),
            Error::host(text()),
            Error::Internal(text()),
        ] {
            let start = format!("| {} |", status(&error));
            let code = format!("`{}`", error.code());
            let row = README
                .lines()
                .find(|line| line.starts_with(&start))
                .unwrap_or_default();
            assert!(
                row.contains(&code),
                "the README's table of statuses does not say that {code} is{start}"
            );
        }
    }
}
