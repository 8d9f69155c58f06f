//! An odd UCWA server: a proxy between the connector and the simulator changes what the simulator
//! responds.
//!
//! Goal: whatever comes as a package of events, nothing that can be read is lost, nothing comes
//! twice, and the agent stays signed in. Method: sockets and real time; the proxy changes single
//! responses, and each test waits for messages that must come.

use super::world::{DOMAIN, Way, World, contact, sip};
use crate::world::SOON;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchboard::backend::ucwa::Ucwa;
use switchboard::{AgentState, Collaboration, Cursor, Engine, EventQuery, NewAgent, Principal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a message may take.
const MESSAGE_MAX: Duration = Duration::from_secs(40);

/// What the proxy does with a response.
enum Done {
    /// It passes it on, as it is now.
    Passed,
    /// It never sends it.
    Kept,
}

/// Changes a response: what was asked for, the head, the body.
type Change = Box<dyn FnMut(&str, &mut String, &mut Vec<u8>) -> Done + Send>;

#[derive(Clone)]
struct Proxy {
    to: u16,
    change: Arc<Mutex<Change>>,
}

impl Proxy {
    /// Passes on requests and responses, one after the other, until either side ends.
    async fn pass_on(&self, mut client: TcpStream) -> Option<()> {
        let mut server = TcpStream::connect(("127.0.0.1", self.to)).await.ok()?;
        loop {
            let (asked, body) = message(&mut client).await?;
            server.write_all(asked.as_bytes()).await.ok()?;
            server.write_all(&body).await.ok()?;
            let (mut head, mut body) = message(&mut server).await?;
            let line = asked.lines().next().unwrap_or_default();
            let done = (self.change.lock())(line, &mut head, &mut body);
            if let Done::Kept = done {
                return std::future::pending().await;
            }
            let lines = head.trim_end().lines();
            let kept = lines.filter(|line| !line.to_lowercase().starts_with("content-length"));
            let mut head: String = kept.map(|line| format!("{line}\r\n")).collect();
            head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
            client.write_all(head.as_bytes()).await.ok()?;
            client.write_all(&body).await.ok()?;
        }
    }
}

/// Reads a head and the body that belongs to it.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or_default()];
    from.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

fn is_package(asked: &str) -> bool {
    asked.starts_with("GET ") && asked.contains("/events?")
}

/// An agent of an odd server.
struct Odd {
    world: World,
    proxy: Proxy,
    engine: Engine,
    agent: Collaboration,
    mark: Mutex<Cursor>,
    _runtime: tokio::runtime::Runtime,
}

impl Odd {
    fn open() -> Odd {
        let world = World::open(Way::Plain, &[]);
        let port = world.root().trim_end_matches('/').rsplit(':').next();
        let change: Change = Box::new(|_, _, _| Done::Passed);
        let proxy = Proxy {
            to: port.unwrap().parse().unwrap(),
            change: Arc::new(Mutex::new(change)),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let root = format!("http://{}/", listener.local_addr().unwrap());
        let accepting = proxy.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((client, _)) = listener.accept().await {
                let proxy = accepting.clone();
                tokio::spawn(async move { proxy.pass_on(client).await });
            }
        });
        let engine = Engine::builder()
            .in_memory()
            .backend(Ucwa::new(world.config().root(root)).unwrap())
            .open()
            .unwrap();
        let new = NewAgent::new("bot0", format!("ucwa:bot0@{DOMAIN}")).unwrap();
        let admin = engine.provisioning(&Principal::host("ada")).unwrap();
        admin
            .put_agent(new.channel(contact("lene")).unwrap())
            .unwrap();
        let agent = engine.agent("bot0").unwrap();
        agent.wait_active(SOON).unwrap();
        Odd {
            world,
            proxy,
            engine,
            agent,
            mark: Mutex::new(Cursor::window()),
            _runtime: runtime,
        }
    }

    fn changes(
        &self,
        change: impl FnMut(&str, &mut String, &mut Vec<u8>) -> Done + Send + 'static,
    ) {
        *self.proxy.change.lock() = Box::new(change);
    }

    /// Changes the next package that contains `text`.
    fn changes_package(
        &self,
        text: &'static str,
        mut change: impl FnMut(&mut Vec<u8>) + Send + 'static,
    ) {
        let mut left = 1;
        self.changes(move |asked, _, body| {
            if left > 0 && is_package(asked) && String::from_utf8_lossy(body).contains(text) {
                left -= 1;
                change(body);
            }
            Done::Passed
        });
    }

    fn says(&self, text: &str) {
        let lene = self.world.simulator.person(&sip("lene")).unwrap();
        lene.say(&sip("bot0"), text);
    }

    /// Waits until `last` is heard, and returns everything that was heard since the last call.
    #[track_caller]
    fn heard(&self, last: &str) -> Vec<String> {
        let (mut heard, deadline) = (Vec::new(), Instant::now() + MESSAGE_MAX);
        let mut mark = self.mark.lock();
        while !heard.iter().any(|text| text == last) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`{last}` never comes: {heard:?}");
            let query = EventQuery::messages();
            let batch = self.agent.wait_events(mark.clone(), &query, left).unwrap();
            *mark = Cursor::after(batch.last, &batch.instance);
            let messages = batch.events.iter().filter_map(|event| event.message());
            heard.extend(messages.map(|message| message.text.clone()));
        }
        heard
    }

    /// Says something; the agent hears it, and nothing else.
    #[track_caller]
    fn hears(&self, said: &str, what: &str) {
        self.says(said);
        assert_eq!(self.heard(said), [said], "{what}");
    }
}

