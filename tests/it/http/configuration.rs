//! `--config FILE`, `--check`, and what SIGHUP reads again.

use super::gateway::{Gateway, program};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder =
            std::env::temp_dir().join(format!("switchboard-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn check(config: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(program());
    command
        .arg("--check")
        .arg("--config")
        .arg(config)
        .args(more)
        .env_remove("SWITCHBOARD_SUPER_PASSWORD");
    command.output().expect("it runs")
}

#[test]
fn check_says_what_is_wrong_and_where() {
    let folder = Folder::new("check");
    let password = folder.write("password", "correct horse\n");
    let password = password.to_str().expect("UTF-8");
    let fine = folder.write(
        "fine.toml",
        &format!(
            "super_password = {{ file = '{password}' }}\npoll_timeout = 20\nrooms = ['a=A']\n"
        ),
    );
    let output = check(&fine, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for (text, error) in [
        (
            "listen = '127.0.0.1:0'\npoll_timout = 20",
            "wrong.toml:2: there is no setting `poll_timout`; did you mean `poll_timeout`?",
        ),
        (
            "super_password = 'correct horse'",
            "wrong.toml:1: super_password: a secret does not belong in this file",
        ),
        (
            "super_password = { env = 'NO_SUCH_VARIABLE' }",
            "NO_SUCH_VARIABLE",
        ),
        ("super_password = { file = '/none/such' }", "/none/such"),
        (
            "events = 'never'",
            "wrong.toml:1: events: unknown variant `never`, expected `durable` or `buffered`",
        ),
        ("event_window = '2h'", "event_window"),
        (
            "tls_cert = '/none/cert.pem'\ntls_key = '/none/key.pem'",
            "/none/cert.pem",
        ),
        ("tls_cert = '/none/cert.pem'", "belong together"),
        ("static = '/none/such'", "/none/such"),
        (
            "[[backend]]\ntype = 'xmmp'",
            "wrong.toml:2: there is no backend of type `xmmp`",
        ),
    ] {
        let output = check(&folder.write("wrong.toml", text), &[]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}: {output:?}");
        assert!(told.contains(error), "{told}");
        assert!(!told.contains("correct horse"), "{told}");
    }
    // A flag takes precedence over the file.
    assert_eq!(
        check(
            &folder.write("wrong.toml", "event_window = '2h'"),
            &["--event-window", "15"]
        )
        .status
        .code(),
        Some(0)
    );
}

/// Each error names the line, the text there, and what was probably meant.
#[test]
fn a_wrong_key_or_value_of_the_file_is_told_with_its_line() {
    let folder = Folder::new("lines");
    for (text, error) in [
        (
            "listen = 'x'\npol_timeout = 3",
            ":2: there is no setting `pol_timeout`; did you mean `poll_timeout`?",
        ),
        (
            "backends = []",
            ":1: there is no setting `backends`; did you mean `backend`?",
        ),
        (
            "demo = true",
            ":1: there is no setting `demo`; did you mean `",
        ),
        ("\n\nlisten = ", ":3: "),
        ("listen = 5", ":1: listen: invalid type, expected a string"),
        (
            "poll_timeout = true",
            ":1: poll_timeout: invalid type, expected a number of seconds, or one with a unit as",
        ),
        (
            "connections = 0",
            ":1: connections: invalid value: integer `0`, expected a nonzero u32",
        ),
        (
            "keep_bytes = '4G'",
            ":1: keep_bytes: invalid value: `4G`, expected a number of bytes, or one with a unit as",
        ),
        (
            "accept_loss = 'yes'",
            ":1: accept_loss: invalid type, expected a boolean",
        ),
        (
            "rooms = ['ops']",
            ":1: rooms: invalid value: `ops`, expected ID=NAME",
        ),
        (
            "\ntrusted_proxies = 'localhost'",
            ":2: trusted_proxies: invalid value: `localhost`, expected an address or a network",
        ),
        (
            "cors_origin = 5",
            ":1: cors_origin: invalid type, expected a list of texts",
        ),
        (
            "super_password = 'hunter2'",
            ":1: super_password: a secret does not belong in this file; write { file =",
        ),
        (
            "super_password = { fil = 'x' }",
            ":1: there is no setting of super_password `fil`; did you mean `file`?",
        ),
        (
            "[[backend]]\ntype = 'loopbak'",
            ":2: there is no backend of type `loopbak`; did you mean `loopback`?",
        ),
        (
            "[[backend]]\nkind = 'x'",
            ":2: there is no setting of a backend `kind`; did you mean `type`?",
        ),
        (
            "[[backend]]\ntype = 'loopback'\nrooms = 1",
            ":3: there is no setting of a backend `rooms`; did you mean `type`?",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\ndomian = 'b.c'",
            ":3: there is no setting of a backend `domian`; did you mean `domain`?",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\ndomain = 'b.c'\n[backend.component]\nhots = 'x'",
            ":5: there is no setting of a backend's component `hots`; did you mean `host`?",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\n[backend.component]\nsecret = 'hunter2'",
            ":4: a backend's component.secret: a secret does not belong in this file",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\n[backend.accounts]\nsecrets = {}",
            ":4: a backend's accounts.secrets: secrets do not belong in this file",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\n[backend.accounts]\nport = 0",
            ":4: a backend's accounts.port: invalid value: `0`, expected a port from 1 to 65535",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\n[backend.accounts]\nsecurity = 'tls'",
            ":4: a backend's accounts.security: unknown variant `tls`, expected one of `direct-tls`, `starttls`",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\ncomponent = 'hunter2'",
            ":3: a backend's component: invalid type, expected a table: [backend.component]",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\ndomain = 'b.c'",
            ":1: a backend: an XMPP backend needs a component",
        ),
        (
            "[[backend]]\ntype = 'ucwa'\ndomain = 'b.c'",
            ":1: a backend: missing field `secrets`",
        ),
        (
            "[[backend]]\ntype = 'ucwa'\nsecrets = 'x'",
            ":3: a backend's secrets: secrets do not belong in this file",
        ),
        (
            "[[backend]]\ntype = 'ucwa'\nrooms_host = 'x'",
            ":3: there is no setting of a backend `rooms_host`; did you mean",
        ),
        (
            "[[backend]]\ntype = 'xmpp'\nmessage_length = 0",
            ":3: a backend's message_length: invalid value: `0`, expected 1 to 60,000",
        ),
        (
            "[[backend]]\ntype = 'loopback'\n[[backend]]\ntype = 'loopback'",
            ":3: there can be one backend of type",
        ),
        (
            "[backend]\ntype = 'loopback'",
            ":1: backend must be a list: [[backend]]",
        ),
        (
            "[[authenticator]]\ntype = 'ldap'",
            ":1: authenticator: type `ldap` is not in this build; build with --features ldap",
        ),
    ] {
        let output = check(&folder.write("wrong.toml", text), &[]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}: {output:?}");
        assert!(
            told.contains(&format!("wrong.toml{error}")),
            "{text}: {told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_wrong_flag_is_told() {
    let component = "--xmpp-component 127.0.0.1:5347,a.b.c,x";
    for (line, error) in [
        ("--sparkle", "--sparkle"),
        ("--poll-timout 3", "--poll-timeout"),
        ("--listen", "--listen"),
        ("--events never", "--events"),
        ("--poll-timeout soon", "--poll-timeout"),
        ("--poll-timeout -1", "--poll-timeout"),
        ("--room ops", "--room"),
        ("--room =Operations", "--room"),
        ("--cors-origin example.org", "--cors-origin"),
        ("--cors-origin https://", "--cors-origin"),
        ("--cors-origin https://example.org/", "--cors-origin"),
        ("--cors-origin https://*.example.org", "--cors-origin"),
        ("--trusted-proxy localhost", "--trusted-proxy"),
        ("--connections 0", "--connections"),
        ("--loopback-control=yes", "--loopback-control"),
        (
            "--xmpp-component 127.0.0.1:5347",
            "HOST:PORT,DOMAIN,SECRETFILE",
        ),
        (
            "--xmpp-component 127.0.0.1,agents.example.org,x",
            "HOST:PORT",
        ),
        ("--xmpp-component 127.0.0.1:0,agents.example.org,x", "65535"),
        ("--xmpp-component 127.0.0.1:1,agents,x", "HOST:PORT"),
        ("--xmpp-component 192.0.2.1:1,a.b,x", "this machine only"),
        (
            &format!("{component} --loopback-control"),
            "--loopback-control",
        ),
        (&format!("{component} --room a=A"), "--room"),
        (&format!("{component} --demo"), "--demo"),
        (
            &format!("{component} --xmpp-component 127.0.0.1:1,d.e.f,x"),
            "one backend of type `xmpp`",
        ),
        // The shorthand is valid, so the error is about the missing secret.
        (component, "the password file x"),
        (
            "--xmpp-component [::1]:5347,agents.example.org,a,b",
            "the password file a,b",
        ),
        ("--default-backend xmpp", "default_backend is `xmpp`"),
        ("--tls-cert x.pem", "--tls-key"),
        ("--config /none/such", "/none/such"),
        ("surplus", "surplus"),
    ] {
        let mut command = Command::new(program());
        command.arg("--check").args(line.split_whitespace());
        let output = command.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        assert!(told.contains(error), "{line}: {told}");
    }
    for line in ["--cors-origin *", "--cors-origin http://localhost:3000"] {
        let mut command = Command::new(program());
        command.arg("--check").args(line.split_whitespace());
        let output = command.output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    }
}

/// The guide's table has every flag of `--help` and its default, which the help has in brackets.
#[test]
fn the_guide_has_the_flags_of_the_help_and_their_defaults() {
    let guide = include_str!("../../../src/guide/operating.md");
    let mut rows = std::collections::BTreeMap::new();
    for row in guide.lines().filter(|line| line.starts_with("| `--")) {
        let row = row.replace("\\|", "/");
        let cells: Vec<_> = row
            .split('|')
            .map(|cell| cell.trim().trim_matches('`').replace('/', "|"))
            .collect();
        rows.insert(cells[1].clone(), cells[2].clone());
    }
    let help = Command::new(program())
        .arg("--help")
        .output()
        .expect("it runs");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let flags = help.split("\n      --").skip(1);
    let flags: Vec<&str> = flags.chain(["help  Prints this"]).collect();
    assert!(flags.len() > 30, "{help}");
    for entry in flags {
        let (flag, text) = entry
            .split_once("  ")
            .unwrap_or_else(|| entry.split_once('\n').unwrap_or((entry, "")));
        let flag = format!("--{}", flag.trim().replace(['<', '>'], ""));
        let default = rows
            .remove(&flag)
            .unwrap_or_else(|| panic!("the guide lacks {flag}"));
        let given = text.split_once("[default: ");
        let given = given.and_then(|(_, rest)| rest.split_once(']'));
        // Of a setting whose default depends on others the text says it in round brackets.
        let bracketed = text.split('(').skip(1);
        let bracketed = bracketed.filter_map(|rest| rest.split_once(')'));
        let mut words = given.into_iter().chain(bracketed).map(|(word, _)| word);
        let is_default = |word: &&str| !word.contains(' ') && !word.starts_with("XEP");
        let said = words.find(is_default).unwrap_or_default();
        assert_eq!(said, default, "{flag}");
    }
    assert!(rows.is_empty(), "not in the help: {rows:?}");
}

#[test]
fn the_file_configures_and_a_flag_overrides() {
    let folder = Folder::new("config");
    let config = folder.write(
        "gateway.toml",
        "listen = '192.0.2.1:80'\ndatabase = ':memory:'\nsuper_user = 'root'\nsuper_password = { env = 'PASSWORD_OF_THE_TEST' }\n\
         poll_timeout = 1\n[rooms]\nfrom-file = 'From the file'\n[[backend]]\ntype = 'loopback'\n[[authenticator]]\ntype = 'database'\n",
    );
    let mut command = Command::new(program());
    command
        .arg("--config")
        .arg(config)
        .args(["--listen", "127.0.0.1:0"])
        .env("PASSWORD_OF_THE_TEST", "from the environment");
    let gateway = Gateway::spawn(command);
    gateway.log_in("root", "from the environment", "");
}

#[cfg(unix)]
#[test]
fn sighup_reads_the_password_and_the_log_level_again() {
    let folder = Folder::new("hangup");
    let password = folder.write("password", "first\n");
    let text = |level: &str| {
        format!(
            "super_password_file = '{}'\nlog_level = '{level}'\n",
            password.display()
        )
    };
    let config = folder.write("gateway.toml", &text("warn"));
    let gateway = Gateway::start(&[
        "--config",
        config.to_str().expect("UTF-8"),
        "--super-user",
        "root",
    ]);
    let old = gateway.log_in("root", "first", "");
    gateway.get("/quiet", &old).expect(404);
    folder.write("password", "quite another\n");
    folder.write("gateway.toml", &text("info"));
    gateway.signal("HUP");
    let mut waited = 0;
    // The tokens of the old password end with it.
    while gateway.get("/Provisioning/v1/Agents", &old).status != 401 {
        waited += 1;
        assert!(waited < 100, "never reloaded");
        thread::sleep(Duration::from_millis(50));
    }
    let new = gateway.log_in("root", "quite another", "");
    gateway.get("/Provisioning/v1/Agents", &new).expect(200);
    // A file that cannot be read changes nothing.
    folder.write("gateway.toml", "nonsense");
    gateway.signal("HUP");
    gateway.get("/loud", &new).expect(404);
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        !log.contains("/quiet") && log.contains("/loud") && log.contains("reloaded"),
        "{log}"
    );
    assert!(!log.contains("quite another"), "{log}");
}
