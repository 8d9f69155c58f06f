//! What every test here relies on: `tests/deadline` ends a test that hangs, says which, and runs
//! the others.
//!
//! Method: small programs of tests, compiled as cargo and rustdoc do it, with tests that sleep,
//! talk, fail or leave a child behind, under a deadline of two seconds. These tests cannot hang
//! either: the runner itself is killed after a minute.

use crate::children::Deadline;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Two tests hang in different ways; one of them leaves a child process, whose id is in a file.
const TESTS: &str = r#"
    use std::{process::Command, thread::sleep, time::Duration};
    #[test] fn a_quick_one() {}
    #[test] fn fails() { println!("why it fails"); panic!() }
    #[test] fn hangs_in_silence() {
        println!("what it said before");
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        std::fs::write(std::env::var("CHILD").unwrap(), child.id().to_string()).unwrap();
        loop { sleep(Duration::from_secs(1)) }
    }
    #[test] fn hangs_and_talks() { loop { println!("still here"); sleep(Duration::from_millis(100)) } }
    #[test] #[ignore] fn is_left_out() { panic!() }
    #[test] #[should_panic] fn panics() { panic!() }
    #[test] fn z_comes_last() {}
"#;

/// A folder with a program of tests; removed when dropped.
struct Program(PathBuf);

impl Program {
    fn of(name: &str, source: &str) -> Program {
        let program = Program(
            Path::new(env!("CARGO_TARGET_TMPDIR"))
                .join(format!("deadline-{name}-{}", std::process::id())),
        );
        std::fs::create_dir_all(&program.0).unwrap();
        std::fs::write(program.file("source.rs"), source).unwrap();
        program
    }

    /// Compiles its tests under a name as cargo chooses one.
    fn compiled(self) -> Program {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        command.args([
            "--test",
            "--edition",
            "2024",
            "--crate-name",
            "hanging",
            "-o",
        ]);
        let (compiled, said) = end(command
            .arg(self.file("hanging-0123456789abcdef"))
            .arg(self.file("source.rs")));
        assert_eq!(compiled, Some(0), "{said}");
        self
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs it as cargo does. Returns its status and its output.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        end(runner()
            .arg(self.file("hanging-0123456789abcdef"))
            .args(arguments)
            .env("CHILD", self.file("child")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deadline/runner")
}

fn runner() -> Command {
    let mut command = Command::new(path());
    command.env("SWITCHBOARD_TEST_DEADLINE", "2");
    command
}

/// Waits for a command. Returns its status and all its output.
fn end(command: &mut Command) -> (Option<i32>, String) {
    let command = command
        .env("RUST_BACKTRACE", "0")
        .env_remove("RUST_TEST_THREADS");
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Deadline::of(child.id(), PATIENCE);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    assert!(!deadline.passed(), "the runner itself hangs: {said}");
    (output.status.code(), said)
}

#[track_caller]
fn says(said: &str, lines: &[&str]) {
    for line in lines {
        assert!(
            said.lines().any(|said| said.starts_with(line)),
            "`{line}` is not in:\n{said}"
        );
    }
}

#[test]
fn the_tests_that_hang_are_named_and_the_others_run() {
    let program = Program::of("all", TESTS).compiled();
    let (status, said) = program.run(&["--test-threads=3"]);
    assert_eq!(status, Some(101), "{said}");
    says(
        &said,
        &[
            "HANGS    hangs_in_silence in hanging-",
            "HANGS    hangs_and_talks in hanging-",
            "what it said before",
        ],
    );
    says(
        &said,
        &[
            "test a_quick_one ... ok",
            "test z_comes_last ... ok",
            "test panics - should panic ... ok",
        ],
    );
    says(
        &said,
        &[
            "test is_left_out ... ignored",
            "test fails ... FAILED",
            "why it fails",
        ],
    );
    assert_eq!(said.matches("HANGS").count(), 2, "{said}");
    // Processes that it started end with it.
    let child = std::fs::read_to_string(program.file("child")).unwrap();
    let lives = Command::new("kill")
        .args(["-0", &child])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success();
    assert!(!lives, "process {child} outlived the test that started it");
}

/// With one thread, no test after the first hanging one has begun.
#[test]
fn what_had_not_begun_runs_after_a_hang() {
    let program = Program::of("one", TESTS).compiled();
    let (status, said) = program.run(&["--test-threads=1", "--skip", "hangs_and_talks", "-q"]);
    assert_eq!(status, Some(101), "{said}");
    says(
        &said,
        &[
            "HANGS    hangs_in_silence in hanging-",
            "test z_comes_last ... ok, alone",
            "test panics ... ok, alone",
        ],
    );
    assert!(
        !said.contains("test a_quick_one"),
        "with -q what is well is not said:\n{said}"
    );
}

#[test]
fn where_nothing_hangs_nothing_is_changed() {
    let program = Program::of("none", TESTS).compiled();
    let skipped = ["--skip", "hangs", "--skip", "fails"];
    let (status, said) = program.run(&skipped);
    assert_eq!(status, Some(0), "{said}");
    let (_, plain) = end(Command::new(program.file("hanging-0123456789abcdef")).args(skipped));
    let lines = |text: &str| {
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| line.split("; finished in").next().unwrap().to_owned())
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&said), lines(&plain));
    assert_eq!(program.run(&["fails"]).0, Some(101));
    assert_eq!(program.run(&["no such test"]).0, Some(0));
    let (status, said) = program.run(&["--list"]);
    assert!(
        status == Some(0) && said.contains("hangs_in_silence: test"),
        "{said}"
    );
}

/// Examples of the documentation: the one that hangs has failed, by its name, and the others have
/// run.
#[test]
fn an_example_that_hangs_is_named() {
    let source = "//! ```\n//! assert!(true);\n//! ```\n\n/// ```\n/// loop { std::thread::park() }\n/// ```\npub fn hangs() {}\n";
    let program = Program::of("documentation", source);
    let rustdoc = std::env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into());
    let mut command = Command::new(rustdoc);
    command
        .args([
            "--test",
            "--edition",
            "2024",
            "--crate-name",
            "examples",
            "--test-runtool",
        ])
        .arg(path());
    let (status, said) = end(command
        .arg(program.file("source.rs"))
        .env("SWITCHBOARD_TEST_DEADLINE", "2"));
    assert_eq!(status, Some(101), "{said}");
    assert!(
        said.contains("(line 1) ... ok") && said.contains("hangs (line 5) ... FAILED"),
        "{said}"
    );
    assert!(said.contains("HANGS    this example"), "{said}");
}

/// `cargo run` uses the same runner, and is left alone.
#[test]
fn other_programs_simply_run() {
    let program = Program::of(
        "plain",
        "fn main() { print!(\"{:?}\", std::env::args().skip(1).collect::<Vec<_>>()) }",
    );
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let (compiled, said) = end(command
        .arg("-o")
        .arg(program.file("plain"))
        .arg(program.file("source.rs")));
    assert_eq!(compiled, Some(0), "{said}");
    let (status, said) = end(runner().arg(program.file("plain")).args(["--quiet", "a b"]));
    assert_eq!((status, said.as_str()), (Some(0), r#"["--quiet", "a b"]"#));
}
