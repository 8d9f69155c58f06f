//! Strangers on the wire: memory without a login, half-closed connections, processes that cannot be stopped.

use super::full;
use crate::http::client::{self, Answer};
use crate::http::gateway::{Gateway, program};
use crate::http::world::{MESSAGES, World};
use crate::world::Disk;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

fn post(world: &World, text: &str) -> Vec<u8> {
    let authorization = format!("FCF {}", world.lene);
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", authorization.as_str()),
    ];
    client::request(
        "POST",
        MESSAGES,
        &headers,
        format!("{{\"Text\":\"{text}\"}}").as_bytes(),
    )
}

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.gateway.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    stream
}

/// How many of the posts named so are there, waited for.
fn arrived(world: &World, name: &str, wanted: usize) -> usize {
    let began = Instant::now();
    loop {
        let messages = world
            .lene("GET", &format!("{MESSAGES}?take=200"), "")
            .expect(200)
            .json();
        let found = messages
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["Text"].as_str().unwrap().starts_with(name))
            .count();
        if found >= wanted || began.elapsed() > Duration::from_secs(10) {
            return found;
        }
    }
}

#[test]
fn a_post_whose_client_closes_at_once_happens() {
    let world = World::new(&[]);
    for n in 0..20 {
        let mut half = connect(&world);
        half.write_all(&post(&world, &format!("half {n}"))).unwrap();
        half.shutdown(Shutdown::Write).unwrap();
        client::receive(half).expect(200);
        let mut gone = connect(&world);
        gone.write_all(&post(&world, &format!("gone {n}"))).unwrap();
        drop(gone);
    }
    let (half, gone) = (arrived(&world, "half", 20), arrived(&world, "gone", 20));
    println!(
        "posts of clients that closed their sending side: {half} of 20; that closed: {gone} of 20"
    );
    assert_eq!((half, gone), (20, 20));
}

#[test]
fn a_poll_whose_client_sends_no_more_is_answered_at_once() {
    let world = World::new(&["--poll-timeout", "30"]);
    let poll = |target: &str| {
        let authorization = format!("FCF {}", world.lene);
        let mut stream = connect(&world);
        stream
            .write_all(&client::request(
                "GET",
                target,
                &[("Authorization", &authorization)],
                b"",
            ))
            .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let began = Instant::now();
        (client::receive(stream).expect(200), began.elapsed())
    };
    let last = world
        .events("last-event=0")
        .last()
        .map(|event| event["EventId"].clone())
        .unwrap();
    let (answer, took) = poll(&format!("/Collaboration/v1/Events?last-event={last}"));
    assert_eq!(answer.body, "[]");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // What is there already is given all the same.
    world.post("already there");
    let (answer, _) = poll("/Collaboration/v1/Events?last-event=0&types=message");
    assert_eq!(
        answer.json()[0]["Content"].as_str(),
        Some("already there"),
        "{answer:?}"
    );
    println!("a poll of a client that closed its sending side: answered after {took:?}");
}

/// Sends a head and then its body piece by piece, whatever is answered meanwhile; the answer, read at the end.
fn slowly(world: &World, head: &str, body: usize) -> Answer {
    let mut stream = connect(world);
    stream.write_all(head.as_bytes()).unwrap();
    let piece = [b'x'; 4096];
    let mut left = body;
    while left > 0 {
        let length = left.min(piece.len());
        if stream.write_all(&piece[..length]).is_err() {
            break;
        }
        left -= length;
        std::thread::yield_now();
    }
    client::receive(stream)
}

#[test]
fn an_answer_before_the_body_was_read_is_heard() {
    let world = World::new(&[]);
    let token = &world.root;
    for (target, authorization, status) in [
        ("PUT /Provisioning/v1/Agents/x", "", 401),
        ("POST /nothing/here", token.as_str(), 404),
        ("PUT /healthz", "", 405),
        (
            "PUT /Provisioning/v1/Agents/helper/Channels/chat-room:other",
            token.as_str(),
            200,
        ),
    ] {
        for body in [2_000, 60_000, 300_000] {
            let head = format!(
                "{target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: FCF {authorization}\r\n\
                 Content-Length: {body}\r\nConnection: close\r\n\r\n"
            );
            let answer = slowly(&world, &head, body);
            assert!(
                answer.status == status || (status == 200 && answer.status == 304),
                "{target} {body}: {answer:?}"
            );
        }
    }
}

