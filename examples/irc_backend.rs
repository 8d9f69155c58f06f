//! A backend for IRC: rooms are channels, contacts are nicknames, and each agent has its own
//! connection. The program repeats what people say.
//!
//!     cargo run --example irc_backend -- 127.0.0.1:6667 repeater '#ops'
//!
//! IRC does less than most chat systems, and the capabilities say so: no ids, no history, no echo,
//! short lines. It does not even say that it took a message. But a server works through lines in
//! order, so a PING follows each request, and a PONG without a refusal before it says "done".

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use switchboard::backend::{BackendErrorKind as Kind, *};
use switchboard::{Engine, Error, EventQuery, NewAgent, NewMessage, Principal};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

/// A line has 512 bytes, and the server adds names to it before others get it.
const LIMITS: Limits = Limits::NONE.bytes(380).lines(1);
/// Bytes of a line of the server at most.
const LINE_MAX: u64 = 8192;
/// How long any one step may take.
const STEP: Duration = Duration::from_secs(30);
/// After this long without a line, the server is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(90);
/// After this long a nickname, or a place in a full room, may be free.
const PAUSE: Duration = Duration::from_secs(5);

/// An IRC network, reached through one of its servers.
pub(crate) struct Irc {
    /// Names the network, for example `irc:libera`.
    pub network: NetworkId,
    /// The server, as `HOST:PORT`.
    pub server: String,
    /// How fast requests go out: a server throws out who floods it.
    pub pace: Pace,
}

impl Backend for Irc {
    fn network(&self) -> &NetworkId {
        &self.network
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::PLAIN.limited(LIMITS).splitting(Split::Fit)
    }

    fn dial(self: Arc<Self>, _key: LinkKey, inbox: Inbox) -> Reply<Arc<dyn Link>> {
        reply(async move {
            let dialed = inbox.step(STEP, TcpStream::connect(&self.server));
            let (read, write) = dialed.await??.into_split();
            let (requests, queue) = mpsc::channel(256);
            let wire = Arc::new(Wire {
                inbox: inbox.clone(),
                requests,
                state: Mutex::default(),
            });
            inbox.drive(speak(inbox.clone(), write, queue, self.pace.clone()));
            inbox.drive(listen(inbox.clone(), read, Arc::downgrade(&wire)));
            Ok(wire as Arc<dyn Link>)
        })
    }
}

type Requests = mpsc::Receiver<String>;
type Ended = Result<(), BackendError>;

/// Sends requests at their pace. Once nobody has the wire any more, it hangs up.
async fn speak(inbox: Inbox, mut to: OwnedWriteHalf, mut queue: Requests, mut pace: Pace) -> Ended {
    while let Some(request) = queue.recv().await {
        pace.turn(&inbox).await;
        inbox.step(STEP, to.write_all(request.as_bytes())).await??;
    }
    Ok(())
}

/// Reads until the connection is lost. What waits for an answer then gets none.
async fn listen(inbox: Inbox, from: OwnedReadHalf, wire: Weak<Wire>) -> Ended {
    let (mut from, mut line, mut is_asked) = (BufReader::new(from), Vec::new(), false);
    loop {
        let mut from = (&mut from).take(LINE_MAX);
        let read = inbox.within(QUIET, from.read_until(b'\n', &mut line)).await;
        let wire = wire.upgrade().ok_or(Closed)?;
        if line.ends_with(b"\n") {
            let heard = wire.hear(String::from_utf8_lossy(&line).trim_end());
            line.clear();
            if let Some(inbound) = heard {
                inbox.send(inbound).await?;
            }
        } else if read.is_some() || is_asked {
            wire.state().answers.clear();
            let why = "it hung up, is silent, or sends a line without end";
            return Err(BackendError::unreachable(why));
        } else {
            wire.request("PING :quiet");
        }
        is_asked = read.is_none();
    }
}

