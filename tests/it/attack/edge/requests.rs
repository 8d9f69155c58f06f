//! Unusual requests: clients that close half of a connection, answers before the body, odd headers.

use super::{connect, post};
use crate::http::client::{self, Answer};
use crate::http::world::{MESSAGES, World};
use std::io::Write;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Waits for the posts with that name, and returns how many there are.
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
    // Events that exist already are returned all the same.
    world.post("already there");
    let (answer, _) = poll("/Collaboration/v1/Events?last-event=0&types=message");
    assert_eq!(
        answer.json()[0]["Content"].as_str(),
        Some("already there"),
        "{answer:?}"
    );
    println!("a poll of a client that closed its sending side: answered after {took:?}");
}

/// Sends a head and then its body piece by piece, even if the answer comes earlier. Returns the
/// answer, read at the end.
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