#[test]
fn a_request_has_one_host() {
    let world = World::new(&[]);
    let status = |head: &str| client::send(world.gateway.address, head.as_bytes()).status;
    assert_eq!(
        status("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"),
        400
    );
    assert_eq!(
        status("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"),
        400
    );
    assert_eq!(
        status("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        200
    );
    assert_eq!(status("GET /healthz HTTP/1.0\r\n\r\n"), 200);
}

#[test]
fn browsers_are_told_what_not_to_do() {
    let world = World::new(&[]);
    let answer = world.gateway.get("/healthz", "").expect(200);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert!(
        answer
            .header("content-security-policy")
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn bodies_that_do_not_end_hold_little() {
    let world = World::new(&[]);
    let before = world.gateway.peak_kib();
    let many = if full() { 1_500 } else { 200 };
    let mut held = Vec::new();
    // Without a login: the last byte never comes.
    for _ in 0..many {
        let mut stream = connect(&world);
        let head = "POST /Authentication/v1/Tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 16384\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&[b' '; 16_383]).unwrap();
        held.push(stream);
    }
    world.gateway.get("/healthz", "").expect(200);
    let logins = world.gateway.peak_kib() - before;
    // With a token: as many bodies of a megabyte.
    let mut refused = 0;
    for _ in 0..many.min(400) {
        let mut stream = connect(&world);
        let head = format!(
            "PUT /Provisioning/v1/Agents/helper/MetaData HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: FCF {}\r\n\
             Content-Length: 1000000\r\n\r\n",
            world.root
        );
        stream.write_all(head.as_bytes()).unwrap();
        let body = vec![b' '; 999_999];
        stream
            .set_write_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        if stream.write_all(&body).is_err() {
            refused += 1;
        }
        held.push(stream);
    }
    world
        .lene("GET", "/Collaboration/v1/Channels", "")
        .expect(200);
    world.post("others are served");
    let peak = world.gateway.peak_kib() - before;
    for stream in &mut held {
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let mut first = [0; 12];
        if stream.read(&mut first).is_ok_and(|read| read == 12) && &first == b"HTTP/1.1 503" {
            refused += 1;
        }
    }
    println!(
        "{many} logins without their last byte: {logins} KiB; with bodies of 1 MB: {peak} KiB, {refused} refused"
    );
    assert!(logins < 60 * many, "{logins} KiB for {many} logins");
    assert!(peak < 192 * 1024 + 100 * many, "{peak} KiB");
    assert!(refused > 0);
}

#[cfg(unix)]
#[test]
fn a_folder_with_our_own_files_is_not_served() {
    use std::os::unix::fs::symlink;
    let disk = Disk::new();
    let database = disk.path();
    let refused = |site: &std::path::Path, more: &[&std::ffi::OsStr]| {
        let mut command = Command::new(program());
        command
            .args(["--check", "--static"])
            .arg(site)
            .arg("--database")
            .arg(&database)
            .args(more);
        let run = command
            .env("SWITCHBOARD_SUPER_PASSWORD", "x")
            .output()
            .unwrap();
        (!run.status.success()).then(|| String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let folder = disk.directory().to_owned();
    let said = refused(&folder, &[]).expect("the folder of the database");
    assert!(said.contains("not for visitors"), "{said}");
    let link = folder.join("link");
    symlink(&folder, &link).unwrap();
    assert!(refused(&link, &[]).is_some(), "through a link");
    let site = folder.join("site");
    std::fs::create_dir(&site).unwrap();
    assert!(refused(&site, &[]).is_none(), "a folder of its own is fine");
    let password = site.join("password");
    std::fs::write(&password, "secret").unwrap();
    assert!(
        refused(
            &site,
            &["--super-password-file".as_ref(), password.as_os_str()]
        )
        .is_some(),
        "the password's folder"
    );
}

#[cfg(unix)]
#[test]
fn links_fifos_and_dot_files_are_not_served_and_do_not_stop_the_end() {
    use std::os::unix::fs::symlink;
    let disk = Disk::new();
    let site = disk.directory().join("site");
    std::fs::create_dir_all(site.join(".hidden")).unwrap();
    std::fs::write(site.join("page.html"), "hello").unwrap();
    std::fs::write(site.join(".hidden/x"), "x").unwrap();
    symlink(site.join(".hidden/x"), site.join("inner")).unwrap();
    symlink("/etc/passwd", site.join("outer")).unwrap();
    std::fs::write(disk.path(), "").unwrap();
    let fifo = site.join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let database = disk.path();
    let flags = [
        "--static",
        site.to_str().unwrap(),
        "--database",
        database.to_str().unwrap(),
    ];
    let gateway = Gateway::start(&flags);
    std::fs::hard_link(&database, site.join("copy.db")).unwrap();
    assert_eq!(gateway.get("/page.html", "").status, 200);
    for path in ["/inner", "/outer", "/fifo", "/copy.db", "/.hidden/x"] {
        assert_eq!(gateway.get(path, "").status, 404, "{path}");
    }
    let began = Instant::now();
    let (status, log) = gateway.stop();
    println!("ended after {:?} with a FIFO asked for", began.elapsed());
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[cfg(unix)]
#[test]
fn a_fifo_as_password_file_does_not_hold_the_end() {
    let disk = Disk::new();
    let password = disk.directory().join("password");
    std::fs::write(&password, "at first").unwrap();
    let mut command = Command::new(program());
    command
        .args([
            "--listen",
            "127.0.0.1:0",
            "--database",
            ":memory:",
            "--super-password-file",
        ])
        .arg(&password);
    let gateway = Gateway::spawn(command);
    std::fs::remove_file(&password).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&password)
            .status()
            .unwrap()
            .success()
    );
    gateway.signal("HUP");
    gateway.log_in("admin", "at first", "");
    let began = Instant::now();
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_while_it_starts_does_not_end_it() {
    let (mut early, mut starts) = (0, 0);
    while starts < 5 || (early == 0 && starts < 40) {
        starts += 1;
        let disk = Disk::new();
        let database = disk.path();
        let mut command = Command::new(program());
        command
            .args(["--listen", "127.0.0.1:0", "--database"])
            .arg(&database)
            .env("SWITCHBOARD_SUPER_PASSWORD", "x");
        let gateway = Gateway::spawn_and(command, |id| {
            // As soon as the signal is caught at all: before that it is not the program yet that runs.
            let caught = || {
                let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
                let mask = status
                    .lines()
                    .find_map(|line| line.strip_prefix("SigCgt:"))?
                    .trim();
                Some(u64::from_str_radix(mask, 16).ok()? & 1 == 1)
            };
            let began = Instant::now();
            while caught() != Some(true) {
                assert!(
                    began.elapsed() < Duration::from_secs(20),
                    "it never listens"
                );
                std::thread::yield_now();
            }
            early += usize::from(!database.exists());
            assert!(
                Command::new("kill")
                    .args(["-s", "HUP", &id.to_string()])
                    .status()
                    .unwrap()
                    .success()
            );
        });
        gateway.log_in("admin", "x", "");
        let (status, log) = gateway.stop();
        assert_eq!(status.code(), Some(0), "{log}");
    }
    println!("in {early} of {starts} starts it listened before the database was there");
    assert!(early > 0);
}

/// A connection from that address of ours.
fn from(world: &World, address: &str) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(
            &format!("{address}:0")
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
        )
        .unwrap();
    socket.connect(&world.gateway.address.into()).unwrap();
    TcpStream::from(socket)
}

/// Asks for something cheap; the first bytes of the answer, and the connection, which stays open.
fn asked(mut stream: TcpStream) -> (String, TcpStream) {
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    (String::from_utf8_lossy(&first).into_owned(), stream)
}

#[test]
fn the_peers_of_one_network_leave_connections_to_others() {
    let world = World::new(&["--connections", "60", "--connections-per-peer", "20"]);
    let crowd: Vec<_> = (10..70)
        .map(|n| asked(from(&world, &format!("127.0.2.{n}"))))
        .collect();
    let served = crowd
        .iter()
        .filter(|(first, _)| first == "HTTP/1.1 200")
        .count();
    println!("60 connections from 60 addresses of a /24, one each: {served} served");
    assert_eq!(served, 30, "20 of one peer, and a quarter of the other 40");
    let office: Vec<_> = (0..20).map(|_| asked(from(&world, "127.0.3.1"))).collect();
    assert!(
        office.iter().all(|(first, _)| first == "HTTP/1.1 200"),
        "an office of another network has all of its share"
    );
}

#[test]
fn one_peer_has_its_share_of_the_connections() {
    let world = World::new(&[
        "--connections",
        "60",
        "--connections-per-peer",
        "20",
        "--trusted-proxy",
        "127.0.0.2",
    ]);
    let greedy: Vec<_> = (0..30).map(|_| asked(from(&world, "127.0.0.3"))).collect();
    let served = greedy
        .iter()
        .filter(|(first, _)| first == "HTTP/1.1 200")
        .count();
    assert_eq!(served, 20);
    assert_eq!(
        asked(from(&world, "127.0.0.4")).0,
        "HTTP/1.1 200",
        "another peer"
    );
    let proxied: Vec<_> = (0..25).map(|_| asked(from(&world, "127.0.0.2"))).collect();
    assert!(
        proxied.iter().all(|(first, _)| first == "HTTP/1.1 200"),
        "a trusted proxy is not a peer"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn uploads_that_do_not_end_hold_little() {
    let world = World::new(&[]);
    let before = world.gateway.peak_kib();
    let many = if full() { 60 } else { 12 };
    let piece = vec![b'x'; 1 << 20];
    let mut held = Vec::new();
    for n in 0..many {
        let mut stream = connect(&world);
        stream
            .set_write_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let head = format!(
            "POST /Collaboration/v1/Channels/chat-room:ops/File/f{n} HTTP/1.1\r\nHost: x\r\nAuthorization: FCF {}\r\n\
             Content-Length: 16777216\r\n\r\n",
            world.lene
        );
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..15 {
            if stream.write_all(&piece).is_err() {
                break;
            }
        }
        held.push(stream);
    }
    world.post("others are served");
    let peak = world.gateway.peak_kib() - before;
    println!("{many} uploads of 15 of their 16 MiB: {peak} KiB");
    assert!(peak < 192 * 1024, "{peak} KiB");
}

/// A document is larger when it is decoded than on the wire; it is charged twice its bytes until the call is over.
#[test]
fn documents_of_many_small_parts_hold_little() {
    let world = World::new(&[]);
    let before = world.gateway.peak_kib();
    let body = format!(
        "{{\"Id\":\"helper\",\"UserName\":\"loopback:helper\",\"Users\":[{}\"a\"]}}",
        "\"a\",".repeat(240_000)
    );
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let answer =
                    world
                        .gateway
                        .call("PUT", "/Provisioning/v1/Agents/helper", &world.root, &body);
                assert!(answer.status < 500 || answer.status == 503, "{answer:?}");
            });
        }
    });
    let peak = world.gateway.peak_kib() - before;
    println!(
        "eight documents of {} KiB with 240,000 parts each: {peak} KiB",
        body.len() >> 10
    );
    assert!(peak < 160 * 1024, "{peak} KiB");
}

/// Whatever an upload is called, it is kept as data, or refused, and never becomes a path.
#[test]
fn upload_names_are_data() {
    let world = World::new(&[]);
    let long = "n".repeat(2_000);
    let names = [
        "..",
        ".",
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "C:\\x",
        "CON",
        "nul.txt",
        "\u{202e}gnp.exe",
        "<script>",
        "a b",
        "a%00b",
        "\u{1}",
        "täglich",
        "💣",
        "-rf",
        "'; DROP TABLE message; --",
        long.as_str(),
    ];
    let here = || {
        let mut names: Vec<_> = std::fs::read_dir(".")
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = here();
    let mut kept = Vec::new();
    for name in names {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = world.lene(
            "POST",
            &format!("/Collaboration/v1/Channels/chat-room:ops/File/{encoded}"),
            "content",
        );
        assert!(matches!(answer.status, 204 | 400), "{name:?}: {answer:?}");
        let refused = name.len() > 1_024 || name.chars().any(char::is_control);
        assert_eq!(answer.status == 400, refused, "{name:?}: {answer:?}");
        if !refused {
            kept.push(name);
        }
    }
    // Each is a message that says the name as it was given, and an address that is no path.
    let messages = world
        .lene(
            "GET",
            "/Collaboration/v1/Channels/chat-room:ops/Messages?take=100",
            "",
        )
        .expect(200)
        .json();
    let parts = messages
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|message| message["MessageParts"].as_array().unwrap());
    let links: Vec<_> = parts.filter(|part| part["Url"].is_string()).collect();
    let said: Vec<_> = links
        .iter()
        .filter_map(|part| part["Text"].as_str())
        .collect();
    assert_eq!(said, kept);
    for link in links {
        let url = link["Url"].as_str().unwrap();
        assert!(
            url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains('\\'),
            "{url}"
        );
    }
    assert_eq!(here(), before, "no file was made in the working folder");
    println!(
        "{} names were kept as data, {} refused",
        kept.len(),
        names.len() - kept.len()
    );
}

#[cfg(unix)]
#[test]
fn a_password_file_that_leads_to_the_database_is_not_opened() {
    let disk = Disk::new();
    let password = disk.directory().join("password");
    std::fs::write(&password, "at first").unwrap();
    let mut command = Command::new(program());
    command
        .args(["--listen", "127.0.0.1:0", "--database"])
        .arg(disk.path())
        .arg("--super-password-file")
        .arg(&password);
    let gateway = Gateway::spawn(command);
    for end in ["", "-wal", "-shm", "-lock"] {
        let mut name = disk.path().into_os_string();
        name.push(end);
        std::fs::remove_file(&password).unwrap();
        std::os::unix::fs::symlink(&name, &password).unwrap();
        gateway.signal("HUP");
        gateway.log_in("admin", "at first", "");
    }
    assert_eq!(gateway.get("/readyz", "").status, 200);
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("it is a file of the database"), "{log}");
}

