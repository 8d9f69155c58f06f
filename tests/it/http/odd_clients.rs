//! Clients that write what others do not: UTF-16, dates of .NET, `UserName`, and head and body in
//! two pieces over a connection that they keep.

use super::client::{self, request};
use super::world::{MESSAGES, World};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn bodies_in_utf_16_are_read_declared_or_not() {
    let world = World::new(&[]);
    let authorization = format!("FCF {}", world.lene);
    let post = |kind: &str, text: &str, order: fn(u16) -> [u8; 2]| {
        let body: Vec<u8> = text.encode_utf16().flat_map(order).collect();
        let headers = [("Authorization", &*authorization), ("Content-Type", kind)];
        let answer = client::send(
            world.gateway.address,
            &request("POST", MESSAGES, &headers, &body),
        );
        answer.expect(200).body
    };
    for (kind, text) in [
        ("application/json", r#"{"Text":"kůň 🐎"}"#),
        (
            "application/json; charset=utf-16",
            "\u{feff}{\"Text\":\"kůň 🐎\"}",
        ),
        (
            "application/xml",
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-16\"?><PostedMessage><Text>kůň 🐎</Text></PostedMessage>",
        ),
    ] {
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let answer = post(kind, text, order);
            assert!(answer.contains("kůň 🐎"), "{kind}: {answer}");
        }
    }
}

#[test]
fn a_search_takes_the_dates_that_dotnet_writes() {
    let world = World::new(&[]);
    world.post("needle");
    let search = |date: &str| {
        let body = json!({ "SearchTerm": "needle", "FromDate": date }).to_string();
        let answer = world.lene("POST", "/Collaboration/v1/Channels/Search", &body);
        answer.expect(200).json().as_array().map_or(0, Vec::len)
    };
    for date in [
        "11/28/2025 12:00:00 AM",
        "11/28/2025 00:00",
        "2025-11-28",
        "2025-11-28T00:00:00.0000000Z",
        "Friday, November 28, 2025 12:00 AM",
        "Fri, 28 Nov 2025 00:00:00 GMT",
    ] {
        assert_eq!(search(date), 1, "{date}");
    }
}

#[test]
fn a_user_has_both_spellings_of_its_name_and_either_logs_in() {
    let world = World::new(&[]);
    let user = world.read("/Provisioning/v1/Users/lene");
    assert_eq!(
        (&user["UserName"], &user["Username"]),
        (&json!("lene"), &json!("lene"))
    );
    for name in ["Username", "UserName"] {
        let body = json!({ name: "lene", "Password": "lenes secret", "AgentId": "helper" });
        let answer = world
            .gateway
            .call("POST", "/Authentication/v1/Tokens", "", &body.to_string());
        answer.expect(200);
    }
}

/// One request over a connection that is kept: its head, and after a moment its body.
fn in_two_pieces(stream: &mut TcpStream, head: &str, body: &[u8]) -> String {
    stream.write_all(head.as_bytes()).expect("it reads");
    std::thread::sleep(Duration::from_millis(100));
    stream.write_all(body).expect("it reads");
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut piece).expect("an answer");
        assert!(length > 0, "it closed: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let announced = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            head.starts_with("http/1.1 304")
                || announced.and_then(|length| length.parse().ok()) == Some(body.len())
        });
        if whole {
            return text;
        }
    }
}

#[test]
fn a_connection_outlives_a_body_that_is_ignored_and_its_end_is_announced() {
    let world = World::new(&[]);
    let connect = || {
        let stream = TcpStream::connect(world.gateway.address).expect("it listens");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a timeout");
        stream
    };
    let head = |method: &str, target: &str, length: usize, more: &str| {
        let token = &world.root;
        format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: FCF {token}\r\nContent-Length: {length}\r\n{more}\r\n"
        )
    };
    let channel = "/Provisioning/v1/Agents/helper/Channels/chat-room:ops";
    let mut kept = connect();
    for _ in 0..3 {
        let answer = in_two_pieces(&mut kept, &head("PUT", channel, 2, ""), b"{}");
        assert!(answer.starts_with("http/1.1 304") || answer.starts_with("http/1.1 200"));
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    let closes = |more: &str, length: usize| {
        let mut stream = connect();
        let head = head("PUT", channel, length, more);
        stream.write_all(head.as_bytes()).expect("it reads");
        stream.write_all(&vec![b' '; length]).expect("it reads");
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(
            text.contains("connection: close"),
            "{more} {length}: {text}"
        );
    };
    closes("Connection: close\r\n", 2);
    closes("", 100_000);
}

/// Sends those bytes, and its end if it is to; returns everything that comes, in lower case.
fn answer_to(world: &World, bytes: &str, is_last: bool) -> String {
    let mut stream = TcpStream::connect(world.gateway.address).expect("it listens");
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).expect("a timeout");
    stream.write_all(bytes.as_bytes()).expect("it reads");
    if is_last {
        stream
            .shutdown(std::net::Shutdown::Write)
            .expect("it was open");
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it closes in order");
    String::from_utf8_lossy(&answer).to_lowercase()
}

#[test]
fn the_end_is_announced_where_a_body_is_broken() {
    let world = World::new(&[]);
    let head = |method: &str, target: &str, more: &str| {
        let token = &world.lene;
        format!("{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: FCF {token}\r\n{more}\r\n")
    };
    let chunked = head("POST", MESSAGES, "Transfer-Encoding: chunked\r\n");
    for (bytes, is_last, status) in [
        (format!("{chunked}zz\r\n"), false, "400"),
        (format!("{chunked}5\r\nab"), true, "400"),
    ] {
        let answer = answer_to(&world, &bytes, is_last);
        assert!(
            answer.starts_with(&format!("http/1.1 {status}")),
            "{bytes}: {answer}"
        );
        assert!(
            answer.contains("\r\nconnection: close\r\n"),
            "{bytes}: {answer}"
        );
    }
}

#[test]
fn a_user_that_was_read_is_renamed_by_either_spelling() {
    let world = World::new(&[]);
    let put = |body: serde_json::Value| {
        let target = "/Provisioning/v1/Users/renamed";
        let answer = world
            .gateway
            .call("PUT", target, &world.root, &body.to_string());
        answer.expect(200);
        world.read(target)["Username"].as_str().map(str::to_owned)
    };
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        put(json!({ "UserId": "renamed", "UserName": "one" })),
        name("one")
    );
    let body = json!({ "UserId": "renamed", "UserName": "two", "Username": "one" });
    assert_eq!(put(body), name("two"));
    let body = json!({ "UserId": "renamed", "UserName": "two", "Username": "three" });
    assert_eq!(put(body), name("three"));
    let body = json!({ "UserId": "renamed", "UserName": "four", "Username": "five" });
    assert_eq!(put(body), name("five"));
}
