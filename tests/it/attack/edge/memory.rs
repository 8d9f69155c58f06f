//! What costs memory without a login: bodies, documents, heads and polls.

use super::super::full;
use super::{connect, from};
use crate::http::client;
use crate::http::world::{MESSAGES, World};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[cfg(target_os = "linux")]
#[test]
fn bodies_that_do_not_end_hold_little() {
    let world = World::new(&[]);
    let before = world.gateway.peak_kib();
    let many = if full() { 1_500 } else { 200 };
    let mut held = Vec::new();
    // Without a login: bodies whose last byte never arrives.
    for _ in 0..many {
        let mut stream = connect(&world);
        let head = "POST /Authentication/v1/Tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 16384\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&[b' '; 16_383]).unwrap();
        held.push(stream);
    }
    world.gateway.get("/healthz", "").expect(200);
    let logins = world.gateway.peak_kib() - before;
    // With a token: as many bodies of one megabyte each.
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

/// A document is larger when it is decoded than on the wire; it is charged twice its bytes until
/// the call is over.
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

/// A waiting poll holds no memory for its head, and a head for which there is no room is refused
/// with a status.
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
    // Heads that never end take memory from the budget.
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

/// The channels that a poll names are charged while it waits.
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
