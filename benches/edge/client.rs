//! The client, in a process of its own: one thread that keeps its connections and handles plain
//! bytes.
//!
//! It reads orders from standard input and writes results to standard output, each a line of JSON.

use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

/// The client's process.
pub struct Client {
    child: Child,
    orders: ChildStdin,
    answers: std::io::Lines<std::io::BufReader<ChildStdout>>,
}

impl Client {
    /// Starts the client: this binary again.
    pub fn start() -> Client {
        let mut command = Command::new(std::env::current_exe().expect("this binary has a path"));
        command
            .args(["--child", "client"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("the client starts");
        let answers = std::io::BufReader::new(child.stdout.take().expect("piped")).lines();
        Client {
            orders: child.stdin.take().expect("piped"),
            answers,
            child,
        }
    }

    /// Sends requests for `time` on `connections`, each connection its own of `requests`. Returns
    /// the requests a second. A status other than 200 ends the bench.
    pub fn load(
        &mut self,
        address: SocketAddr,
        requests: &[String],
        connections: usize,
        time: Duration,
    ) -> f64 {
        let order = json!({
            "address": address, "requests": requests, "connections": connections, "milliseconds": time.as_millis() as u64,
        });
        self.order(&order);
        self.answer()["rate"].as_f64().expect("a rate")
    }

    /// Sends one request on each of `connections` and does not wait for the answers.
    pub fn wait(&mut self, address: SocketAddr, requests: &[String], connections: usize) {
        self.order(
            &json!({ "address": address, "requests": requests, "connections": connections }),
        );
        assert_eq!(self.answer()["asked"], connections);
    }

    /// How many requests of [`Client::wait`] are answered in the end.
    pub fn answered(&mut self) -> usize {
        self.answer()["answered"].as_u64().unwrap_or(0) as usize
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").expect("the client lives");
    }

    fn answer(&mut self) -> Value {
        let line = self
            .answers
            .next()
            .expect("the client answers")
            .expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client's side: obeys until standard input ends.
pub fn obey() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    for line in std::io::stdin().lines() {
        let order: Value = serde_json::from_str(&line.expect("UTF-8")).expect("JSON");
        let answer = LocalSet::new().block_on(&runtime, perform(&order));
        println!("{answer}");
    }
}

async fn perform(order: &Value) -> Value {
    let address: SocketAddr = order["address"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("an address");
    let requests: Vec<Rc<[u8]>> = order["requests"]
        .as_array()
        .expect("requests")
        .iter()
        .map(|request| request.as_str().expect("a text").as_bytes().into())
        .collect();
    let connections = order["connections"].as_u64().expect("a number") as usize;
    let mut streams = Vec::with_capacity(connections);
    for number in 0..connections {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        streams.push((stream, requests[number % requests.len()].clone()));
    }
    match order["milliseconds"].as_u64() {
        Some(time) => load(streams, Duration::from_millis(time)).await,
        None => wait(streams).await,
    }
}

async fn load(streams: Vec<(TcpStream, Rc<[u8]>)>, time: Duration) -> Value {
    let (done, begin, mut tasks) = (Rc::new(Cell::new(0u64)), Instant::now(), JoinSet::new());
    for (mut stream, request) in streams {
        let done = done.clone();
        tasks.spawn_local(async move {
            let mut buffer = Vec::with_capacity(16 << 10);
            while begin.elapsed() < time {
                stream.write_all(&request).await.expect("the server reads");
                receive(&mut stream, &mut buffer).await;
                done.set(done.get() + 1);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no connection failed");
    }
    json!({ "rate": done.get() as f64 / begin.elapsed().as_secs_f64() })
}

async fn wait(mut streams: Vec<(TcpStream, Rc<[u8]>)>) -> Value {
    for (stream, request) in &mut streams {
        stream.write_all(request).await.expect("the server reads");
    }
    println!("{}", json!({ "asked": streams.len() }));
    let (mut answered, mut buffer) = (0, Vec::new());
    for (stream, _) in &mut streams {
        receive(stream, &mut buffer).await;
        answered += 1;
    }
    json!({ "answered": answered })
}

/// Reads one answer, which must be a 200 of a stated length.
async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    let mut whole = None;
    while whole.is_none_or(|whole| buffer.len() < whole) {
        let read = stream.read_buf(buffer).await.expect("the server answers");
        assert!(
            read > 0,
            "hung up after {:?}",
            String::from_utf8_lossy(buffer)
        );
        if whole.is_none() {
            whole = length(buffer);
        }
    }
    assert!(
        buffer.starts_with(b"HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(buffer)
    );
}

/// Bytes of head and body, once the head is there.
fn length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).expect("a head is ASCII");
    let stated = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().expect("a number"))
    });
    Some(head + stated.expect("the length is stated"))
}
