//! The command line: what the issue that asked for this program lists, and nothing else.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;
use switchboard::{ChannelId, EventMode};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
http_gateway: the MindLink REST API over switchboard's embedded loopback chat system

  --listen ADDRESS            where to listen (127.0.0.1:8081); port 0 takes a free one
  --database FILE             the database (switchboard.db), or :memory:
  --super-user NAME           the super user's name (admin); its password is taken from --super-password-file, else
                              from SWITCHBOARD_SUPER_PASSWORD, else generated and printed once
  --super-password-file FILE  a file that holds the super user's password
  --room ID=NAME              a loopback room `chat-room:ID`; may be given several times
  --poll-timeout SECONDS      how long a request for events waits (30)
  --event-window SECONDS      how far back last-event=0 reaches (15)
  --events durable|buffered   whether events survive a restart (durable)
  --token-lifetime SECONDS    how long a token is valid (3600)
  --log-format text|json      how the log on stderr is written (text)
  --demo                      provisions an agent, a user and a room and prints two curl lines that use them;
                              in memory unless --database is given
  --help                      prints this
";

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// What is asked for.
pub(crate) enum Command {
    Help,
    Serve(Box<Arguments>),
}

/// The flags with their defaults filled in.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) listen: String,
    /// `None`: in memory.
    pub(crate) database: Option<PathBuf>,
    pub(crate) super_user: String,
    pub(crate) super_password_file: Option<PathBuf>,
    pub(crate) rooms: Vec<(ChannelId, String)>,
    pub(crate) poll_timeout: Duration,
    pub(crate) event_window: Duration,
    pub(crate) events: EventMode,
    pub(crate) token_lifetime: Duration,
    pub(crate) log_format: LogFormat,
    pub(crate) demo: bool,
}

/// Reads the command line; the error is a sentence that names the flag.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;
    let mut database = None;
    let mut arguments = Arguments {
        listen: "127.0.0.1:8081".to_owned(),
        database: None,
        super_user: "admin".to_owned(),
        super_password_file: None,
        rooms: Vec::new(),
        poll_timeout: Duration::from_secs(30),
        event_window: Duration::from_secs(15),
        events: EventMode::Durable,
        token_lifetime: Duration::from_secs(3600),
        log_format: LogFormat::Text,
        demo: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("listen") => arguments.listen = parser.value()?.string()?,
            Long("database") => database = Some(PathBuf::from(parser.value()?)),
            Long("super-user") => arguments.super_user = parser.value()?.string()?,
            Long("super-password-file") => arguments.super_password_file = Some(PathBuf::from(parser.value()?)),
            Long("room") => arguments.rooms.push(room(&parser.value()?.string()?)?),
            Long("poll-timeout") => arguments.poll_timeout = seconds("--poll-timeout", &parser.value()?.string()?)?,
            Long("event-window") => arguments.event_window = seconds("--event-window", &parser.value()?.string()?)?,
            Long("token-lifetime") => arguments.token_lifetime = seconds("--token-lifetime", &parser.value()?.string()?)?,
            Long("events") => {
                arguments.events = match parser.value()?.string()?.as_str() {
                    "durable" => EventMode::Durable,
                    "buffered" => EventMode::Buffered,
                    other => return Err(wrong("--events", other, "durable or buffered")),
                }
            }
            Long("log-format") => {
                arguments.log_format = match parser.value()?.string()?.as_str() {
                    "text" => LogFormat::Text,
                    "json" => LogFormat::Json,
                    other => return Err(wrong("--log-format", other, "text or json")),
                }
            }
            Long("demo") => arguments.demo = true,
            other => return Err(other.unexpected()),
        }
    }
    arguments.database = match database {
        Some(path) if path.as_os_str() == ":memory:" => None,
        Some(path) => Some(path),
        None if arguments.demo => None,
        None => Some(PathBuf::from("switchboard.db")),
    };
    Ok(Command::Serve(Box::new(arguments)))
}

fn room(text: &str) -> Result<(ChannelId, String), lexopt::Error> {
    let Some((id, name)) = text.split_once('=') else { return Err(wrong("--room", text, "ID=NAME")) };
    match ChannelId::parse(&format!("chat-room:{id}")) {
        Ok(id) => Ok((id, name.to_owned())),
        Err(error) => Err(wrong("--room", text, error)),
    }
}

fn seconds(flag: &str, text: &str) -> Result<Duration, lexopt::Error> {
    let number = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    number.ok_or_else(|| wrong(flag, text, "a number of seconds"))
}

fn wrong(flag: &str, value: &str, expected: impl Display) -> lexopt::Error {
    lexopt::Error::Custom(format!("{flag} is `{}`: {expected}", value.escape_debug()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Result<Arguments, String> {
        match parse(lexopt::Parser::from_args(line.split_whitespace())) {
            Ok(Command::Serve(arguments)) => Ok(*arguments),
            Ok(Command::Help) => Err("help".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let plain = arguments("").expect("fine");
        assert_eq!(plain.database, Some(PathBuf::from("switchboard.db")));
        assert_eq!((plain.listen.as_str(), plain.super_user.as_str()), ("127.0.0.1:8081", "admin"));
        assert_eq!(arguments("--demo").expect("fine").database, None);
        assert_eq!(arguments("--demo --database x.db").expect("fine").database, Some(PathBuf::from("x.db")));
        assert_eq!(arguments("--database :memory:").expect("fine").database, None);
        let rooms = arguments("--room ops=Operations --room a/b=A=B").expect("fine").rooms;
        assert_eq!(rooms[1].0.as_str(), "chat-room:a/b");
        assert_eq!(rooms[1].1, "A=B");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, name) in [
            ("--sparkle", "--sparkle"),
            ("--listen", "--listen"),
            ("--events never", "--events"),
            ("--poll-timeout soon", "--poll-timeout"),
            ("--poll-timeout -1", "--poll-timeout"),
            ("--room ops", "--room"),
            ("--room =Operations", "--room"),
            ("surplus", "surplus"),
        ] {
            let error = arguments(line).expect_err(name);
            assert!(error.contains(name), "{error}");
        }
    }
}
