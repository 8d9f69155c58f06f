//! Logins by Kerberos tickets, with a real key distribution center, `kinit`, and
//! `curl --negotiate`.
//!
//! Method: MIT's server in a directory of its own (`tests/servers/kdc`), the contract in an
//! application of this process. `tests/run --full` runs this file with the feature `kerberos`;
//! `cargo test` alone leaves it out. There is one test, because the library knows one keytab for
//! the whole process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use switchboard::backend::Loopback;
use switchboard::directory::{Authenticator, Kerberos, KerberosConfig};
use switchboard::rest::Rest;
use switchboard::{Domains, Engine, Error, NewAgent, NewUser, Principal, Secret, Token};
use tokio::runtime::Runtime;

#[path = "it/port.rs"]
mod port;

const ROOM: &str = "chat-room:ops";
const SOON: Duration = Duration::from_secs(30);
const BODY: &str = r#"{"AgentId": "echo"}"#;

/// A key distribution center; dropping it stops it and removes its directory.
struct Center {
    directory: PathBuf,
    script: Child,
    _port: port::Port,
}

impl Center {
    fn start() -> Center {
        let directory =
            std::env::temp_dir().join(format!("switchboard-kdc-{}", std::process::id()));
        let port = port::Port::reserve();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/kdc");
        let mut script = Command::new(script)
            .arg(&directory)
            .arg(port.number().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(script.stdout.take().unwrap());
        let mut lines = said.lines().map_while(Result::ok);
        assert!(lines.any(|line| line == "READY=yes"), "it does not start");
        Center {
            directory,
            script,
            _port: port,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A client's program, with the tickets of `whose`.
    fn client(&self, program: &str, whose: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("KRB5_CONFIG", self.file("krb5.conf"))
            .env("KRB5CCNAME", self.file(&format!("tickets-{whose}")))
            .stdin(Stdio::null());
        command
    }

    fn kinit(&self, whose: &str) {
        let mut kinit = self
            .client("kinit", whose, &[whose])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = kinit.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, format!("pw-{whose}\n").as_bytes()).unwrap();
        drop(input);
        assert!(kinit.wait().unwrap().success());
    }

    /// What `curl --negotiate` is answered: the status, and the body.
    fn curl(&self, whose: &str, address: SocketAddr, more: &[&str]) -> (u16, String) {
        let url = format!(
            "http://localhost:{}/Authentication/V1/Tokens",
            address.port()
        );
        let mut arguments = vec!["-sS", "--max-time", "30", "--negotiate", "-u", ":"];
        arguments.extend([
            "-H",
            "Content-Type: application/json",
            "-w",
            "\n%{http_code}",
        ]);
        arguments.extend(more);
        arguments.push(&url);
        let Output { stdout, stderr, .. } =
            self.client("curl", whose, &arguments).output().unwrap();
        let text = String::from_utf8(stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap_or_else(|| {
            panic!("no answer: {}", String::from_utf8_lossy(&stderr));
        });
        (status.parse().unwrap(), body.to_owned())
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn engine(kerberos: Kerberos) -> Engine {
    let chat = Loopback::new();
    chat.room(ROOM, "Operations");
    let builder = Engine::builder().in_memory().backend(chat);
    let domains = Domains::new().domain("CORP", "corp.test");
    let engine = builder
        .authenticator(kerberos)
        .domains(domains)
        .open()
        .unwrap();
    let admin = engine.provisioning(&Principal::host("ada")).unwrap();
    // As the vendor's tools do it, without a password.
    admin
        .put_user(NewUser::new("alice", r"CORP\Alice").unwrap())
        .unwrap();
    let echo = NewAgent::new("echo", "loopback:echo").unwrap();
    admin
        .put_agent(echo.channel(ROOM).unwrap().user("alice").unwrap())
        .unwrap();
    engine
}

/// Whether the programs are here; if not, says so, or fails where they must be.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn can_run() -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    let missing = ["krb5kdc", "kinit", "curl"]
        .into_iter()
        .find(|program| !std::env::split_paths(&path).any(|folder| folder.join(program).exists()));
    let Some(missing) = missing else { return true };
    let must = std::env::var_os("SWITCHBOARD_KERBEROS").is_some_and(|value| value == "required");
    assert!(
        !must,
        "{missing} is not installed; tests/run --full does it"
    );
    eprintln!("skipped: {missing} is not installed");
    false
}

#[test]
fn a_ticket_gets_a_token_by_curl_and_only_its_owner_does() {
    if !can_run() {
        return;
    }
    let center = Center::start();
    // The server's side of the library reads the same configuration.
    let nothing = Kerberos::new(KerberosConfig::new(center.file("nothing.keytab")));
    assert!(
        matches!(&nothing, Err(Error::Invalid(text)) if text.contains("nothing.keytab")),
        "{nothing:?}"
    );
    let config = KerberosConfig::new(center.file("http.keytab"));
    let engine = engine(Kerberos::new(config.clone()).unwrap());
    let runtime = Runtime::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback_service(Rest::builder(engine.clone()).build());
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, router).await.unwrap();
    });

    let (status, _) = center.curl("alice", address, &["-d", BODY]);
    assert_eq!(status, 401, "she has no ticket yet");
    center.kinit("alice");
    let (status, body) = center.curl("alice", address, &["-d", BODY]);
    assert_eq!(status, 200, "{body}");
    let token = Token::new(body.trim_matches('"'));
    let details = engine.token_details(&token).unwrap();
    assert_eq!(details.username, r"CORP\Alice");
    let principal = engine.authenticate(&token).unwrap();
    assert!(engine.collaboration(&principal).is_ok());

    // Somebody else's ticket is one, but nobody listed its owner.
    center.kinit("mallory");
    let (status, body) = center.curl("mallory", address, &["-d", BODY]);
    assert_eq!(status, 401, "{body}");

    // What is no ticket is refused, and so is NTLM.
    for rubbish in ["rubbish", "AAAA", "TlRMTVNTUAABAAAAB4IIogAAAAA="] {
        let header = format!("Authorization: Negotiate {rubbish}");
        let mut curl = center.client(
            "curl",
            "nobody",
            &["-sS", "--max-time", "30", "-o", "/dev/null"],
        );
        let url = format!(
            "http://localhost:{}/Authentication/V1/Tokens",
            address.port()
        );
        let answer = curl
            .args(["-w", "%{http_code}", "-H", &header, "-d", BODY, &url])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(answer.stdout).unwrap(),
            "401",
            "{rubbish}"
        );
    }

    // A keytab for another service opens no door: the key of the ticket is not in it.
    let other = Kerberos::new(KerberosConfig::new(center.file("other.keytab"))).unwrap();
    let (status, _) = center.curl("alice", address, &["-d", BODY]);
    assert_eq!(status, 401);
    drop(other);
    let again = Kerberos::new(config.clone()).unwrap();
    let (status, _) = center.curl("alice", address, &["-d", BODY]);
    assert_eq!(status, 200, "the keytab is named again");
    assert!(Kerberos::new(config.service("HTTP@localhost")).is_ok());
    let wrong = KerberosConfig::new(center.file("http.keytab")).service("HTTP@elsewhere");
    assert!(matches!(Kerberos::new(wrong), Err(Error::Invalid(_))));

    // A keytab that is gone later is no wrong ticket.
    std::fs::remove_file(center.file("http.keytab")).unwrap();
    let login = engine.log_in_by_ticket(Secret::new("AAAA"), Some("echo"));
    assert!(matches!(login, Err(Error::Unreachable(_))), "{login:?}");
    assert!(again.negotiates());
    engine.shutdown(SOON).unwrap();
}
