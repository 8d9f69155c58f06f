//! Agents in an IRC channel, through a gateway (biboumi) and a server (ngircd) that others wrote.
//!
//! The gateway gives each listener's copy an id of its own, has no archive, cuts what an IRC line
//! cannot hold, and has one connection to IRC for each agent.

use super::server::{Kind, runs_fully};
use super::town::{SOON, Town, Way, Words, ear, hears, hears_no_more, next};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;
use switchboard::{EventQuery, NewMessage};

/// A gateway and an IRC server, gone with their test.
struct Gateway {
    script: Child,
    directory: PathBuf,
    address: String,
    domain: String,
}

impl Gateway {
    /// Starts both beside a town's server; `None` if they cannot run here.
    fn open(suite: &str) -> Option<(Town, Gateway)> {
        let programs = ["/usr/bin/biboumi", "/usr/sbin/ngircd"];
        if !runs_fully(suite, &programs) {
            return None;
        }
        let town = Town::open(suite, Kind::Prosody)?;
        let directory = town.server.certificate();
        let directory = directory.ancestors().nth(2).expect("below the server's");
        let directory = directory.join("irc");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/irc");
        let mut script = Command::new(script)
            .arg(&directory)
            .arg(town.server.value("COMPONENT"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script starts");
        let said = BufReader::new(script.stdout.take().expect("piped"));
        let lines = said.lines().map_while(Result::ok);
        let said: Vec<String> = lines.take_while(|line| line != "READY=yes").collect();
        let value = |name: &str| {
            let value = said.iter().find_map(|line| line.strip_prefix(name));
            value
                .unwrap_or_else(|| panic!("{name} in {said:?}"))
                .to_owned()
        };
        let (address, domain) = (value("ADDRESS="), value("GATEWAY="));
        let gateway = Gateway {
            script,
            directory,
            address,
            domain,
        };
        Some((town, gateway))
    }

    /// The room of an IRC channel.
    fn room(&self, channel: &str) -> String {
        format!("chat-room:{channel}%{}@{}", self.address, self.domain)
    }

    /// Somebody in an IRC channel.
    fn person(&self, nick: &str, channel: &str) -> Person {
        let stream = TcpStream::connect((&*self.address, 6667)).expect("it listens");
        let reading = BufReader::new(stream.try_clone().expect("a socket"));
        let mut answers = stream.try_clone().expect("a socket");
        let (lines, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for line in reading.lines().map_while(Result::ok) {
                if let Some(word) = line.strip_prefix("PING ") {
                    let _ = write!(answers, "PONG {word}\r\n");
                }
                let _ = lines.send(line);
            }
        });
        let mut person = Person { stream, heard };
        person.sends(&format!(
            "NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN {channel}"
        ));
        person.hears(&format!(" 366 {nick} {channel} "));
        person
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A person with an IRC program.
struct Person {
    stream: TcpStream,
    heard: Receiver<String>,
}

impl Person {
    fn sends(&mut self, line: &str) {
        write!(self.stream, "{line}\r\n").expect("connected");
    }

    /// Returns the next line that contains `text`, which must come.
    #[track_caller]
    fn hears(&mut self, text: &str) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.heard.recv_timeout(left).expect("a line comes");
            if line.contains(text) {
                return line;
            }
        }
    }
}

#[test]
fn two_agents_in_an_irc_channel_hear_each_message_once() {
    let Some((town, gateway)) = Gateway::open("XMPP, a gateway to IRC") else {
        return;
    };
    let mut lene = gateway.person("lene", "#ops");
    let (room, engine) = (gateway.room("#ops"), town.engine());
    let bots = ["bot0", "bot1"]
        .map(|name| engine.bot(name, &town.bot(Way::Component, name), &[room.as_str()]));
    let mut ears = bots.each_ref().map(ear);
    for text in ["one", "two", "two"] {
        lene.sends(&format!("PRIVMSG #ops :{text}"));
    }
    for ear in &mut ears {
        for text in ["one", "two", "two"] {
            hears(ear, text);
        }
    }
    for text in ["hello", "hello", "  blanks  and\tmore  ", "ok"] {
        let posted = bots[0].post(room.as_str(), NewMessage::text(text));
        assert_eq!(posted.expect("it came back").text, text);
        lene.hears(" PRIVMSG #ops :");
        assert_eq!(next(&mut ears[1]).text, text);
    }
    for ear in &mut ears {
        hears_no_more(&engine, ear);
    }
}

#[test]
fn a_nickname_that_is_taken_on_irc_gets_a_number() {
    let Some((town, gateway)) = Gateway::open("XMPP, nicknames on IRC") else {
        return;
    };
    let mut other = gateway.person("bot0", "#ops");
    let (room, engine) = (gateway.room("#ops"), town.engine());
    let bot = engine.bot("bot0", &town.bot(Way::Component, "bot0"), &[room.as_str()]);
    bot.post(room.as_str(), NewMessage::text("hi"))
        .expect("it came back");
    let line = other.hears(" PRIVMSG #ops :hi");
    assert!(line.starts_with(":bot0-2!"), "{line}");
}

/// An IRC line has 512 bytes: the gateway sends a long post in several, and shows it to its sender
/// as it was. The pieces that others hear are no messages.
#[test]
fn a_post_that_irc_cuts_is_one_message() {
    let Some((town, gateway)) = Gateway::open("XMPP, long posts on IRC") else {
        return;
    };
    let mut lene = gateway.person("lene", "#ops");
    let (room, engine) = (gateway.room("#ops"), town.engine());
    let bots = ["bot0", "bot1"]
        .map(|name| engine.bot(name, &town.bot(Way::Component, name), &[room.as_str()]));
    let mut ear = bots[1]
        .reader("test", EventQuery::messages())
        .expect("a reader");
    let words = |word: &str| format!("{word} ").repeat(250);
    for text in [
        words("long"),
        format!("{}\n\nlast", words("line")),
        "1\n2\n3".into(),
    ] {
        let posted = bots[0].post(room.as_str(), NewMessage::text(text.as_str()));
        assert_eq!(posted.expect("it came back").text, text);
        assert_eq!(next(&mut ear).text, text);
        lene.hears(" PRIVMSG #ops :");
    }
    lene.sends("PRIVMSG #ops :end");
    hears(&mut ear, "end");
    hears_no_more(&engine, &mut ear);
}
