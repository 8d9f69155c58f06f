//! The program as an operator sees it: flags, what it prints, what it logs, how it stops.

use super::client::{self, Answer};
use super::gateway::{Gateway, SUPER, program};
use super::world::{MESSAGES, ROOM, World};
use serde_json::Value;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn sigterm_answers_the_waiting_polls_and_exits_with_0() {
    for signal in ["TERM", "INT"] {
        let world = World::new(&["--poll-timeout", "30"]);
        let last = world
            .events("last-event=0")
            .last()
            .map(|event| event["EventId"].clone())
            .expect("an event");
        let target = format!("/Collaboration/v1/Events?last-event={last}");
        let polls: Vec<TcpStream> = (0..20).map(|_| begin(&world, &target)).collect();
        // The polls are under way when a call made after them is answered.
        world
            .lene("GET", "/Collaboration/v1/Channels", "")
            .expect(200);
        let began = Instant::now();
        world.gateway.signal(signal);
        for poll in polls {
            assert_eq!(client::receive(poll).expect(200).body, "[]");
        }
        let (status, log) = world.gateway.ended();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "{:?}",
            began.elapsed()
        );
    }
}

/// A poll is a future of the engine's; a thread each would be the end of it at ten thousand.
#[cfg(target_os = "linux")]
#[test]
fn waiting_polls_take_no_threads() {
    let world = World::new(&["--poll-timeout", "30"]);
    let before = world.gateway.threads();
    let polls: Vec<TcpStream> = (0..300)
        .map(|_| {
            begin(
                &world,
                "/Collaboration/v1/Events?last-event=0&types=meta-data",
            )
        })
        .collect();
    world
        .lene("GET", "/Collaboration/v1/Channels", "")
        .expect(200);
    assert!(
        world.gateway.threads() <= before + 8,
        "{before} threads, then {}",
        world.gateway.threads()
    );
    world
        .root("PUT", "/Provisioning/v1/Agents/helper/MetaData/k", "\"v\"")
        .expect(200);
    for poll in polls {
        assert_eq!(client::receive(poll).expect(200).json()[0]["Key"], "k");
    }
}

fn begin(world: &World, target: &str) -> TcpStream {
    let authorization = format!("FCF {}", world.lene);
    let mut stream = TcpStream::connect(world.gateway.address).expect("the gateway listens");
    let request = client::request("GET", target, &[("Authorization", &authorization)], b"");
    stream.write_all(&request).expect("the gateway reads");
    stream
}

