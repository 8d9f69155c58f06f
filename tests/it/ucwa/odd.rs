//! An odd UCWA server: a proxy in memory changes what the simulator responds.
//!
//! Goal: whatever comes as a package of events, nothing that can be read is lost, and an agent that
//! hears nothing is not Active. Method: the proxy spoils the responses of the event channel only,
//! so that everything else of the server works.

use super::world::{Bot, Office, sip};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use switchboard::AgentState;
use switchboard::backend::ucwa::{Connect, Io, Origin};
use switchboard::backend::{Inbox, Reply, reply};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

const SECOND: Duration = Duration::from_secs(1);

/// What a response of the event channel is changed to: its status line and its body.
type Spoil = Box<dyn FnMut(&mut String, &mut Vec<u8>) + Send>;

/// The proxy, and how often the event channel was asked for.
#[derive(Clone)]
struct Proxy {
    pipes: Arc<dyn Connect>,
    spoil: Arc<Mutex<(Spoil, u32)>>,
}

impl Connect for Proxy {
    fn connect(&self, to: &Origin, inbox: &Inbox) -> Reply<Box<dyn Io>> {
        let opened = self.pipes.connect(to, inbox);
        let (proxy, inbox) = (self.clone(), inbox.clone());
        reply(async move {
            let server = opened.await?;
            let (near, client) = tokio::io::duplex(64 * 1024);
            inbox.spawn(async move {
                let _ = proxy.pass_on(client, server).await;
            });
            Ok(Box::new(near) as Box<dyn Io>)
        })
    }
}

impl Proxy {
    /// Passes on requests and responses, one after the other, until either side ends.
    async fn pass_on(&self, mut client: impl Io, mut server: Box<dyn Io>) -> Option<()> {
        loop {
            let (head, body) = message(&mut client).await?;
            let is_channel = head.starts_with("GET ") && head.contains("/events?");
            server.write_all(head.as_bytes()).await.ok()?;
            server.write_all(&body).await.ok()?;
            let (mut head, mut body) = message(&mut server).await?;
            if is_channel {
                let mut spoil = self.spoil.lock();
                spoil.1 += 1;
                (spoil.0)(&mut head, &mut body);
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
async fn message(from: &mut (impl AsyncRead + Unpin + ?Sized)) -> Option<(String, Vec<u8>)> {
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

/// An office whose server is odd, and the proxy that makes it so.
fn office() -> (Office, Proxy) {
    let made = Mutex::new(None);
    let office = Office::over(&[], |pipes| {
        let spoil: Spoil = Box::new(|_, _| {});
        let spoil = Arc::new(Mutex::new((spoil, 0)));
        let proxy = Proxy { pipes, spoil };
        *made.lock() = Some(proxy.clone());
        Arc::new(proxy)
    });
    let proxy = made.lock().take().unwrap();
    (office, proxy)
}

impl Proxy {
    fn spoils(&self, spoil: impl FnMut(&mut String, &mut Vec<u8>) + Send + 'static) {
        *self.spoil.lock() = (Box::new(spoil), 0);
    }

    fn asked(&self) -> u32 {
        self.spoil.lock().1
    }
}

/// Says two things to the agent and checks that each comes once.
#[track_caller]
fn hears_two(office: &Office, bot: &Bot<'_>, what: &str) {
    for text in ["one", "two"] {
        office.person("lene").say(&sip("bot0"), text);
        office.pass(3 * SECOND);
    }
    office.pass(12 * SECOND);
    let heard = ["lene@contoso.com: one", "lene@contoso.com: two"];
    assert_eq!(bot.heard(), heard, "{what}");
    assert_eq!(office.status(0).state, AgentState::Active, "{what}");
}

#[test]
fn one_stray_answer_costs_no_message() {
    let (office, proxy) = office();
    let bot = office.bot(0, &["lene"]);
    let began = office.status(0).since;
    for status in [
        "302 Found",
        "401 Unauthorized",
        "407 Proxy",
        "404 Not Found",
        "503 No",
    ] {
        let mut left = 1;
        proxy.spoils(move |head, body| {
            if left > 0 {
                left -= 1;
                *head = format!("HTTP/1.1 {status}\r\nRetry-After: 3600\r\n\r\n");
                body.clear();
            }
        });
        hears_two(&office, &bot, status);
    }
    assert_eq!(office.status(0).since, began);
}

#[test]
fn a_package_that_leads_to_itself_is_heard_once_and_not_asked_for_all_the_time() {
    let (office, proxy) = office();
    let bot = office.bot(0, &["lene"]);
    hears_two(&office, &bot, "before");
    let kept = Mutex::new(None);
    proxy.spoils(move |_, body| {
        let mut kept = kept.lock();
        let text = String::from_utf8_lossy(body).into_owned();
        if kept.is_none() && text.contains("again") {
            *kept = Some(text.replace("\"next\"", "\"nothing\""));
        }
        if let Some(kept) = &*kept {
            *body = kept.clone().into();
        }
    });
    office.person("lene").say(&sip("bot0"), "again");
    office.pass(20 * SECOND);
    assert_eq!(bot.heard(), ["lene@contoso.com: again"]);
    assert!(proxy.asked() < 20, "{}", proxy.asked());
}
