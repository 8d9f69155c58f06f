//! The house keeps its floors: a module imports lower ones only, and nothing of its own floor outside its own folder.
//!
//! The table is the diagram. The source is read as text, comments and test code aside, because what is forbidden is
//! exactly what compiles. Beside it stand the other rules about what is absent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every module of `src` by floor. `lib` stands above all.
const FLOORS: &[(u8, &str)] = &[
    (0, "model error clock waiting"),
    (
        1,
        "database hub throttle token password login_delay filter origin spool words runtime backend",
    ),
    (2, "store journal"),
    (3, "agents events"),
    (4, "services"),
    (5, "config engine publish wire testing guide"),
];

/// Who may import less, or more, than its floor says: a folder or file, and all that it may import.
const EXCEPT: &[(&str, &str)] = &[
    // Floor 0 knows itself only: errors name no ids, words fail with errors, waiting ends with errors.
    ("error", ""),
    ("model", "error"),
    ("clock", "model error"),
    ("waiting", "error"),
    // Floor 5 is assembled from three files that know one another.
    ("config", EVERYTHING),
    ("engine", EVERYTHING),
    ("publish", EVERYTHING),
    // Beside floor 5: the contract's documents, what tests a backend from outside, and prose.
    ("wire", "model error"),
    ("testing", "model error clock waiting backend"),
    ("guide", ""),
    // Connectors stand on the seam, so that they can leave the house later.
    ("backend/loopback", CONNECTOR),
    ("backend/xmpp", CONNECTOR),
    ("backend/ucwa", CONNECTOR),
];
const EVERYTHING: &str = "model error clock waiting database hub throttle token password login_delay filter origin words runtime \
                          backend store journal agents events services config engine publish";
const CONNECTOR: &str = "backend model error waiting clock";
/// Files that are too long and why nobody has split them yet: `file`. Empty is best.
const TOO_LONG: &[&str] = &[
    "backend/loopback/tests/mod.rs",
    "backend/ucwa/contacts.rs",
    "token.rs",
    "database/reading.rs",
    "wire/xml/golden.rs",
    "agents/link/mod.rs",
    "database/writer.rs",
    "journal/recorder.rs",
    "backend/xmpp/core.rs",
    "backend/xmpp/rooms.rs",
    "wire/golden.rs",
    "password/mod.rs",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file below `folder`, as its path from `src`.
fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(
                path.strip_prefix(source())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/"),
            );
        }
    }
}

/// The files that are no tests, each with its code: no comments, no `#[cfg(test)]` items.
fn code() -> Vec<(String, String)> {
    let mut names = Vec::new();
    files(&source(), &mut names);
    names.sort();
    let all: Vec<(String, String)> = names
        .into_iter()
        .map(|file| {
            (
                file.clone(),
                std::fs::read_to_string(source().join(file)).unwrap(),
            )
        })
        .collect();
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
fn plain(text: &str) -> String {
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

/// The modules that `text` names after `crate::`, in groups too.
fn imports(text: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => drop(found.insert(word(rest))),
            Some(group) => {
                let mut depth = 0;
                for piece in group.split_inclusive([',', '{', '}']) {
                    if depth == 0 {
                        found.insert(word(piece.trim_start()));
                    }
                    depth += i32::from(piece.ends_with('{')) - i32::from(piece.ends_with('}'));
                    if depth < 0 {
                        break;
                    }
                }
            }
        }
    }
    found.retain(|name| !name.is_empty() && name.chars().all(|c| !c.is_uppercase()));
    found
}

fn floor(module: &str) -> u8 {
    let found = FLOORS
        .iter()
        .find(|(_, modules)| modules.split(' ').any(|name| name == module));
    found
        .unwrap_or_else(|| panic!("`{module}` has no floor; give it one"))
        .0
}

