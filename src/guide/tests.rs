//! What the guides copy from elsewhere is compared with where it comes from.

const ERRORS: &str = include_str!("errors.md");
const ERROR_RS: &str = include_str!("../error.rs");
const README: &str = include_str!("../../README.md");
const ECHO_BOT: &str = include_str!("../../examples/echo_bot.rs");

/// The table of codes, made from the variants' doc comments and from `Error::code`.
fn table() -> String {
    let variants = ERROR_RS.split_once("pub enum Error {").and_then(|(_, rest)| rest.split_once("\n}\n"));
    let (variants, rest) = variants.expect("src/error.rs has the enum");
    let mut table = String::from("| code | error | what happened |\n|---|---|---|\n");
    let mut meaning = Vec::new();
    for line in variants.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     ")) {
        let line = line.trim();
        let name: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
        if let Some(text) = line.strip_prefix("/// ") {
            meaning.push(text);
        } else if !name.is_empty() {
            let arm = rest.lines().find(|arm| arm.contains(" => \"") && named(arm, &name)).expect("every error has a code");
            let code = arm.split('"').nth(1).unwrap_or_default();
            table.push_str(&format!("| `{code}` | [`{name}`](crate::Error::{name}) | {} |\n", meaning.join(" ")));
            meaning.clear();
        }
    }
    table
}

fn named(arm: &str, name: &str) -> bool {
    let after = arm.trim().strip_prefix("Error::").and_then(|rest| rest.strip_prefix(name));
    after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

#[test]
fn the_table_of_codes_is_that_of_error_rs() {
    let table = table();
    assert!(table.lines().count() > 20, "src/error.rs was not understood:\n{table}");
    assert!(ERRORS.contains(&table), "src/guide/errors.md must have this table:\n\n{table}");
}

#[test]
fn the_readme_shows_the_echo_bot_as_it_is() {
    let code: Vec<&str> = ECHO_BOT.lines().filter(|line| !line.starts_with("//!") && !line.starts_with("#[allow(")).collect();
    assert!(README.contains(code.join("\n").trim()), "the README's echo bot is not examples/echo_bot.rs");
}

#[test]
fn the_readme_names_the_version_of_rust() {
    let version = include_str!("../../Cargo.toml").lines().find_map(|line| line.strip_prefix("rust-version = "));
    let version = version.expect("Cargo.toml has a rust-version").trim_matches('"');
    assert!(README.contains(&format!("Rust {version} ")), "the README must say Rust {version}");
}
