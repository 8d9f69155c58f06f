//! The house keeps its floors: a module imports lower ones only, and nothing of its own floor
//! outside its own folder.
//!
//! The table is the diagram. The source is read as text, comments and test code aside, because what
//! is forbidden is exactly what compiles. Beside it stand the other rules about what is absent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "floors/cycles.rs"]
mod cycles;
#[path = "floors/functions.rs"]
mod functions;
#[path = "floors/scan.rs"]
mod scan;

use scan::{code, plain, texts};
use std::collections::BTreeSet;
use std::process::Command;

/// Every module of `src` by floor. `lib` stands above all.
const FLOORS: &[(u8, &str)] = &[
    (0, "model error clock waiting runtime"),
    (
        1,
        "database hub throttle token password login_delay filter origin spool words backend directory",
    ),
    (2, "store journal"),
    (3, "agents events"),
    (4, "services"),
    (5, "config engine publish wire json testing guide"),
    (6, "rest"),
    (7, "serve"),
];

/// Who may import less, or more, than its floor says: a folder or file, and all that it may import.
const EXCEPT: &[(&str, &str)] = &[
    // Floor 0 knows itself only: errors name no ids, words fail with errors, waiting ends with
    // errors.
    ("error", ""),
    ("model", "error"),
    ("clock", "model error"),
    ("waiting", "error"),
    ("runtime", "error waiting"),
    // Floor 5 is assembled from three files that know one another.
    ("config", EVERYTHING),
    ("engine", EVERYTHING),
    ("publish", EVERYTHING),
    // Beside floor 5: the contract's documents, what tests a backend from outside, and prose.
    ("wire", "model error"),
    ("json", "model"),
    ("testing", "model error clock waiting backend"),
    ("guide", ""),
    // Floor 6: what a host mounts. It sees what any host sees, and the engine's clock.
    ("rest", "model error waiting backend services engine wire"),
    // Floor 7: sockets of a host that has no web server.
    ("serve", "error wire rest"),
    // Connectors stand on the seam, so that they can leave the house later.
    // It takes certificates and secrets as connectors do.
    ("directory/ldap", "model error waiting backend directory"),
    ("backend/loopback", CONNECTOR),
    ("backend/xmpp", CONNECTOR),
    ("backend/ucwa", CONNECTOR),
];
const EVERYTHING: &str = "directory model error clock waiting database hub throttle token password login_delay filter origin words runtime \
                          backend store journal agents events services config engine publish";
const CONNECTOR: &str = "backend model error waiting clock";
/// Files that are too long and why nobody has split them yet: `file`. Empty is best.
const TOO_LONG: &[&str] = &[];

/// Functions of more than 70 lines that are still there, tests aside: `file: name`. Empty is best.
const LONG_FUNCTIONS: &[&str] = &[];

/// Files that still use one another in a circle. Empty is best.
const CYCLES: &[&str] = &[];
/// The folders whose files are looked at for circles, each the root of a crate.
const CRATES: &[&str] = &["src", "examples/http_gateway", "examples/ucwa_simulator"];

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
    for (file, text) in code("src").iter().filter(|(file, _)| file != "lib.rs") {
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
    for (file, text) in code("src")
        .iter()
        .filter(|(file, _)| file.starts_with("model/"))
    {
        for foreign in ["serde", "rusqlite", "tokio", "quick_xml"] {
            assert!(!text.contains(foreign), "src/{file} names `{foreign}`");
        }
    }
}

