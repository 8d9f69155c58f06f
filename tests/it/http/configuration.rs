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
            "wrong.toml:1: a secret does not belong into this file",
        ),
        (
            "super_password = { env = 'NO_SUCH_VARIABLE' }",
            "NO_SUCH_VARIABLE",
        ),
        ("super_password = { file = '/none/such' }", "/none/such"),
        (
            "events = 'never'",
            "wrong.toml:1: events is `never`: durable or buffered",
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
    // A flag goes before the file.
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
    // What cannot be read changes nothing.
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
