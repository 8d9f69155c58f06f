//! A real XMPP server in a directory of its own, started by `tests/servers/`, gone with its test.
//!
//! The script runs the server while its standard input is open, so even a killed test leaves no
//! server behind. [`Server::kill`] takes the process itself with SIGKILL; started again it has the
//! same ports and data.

use crate::port::Port;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Prosody,
    Ejabberd,
}

impl Kind {
    fn script(self) -> PathBuf {
        scripts().join(if self == Kind::Prosody {
            "prosody"
        } else {
            "ejabberd"
        })
    }

    fn installed(self) -> bool {
        let places = match self {
            Kind::Prosody => ["/usr/bin/prosody", "/usr/local/bin/prosody"],
            Kind::Ejabberd => ["/usr/sbin/ejabberdctl", "/usr/local/sbin/ejabberdctl"],
        };
        places.iter().any(|place| Path::new(place).exists())
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers")
}

/// The Python with slixmpp that `tests/servers/install` made.
pub(crate) fn python() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("SWITCHBOARD_TEST_CACHE").unwrap_or_else(|| {
        let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        caches.unwrap_or_default().join("switchboard-tests")
    });
    cache.join("python/bin/python")
}

/// Whether the suite can run. If not, prints a line, or fails where the suite must not be skipped.
///
/// `SWITCHBOARD_XMPP=required` (and `CI=true`) demands Prosody, `SWITCHBOARD_XMPP=full` ejabberd as
/// well, which is left out otherwise because it takes seconds to start.
pub(crate) fn can_run(suite: &str, kind: Kind) -> bool {
    let wanted = std::env::var("SWITCHBOARD_XMPP").unwrap_or_default();
    let full = wanted == "full";
    if kind == Kind::Ejabberd && !full {
        return skipped(suite, "SWITCHBOARD_XMPP=full runs it against ejabberd");
    }
    let missing = if !kind.installed() {
        format!("{kind:?} is not installed; tests/servers/install --full does it")
    } else if !python().exists() {
        format!(
            "slixmpp is not at {}; tests/servers/install puts it there",
            python().display()
        )
    } else {
        return true;
    };
    lacking(suite, &missing)
}

/// Whether a suite can run that needs more programs, and is left out otherwise as ejabberd is.
pub(crate) fn runs_fully(suite: &str, programs: &[&str]) -> bool {
    if std::env::var("SWITCHBOARD_XMPP").as_deref() != Ok("full") {
        return skipped(suite, "SWITCHBOARD_XMPP=full runs it");
    }
    let missing = programs.iter().find(|program| !Path::new(program).exists());
    missing.is_none_or(|program| {
        lacking(
            suite,
            &format!("{program} is not there; tests/servers/install --full puts it there"),
        )
    })
}

/// Whether a suite is skipped because a program is missing. Fails where the suite must not be
/// skipped.
pub(crate) fn skipped_without(suite: &str, program: &str) -> bool {
    !Path::new(program).exists()
        && !lacking(
            suite,
            &format!("{program} is not there; tests/servers/install puts it there"),
        )
}

fn lacking(suite: &str, missing: &str) -> bool {
    let wanted = std::env::var("SWITCHBOARD_XMPP").unwrap_or_default();
    let required = wanted == "full"
        || wanted == "required"
        || std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!required, "suite `{suite}` cannot run: {missing}");
    skipped(suite, missing)
}

/// Printed past the test harness, which hides the output of tests that pass.
fn skipped(suite: &str, why: &str) -> bool {
    let _ = writeln!(std::io::stderr(), "skipped  {suite}: {why}");
    false
}

/// A running server; dropping it stops it and removes its directory.
pub(crate) struct Server {
    kind: Kind,
    directory: PathBuf,
    environment: Vec<(String, String)>,
    /// Its ports, which stay reserved while the server is down.
    _ports: [Port; 4],
    script: Option<Child>,
    values: HashMap<String, String>,
}

impl Server {
    /// Starts one in a new directory, with those variables for its script.
    pub(crate) fn start(kind: Kind, environment: &[(&str, &str)]) -> Server {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "switchboard-xmpp-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        // The directory is in memory if the system has such a place: these servers die by SIGKILL
        // and not by a power cut, so their syncs to disk need not be tested.
        let memory = PathBuf::from("/dev/shm");
        let directory = if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        }
        .join(name);
        let ports = [(); 4].map(|()| Port::reserve());
        let numbers: Vec<String> = ports.iter().map(|port| port.number().to_string()).collect();
        let given = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = given
            .chain([("PORTS".to_owned(), numbers.join(" "))])
            .collect();
        let mut server = Server {
            kind,
            directory,
            environment,
            _ports: ports,
            script: None,
            values: HashMap::new(),
        };
        server.begin();
        server
    }

    /// Starts it again after [`Server::kill`] or [`Server::stop`].
    pub(crate) fn begin(&mut self) {
        assert!(self.script.is_none(), "it runs");
        let mut command = Command::new(self.kind.script());
        command
            .arg(&self.directory)
            .envs(self.environment.iter().cloned());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut script = command.spawn().expect("the script starts");
        for line in BufReader::new(script.stdout.take().expect("piped")).lines() {
            let line = line.expect("UTF-8");
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            self.values.insert(name.to_owned(), value.to_owned());
            if name == "READY" {
                self.script = Some(script);
                return;
            }
        }
        let mut why = String::new();
        let _ = script
            .stderr
            .take()
            .expect("piped")
            .read_to_string(&mut why);
        let _ = script.wait();
        panic!("{:?} did not start: {why}", self.kind);
    }

    /// Ends it with SIGKILL, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        let status = Command::new("kill")
            .args(["-9", self.value("PID")])
            .status()
            .expect("kill");
        assert!(status.success());
        self.wait();
    }

    /// Ends it in an orderly way.
    pub(crate) fn stop(&mut self) {
        if let Some(script) = &mut self.script {
            drop(script.stdin.take());
        }
        self.wait();
    }

    fn wait(&mut self) {
        if let Some(mut script) = self.script.take() {
            let _ = script.wait();
        }
    }

    /// Gives an account another password.
    pub(crate) fn set_password(&self, name: &str, password: &str) {
        let status = Command::new(self.kind.script())
            .arg(&self.directory)
            .args(["password", name, password])
            .status();
        assert!(status.expect("the script runs").success());
    }

    /// Replaces the certificate; it is used from the next start on.
    pub(crate) fn forget_certificate(&self) {
        std::fs::remove_file(self.certificate()).expect("there was one");
    }

    /// A value that the script printed, by name: `DOMAIN`, `ROOMS`, `AGENTS`, `SECRET`, …
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values
            .get(name)
            .unwrap_or_else(|| panic!("the script said no {name}"))
    }

    pub(crate) fn port(&self, name: &str) -> u16 {
        self.value(name).parse().expect("a port")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.value("CERTIFICATE").into()
    }

    /// Its log, for a failing test.
    pub(crate) fn log(&self) -> String {
        self.values
            .get("LOG")
            .and_then(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default()
    }
}

impl Drop for Server {
    #[allow(
        clippy::print_stdout,
        reason = "for a failing test; the benchmark, which shares this, allows it for all"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = log
                .lines()
                .rev()
                .take(15)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
                .join("\n");
            println!("the end of the log of {:?}:\n{tail}", self.kind);
        }
        self.stop();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