#[test]
fn the_access_log_has_a_line_a_request() {
    let world = World::new(&["--log-format", "json"]);
    let answer = world.lene("POST", MESSAGES, r#"{"Text":"x"}"#).expect(200);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    // What a client writes into a path cannot begin a line of its own.
    world
        .lene(
            "GET",
            "/Collaboration/v1/Channels/chat-room:%0A%7B%22forged%22%3A1%7D",
            "",
        )
        .expect(400);
    let (_, log) = world.gateway.stop();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    let line = lines
        .iter()
        .find(|line| line["request_id"] == id.as_str())
        .expect("its line");
    assert_eq!(
        (&line["method"], &line["path"], &line["status"]),
        (&"POST".into(), &MESSAGES.into(), &200.into())
    );
    assert_eq!(
        (&line["agent"], &line["user"]),
        (&"helper".into(), &"lene".into())
    );
    assert!(line["milliseconds"].is_u64(), "{line}");
    assert!(lines.iter().all(|line| line["forged"].is_null()));
}

#[test]
fn health_and_readiness() {
    let gateway = Gateway::start(&[]);
    gateway.get("/healthz", "").expect(200);
    assert_eq!(gateway.get("/readyz", "").expect(200).json()["Ready"], true);
    assert_eq!(
        gateway.call("HEAD", "/healthz", "", "").expect(200).body,
        ""
    );
    gateway
        .call("POST", "/healthz", "", "")
        .expect_code(405, "method_not_allowed");
}

#[test]
fn the_demo_prints_two_lines_that_work() {
    let mut command = Command::new(program());
    command
        .args(["--demo", "--listen", "127.0.0.1:0", "--poll-timeout", "1"])
        .env_remove("SWITCHBOARD_SUPER_PASSWORD");
    let gateway = Gateway::spawn(command);
    let lines: Vec<String> = gateway
        .printed
        .iter()
        .filter(|line| line.trim_start().starts_with("curl "))
        .cloned()
        .collect();
    assert_eq!(lines.len(), 2, "{:?}", gateway.printed);
    assert_eq!(
        gateway
            .printed
            .iter()
            .filter(|line| line.contains("password"))
            .count(),
        1,
        "{:?}",
        gateway.printed
    );
    // Pasted into a shell, where there is one with a curl.
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let paste = |line: &str| {
        let output = Command::new("sh")
            .arg("-c")
            .arg(line)
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    assert_eq!(paste(&lines[0])["Text"], "hello");
    let events = paste(&lines[1]);
    assert!(
        events
            .as_array()
            .is_some_and(|events| events.iter().any(|event| event["Content"] == "hello")),
        "{events}"
    );
}

#[test]
fn a_wrong_flag_is_named_and_the_exit_status_is_2() {
    for (flags, name) in [
        (&["--sparkle"][..], "--sparkle"),
        (&["--listen"], "--listen"),
        (&["--events", "never"], "--events"),
        (&["--poll-timeout", "soon"], "--poll-timeout"),
        (&["--room", "ops"], "--room"),
    ] {
        let output = Command::new(program())
            .args(flags)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(name),
            "{output:?}"
        );
    }
    let help = Command::new(program())
        .arg("--help")
        .output()
        .expect("it runs");
    assert_eq!(help.status.code(), Some(0));
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for flag in [
        "--listen",
        "--database",
        "--super-user",
        "--super-password-file",
        "--room",
        "--poll-timeout",
        "--event-window",
        "--events",
        "--token-lifetime",
        "--log-format",
        "--demo",
    ] {
        assert!(text.contains(flag), "{flag}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn secret_files_that_others_can_read_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("switchboard-exposed-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("accounts")).expect("a folder");
    let (password, account) = (
        folder.join("password"),
        folder.join("accounts/bot@example.org"),
    );
    let config = folder.join("gateway.toml");
    for path in [&password, &account] {
        std::fs::write(path, "not shown").expect("a secret");
    }
    let text = format!(
        "super_password = {{ file = '{}' }}\n[[backend]]\ntype = 'ucwa'\ndomain = 'example.org'\nsecrets = {{ directory = '{}' }}\n",
        password.display(),
        folder.join("accounts").display(),
    );
    std::fs::write(&config, text).expect("a configuration");
    for (mode, told) in [(0o644, true), (0o600, false)] {
        for path in [&password, &account] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("its mode");
        }
        let output = Command::new(program())
            .arg("--check")
            .arg("--config")
            .arg(&config)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        for path in [&password, &account] {
            assert_eq!(
                said.contains(&format!("chmod 600 {}", path.display())),
                told,
                "{said}"
            );
        }
        assert!(!said.contains("not shown"), "{said}");
    }
    std::fs::remove_dir_all(&folder).expect("gone");
}

#[test]
fn what_cannot_start_says_why() {
    let missing = Command::new(program())
        .args([
            "--listen",
            "127.0.0.1:0",
            "--super-password-file",
            "/none/such",
        ])
        .output();
    let missing = missing.expect("it runs");
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&missing.stderr).contains("/none/such"),
        "{missing:?}"
    );
    let first = Gateway::start(&[]);
    let address = first.address.to_string();
    let second = Command::new(program())
        .args(["--listen", &address, "--database", ":memory:"])
        .output()
        .expect("it runs");
    assert_eq!(second.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&second.stderr).contains(&address),
        "{second:?}"
    );
}

#[test]
fn a_poll_whose_token_ends_answers_an_empty_list() {
    let world = World::new(&["--poll-timeout", "30"]);
    let last = world
        .events("last-event=0")
        .last()
        .map(|event| event["EventId"].clone())
        .expect("an event");
    let poll = begin(
        &world,
        &format!("/Collaboration/v1/Events?last-event={last}"),
    );
    world
        .lene("GET", "/Collaboration/v1/Channels", "")
        .expect(200);
    world.put_user("lene", "another secret");
    assert_eq!(client::receive(poll).expect(200).body, "[]");
    world
        .lene("GET", "/Collaboration/v1/Channels", "")
        .expect_code(401, "unauthorized");
}

