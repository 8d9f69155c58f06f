//! Active Directory, as Samba plays it: `DOMAIN\user`, user principal names, groups in groups,
//! accounts that are disabled, expired or locked, and a password that was changed meanwhile.
//!
//! Its ports are fixed and its start takes a quarter of a minute, so it is one test, and
//! `tests/run --full` runs it.

use crate::server::{Asking, BASE, domains};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use switchboard::backend::{Loopback, StoredSecret, Trust};
use switchboard::directory::{Checked, Ldap, LdapConfig, Standing};
use switchboard::{Credentials, Engine, NewAgent, NewUser, Principal};

/// A domain controller; dropping it stops it and removes its directory.
struct Samba {
    directory: PathBuf,
    script: Child,
}

impl Samba {
    fn start() -> Samba {
        let directory = std::env::temp_dir().join(format!("switchboard-ad-{}", std::process::id()));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/samba");
        let mut script = Command::new(script)
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(script.stdout.take().unwrap());
        let mut lines = said.lines().map_while(Result::ok);
        let is_ready = lines.any(|line| line == "READY=yes");
        let samba = Samba { directory, script };
        assert!(is_ready, "Samba does not start");
        std::fs::write(samba.directory.join("secret"), "Pw-svc-1").unwrap();
        samba
    }

    fn config(&self) -> LdapConfig {
        LdapConfig::new("ldaps://localhost", BASE)
            .trust(Trust::CaFile(self.directory.join("ca.pem")))
            .timeout(Duration::from_secs(10))
    }

    fn with_service(&self) -> LdapConfig {
        let secret = StoredSecret::File(self.directory.join("secret"));
        self.config().service("svc@corp.test", secret)
    }

    fn tool(&self, arguments: &[&str]) {
        let mut tool = Command::new("samba-tool");
        tool.args(arguments)
            .arg("-s")
            .arg(self.directory.join("ad/etc/smb.conf"));
        let done = tool.output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// What the log would say of a login.
fn reason(corp: &Asking, name: &str, password: &str) -> String {
    let steps = corp.explain(name, password);
    steps
        .last()
        .map(|step| step.outcome.clone())
        .unwrap_or_default()
}

#[test]
fn accounts_of_a_samba_domain_log_in() {
    if std::env::var("SWITCHBOARD_LDAP").as_deref() != Ok("full") {
        return;
    }
    let samba = Samba::start();
    let bots = "CN=bots,CN=Users,DC=corp,DC=test";
    let outer = "CN=outer,CN=Users,DC=corp,DC=test";
    let config = samba.with_service().group(bots, ["echo"]).unwrap();
    let corp = Asking::of(config.group(outer, ["desk"]).unwrap());
    for name in [
        "alice",
        r"CORP\alice",
        "alice@corp.test",
        "ALICE@CORP.TEST",
        "Alice",
    ] {
        assert!(corp.is_right(name, "Pw-alice-1"), "{name}");
        assert_eq!(corp.check(name, "").unwrap(), Checked::Wrong, "{name}");
    }
    let agents = |name: &str| match corp.check(name, &format!("Pw-{name}-1")).unwrap() {
        Checked::Right(account) => account.agents,
        other => panic!("{other:?}"),
    };
    assert_eq!(agents("alice")[0].as_str(), "echo");
    assert_eq!(
        agents("bob")[0].as_str(),
        "desk",
        "through a group in a group"
    );
    assert_eq!(
        corp.check("nobody", "Pw-alice-1").unwrap(),
        Checked::Unknown
    );

    // Alike to the caller, and told apart in the log.
    for (name, why) in [("carl", "disabled"), ("dora", "expired")] {
        let password = format!("Pw-{name}-1");
        assert_eq!(corp.check(name, &password).unwrap(), Checked::Wrong);
        assert!(reason(&corp, name, &password).contains(why), "{name}");
        assert_eq!(corp.look_again(name).unwrap(), Standing::Ended);
    }
    assert_eq!(corp.check("bob", "wrong").unwrap(), Checked::Wrong);
    assert!(reason(&corp, "bob", "wrong").contains("the password is wrong"));
    for _ in 0..4 {
        assert_eq!(corp.check("bob", "wrong").unwrap(), Checked::Wrong);
    }
    assert_eq!(corp.check("bob", "Pw-bob-1").unwrap(), Checked::Wrong);
    assert!(reason(&corp, "bob", "Pw-bob-1").contains("locked"));
    assert!(
        matches!(corp.look_again("bob").unwrap(), Standing::Good(_)),
        "guesses end no tokens"
    );

    // At once, without a service account.
    for template in [r"CORP\{account}", "{account}@corp.test", "{canonical}"] {
        let direct = Asking::of(samba.config().direct_bind(template));
        assert!(direct.is_right(r"CORP\alice", "Pw-alice-1"), "{template}");
        assert!(!direct.is_right(r"CORP\alice", "wrong"), "{template}");
        assert!(!direct.is_right(r"CORP\carl", "Pw-carl-1"), "{template}");
    }

    // As the vendor's tools do it: users that exist in the domain only.
    let engine = Engine::builder().in_memory().backend(Loopback::new());
    let engine = engine.authenticator(Ldap::new(samba.with_service()).unwrap());
    let engine = engine.domains(domains()).open().unwrap();
    let admin = engine.provisioning(&Principal::host("tools")).unwrap();
    admin
        .put_user(NewUser::new("user1", r"CORP\alice").unwrap())
        .unwrap();
    let echo = NewAgent::new("echo", "loopback:echo").unwrap();
    admin.put_agent(echo.user("user1").unwrap()).unwrap();
    let log_in = |password: &str| {
        let credentials = Credentials::agent("alice@corp.test", password, "echo");
        engine.log_in(&credentials).is_ok()
    };
    assert!(log_in("Pw-alice-1"));
    samba.tool(&["user", "setpassword", "alice", "--newpassword=Pw-fresh-2"]);
    assert!(log_in("Pw-fresh-2"));
    samba.tool(&["user", "disable", "alice"]);
    assert!(!log_in("Pw-fresh-2"));
    engine.shutdown(Duration::from_secs(30)).unwrap();
}