#[test]
fn sql_is_spoken_on_its_floors_and_no_runtime_there() {
    for (file, text) in code("src") {
        let home = file.split('/').next().unwrap().trim_end_matches(".rs");
        if ["store", "journal", "database"].contains(&home) {
            assert!(!text.contains("tokio"), "src/{file} knows tokio");
        }
        if [
            "agents", "backend", "events", "hub", "wire", "rest", "testing",
        ]
        .contains(&home)
        {
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
    for (file, text) in code("src")
        .iter()
        .filter(|(file, _)| !file.starts_with("wire"))
    {
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
        "backend/ucwa/protocol/status.rs",
    ];
    for (file, text) in code("src")
        .iter()
        .filter(|(file, _)| !apart.contains(&file.as_str()))
        // What describes the contract has a row for each operation, and examples.
        .filter(|(file, _)| !file.starts_with("wire/openapi/"))
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
    let wrong: Vec<String> = code("src")
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
fn phases_and_troubles_of_agents_change_in_the_machine_only() {
    let machine = "agents/lifecycle/mod.rs";
    let assigns = |line: &&str| {
        ["phase", "trouble"].iter().any(|field| {
            let after = |at: usize| line[at..].trim_start().trim_start_matches(',');
            let changes = |text: &str| {
                (text.trim_start().starts_with('=') && !text.trim_start().starts_with("=="))
                    || text.starts_with(".take")
                    || text.starts_with(".insert")
                    || text.starts_with(".replace")
            };
            let name = format!(".{field}");
            let found = |(at, _): (usize, &str)| changes(after(at + name.len()));
            line.match_indices(&name).any(found)
                || line.contains("&mut ") && line.contains(&name) && line.contains("mem::")
        })
    };
    let mut wrong = Vec::new();
    for (file, text) in code("src")
        .iter()
        .filter(|(file, _)| file.starts_with("agents/") || file.starts_with("services/"))
    {
        if file == machine {
            assert!(text.lines().any(|line| assigns(&line)), "it looks there");
            continue;
        }
        let lines = text.lines().filter(assigns);
        wrong.extend(lines.map(|line| format!("src/{file}: {}", line.trim())));
    }
    assert!(
        wrong.is_empty(),
        "transitions outside of {machine}:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn threads_and_tasks_are_started_in_one_place_each() {
    let starts = [
        ("thread::Builder", "waiting/thread.rs"),
        ("thread::spawn", "waiting/thread.rs"),
        ("tokio::spawn", "runtime.rs"),
        ("task::spawn", "runtime.rs"),
        ("runtime.spawn(", "runtime.rs"),
        ("handle.spawn(", "runtime.rs"),
        ("handle().spawn(", "runtime.rs"),
    ];
    for (file, text) in code("src") {
        for (start, home) in starts {
            // Connections run on the host's runtime, which accepts them.
            let is_hosts = file == "serve/server.rs" && start == "tokio::spawn";
            assert!(
                file == home || is_hosts || !text.contains(start),
                "src/{file} has `{start}`, which belongs in src/{home}"
            );
        }
    }
}

#[test]
fn a_file_is_one_idea() {
    let mut long = Vec::new();
    for folder in ["src", "examples", "tests", "benches"] {
        for (file, text) in texts(folder) {
            let known = folder == "src" && TOO_LONG.contains(&file.as_str());
            if text.lines().count() > 500 && !known {
                long.push(format!("{folder}/{file}"));
            }
        }
    }
    assert!(long.is_empty(), "over 500 lines: {long:?}");
}

#[test]
fn a_function_fits_on_a_screen() {
    let long: Vec<String> = ["src", "examples", "benches"]
        .iter()
        .flat_map(|folder| {
            code(folder).into_iter().flat_map(move |(file, text)| {
                let named = |(name, _)| format!("{folder}/{file}: {name}");
                let found = functions::longer_than(70, &text);
                found.into_iter().map(named).collect::<Vec<String>>()
            })
        })
        .collect();
    let new: Vec<&String> = long
        .iter()
        .filter(|name| !LONG_FUNCTIONS.contains(&name.as_str()))
        .collect();
    assert!(new.is_empty(), "over 70 lines: {new:#?}");
    let gone: Vec<&&str> = LONG_FUNCTIONS
        .iter()
        .filter(|known| !long.iter().any(|name| name == **known))
        .collect();
    assert!(
        gone.is_empty(),
        "no longer over 70 lines, delete them from LONG_FUNCTIONS: {gone:#?}"
    );
}

#[test]
fn no_files_use_one_another_in_a_circle() {
    let circles: Vec<String> = CRATES
        .iter()
        .flat_map(|folder| {
            let found = cycles::circles(&code(folder));
            found
                .into_iter()
                .map(move |circle| format!("{folder}: {circle}"))
        })
        .collect();
    let within = |circle: &str, known: &str| {
        circle
            .split(' ')
            .all(|file| known.split(' ').any(|name| name == file))
    };
    let new: Vec<&String> = circles
        .iter()
        .filter(|circle| !CYCLES.iter().any(|known| within(circle, known)))
        .collect();
    assert!(new.is_empty(), "circles of files: {new:#?}");
    let gone: Vec<&&str> = CYCLES
        .iter()
        .filter(|known| !circles.iter().any(|circle| within(circle, known)))
        .collect();
    assert!(
        gone.is_empty(),
        "no circles any more, delete them from CYCLES: {gone:#?}"
    );
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

/// The benches write databases of their own: with another version the engine would bring them up,
/// and fail.
#[test]
fn the_benches_write_the_newest_schema() {
    let steps = std::fs::read_dir("src/database").unwrap();
    let steps = steps.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        let name = name.to_string_lossy();
        name.strip_prefix("step_")
            .is_some_and(|rest| rest.ends_with(".rs"))
    });
    let wanted = format!("const SCHEMA_VERSION: i64 = {};", 1 + steps.count());
    let world = std::fs::read_to_string("benches/common/world.rs").unwrap();
    assert!(
        world.contains(&wanted),
        "benches/common/world.rs must have {wanted}"
    );
}
