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