#[test]
fn a_package_that_is_not_well_formed_is_read_as_far_as_it_goes() {
    let odd = Odd::open();
    odd.hears("hello", "before");
    let since = odd.engine.agent_status("bot0").unwrap().since;
    /// Adds a member to the first object of a package.
    fn with(body: &mut Vec<u8>, member: &[u8]) {
        let rest = body.split_off(1);
        body.extend_from_slice(member);
        body.extend_from_slice(b",");
        body.extend_from_slice(&rest);
    }
    type Spoil = fn(&mut Vec<u8>);
    let spoils: [(&str, Spoil); 7] = [
        ("half a surrogate pair", |body| {
            with(body, br#""name":"\ud83d""#)
        }),
        ("a byte of Latin-1", |body| {
            with(body, b"\"name\":\"M\xfcller\"")
        }),
        ("a raw line break", |body| with(body, b"\"name\":\"a\nb\"")),
        ("a mark of the byte order", |body| {
            body.splice(0..0, *b"\xef\xbb\xbf");
        }),
        ("deep", |body| {
            let deep = format!("\"deep\":{}{}", "[".repeat(200), "]".repeat(200));
            with(body, deep.as_bytes());
        }),
        ("large", |body| {
            let large = format!("\"large\":\"{}\"", "x".repeat(5 << 20));
            with(body, large.as_bytes());
        }),
        ("twice the same member", |body| {
            with(body, br#""_links":{"self":{"href":"/x"}}"#)
        }),
    ];
    for (what, spoil) in spoils {
        odd.changes_package("spoilt", spoil);
        odd.hears("spoilt", what);
        odd.hears("after it", what);
    }
    let status = odd.engine.agent_status("bot0").unwrap();
    assert_eq!((status.state, status.since), (AgentState::Active, since));
}

#[test]
fn a_text_in_another_charset_is_read() {
    let odd = Odd::open();
    odd.hears("hello", "before");
    for (href, text) in [
        ("data:text/plain;charset=iso-8859-1,gr%fc%df", "grüß"),
        ("data:text/plain;charset=windows-1252,%93so%94", "“so”"),
        ("data:text/plain;charset=utf-16le;base64,PNgO3w==", "🌎"),
        ("data:text/plain;charset=utf-8,%ed%a0%bc%ed%bc%8e", "🌎"),
        ("data:text/plain;charset=utf-8,cut%e2%82", "cut\u{fffd}"),
    ] {
        odd.changes_package("PLACE", move |body| {
            let said = String::from_utf8_lossy(body).into_owned();
            let begin = said.find("data:text/plain;charset=utf-8,PLACE").unwrap();
            let end = begin + said[begin..].find('"').unwrap();
            *body = format!("{}{href}{}", &said[..begin], &said[end..]).into();
        });
        odd.says("PLACE");
        assert_eq!(odd.heard(text), [text], "{href}");
    }
}

#[test]
fn one_stray_answer_costs_no_message_and_no_time() {
    let odd = Odd::open();
    odd.hears("hello", "before");
    let since = odd.engine.agent_status("bot0").unwrap().since;
    for status in [
        "302 Found",
        "401 Unauthorized",
        "407 Proxy",
        "404 Not Found",
        "503 No",
    ] {
        let mut left = 1;
        odd.changes(move |asked, head, body| {
            if left > 0 && is_package(asked) {
                left -= 1;
                *head = format!("HTTP/1.1 {status}\r\nRetry-After: 3600\r\n\r\n");
                body.clear();
            }
            Done::Passed
        });
        let began = Instant::now();
        odd.hears("one", status);
        odd.hears("two", status);
        // The server drops what is not fetched within 30 s.
        assert!(began.elapsed() < Duration::from_secs(25), "{status}");
    }
    assert_eq!(odd.engine.agent_status("bot0").unwrap().since, since);
}

#[test]
fn a_resource_that_does_not_come_holds_up_no_other_message() {
    let odd = Odd::open();
    odd.hears("hello", "before");
    // The event lacks its message, and the first two requests for it are never answered.
    let mut kept = 0;
    odd.changes(move |asked, _, body| {
        if is_package(asked) {
            let text = String::from_utf8_lossy(body).into_owned();
            if text.contains("slow") {
                *body = text.replace("\"_embedded\"", "\"_omitted\"").into();
            }
        } else if asked.starts_with("GET ") && asked.contains("/messages/") && kept < 2 {
            kept += 1;
            return Done::Kept;
        }
        Done::Passed
    });
    let began = Instant::now();
    odd.says("slow");
    assert_eq!(odd.heard("slow"), ["slow"]);
    assert!(began.elapsed() < Duration::from_secs(30));
    odd.hears("after it", "after");
}

#[test]
fn a_package_that_comes_again_and_again_is_heard_once_and_is_no_hot_loop() {
    const AGAIN: u32 = 8;
    let odd = Odd::open();
    odd.hears("hello", "before");
    let (mut repeated, mut left) = (None, AGAIN);
    odd.changes(move |asked, _, body| {
        if !is_package(asked) {
            return Done::Passed;
        }
        let text = String::from_utf8_lossy(body).into_owned();
        if repeated.is_none() && text.contains("again") {
            // `next` leads to where it was fetched from.
            let own = asked.split(' ').nth(1).unwrap_or_default().to_owned();
            let begin = text
                .find("\"next\"")
                .and_then(|at| Some(at + text[at..].find('/')?));
            let begin = begin.unwrap_or_default();
            let end = begin + text[begin..].find('"').unwrap_or_default();
            repeated = Some(format!("{}{own}{}", &text[..begin], &text[end..]));
        }
        if let Some(repeated) = repeated.as_ref().filter(|_| left > 0) {
            left -= 1;
            *body = repeated.clone().into();
        }
        Done::Passed
    });
    let began = Instant::now();
    odd.says("again");
    assert_eq!(odd.heard("again"), ["again"]);
    odd.says("after it");
    assert_eq!(odd.heard("after it"), ["after it"]);
    assert!(began.elapsed() > Duration::from_secs(2), "a hot loop");
}
