//! The source as the rules read it: file by file, as text, without comments and without code of
//! tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A folder of this package.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Every file of Rust below a folder of this package, as its path from there, with its text.
pub(crate) fn texts(name: &str) -> Vec<(String, String)> {
    let root = folder(name);
    let mut names = Vec::new();
    files(&root, &root, &mut names);
    names.sort();
    names
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(root.join(&file)).unwrap();
            (file, text)
        })
        .collect()
}

fn files(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(root, &path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let file = path.strip_prefix(root).unwrap();
            found.push(file.to_str().unwrap().replace('\\', "/"));
        }
    }
}

/// The files below a folder of this package that are no tests, each with its code: no comments, no
/// `#[cfg(test)]` items.
pub(crate) fn code(name: &str) -> Vec<(String, String)> {
    let all = texts(name);
    let tests: BTreeSet<String> = all
        .iter()
        .flat_map(|(file, text)| test_modules(file, text))
        .collect();
    let is_test = |file: &str| {
        let within = |test: &String| {
            file.strip_prefix(&**test)
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        file.ends_with("_test.rs") || tests.iter().any(within)
    };
    all.iter()
        .filter(|(file, _)| !is_test(file))
        .map(|(file, text)| (file.clone(), plain(text)))
        .collect()
}

/// The modules that `file` declares for tests only, as paths without their end.
fn test_modules(file: &str, text: &str) -> Vec<String> {
    let home = match file.strip_suffix("mod.rs") {
        Some(folder) => folder.to_owned(),
        None => format!("{}/", file.trim_end_matches(".rs")),
    };
    let home = if file == "lib.rs" {
        String::new()
    } else {
        home
    };
    let declared = text
        .split("#[cfg(test)]")
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix("mod "));
    declared
        .filter_map(|rest| rest.split_once(';'))
        .map(|(name, _)| format!("{home}{name}"))
        .collect()
}

/// Cuts comments, and each item under `#[cfg(test)]` up to the end of its braces or its semicolon.
pub(crate) fn plain(text: &str) -> String {
    let mut kept = String::new();
    let mut depth: Option<i64> = None;
    for line in text.lines() {
        let line = if line.trim_start().starts_with("//") {
            ""
        } else {
            line.split(" // ").next().unwrap_or("")
        };
        if line.trim_start().starts_with("#[cfg(test)]")
            || line.trim_start().starts_with("#[cfg(all(test")
        {
            depth = Some(0);
        } else if let Some(open) = depth {
            let open = open + line.matches('{').count() as i64 - line.matches('}').count() as i64;
            let ends = open == 0 && (line.contains('}') || line.trim_end().ends_with(';'));
            depth = (!ends).then_some(open);
        } else {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}