/// A connection, which carries one agent: link and session in one.
struct Wire {
    inbox: Inbox,
    requests: mpsc::Sender<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    agent: Option<AgentKey>,
    nick: String,
    /// Where the agent is, by the name in lower case.
    places: HashMap<String, ChannelId>,
    /// The number of the last PING, and what waits for a PONG. A sign-in waits as 0.
    asked: u64,
    answers: Answers<u64>,
    /// What the server has refused since the last PONG.
    refusal: Option<BackendError>,
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under it")
    }

    /// Puts a request in the queue. If that is full, there will be no answer.
    fn request(&self, request: &str) {
        let _ = self.requests.try_send(format!("{request}\r\n"));
    }

    /// Makes a request, and returns `value` once the server has done it.
    fn ask<T: Send + 'static>(&self, state: &mut State, request: &str, value: T) -> Reply<T> {
        state.asked += 1;
        self.request(&format!("{request}\r\nPING :{}", state.asked));
        state.answers.expect(state.asked, value, STEP, &self.inbox)
    }
}

impl Link for Wire {
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>> {
        let mut state = self.state();
        (state.agent, state.nick) = (Some(agent), address.name().to_owned());
        self.request(&format!("NICK {0}\r\nUSER {0} 0 * :{0}", state.nick));
        state.answers.expect(0, self.clone(), STEP, &self.inbox)
    }
}

impl Session for Wire {
    fn join(self: Arc<Self>, channel: ChannelId, _resume: Option<ResumePoint>) -> Reply<Joined> {
        let (name, mut state) = (channel.name(), self.state());
        let is_room = channel.kind() == ChannelKind::Room;
        if is_room != name.starts_with(['#', '&']) || name.contains([' ', ',']) {
            return refuse(Kind::Rejected, "that is no name on IRC");
        }
        state.places.insert(fold(name), channel.clone());
        // ISON says whether a person is there, and refuses nothing.
        let request = if is_room { "JOIN" } else { "ISON" };
        let joined = Joined::new(ChannelInfo::named(name));
        self.ask(&mut state, &format!("{request} {name}"), joined)
    }

    fn leave(self: Arc<Self>, channel: ChannelId) -> Reply<()> {
        let (name, mut state) = (channel.name(), self.state());
        let left = state.places.remove(&fold(name));
        let is_room = left.is_some_and(|left| left.kind() == ChannelKind::Room);
        let request = if is_room { "PART" } else { "ISON" };
        self.ask(&mut state, &format!("{request} {name}"), ())
    }

    fn post(self: Arc<Self>, channel: ChannelId, message: Outgoing) -> Reply<Posted> {
        let (name, mut state) = (channel.name(), self.state());
        if !state.places.contains_key(&fold(name)) {
            return refuse(Kind::ChannelGone, "the agent is not there");
        }
        // No program may answer a NOTICE by itself.
        let automatic = message.content.automatic;
        let command = if automatic { "NOTICE" } else { "PRIVMSG" };
        let text = message.text.replace(['\r', '\n', '\0'], " ");
        let accepted = Accepted::new(MessageId::random(), format!("irc:{}", state.nick));
        let request = format!("{command} {name} :{text}");
        self.ask(&mut state, &request, accepted.into())
    }

    fn sign_out(self: Arc<Self>) -> Reply<()> {
        self.request("QUIT :signed out");
        reply(async { Ok(()) })
    }
}

