//! Which files use one another in a circle.
//!
//! A file uses another if it names something of it by a path that begins with `crate::`, `super::`
//! or `self::`. What a folder's `mod.rs` re-exports counts as a use of the file that defines it, so
//! a circle does not hide behind its parent. A parent and its child may use one another: `mod.rs`
//! says what the folder is for and its files say how.

use std::collections::{BTreeMap, BTreeSet};

/// A module as the names on the way to it from the root.
type Module = Vec<String>;

/// The circles among `files`, each a path from the root of the crate with its code: every circle in
/// the order of names.
pub(crate) fn circles(files: &[(String, String)]) -> Vec<String> {
    let texts: BTreeMap<Module, &str> = files
        .iter()
        .map(|(file, text)| (module(file), text.as_str()))
        .collect();
    let shown: BTreeMap<(Module, String), Module> = texts
        .iter()
        .flat_map(|(home, text)| re_exports(home, text, &texts))
        .collect();
    let uses: BTreeMap<Module, BTreeSet<Module>> = texts
        .iter()
        .map(|(home, text)| (home.clone(), used_by(home, text, &texts, &shown)))
        .collect();
    let mut found = BTreeSet::new();
    for from in uses.keys() {
        let within: Vec<String> = reached(from, &uses)
            .into_iter()
            .filter(|to| reached(to, &uses).contains(from))
            .map(|to| to.join("/"))
            .collect();
        if within.len() > 1 {
            found.insert(within.join(" "));
        }
    }
    found.into_iter().collect()
}

/// The module that a file is: `a/mod.rs` is `a`, `lib.rs` and `main.rs` are the root.
fn module(file: &str) -> Module {
    let mut names: Module = file
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if names
        .last()
        .is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str()))
    {
        names.pop();
    }
    names
}

/// All that `from` uses, directly or by way of others.
fn reached(from: &Module, uses: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        for to in uses.get(next).into_iter().flatten() {
            if seen.insert(to.clone()) {
                open.push(to);
            }
        }
    }
    seen
}

/// The names that the module `home` passes on from its children, each with the child that defines
/// it.
fn re_exports(
    home: &Module,
    text: &str,
    texts: &BTreeMap<Module, &str>,
) -> Vec<((Module, String), Module)> {
    let mut found = Vec::new();
    for (at, word) in text.match_indices("use ") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            continue;
        }
        let rest = &text[at + word.len()..];
        for path in paths(rest.strip_prefix("self::").unwrap_or(rest)) {
            let [child, .., name] = path.as_slice() else {
                continue;
            };
            let child = [home.as_slice(), std::slice::from_ref(child)].concat();
            if texts.contains_key(&child) {
                let within = [home.as_slice(), &path[..path.len() - 1]].concat();
                found.push(((home.clone(), name.clone()), within));
            }
        }
    }
    found
}

/// The modules whose things `text` names, `home` itself, its parent and its children aside.
fn used_by(
    home: &Module,
    text: &str,
    texts: &BTreeMap<Module, &str>,
    shown: &BTreeMap<(Module, String), Module>,
) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    for prefix in ["crate::", "super::", "self::"] {
        for (at, _) in text.match_indices(prefix) {
            let before = &text[..at];
            let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            if before.ends_with("super::") || before.ends_with(word) {
                continue;
            }
            let mut rest = &text[at..];
            let mut base = if prefix == "crate::" {
                Module::new()
            } else {
                home.clone()
            };
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
            rest = rest
                .trim_start_matches("crate::")
                .trim_start_matches("self::");
            for path in paths(rest) {
                found.insert(defining([base.as_slice(), &path].concat(), texts, shown));
            }
        }
    }
    let related = |to: &Module| {
        let (short, long) = if to.len() < home.len() {
            (to, home)
        } else {
            (home, to)
        };
        long.starts_with(short) && long.len() - short.len() <= 1
    };
    found.retain(|to| texts.contains_key(to) && !related(to));
    found
}

/// The module in which the last name of `path` stands.
fn defining(
    path: Module,
    texts: &BTreeMap<Module, &str>,
    shown: &BTreeMap<(Module, String), Module>,
) -> Module {
    let mut path = path;
    // A name can be passed on through several parents; a circle of re-exports does not compile.
    for _ in 0..8 {
        let mut known = path.clone();
        while !known.is_empty() && !texts.contains_key(&known) {
            known.pop();
        }
        let Some(next) = path.get(known.len()) else {
            return known;
        };
        match shown.get(&(known.clone(), next.clone())) {
            Some(child) => path = [child.as_slice(), std::slice::from_ref(next)].concat(),
            None => return known,
        }
    }
    path
}

/// The paths at the beginning of `text`: one, or with braces one for each name in them.
fn paths(text: &str) -> Vec<Module> {
    let mut found = Vec::new();
    tree(text, &mut Module::new(), &mut found);
    found
}

/// Reads one tree of names after `before` and returns what follows it.
fn tree<'t>(text: &'t str, before: &mut Module, found: &mut Vec<Module>) -> &'t str {
    let depth = before.len();
    let mut rest = text.trim_start();
    loop {
        let end = rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        before.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(after) => rest = after.trim_start(),
            None => break,
        }
    }
    match rest.strip_prefix('{') {
        Some(group) if before.len() > depth || depth == 0 => {
            rest = group.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                rest = tree(rest, before, found).trim_start();
                let next = rest.find([',', '}']).unwrap_or(rest.len());
                rest = rest[next..].trim_start_matches(',').trim_start();
            }
            rest = rest.strip_prefix('}').unwrap_or(rest);
        }
        _ => found.push(before.clone()),
    }
    before.truncate(depth);
    rest
}

#[test]
fn a_circle_is_found_through_groups_and_re_exports() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod x; mod y; pub(crate) use x::Shown;"),
        ("a/x.rs", "use super::y::{self, Other};"),
        ("a/y.rs", "use crate::{b::{Left, Right as Far}, a::Shown};"),
        ("b.rs", "fn quiet() { crate::c::sound() }"),
        ("c.rs", "use super::b;"),
        ("d.rs", "use crate::a::Shown;"),
    ]
    .map(|(file, text)| (file.to_owned(), text.to_owned()));
    assert_eq!(circles(&files), ["a/x a/y", "b c"]);
}
