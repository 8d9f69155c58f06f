//! A slapd in a directory of its own, and directories on it.

use crate::port::Port;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use switchboard::backend::{StoredSecret, Trust};
use switchboard::directory::{Authenticator, Checked, Ldap, LdapConfig, Standing, Step};
use switchboard::{Domains, Result, Secret};
use tokio::runtime::Runtime;

pub(crate) const BASE: &str = "dc=corp,dc=test";
pub(crate) const SERVICE: &str = "cn=Service,ou=Users,dc=corp,dc=test";

/// A running slapd; dropping it stops it and removes its directory.
pub(crate) struct Slapd {
    directory: PathBuf,
    plain: Port,
    secure: Port,
    script: Option<Child>,
}

impl Slapd {
    /// Starts one; `None`, with a line that says so, if it cannot be had here.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub(crate) fn start() -> Option<Slapd> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !Path::new("/usr/sbin/slapd").exists() {
            let must = std::env::var_os("CI").is_some_and(|value| value == "true")
                || std::env::var_os("SWITCHBOARD_LDAP").is_some_and(|value| value == "required");
            assert!(!must, "slapd is not installed; tests/run does it");
            eprintln!("skipped: slapd is not installed");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("switchboard-ldap-{}-{number}", std::process::id());
        let mut slapd = Slapd {
            directory: std::env::temp_dir().join(name),
            plain: Port::reserve(),
            secure: Port::reserve(),
            script: None,
        };
        slapd.begin();
        std::fs::write(slapd.file("secret"), "pw-svc\n").unwrap();
        Some(slapd)
    }

    pub(crate) fn begin(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/slapd");
        let mut script = Command::new(script)
            .arg(&self.directory)
            .arg(self.plain.number().to_string())
            .arg(self.secure.number().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(script.stdout.take().unwrap());
        let mut lines = said.lines().map_while(std::result::Result::ok);
        let is_ready = lines.any(|line| line == "READY=yes");
        self.script = Some(script);
        assert!(is_ready, "slapd does not start");
    }

    /// Kills it. Started again it has the same ports and data.
    pub(crate) fn kill(&mut self) {
        if let Some(mut script) = self.script.take() {
            drop(script.stdin.take());
            let _ = script.wait();
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn port(&self) -> u16 {
        self.plain.number()
    }

    pub(crate) fn plain(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.plain.number())
    }

    pub(crate) fn secure(&self) -> String {
        format!("ldaps://localhost:{}", self.secure.number())
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::CaFile(self.file("certificate.pem"))
    }

    /// A directory that searches as the service account.
    pub(crate) fn config(&self, url: &str) -> LdapConfig {
        let secret = StoredSecret::File(self.file("secret"));
        LdapConfig::new(url, BASE).service(SERVICE, secret)
    }

    /// Changes the data as the administrator.
    pub(crate) fn modify(&self, ldif: &str) {
        let mut modify = Command::new("ldapmodify")
            .args([
                "-x",
                "-H",
                &self.plain(),
                "-D",
                "cn=admin,dc=corp,dc=test",
                "-w",
                "admin",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        modify
            .stdin
            .take()
            .unwrap()
            .write_all(ldif.as_bytes())
            .unwrap();
        assert!(modify.wait().unwrap().success(), "{ldif}");
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A directory, asked in this thread.
pub(crate) struct Asking {
    pub(crate) ldap: Ldap,
    pub(crate) runtime: Runtime,
}

pub(crate) fn domains() -> Domains {
    Domains::new().domain("CORP", "corp.test")
}

#[expect(clippy::disallowed_methods, reason = "the runtime of a test")]
impl Asking {
    pub(crate) fn of(config: LdapConfig) -> Asking {
        Asking {
            ldap: Ldap::new(config).unwrap(),
            runtime: Runtime::new().unwrap(),
        }
    }

    pub(crate) fn check(&self, name: &str, password: &str) -> Result<Checked> {
        let asked = self.ldap.check(domains().name(name), Secret::new(password));
        self.runtime.block_on(asked)
    }

    pub(crate) fn nobody(&self, password: &str) -> Result<Checked> {
        self.runtime
            .block_on(self.ldap.check_nobody(Secret::new(password)))
    }

    pub(crate) fn look_again(&self, name: &str) -> Result<Standing> {
        self.runtime
            .block_on(self.ldap.look_again(domains().name(name)))
    }

    pub(crate) fn explain(&self, name: &str, password: &str) -> Vec<Step> {
        let asked = self
            .ldap
            .explain(domains().name(name), Secret::new(password));
        self.runtime.block_on(asked).unwrap()
    }

    /// Whether the password is right; an error fails the test.
    #[track_caller]
    pub(crate) fn is_right(&self, name: &str, password: &str) -> bool {
        matches!(self.check(name, password).unwrap(), Checked::Right(_))
    }
}

/// Fails unless the answer is that the directory cannot tell now.
#[track_caller]
pub(crate) fn is_away<T: std::fmt::Debug>(answer: Result<T>) {
    let error = answer.expect_err("it cannot tell");
    assert!(error.retry_after().is_some(), "{error:?}");
}

pub(crate) const FAST: Duration = Duration::from_millis(500);