#[test]
fn long_heads_of_strangers_take_nothing_from_those_who_have_a_token() {
    let world = World::new(&["--trusted-proxy", "127.0.0.2"]);
    let long = "x".repeat(60_000);
    let mut held = Vec::new();
    for n in 0..700 {
        let mut stream = from(&world, &format!("127.0.0.{}", 10 + n % 100));
        stream
            .write_all(format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {long}").as_bytes())
            .unwrap();
        held.push(stream);
    }
    for n in 0..20 {
        world.post(&format!("{n} {}", "y".repeat(300)));
    }
    let page = world
        .lene("GET", &format!("{MESSAGES}?take=200"), "")
        .expect(200);
    assert!(page.body.len() > 16 << 10, "{}", page.body.len());
}

/// A poll that waits holds no head, and a head there is no room for is told so.
#[test]
fn long_heads_are_answered_whoever_holds_others() {
    let world = World::new(&["--poll-timeout", "60"]);
    let long = "x".repeat(9_000);
    let asks = |target: &str| {
        client::request(
            "GET",
            target,
            &[
                ("Authorization", &format!("FCF {}", world.lene)),
                ("X", &long),
            ],
            b"",
        )
    };
    let mut polls = Vec::new();
    for _ in 0..600 {
        let mut stream = connect(&world);
        stream
            .write_all(&asks("/Collaboration/v1/Events?last-event=9999"))
            .unwrap();
        polls.push(stream);
    }
    for _ in 0..5 {
        client::send(world.gateway.address, &asks("/Collaboration/v1/Channels")).expect(200);
    }
    drop(polls);
    // Heads that do not end do hold room.
    let mut held = Vec::new();
    for n in 0..700 {
        let mut stream = from(&world, &format!("127.0.0.{}", 2 + n % 100));
        stream
            .write_all(format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {long}").as_bytes())
            .unwrap();
        held.push(stream);
    }
    let answers: Vec<u16> = (0..5)
        .map(|_| client::send(world.gateway.address, &asks("/Collaboration/v1/Channels")).status)
        .collect();
    println!(
        "600 polls with heads of 9 KiB wait: 5 others 200; beside 700 heads that do not end: {answers:?}"
    );
    assert!(answers.iter().all(|status| [200, 503].contains(status)) && answers.contains(&503));
    world.post("short heads are served");
}

/// What a poll names is held while it waits, and charged.
#[test]
fn polls_that_name_many_channels_hold_little() {
    let world = World::new(&["--poll-timeout", "60", "--polls-per-agent", "2000"]);
    let names: Vec<String> = (0..1_000).map(|n| format!("c{n}")).collect();
    let target = format!(
        "/Collaboration/v1/Events?last-event=9999&channels={}",
        names.join(",")
    );
    let asks = client::request(
        "GET",
        &target,
        &[("Authorization", &format!("FCF {}", world.lene))],
        b"",
    );
    let before = world.gateway.peak_kib();
    let mut polls: Vec<TcpStream> = (0..1_000)
        .map(|_| {
            let mut stream = connect(&world);
            stream.write_all(&asks).unwrap();
            stream
        })
        .collect();
    world.post("others are served");
    let mut refused = 0;
    for stream in &mut polls {
        stream
            .set_read_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        let mut first = [0; 12];
        refused += usize::from(
            stream.read(&mut first).is_ok_and(|read| read == 12) && &first == b"HTTP/1.1 503",
        );
    }
    let peak = world.gateway.peak_kib() - before;
    println!(
        "1,000 polls that name 1,000 channels each: {refused} refused, {peak} KiB more at the peak"
    );
    assert!(refused > 500 && peak < 96 * 1024, "{refused}, {peak} KiB");
}

/// A storm of SIGHUPs is read once or twice more, one at a time.
#[test]
fn hangups_do_not_queue() {
    let world = World::new(&[]);
    let before = world.gateway.threads();
    for _ in 0..500 {
        world.gateway.signal("HUP");
    }
    world.post("served meanwhile");
    let during = world.gateway.threads();
    let began = Instant::now();
    let (status, log) = world.gateway.stop();
    let times = log.matches("reloaded").count();
    println!(
        "500 hangups: {before} threads before, {during} with them, read {times} times; stopped after {:?}",
        began.elapsed()
    );
    assert!(status.success() && !log.contains("ERROR"), "{log}");
    assert!(during < before + 8 && began.elapsed() < Duration::from_secs(5));
}
