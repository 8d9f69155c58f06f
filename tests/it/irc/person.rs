//! A person with an IRC program, which only the test's own lines drive.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long a line may take.
const SOON: Duration = Duration::from_secs(60);

/// What the server said so far.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grew: Condvar,
}

/// A person on an IRC server. Dropping it hangs up.
pub(crate) struct Person {
    stream: TcpStream,
    log: Arc<Log>,
    /// How many lines were looked at, and how many questions asked.
    counts: Mutex<(usize, usize)>,
}

impl Person {
    /// Somebody who is registered under that nickname.
    pub(crate) fn connect(server: &str, nick: &str) -> Person {
        let stream = TcpStream::connect(server).expect("it listens");
        let reading = BufReader::new(stream.try_clone().expect("a socket"));
        let mut answers = stream.try_clone().expect("a socket");
        let log = Arc::<Log>::default();
        let heard = log.clone();
        std::thread::spawn(move || {
            for line in reading.lines().map_while(Result::ok) {
                if let Some(word) = line.strip_prefix("PING ") {
                    let _ = write!(answers, "PONG {word}\r\n");
                }
                heard.lines.lock().expect("no panic").push(line);
                heard.grew.notify_all();
            }
        });
        let person = Person {
            stream,
            log,
            counts: Mutex::default(),
        };
        person.sends(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}"));
        person.hears(&format!(" 001 {nick} "));
        person
    }

    /// As [`Person::connect`], and in that channel.
    pub(crate) fn in_channel(server: &str, nick: &str, channel: &str) -> Person {
        let person = Person::connect(server, nick);
        person.sends(&format!("JOIN {channel}"));
        person.hears(&format!(" 366 {nick} {channel} "));
        person
    }

    pub(crate) fn sends(&self, line: &str) {
        write!(&self.stream, "{line}\r\n").expect("connected");
    }

    /// Sends a line and returns once the server has worked through it, with what it said since.
    #[track_caller]
    pub(crate) fn does(&self, line: &str) -> Vec<String> {
        let mut counts = self.counts.lock().expect("no panic");
        counts.1 += 1;
        let question = format!("done-{}", counts.1);
        drop(counts);
        let from = self.lines().len();
        self.sends(&format!("{line}\r\nPING {question}"));
        let end = self.wait(from, &question);
        self.lines()[from..end].to_vec()
    }

    /// Returns the next line that contains `text`, which must come.
    #[track_caller]
    pub(crate) fn hears(&self, text: &str) -> String {
        let from = self.counts.lock().expect("no panic").0;
        let at = self.wait(from, text);
        self.counts.lock().expect("no panic").0 = at + 1;
        self.lines()[at].clone()
    }

    /// Every line so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.log.lines.lock().expect("no panic").clone()
    }

    /// The texts that `from`, or with `None` anybody, said to `to` so far.
    pub(crate) fn heard(&self, from: Option<&str>, to: &str) -> Vec<String> {
        let said = |line: &String| {
            let (sender, rest) = line.strip_prefix(':')?.split_once(' ')?;
            let (head, text) = rest.split_once(" :")?;
            let is_said = [format!("PRIVMSG {to}"), format!("NOTICE {to}")].contains(&head.into());
            let is_from = from.is_none_or(|from| sender.starts_with(&format!("{from}!")));
            (is_said && is_from).then(|| text.to_owned())
        };
        self.lines().iter().filter_map(said).collect()
    }

    /// The place of the first line from `from` on that contains `text`.
    #[track_caller]
    fn wait(&self, from: usize, text: &str) -> usize {
        let deadline = Instant::now() + SOON;
        let mut lines = self.log.lines.lock().expect("no panic");
        loop {
            let found = lines.iter().skip(from).position(|line| line.contains(text));
            if let Some(found) = found {
                return from + found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no `{text}` in {:?}", &lines[from..]);
            lines = self.log.grew.wait_timeout(lines, left).expect("no panic").0;
        }
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