#[test]
fn a_module_imports_lower_floors_only() {
    let mut wrong = Vec::new();
    for (file, text) in code().iter().filter(|(file, _)| file != "lib.rs") {
        let home = file.split('/').next().unwrap().trim_end_matches(".rs");
        let own = floor(home);
        let except = EXCEPT.iter().rev().find(|(folder, _)| {
            file.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
        });
        for import in imports(text) {
            let fine = match except {
                Some((_, allowed)) => {
                    import == home || allowed.split_whitespace().any(|name| name == import)
                }
                None => import == home || floor(&import) < own,
            };
            if !fine {
                wrong.push(format!("src/{file} (floor {own}) imports `{import}`"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the floors:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_scanner_sees_what_it_should() {
    let text = "use crate::{a::{x, y}, b};\n// crate::c\nfn f() { crate::d::g() }\n#[cfg(test)]\nmod tests {\n    use crate::e;\n}\n";
    let found: Vec<String> = imports(&plain(text)).into_iter().collect();
    assert_eq!(found, ["a", "b", "d"]);
}

#[test]
fn the_words_know_no_sql_json_xml_or_tokio() {
    for (file, text) in code().iter().filter(|(file, _)| file.starts_with("model/")) {
        for foreign in ["serde", "rusqlite", "tokio", "quick_xml"] {
            assert!(!text.contains(foreign), "src/{file} names `{foreign}`");
        }
    }
}

#[test]
fn sql_is_spoken_on_its_floors_and_no_runtime_there() {
    for (file, text) in code() {
        let home = file.split('/').next().unwrap().trim_end_matches(".rs");
        if ["store", "journal", "database"].contains(&home) {
            assert!(!text.contains("tokio"), "src/{file} knows tokio");
        }
        if ["agents", "backend", "events", "hub", "wire", "testing"].contains(&home) {
            assert!(!text.contains("rusqlite"), "src/{file} knows SQL");
        }
    }
}

#[test]
fn the_contract_is_spelled_in_wire_only() {
    // Names of the contract's documents that are no words of ours.
    let names = [
        "\"MetaDataEvent\"",
        "\"MessageEvent\"",
        "\"ChannelStateEvent\"",
        "\"ProvisionedAgent\"",
        "\"ProvisionedUser\"",
        "\"ProvisionedChannel\"",
        "\"ProvisioningMode\"",
        "\"SenderAlias\"",
        "\"MessageParts\"",
        "\"RequestId\"",
    ];
    for (file, text) in code().iter().filter(|(file, _)| !file.starts_with("wire")) {
        for name in names {
            assert!(!text.contains(name), "src/{file} spells {name}");
        }
    }
}

#[test]
fn status_numbers_exist_in_one_place() {
    let numbers = [
        "200", "201", "204", "304", "400", "401", "403", "404", "405", "409", "410", "413", "415",
        "429", "500", "503",
    ];
    let mut wrong = Vec::new();
    // The contract's numbers; what a server of files answers to an upload is another protocol's.
    let apart = [
        "wire/error.rs",
        "backend/xmpp/http.rs",
        "backend/ucwa/status.rs",
    ];
    for (file, text) in code()
        .iter()
        .filter(|(file, _)| !apart.contains(&file.as_str()))
    {
        for (number, line) in text.lines().enumerate() {
            let is_status = |word: &str| numbers.contains(&word);
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            // Elsewhere than in the contract's code three digits may be a duration or a length.
            let contract = file.starts_with("wire") && !line.contains("PresenceState::");
            let suspicious = contract || line.contains("status") || line.contains("http");
            if line.contains("StatusCode") || (suspicious && words.any(is_status)) {
                wrong.push(format!("src/{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "status numbers outside src/wire/error.rs:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let calls = |text: &str| text.contains(".unwrap()") || text.contains(".unwrap_err()");
    let wrong: Vec<String> = code()
        .into_iter()
        .filter(|(_, text)| calls(text))
        .map(|(file, _)| file)
        .collect();
    assert!(
        wrong.is_empty(),
        "`unwrap()` outside tests: {wrong:?}; `expect` says which invariant holds"
    );
}

#[test]
fn a_file_is_one_idea() {
    let mut all = Vec::new();
    files(&source(), &mut all);
    let lines = |file: &String| {
        std::fs::read_to_string(source().join(file))
            .unwrap()
            .lines()
            .count()
    };
    let long: Vec<String> = all
        .into_iter()
        .filter(|file| lines(file) > 500 && !TOO_LONG.contains(&&**file))
        .collect();
    assert!(long.is_empty(), "over 500 lines: {long:?}");
}

#[test]
fn the_plain_library_stays_small() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let tree = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            "switchboard",
        ])
        .args(["--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is needed to look at the tree");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    let crates: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(
        crates.contains("rusqlite") && crates.contains("tokio"),
        "this is not our tree: {crates:?}"
    );
    assert!(crates.len() <= 90, "{} crates: {crates:?}", crates.len());
    let unwanted = [
        "hyper",
        "axum",
        "http",
        "h2",
        "tower",
        "reqwest",
        "rustls",
        "native-tls",
        "openssl",
        "ring",
        "aws-lc-rs",
        "quick-xml",
        "roxmltree",
        "xml-rs",
        "minidom",
        "rxml",
    ];
    let there: Vec<&&str> = unwanted
        .iter()
        .filter(|name| crates.contains(**name))
        .collect();
    assert!(there.is_empty(), "the plain library pulls in {there:?}");
}
