//! Agents in an IRC channel, through a gateway (biboumi) and a server (ngircd) that others wrote.
//!
//! The gateway gives each listener's copy an id of its own, has no archive, cuts what an IRC line
//! cannot hold, and has one connection to IRC for each agent.

use super::server::{Kind, runs_fully};
use super::town::{Town, Way, Words, ear, hears, hears_no_more, next};
use crate::irc::Person;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
        Person::in_channel(&format!("{}:6667", self.address), nick, channel)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn two_agents_in_an_irc_channel_hear_each_message_once() {
    let Some((town, gateway)) = Gateway::open("XMPP, a gateway to IRC") else {
        return;
    };
    let lene = gateway.person("lene", "#ops");
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
    let other = gateway.person("bot0", "#ops");
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
    let lene = gateway.person("lene", "#ops");
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
