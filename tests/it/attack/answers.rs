//! Answers, attacked: by clients that do not read theirs, and by an agent whose messages are
//! written far larger than they are stored.

use crate::http::client::{receive, request, send};
use crate::http::world::{MESSAGES, NAMESPACE, World};
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;

/// The most bytes of one answer with messages, plus one message.
const ANSWER_MAX: usize = 5 << 20;

/// A link as it is written: its type comes first.
fn link(text: &str, url: &str) -> String {
    format!(
        r#"{{"__type":"HyperlinkMessagePart:{NAMESPACE}","Text":{},"Url":{}}}"#,
        json!(text),
        json!(url)
    )
}

/// Posts those parts `times` times, and returns how many posts were accepted.
fn said(world: &World, parts: &[String], times: usize) -> usize {
    let body = format!(r#"{{"MessageParts":[{}]}}"#, parts.join(","));
    (0..times)
        .filter(|_| world.lene("POST", MESSAGES, &body).status == 200)
        .count()
}

#[test]
fn no_message_keeps_others_from_the_history_of_its_room() {
    let visible = link("v", "http://a");
    let world = World::new(&[]);
    for (what, parts, times) in [
        (
            "2,500 empty parts",
            std::iter::once(visible.clone())
                .chain(std::iter::repeat_n(link("", ""), 2_500))
                .collect(),
            4,
        ),
        (
            "400 empty parts",
            std::iter::once(visible.clone())
                .chain(std::iter::repeat_n(link("", ""), 400))
                .collect(),
            150,
        ),
        (
            "control characters",
            vec![link("v", &"\u{1}".repeat(60_000))],
            150,
        ),
    ] as [(&str, Vec<_>, usize); 3]
    {
        let accepted = said(&world, &parts, times);
        let json = world
            .lene("GET", &format!("{MESSAGES}?take=1000"), "")
            .expect(200);
        let headers = [
            ("Accept", "application/xml"),
            ("Authorization", &format!("FCF {}", world.lene)),
        ];
        let xml = send(
            world.gateway.address,
            &request("GET", &format!("{MESSAGES}?take=1000"), &headers, b""),
        )
        .expect(200);
        println!(
            "{what}: {accepted} of {times} accepted; the history is {} bytes, {} in XML",
            json.body.len(),
            xml.body.len()
        );
        assert!(json.body.len() < ANSWER_MAX && xml.body.len() < ANSWER_MAX);
        assert!(accepted == times || what == "2,500 empty parts");
    }
}

#[test]
fn answers_that_nobody_reads_hold_little() {
    let world = World::new(&[]);
    let text = "x".repeat(400);
    let url = format!("http://a/{}", "y".repeat(55_000));
    assert_eq!(said(&world, &[link(&text, &url)], 80), 80);
    let asks = request(
        "GET",
        &format!("{MESSAGES}?take=1000"),
        &[("Authorization", &format!("FCF {}", world.lene))],
        b"",
    );
    let before = world.gateway.peak_kib();
    let unread: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(world.gateway.address).unwrap();
            stream.write_all(&asks).unwrap();
            stream
        })
        .collect();
    world.post("others are served meanwhile");
    let mut statuses = std::collections::BTreeMap::new();
    let mut first = None;
    for stream in unread {
        let answer = receive(stream);
        *statuses.entry(answer.status).or_insert(0) += 1;
        first.get_or_insert(answer.body.len());
    }
    let peak = world.gateway.peak_kib() - before;
    println!(
        "100 histories of {first:?} bytes, unread for a while: {statuses:?}, {peak} KiB more at the peak"
    );
    assert!(
        statuses.contains_key(&200) && statuses.contains_key(&503),
        "what is not read stays charged"
    );
    assert!(statuses.keys().all(|status| [200, 503].contains(status)));
    assert!(peak < 160 * 1024, "{peak} KiB");
}