impl Wire {
    /// Does what a line of the server asks for, and returns what the engine has to know.
    fn hear(&self, line: &str) -> Option<Inbound> {
        let (from, command, params) = parse(line)?;
        let mut state = self.state();
        let (agent, is_own) = (state.agent?, fold(from) == fold(&state.nick));
        match (command, &params[..]) {
            ("PING", [token, ..]) => self.request(&format!("PONG :{token}")),
            ("PONG", [.., number]) => {
                let outcome = state.refusal.take().map_or(Ok(()), Err);
                state.answers.give(&number.parse().ok()?, outcome);
            }
            ("001", [nick, ..]) => {
                state.nick = (*nick).to_owned();
                state.answers.give(&0, Ok(()));
            }
            ("ERROR", [why, ..]) => self.inbox.lost(BackendError::unreachable(*why)),
            (number, [_, to, .., why]) if number.starts_with(['4', '5']) => {
                self.refused(&mut state, number, to, why);
            }
            ("NICK", [new, ..]) if is_own => state.nick = (*new).to_owned(),
            ("JOIN", [room, ..]) if is_own => {
                let channel = state.places.get(&fold(room))?.clone();
                return Some(Inbound::Entered { agent, channel });
            }
            ("KICK", [room, who, why @ ..]) if fold(who) == fold(&state.nick) => {
                let channel = state.places.remove(&fold(room))?;
                let reason = format!("kicked by {from}: {}", why.concat());
                return Some(Inbound::kicked(agent, channel, reason));
            }
            // ISON (303) says who is there.
            ("JOIN" | "NICK" | "QUIT" | "303", [.., last]) => {
                let who = if command == "303" { last.trim() } else { from };
                let contact = state.places.get(&fold(who))?.clone();
                let is_there = matches!(command, "JOIN" | "303");
                let change = StateChange::is_there(SeenBy::Agent(agent), contact, is_there);
                self.inbox.state(change);
            }
            // A server is no contact: its name has a dot. What begins with \x01 is for programs.
            ("PRIVMSG" | "NOTICE", [_, text]) if from.contains('.') || text.starts_with('\x01') => {
            }
            ("PRIVMSG" | "NOTICE", [to, text]) => {
                let is_room = to.starts_with(['#', '&']);
                let name = if is_room { to } else { from };
                let stranger = || ChannelId::parse(&format!("contact:{from}")).ok();
                let known = state.places.get(&fold(name)).cloned();
                let channel = known.or_else(|| stranger().filter(|_| !is_room))?;
                let (id, sender) = (MessageId::random(), format!("irc:{from}"));
                let mut received = Received::text(id, sender, *text);
                received.content.automatic = command == "NOTICE";
                return Some(Inbound::message(SeenBy::Agent(agent), channel, received));
            }
            _ => {}
        }
        None
    }

    /// Keeps a refusal for the PONG that follows. Without its sign-in the connection is of no use.
    fn refused(&self, state: &mut State, number: &str, to: &str, why: &str) {
        let kind = match number {
            "405" | "433" | "436" | "437" | "471" => Kind::RetryAfter(PAUSE),
            "403" => Kind::ChannelGone,
            "401" | "404" => Kind::Rejected,
            _ => Kind::Refused,
        };
        let error = BackendError::new(kind, why);
        if state.answers.give(&0, Err(error.clone())) {
            self.inbox.lost(error.clone());
        }
        if kind != Kind::Rejected {
            state.places.remove(&fold(to));
        }
        state.refusal = Some(error);
    }
}

/// Who says a line (a nickname or a server), its command, and what follows.
fn parse(line: &str) -> Option<(&str, &str, Vec<&str>)> {
    let prefixed = line.strip_prefix(':').and_then(|line| line.split_once(' '));
    let (prefix, rest) = prefixed.unwrap_or(("", line));
    let (head, last) = rest.split_once(" :").unzip();
    let mut words = head.unwrap_or(rest).split_ascii_whitespace();
    let (from, command) = (prefix.split('!').next()?, words.next()?);
    Some((from, command, words.chain(last).collect()))
}

/// Names that differ in case alone are one name. These brackets are letters of two cases.
fn fold(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.replace('[', "{").replace(']', "}").replace('\\', "|")
}

fn refuse<T: Send + 'static>(kind: Kind, why: &str) -> Reply<T> {
    reply(std::future::ready(Err(BackendError::new(kind, why))))
}

/// Repeats what people say, until the engine stops. Two of these do not answer each other.
pub fn repeat(engine: &Engine) -> switchboard::Result<()> {
    let agent = engine.agent("repeater")?;
    let mut reader = agent.reader("main", EventQuery::messages().remote().not_automatic())?;
    while let Some(event) = reader.next()? {
        let message = event.message().expect("the query wants messages only");
        let text = NewMessage::text(format!("you said: {}", message.text)).automatic();
        agent.post(&message.channel, text.answering(&event))?;
    }
    Ok(())
}

fn main() -> switchboard::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, nick, room] = &arguments[..] else {
        return Err(Error::Invalid("HOST:PORT NICK #CHANNEL".into()));
    };
    let irc = Irc {
        network: NetworkId::parse("irc:network")?,
        server: server.clone(),
        pace: Pace::new(5, Duration::from_secs(1)),
    };
    let engine = Engine::builder().database("irc.db").backend(irc).open()?;
    let agent = NewAgent::new("repeater", format!("irc:{nick}"))?;
    let agent = agent.channel(format!("chat-room:{room}"))?;
    let admin = engine.provisioning(&Principal::host("irc_backend"))?;
    admin.put_agent(agent)?;
    repeat(&engine)
}
