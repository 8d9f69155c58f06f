//! The listener against clients that are slow or greedy, or that are not HTTP clients.
//!
//! Method: plain sockets; each test holds its connection badly and looks at what the gateway does
//! about it, and that it still answers a good client beside it.

use super::client::{self, request};
use super::gateway::Gateway;
use super::world::{MESSAGES, World};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

fn connect(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(gateway.address).expect("the gateway listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(45)))
        .expect("a timeout");
    stream
}

/// Reads until the gateway closes the connection.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_head_that_drips_is_cut_off_and_so_is_a_connection_that_says_nothing() {
    let gateway = Gateway::start(&[]);
    let began = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(rest(&mut connect(&gateway)), ""));
        scope.spawn(|| {
            let mut stream = connect(&gateway);
            // A byte every half second never completes a head; arriving bytes alone do not keep the
            // connection.
            let dripped = request("GET", "/healthz", &[("X-Long", &"x".repeat(300))], b"");
            let cut = dripped.iter().position(|byte| {
                thread::sleep(Duration::from_millis(500));
                stream.write_all(&[*byte]).is_err()
            });
            assert!(cut.is_some());
        });
        thread::sleep(Duration::from_secs(2));
        gateway.get("/healthz", "").expect(200);
    });
    assert!(
        (8..20).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
}

/// The connection is not closed at the deadline of a head: it may be idle for longer between two
/// requests.
#[test]
fn a_connection_lies_idle_between_two_requests() {
    let gateway = Gateway::start(&[]);
    let mut stream = connect(&gateway);
    for pause in [11, 0] {
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .expect("the gateway reads");
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).expect("an answer");
        assert!(
            bytes[..length].starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&bytes[..length])
        );
        thread::sleep(Duration::from_secs(pause));
    }
}

#[test]
fn a_body_that_stops_coming_is_given_up() {
    let world = World::new(&[]);
    let authorization = format!("FCF {}", world.lene);
    let mut whole = request(
        "POST",
        MESSAGES,
        &[("Authorization", &authorization)],
        br#"{"Text":"never said"}"#,
    );
    whole.truncate(whole.len() - 4);
    let began = Instant::now();
    let answer = client::send(world.gateway.address, &whole).expect_code(408, "too_slow");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(
        (25..40).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn an_overlong_url_is_414_and_overlong_headers_are_431() {
    let gateway = Gateway::start(&[]);
    let long = |length: usize| "x".repeat(length);
    let ask = |target: &str, headers: &[(&str, &str)]| {
        client::send(gateway.address, &request("GET", target, headers, b""))
    };
    ask(&format!("/healthz?{}", long(10_000)), &[]).expect(200);
    ask(&format!("/healthz?{}", long(20_000)), &[]).expect_code(414, "target_too_long");
    ask("/healthz", &[("X-Long", &long(30_000))]).expect(200);
    ask("/healthz", &[("X-Long", &long(40_000))]).expect_code(431, "headers_too_large");
    let names: Vec<String> = (0..300).map(|number| format!("X-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    ask("/healthz", &many[..70]).expect(200);
    ask("/healthz", &many[..90]).expect_code(431, "headers_too_large");
    // For a head beyond the largest size that is read, there is only a status.
    assert_eq!(ask("/healthz", &many).status, 431);
    assert_eq!(ask("/healthz", &[("X-Long", &long(200_000))]).status, 431);
    assert_eq!(
        ask(&format!("/healthz?{}", long(200_000)), &[]).status / 100,
        4
    );
}

#[test]
fn one_connection_too_many_hears_503_and_room_comes_back() {
    let gateway = Gateway::start(&["--connections", "4"]);
    let held: Vec<TcpStream> = (0..4).map(|_| connect(&gateway)).collect();
    let refused = gateway.get("/healthz", "");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    drop(held);
    for _ in 0..50 {
        if gateway.get("/healthz", "").status == 200 {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the room never came back");
}

#[test]
fn one_poll_too_many_of_an_agent_is_503() {
    let world = World::new(&["--poll-timeout", "40", "--polls-per-agent", "2"]);
    let seen = world
        .events("last-event=0")
        .last()
        .map(|event| event["EventId"].clone())
        .expect("an event");
    // Nothing but a message ends them: what the agent's channels do meanwhile is not asked for.
    let target = format!("/Collaboration/v1/Events?last-event={seen}&types=message");
    let authorization = format!("FCF {}", world.lene);
    let asked = request(
        "GET",
        &target,
        &[("Authorization", authorization.as_str())],
        b"",
    );
    let (tell, answers) = mpsc::channel();
    thread::scope(|scope| {
        // Three polls at once: the last one exceeds the limit.
        for _ in 0..3 {
            let (tell, asked, gateway) = (tell.clone(), &asked, &world.gateway);
            scope.spawn(move || {
                let mut stream = connect(gateway);
                stream.write_all(asked).expect("the gateway reads");
                tell.send(rest(&mut stream)).expect("the test waits");
            });
        }
        let answer = || {
            answers
                .recv_timeout(Duration::from_secs(35))
                .expect("an answer before the polls end by themselves")
        };
        let refused = answer();
        assert!(
            refused.starts_with("HTTP/1.1 503 ") && refused.contains("busy"),
            "{refused}"
        );
        world.post("room");
        for _ in 0..2 {
            let answered = answer();
            assert!(
                answered.starts_with("HTTP/1.1 200 ") && answered.contains("room"),
                "{answered}"
            );
        }
    });
    // The ended polls have freed their places.
    world.lene("GET", &target, "").expect(200);
}

#[test]
fn garbage_after_a_good_request_ends_only_that_connection() {
    let gateway = Gateway::start(&[]);
    let mut stream = connect(&gateway);
    let good = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    stream
        .write_all(format!("{good}{good}\x16\x03\x01\0\0 garbage\r\n\r\n{good}").as_bytes())
        .expect("the gateway reads");
    let answers = rest(&mut stream);
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 400").count(), 1, "{answers}");
    let mut stream = connect(&gateway);
    let smuggled = "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    stream
        .write_all(format!("{smuggled}{good}").as_bytes())
        .expect("the gateway reads");
    assert!(rest(&mut stream).starts_with("HTTP/1.1 4"));
    gateway.get("/healthz", "").expect(200);
}

#[test]
fn a_client_that_waits_to_be_asked_is_asked() {
    let world = World::new(&[]);
    let authorization = format!("FCF {}", world.lene);
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Expect", "100-continue"),
    ];
    let whole = request("POST", MESSAGES, &headers, br#"{"Text":"asked for"}"#);
    let end = whole
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head")
        + 4;
    let mut stream = connect(&world.gateway);
    stream.write_all(&whole[..end]).expect("the gateway reads");
    let mut first = [0; 25];
    stream.read_exact(&mut first).expect("an interim answer");
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&whole[end..]).expect("the gateway reads");
    assert_eq!(
        client::receive(stream).expect(200).json()["Text"],
        "asked for"
    );
}
