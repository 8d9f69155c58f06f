//! Every rule that a comment cites stands in the guide, and nothing cites what nobody can look up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGES: [&str; 2] = [include_str!("contract.md"), include_str!("chat_systems.md")];
/// Folders whose files are read, and files beside them.
const WHERE: [&str; 5] = ["src", "examples", "tests", "benches", "README.md"];

/// The rules: every heading of the form ``### `area/name` ``.
fn rules() -> Vec<&'static str> {
    PAGES
        .iter()
        .flat_map(|page| page.lines())
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .collect()
}

/// What follows each section sign, as far as a name goes.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    text.split('\u{a7}').skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || "/-".contains(c)));
        rest[..end.unwrap_or(rest.len())].trim_end_matches('-')
    })
}

/// Every text file below `path`; a folder may lack files, but not be unreadable.
fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
    } else {
        for entry in fs::read_dir(path).expect("the folder is part of the repository") {
            files(&entry.expect("the folder can be read").path(), found);
        }
    }
}

fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for name in WHERE {
        files(&root.join(name), &mut found);
    }
    assert!(found.len() > 300, "only {} files were found", found.len());
    found
        .into_iter()
        // What is not text (an image, a certificate in DER) cites nothing.
        .filter_map(|path| fs::read_to_string(&path).ok().map(|text| (path, text)))
        .collect()
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let rules = rules();
    assert!(rules.len() > 100, "{} rules were found", rules.len());
    let names: BTreeSet<&str> = rules.iter().copied().collect();
    assert_eq!(names.len(), rules.len(), "a name is given twice");
    for rule in rules {
        assert_eq!(rule.matches('/').count(), 1, "`{rule}` is not `area/name`");
    }
}

#[test]
fn every_citation_names_a_rule_of_the_guide() {
    let rules: BTreeSet<&str> = rules().into_iter().collect();
    let mut citations = 0;
    let mut wrong = Vec::new();
    for (path, text) in texts() {
        for name in cited(&text) {
            citations += 1;
            if !rules.contains(name) {
                wrong.push(format!("{}: `{name}`", path.display()));
            }
        }
    }
    assert!(citations > 100, "only {citations} citations were found");
    assert!(wrong.is_empty(), "no such rule:\n{}", wrong.join("\n"));
}

#[test]
fn nothing_cites_a_document_that_is_not_in_the_repository() {
    // In two pieces each, so that this list is not found itself.
    let names = [
        ["mindlink-wire", ".md"],
        ["limits", ".md"],
        ["backends", ".md"],
        ["ucwa", ".md"],
        ["xmpp-living", ".md"],
        ["house", ".md"],
        ["style", ".md"],
        ["rules", ".md"],
        ["fact", " sheet"],
    ]
    .map(|pieces| pieces.concat());
    let mut wrong = Vec::new();
    for (path, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            let numbered = line.match_indices("reference ").any(|(at, word)| {
                line[at + word.len()..].starts_with(|c: char| c.is_ascii_digit())
            });
            if numbered || names.iter().any(|name| line.contains(name.as_str())) {
                wrong.push(format!(
                    "{}:{}: {}",
                    path.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "cites what nobody can look up:\n{}",
        wrong.join("\n")
    );
}

/// What stands in backticks and is the path of a Rust file.
fn named_files(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').filter(|piece| {
        let path = |c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c);
        piece.ends_with(".rs") && piece.contains('/') && piece.chars().all(path)
    })
}

#[test]
fn every_file_that_the_guide_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = 0;
    let mut absent = Vec::new();
    for (page, text) in [
        ("architecture.md", include_str!("architecture.md")),
        ("contributing.md", include_str!("contributing.md")),
        ("resource.md", include_str!("resource.md")),
        ("README.md", include_str!("../../README.md")),
    ] {
        for file in named_files(text).filter(|file| !file.contains("notice")) {
            named += 1;
            if !root.join(file).is_file() && !root.join("src").join(file).is_file() {
                absent.push(format!("{page}: `{file}`"));
            }
        }
    }
    assert!(named > 10, "only {named} names of files were found");
    assert!(absent.is_empty(), "no such file:\n{}", absent.join("\n"));
}
