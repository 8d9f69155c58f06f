//! A stop while everything is under way that can hold one up: clients that send half a body,
//! clients that do not read, scans, polls, logins that wait to be hashed, and posters who want to
//! know what became of their posts.
//!
//! Method: the gateway as a process with a file. Its end has a stated limit and status 0, and each
//! post that was answered with 200 is in the file once.

use super::full;
use crate::http::client::request;
use crate::http::world::{MESSAGES, NAMESPACE, World};
use crate::world::Disk;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The guide says ten seconds; the rest is the machine that tests may be busy.
const STOP_MAX: Duration = Duration::from_secs(14);
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// Sends the request, and reads nothing.
fn begun(address: SocketAddr, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the gateway listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(sent).expect("the gateway reads");
    stream
}

/// Returns the status of the answer, if there is one.
fn status(mut stream: TcpStream) -> Option<String> {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Some(String::from_utf8_lossy(answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).into_owned())
}

/// Posts new texts until one is not acknowledged, and sends those that were to `acknowledged`.
fn posts(
    address: SocketAddr,
    authorization: &str,
    name: usize,
    acknowledged: &mpsc::Sender<String>,
) {
    for n in 0.. {
        let text = format!("post {name}-{n}");
        let body = json!({ "Text": text }).to_string();
        let headers = [
            ("Authorization", authorization),
            ("Content-Type", "application/json"),
        ];
        let Ok(mut stream) = TcpStream::connect(address) else {
            return;
        };
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let sent = stream.write_all(&request("POST", MESSAGES, &headers, body.as_bytes()));
        if sent.is_err()
            || status(stream).as_deref() != Some("200")
            || acknowledged.send(text).is_err()
        {
            return;
        }
    }
}

#[test]
fn a_stop_ends_in_time_whatever_is_under_way() {
    let many = if full() { 200 } else { 40 };
    let disk = Disk::new();
    let path = disk.path().display().to_string();
    let world = World::new(&["--poll-timeout", "30", "--database", &path]);
    let address = world.gateway.address;
    let authorization = format!("FCF {}", world.lene);
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/json"),
    ];
    let url = format!("http://a/{}", "y".repeat(55_000));
    let far = format!(
        r#"{{"MessageParts":[{{"__type":"HyperlinkMessagePart:{NAMESPACE}","Text":"far","Url":"{url}"}}]}}"#
    );
    for _ in 0..80 {
        world.lene("POST", MESSAGES, &far).expect(200);
    }
    let half = |method: &str, target: &str| {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: 100000\r\n\r\n{{\"Text\":"
        );
        begun(address, head.as_bytes())
    };
    let words: String = (0..20).map(|n| format!("word{n} ")).collect();
    let search = json!({ "SearchTerm": words, "Limit": 1000 }).to_string();
    let history = format!("{MESSAGES}?take=1000");
    let poll = "/Collaboration/v1/Events?last-event=2147483000&types=meta-data";
    let (acknowledged, told) = mpsc::channel();
    let posters: Vec<_> = (0..4)
        .map(|name| {
            let (authorization, acknowledged) = (authorization.clone(), acknowledged.clone());
            std::thread::spawn(move || posts(address, &authorization, name, &acknowledged))
        })
        .collect();
    drop(acknowledged);
    let mut held = Vec::new();
    for n in 0..many {
        held.push(("half a body", half("POST", MESSAGES)));
        held.push((
            "a poll",
            begun(address, &request("GET", poll, &headers, b"")),
        ));
        let login =
            json!({ "Username": format!("nobody{n}"), "Password": "wrong", "AgentId": "helper" })
                .to_string();
        held.push((
            "a login",
            begun(
                address,
                &request(
                    "POST",
                    "/Authentication/v1/Tokens",
                    &headers[1..],
                    login.as_bytes(),
                ),
            ),
        ));
    }
    for n in 0..10 {
        held.push((
            "half an upload",
            half(
                "POST",
                &format!("/Collaboration/v1/Channels/chat-room:ops/File/f{n}"),
            ),
        ));
        held.push((
            "a history",
            begun(address, &request("GET", &history, &headers, b"")),
        ));
        let target = "/Collaboration/v1/Channels/Search";
        held.push((
            "a search",
            begun(
                address,
                &request("POST", target, &headers, search.as_bytes()),
            ),
        ));
    }
    let mut present: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..4 {
        present.insert(
            told.recv_timeout(PATIENCE)
                .expect("posts are acknowledged meanwhile"),
            0,
        );
    }
    // They are under way once a later call is answered.
    world
        .lene("GET", "/Collaboration/v1/Channels", "")
        .expect(200);
    let before = Instant::now();
    let (exit, log) = world.gateway.stop();
    let took = before.elapsed();
    for poster in posters {
        poster.join().expect("it ends");
    }
    present.extend(told.iter().map(|text| (text, 0)));
    let connection = rusqlite::Connection::open(disk.path()).expect("it is let go");
    let mut rows = connection
        .prepare("SELECT text FROM message WHERE text LIKE 'post %'")
        .expect("a table");
    let rows: Vec<String> = rows
        .query_map([], |row| row.get(0))
        .expect("rows")
        .map(|row| row.expect("a text"))
        .collect();
    for row in &rows {
        present.entry(row.clone()).and_modify(|times| *times += 1);
    }
    let mut answers: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (what, stream) in held {
        *answers
            .entry((what, status(stream).unwrap_or_default()))
            .or_default() += 1;
    }
    println!(
        "stopped within {took:?}: {} acknowledged, {} present; {answers:?}",
        present.len(),
        rows.len()
    );
    assert_eq!(exit.code(), Some(0), "{log}");
    assert!(took < STOP_MAX, "{took:?}");
    assert!(
        present.values().all(|times| *times == 1),
        "lost or doubled: {present:?}"
    );
    // A request that was not read yet gets no answer, and is not carried out; what was read gets
    // the one that is due.
    let due = |what: &str, status: &str| match what {
        "a login" => ["401", "503"].contains(&status),
        "a poll" => status == "200",
        // A body that did not keep coming for 10 s: on a slow machine that time is over before the
        // stop's.
        "half a body" | "half an upload" => ["408", "503"].contains(&status),
        _ => ["200", "503"].contains(&status),
    };
    assert!(
        answers
            .keys()
            .all(|(what, status)| status.is_empty() || due(what, status)),
        "{answers:?}"
    );
    let polls = answers.get(&("a poll", "200".into())).copied().unwrap_or(0);
    assert!(polls > many / 2, "waiting polls are answered: {answers:?}");
    assert!(!log.contains("panicked"), "{log}");
}
