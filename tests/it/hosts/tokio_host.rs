//! The host on tokio: the contract and a page in one application, a bot beside it, and a 200 only
//! for what was said.

use super::program::{Home, kills};
use crate::crash::Dice;
use crate::http::client::{self, Answer, request};
use crate::world::{Disk, OPS, SOON, chat, seconds};
use crate::xmpp::town::Town;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use switchboard::{Engine, Error, NewMessage, Result};

#[path = "../../../examples/tokio_host.rs"]
mod example;

fn call(address: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let authorization = format!("FCF {token}");
    let mut headers = vec![("Content-Type", "application/json")];
    if !token.is_empty() {
        headers.push(("Authorization", &authorization));
    }
    client::send(address, &request(method, path, &headers, body.as_bytes()))
}

/// Logs `app` in, which may take a moment after a start.
fn log_in(address: SocketAddr) -> String {
    let body = json!({ "Username": "app", "Password": "sesame", "AgentId": "bot" });
    let path = "/chat/Authentication/V1/Tokens";
    let answer = call(address, "POST", path, "", &body.to_string()).expect(200);
    answer.json().as_str().unwrap().to_owned()
}

fn path(room: &str) -> String {
    let room = room.replace(':', "%3A").replace('@', "%40");
    format!("/chat/Collaboration/V1/Channels/{room}/Messages")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the runtime of this test")]
fn it_serves_the_contract_and_a_page_and_ends_in_order() {
    let (chat, disk) = (chat(), Disk::new());
    let lene = chat.person("contact:lene");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let builder = Engine::builder().database(disk.path()).backend(chat);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (engine, address, served) = runtime.block_on(async {
        let engine = example::open(builder, "loopback:bot", OPS, "sesame")
            .await
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = async { drop(stopped.await) };
        let served = tokio::spawn(example::serve(engine.clone(), listener, stop));
        (engine, address, served)
    });
    engine.agent("bot").unwrap().wait_joined(OPS, SOON).unwrap();
    assert_eq!(
        call(address, "GET", "/health", "", "").expect(200).body,
        "active"
    );
    let token = log_in(address);
    let body = json!({ "Text": "hello" }).to_string();
    call(address, "POST", &path(OPS), &token, &body).expect(200);
    assert_eq!(lene.hears(OPS).unwrap().text, "hello");
    lene.say(OPS, "!help").unwrap();
    assert_eq!(lene.hears(OPS).unwrap().text, "ask at /chat");
    stop.send(()).unwrap();
    let ended: Result<()> = runtime.block_on(served).unwrap();
    ended.unwrap();
    let late = engine
        .agent("bot")
        .unwrap()
        .post(OPS, NewMessage::text("late"));
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
}

/// An application posts while the host is killed: what was answered with 200 is in the room, once,
/// and nothing is there twice.
#[test]
fn over_many_kills_a_200_means_that_it_was_said() {
    let Some(town) = Town::prosody("the host on tokio over kills") else {
        return;
    };
    let (room, seed) = (town.ops(), Dice::seed());
    let home = Home::new(&town, "tokio_host", &[&room]);
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let (mut confirmed, mut next) = (Vec::new(), 0);
    for _ in 0..=kills() {
        let host = home.start();
        let line = host.line();
        let address = line
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/chat"));
        let address: SocketAddr = address.expect("its address").parse().unwrap();
        let token = log_in(address);
        let (told, tells) = channel();
        let posting = std::thread::spawn({
            let path = path(&room);
            move || {
                let mut answered = Vec::new();
                for n in next.. {
                    let body = json!({ "Text": n.to_string() }).to_string();
                    match status(address, &post(&path, &token, &body)) {
                        Some(status) => {
                            answered.push((n, status));
                            // Nobody listens after the first one.
                            let _ = told.send(status);
                        }
                        None => return (answered, n + 1),
                    }
                }
                unreachable!("the host ends first")
            }
        });
        let limit = Instant::now() + seconds(120);
        while tells.recv_timeout(limit.saturating_duration_since(Instant::now())) != Ok(200) {
            assert!(Instant::now() < limit, "nothing is said");
        }
        std::thread::sleep(Duration::from_millis(dice.below(300)));
        host.kill();
        let (answered, after) = posting.join().unwrap();
        let said = answered.iter().filter(|(_, status)| *status == 200);
        confirmed.extend(said.map(|(n, _)| *n));
        next = after;
    }
    let last = *confirmed.last().unwrap();
    town.alice.hears(&town.room(), &last.to_string());
    let heard = town.alice.heard(&town.room());
    let mut heard: Vec<usize> = heard.iter().map(|one| one.text.parse().unwrap()).collect();
    heard.sort_unstable();
    assert!(
        heard.windows(2).all(|two| two[0] < two[1]),
        "nothing twice: {heard:?}"
    );
    let missing: Vec<_> = confirmed
        .iter()
        .filter(|n| heard.binary_search(n).is_err())
        .collect();
    assert!(
        missing.is_empty(),
        "a 200 for {missing:?}, which were not said"
    );
}

fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    let authorization = format!("FCF {token}");
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", authorization.as_str()),
    ];
    request("POST", path, &headers, body.as_bytes())
}

/// The status that was answered, unless the host is gone.
fn status(address: SocketAddr, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(SOON)).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}