#[test]
fn a_reader_goes_on_where_it_acknowledged_and_a_second_poll_ends_the_first() {
    let world = World::new(&["--poll-timeout", "30"]);
    let ask = |last: &Value| world.events(&format!("last-event={last}&types=message&reader=main"));
    let first = world.post("one");
    let events = ask(&0.into());
    assert_eq!(events[0]["Token"], first["Id"]);
    // Not acknowledged: it comes again.
    assert_eq!(ask(&0.into())[0]["Token"], first["Id"]);
    let waiting = begin(
        &world,
        &format!(
            "/Collaboration/v1/Events?types=message&reader=main&last-event={}",
            events[0]["EventId"]
        ),
    );
    world
        .lene("GET", "/Collaboration/v1/Channels", "")
        .expect(200);
    let answer: Answer = thread::scope(|scope| {
        let newer = scope.spawn(|| ask(&0.into()));
        let ended = client::receive(waiting);
        world.post("two");
        assert_eq!(newer.join().expect("an answer")[0]["Content"], "two");
        ended
    });
    assert_eq!(answer.expect(200).body, "[]");
    assert!(
        world
            .lene("GET", &format!("/Collaboration/v1/Channels/{ROOM}"), "")
            .status
            == 200
    );
}

#[test]
fn what_was_provisioned_is_there_after_a_restart() {
    let path = std::env::temp_dir().join(format!("switchboard-http-{}.db", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let flags = ["--database", path.to_str().expect("UTF-8")];
    let world = World::new(&flags);
    world.post("before");
    let lene = world.lene.clone();
    let (status, log) = world.gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    let gateway = Gateway::start(&flags);
    // Tokens survive, and so do events and their instance.
    let events = gateway
        .get("/Collaboration/v1/Events?last-event=0&types=message", &lene)
        .expect(200)
        .json();
    assert_eq!(events[0]["Content"], "before");
    gateway.stop();
    for suffix in ["", "-wal", "-shm", "-lock"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

#[test]
fn no_secret_gets_into_the_log_wherever_it_was_sent() {
    for format in ["text", "json"] {
        let world = World::new(&[
            "--log-format",
            format,
            "--log-level",
            "trace",
            "--loopback-control",
        ]);
        let (address, token) = (world.gateway.address, world.lene.clone());
        let all: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let authorization = format!("FCF {token}");
        let referer = format!("http://a.example/Authentication/v1/Tokens/{token}?x={token}");
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Referer", &referer),
            ("X-Forwarded-For", &token),
            ("Cookie", &token),
        ];
        for path in [
            format!("/Authentication/v1/Tokens/{token}"),
            format!("/authentication/V1/T%6fkens/{token}/"),
            format!("/Authentication/v1/Tokens/{all}"),
            format!("/Authentication/v1/Tokens%2f{token}"),
            format!("http://other.example/Authentication/v1/Tokens/{token}?token={token}"),
            format!("/Authentication/v1/Tokens/{token}/more?{token}"),
            format!("/gateway/behind/a/proxy/{token}?last-event={token}"),
            format!("/Collaboration/v1/Events?last-event={token}&instance={token}"),
            format!("/Collaboration/v1/Channels/{token}?{all}"),
            format!("/Collaboration/v1/Channels/chat-room:{token}"),
        ] {
            for method in ["GET", "DELETE", "OPTIONS"] {
                client::send(address, &client::request(method, &path, &headers, b""));
            }
        }
        // Bodies that cannot be read are complained of, in the answer and not in the log.
        world
            .root(
                "POST",
                "/Authentication/v1/Tokens",
                "{\"Username\":\"lene\",\"Password\":\"lenes secret\",",
            )
            .expect(400);
        world
            .root(
                "POST",
                "/Authentication/v1/Tokens",
                "<Password>lenes secret</Password>",
            )
            .expect(400);
        world.post("a private word");
        let (root, beginning) = (world.root.clone(), &token[..16]);
        let (status, log) = world.gateway.stop();
        assert!(status.success());
        let path = if format == "json" {
            r#""path":"/Authentication/v1/Tokens/***""#
        } else {
            r#"path="/Authentication/v1/Tokens/***""#
        };
        assert!(log.contains(path), "{log}");
        for secret in [
            SUPER.1,
            "lenes secret",
            "a private word",
            &root,
            beginning,
            &all,
        ] {
            let line = log.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret} is in the log: {line:?}");
        }
    }
}
