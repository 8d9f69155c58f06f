//! The command line, and over the file what it says: which settings there are is in [`crate::settings`].

use crate::backends::{self, Chat};
use crate::file;
use crate::network::Network;
use crate::secret::Source;
use crate::settings::{self, Given, Setting, TABLE, Takes};
use std::path::PathBuf;
use std::time::Duration;
use switchboard::{ChannelId, Durability, EventMode};
use tracing::Level;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
http_gateway: the MindLink REST API over switchboard: XMPP, or an embedded chat system

  --config FILE               settings in TOML, called as the flags are (poll_timeout, rooms, cors_origin ...); a flag
                              overrides what the file says
  --check                     reads everything, says what is wrong, and exits with 0 or 2

  --listen ADDRESS            where to listen (127.0.0.1:8081); port 0 takes a free one
  --tls-cert FILE             certificate chain in PEM; with it, and only then, TLS is spoken
  --tls-key FILE              its private key in PEM
  --trusted-proxy NETWORK     address or network whose X-Forwarded-For is believed; may be given several times
  --connections NUMBER        connections at a time (12000); above it they are answered 503
  --connections-per-peer NUMBER
                              of them, of one address that is no trusted proxy (five sixths of the connections);
                              of the rest an IPv4 /24 or IPv6 /56 has a quarter in addition, an IPv6 /48 a half
  --polls-per-agent NUMBER    waiting requests for events of one agent (1024); above it they are answered 503
  --static DIR                serves the files of this directory to browsers
  --cors-origin ORIGIN        lets pages of that origin (or *) call; may be given several times

  --database FILE             the database (switchboard.db), or :memory:
  --durability power|process  what a commit survives (power)
  --accept-loss               starts although the database lacks what was committed before (its files were removed,
                              replaced or cut); a new instance of events begins then
  --super-user NAME           the super user's name (admin); without either of the following the password is taken
                              from SWITCHBOARD_SUPER_PASSWORD, else generated and printed once
  --super-password-file FILE  a file that holds the super user's password
  --super-password-env NAME   an environment variable that holds it
  --token-lifetime DURATION   how long a token is valid (1h)
  --poll-timeout DURATION     how long a request for events waits (30)
  --event-window DURATION     how far back last-event=0 reaches (15)
  --events durable|buffered   whether events survive a restart (durable)
  --flap-delay DURATION       how long a link may be lost before its channels are announced as inactive (10)
  --keep-messages DURATION    how long messages are kept (30d); 0: for ever
  --keep-bytes SIZE           how large the database may grow (4GiB); 0: without limit
  --keep-audit DURATION       how long the audit is kept (400d); 0: for ever

  --xmpp-component HOST:PORT,DOMAIN,SECRETFILE
                              an XMPP server (XEP-0114) that takes this gateway as the component DOMAIN, with the
                              secret in that file; [[backend]] in --config has all the rest. Without a backend there
                              is the embedded one, loopback
  --default-backend TYPE      xmpp, ucwa or loopback: whose are addresses of no known scheme; else the first
  --room ID=NAME              a loopback room `chat-room:ID`; may be given several times
  --category ID=NAME          a category that loopback rooms lie in (general=General); the first holds those of --room
  --loopback-control          serves /Loopback/v1 to the super user: people who say and hear, and faults to order
  --log-format text|json      how the log on stderr is written (text)
  --log-level LEVEL           error, warn, info, debug or trace (info)
  --demo                      provisions an agent, a user and a room and prints two curl lines that use them;
                              in memory unless --database is given
  --help                      prints this

A DURATION is in seconds, or has a unit: 500ms, 15s, 5m, 12h, 30d. A SIZE is in bytes, or has one: 512MiB, 4GiB.
SIGHUP reads the password, the certificate and the log level again. SIGTERM and ctrl-C stop in order.
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
    Check(Box<Arguments>),
    Serve(Box<Arguments>),
}

/// The settings with their defaults filled in.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) listen: String,
    /// `None`: in memory.
    pub(crate) database: Option<PathBuf>,
    pub(crate) durability: Durability,
    pub(crate) accept_loss: bool,
    pub(crate) super_user: String,
    pub(crate) super_password: Option<Source>,
    pub(crate) rooms: Vec<(ChannelId, String)>,
    pub(crate) categories: Vec<(String, String)>,
    pub(crate) poll_timeout: Duration,
    pub(crate) polls_per_agent: usize,
    pub(crate) event_window: Duration,
    pub(crate) events: EventMode,
    pub(crate) token_lifetime: Duration,
    pub(crate) flap_delay: Duration,
    /// `None`: for ever, as with the two that follow.
    pub(crate) keep_messages: Option<Duration>,
    pub(crate) keep_bytes: Option<u64>,
    pub(crate) keep_audit: Option<Duration>,
    pub(crate) connections: u32,
    /// `None`: five sixths of them.
    pub(crate) connections_per_peer: Option<u32>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    /// `--static`, which is a keyword.
    pub(crate) site: Option<PathBuf>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) backends: Vec<Chat>,
    /// `None`: the first one.
    pub(crate) default_backend: Option<String>,
    pub(crate) loopback_control: bool,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: Level,
    pub(crate) demo: bool,
    /// The file that says the rest, if there is one.
    pub(crate) config: Option<PathBuf>,
}

impl Arguments {
    /// The database and what lies beside it, with all links followed.
    pub(crate) fn database_files(&self) -> Vec<PathBuf> {
        let Some(path) = &self.database else {
            return Vec::new();
        };
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        let beside = |end: &&str| {
            let mut name = path.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        };
        ["", "-wal", "-shm", "-lock", "-journal"]
            .iter()
            .map(beside)
            .collect()
    }

    /// The files of the gateway's own that are for nobody else.
    pub(crate) fn private_files(&self) -> Vec<PathBuf> {
        let mut files = self.database_files();
        files.extend(self.config.clone());
        files.extend(self.secret_files());
        files
    }

    /// Those that hold a secret.
    pub(crate) fn secret_files(&self) -> Vec<PathBuf> {
        let password = self.super_password.iter().filter_map(Source::file);
        self.tls_key
            .iter()
            .cloned()
            .chain(password)
            .chain(self.backends.iter().flat_map(Chat::private_files))
            .collect()
    }
}

impl Default for Arguments {
    fn default() -> Arguments {
        let day = Duration::from_secs(86_400);
        Arguments {
            listen: "127.0.0.1:8081".to_owned(),
            database: None,
            durability: Durability::Power,
            accept_loss: false,
            super_user: "admin".to_owned(),
            super_password: None,
            rooms: Vec::new(),
            categories: Vec::new(),
            poll_timeout: Duration::from_secs(30),
            polls_per_agent: 1024,
            event_window: Duration::from_secs(15),
            events: EventMode::Durable,
            token_lifetime: Duration::from_secs(3600),
            flap_delay: Duration::from_secs(10),
            keep_messages: Some(30 * day),
            keep_bytes: Some(4 << 30),
            keep_audit: Some(400 * day),
            // Ten thousand pollers, and a fifth more for whoever calls beside them.
            connections: 12_000,
            connections_per_peer: None,
            trusted_proxies: Vec::new(),
            tls_cert: None,
            tls_key: None,
            site: None,
            cors_origins: Vec::new(),
            backends: Vec::new(),
            default_backend: None,
            loopback_control: false,
            log_format: LogFormat::Text,
            log_level: Level::INFO,
            demo: false,
            config: None,
        }
    }
}

/// Reads the command line and the file it names; the error is a sentence that names the flag, or the file's line.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut line = Line::default();
    loop {
        match line.next(&mut parser) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(error.to_string()),
        }
    }
    if line.help {
        return Ok(Command::Help);
    }
    let file = line
        .config
        .as_deref()
        .map_or_else(|| Ok(file::Said::default()), file::read)?;
    let names_database = file
        .settings
        .iter()
        .chain(&line.given)
        .any(|given| given.name == "database");
    let config = line.config.clone();
    let mut arguments = Arguments {
        demo: line.demo,
        backends: file.backends,
        config,
        ..Arguments::default()
    };
    settings::apply(&mut arguments, file.settings, line.given)?;
    backends::complete(&mut arguments)?;
    if !names_database && !line.demo {
        arguments.database = Some(PathBuf::from("switchboard.db"));
    }
    arguments.database = arguments
        .database
        .filter(|path| path.as_os_str() != ":memory:");
    if arguments.tls_cert.is_some() != arguments.tls_key.is_some() {
        return Err("--tls-cert and --tls-key belong together".to_owned());
    }
    let arguments = Box::new(arguments);
    Ok(if line.check {
        Command::Check(arguments)
    } else {
        Command::Serve(arguments)
    })
}

/// What the command line says.
#[derive(Default)]
struct Line {
    help: bool,
    check: bool,
    demo: bool,
    config: Option<PathBuf>,
    given: Vec<Given>,
}

impl Line {
    /// Takes one flag; false at the end.
    fn next(&mut self, parser: &mut lexopt::Parser) -> Result<bool, lexopt::Error> {
        use lexopt::prelude::*;
        let Some(argument) = parser.next()? else {
            return Ok(false);
        };
        match argument {
            Short('h') | Long("help") => self.help = true,
            Long("check") => self.check = true,
            Long("demo") => self.demo = true,
            Long("config") => self.config = Some(PathBuf::from(parser.value()?)),
            Long(flag) => {
                let Some(Setting {
                    name, flag, takes, ..
                }) = TABLE.iter().find(|setting| setting.flag == flag)
                else {
                    return Err(Long(flag).unexpected());
                };
                let value = if *takes == Takes::Switch {
                    "true".to_owned()
                } else {
                    parser.value()?.string()?
                };
                self.given.push(Given {
                    name,
                    value,
                    whence: format!("--{flag}"),
                });
            }
            other => return Err(other.unexpected()),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Result<Arguments, String> {
        match parse(lexopt::Parser::from_args(line.split_whitespace()))? {
            Command::Serve(arguments) | Command::Check(arguments) => Ok(*arguments),
            Command::Help => Err("help".to_owned()),
        }
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let plain = arguments("").expect("fine");
        assert_eq!(plain.database, Some(PathBuf::from("switchboard.db")));
        assert_eq!(
            (plain.listen.as_str(), plain.super_user.as_str()),
            ("127.0.0.1:8081", "admin")
        );
        assert_eq!(arguments("--demo").expect("fine").database, None);
        assert_eq!(
            arguments("--demo --database x.db").expect("fine").database,
            Some(PathBuf::from("x.db"))
        );
        assert_eq!(
            arguments("--database :memory:").expect("fine").database,
            None
        );
        let rooms = arguments("--room ops=Operations --room a/b=A=B")
            .expect("fine")
            .rooms;
        assert_eq!(rooms[1].0.as_str(), "chat-room:a/b");
        assert_eq!(rooms[1].1, "A=B");
    }

    #[test]
    fn every_setting_is_in_the_help() {
        for setting in TABLE {
            assert!(
                HELP.contains(&format!("  --{} ", setting.flag)),
                "--{}",
                setting.flag
            );
        }
    }

    #[test]
    fn the_guide_has_the_flags_of_the_help_and_their_defaults() {
        let guide = include_str!("../../src/guide/operating.md");
        let mut rows = std::collections::BTreeMap::new();
        for row in guide.lines().filter(|line| line.starts_with("| `--")) {
            let row = row.replace("\\|", "/");
            let cells: Vec<_> = row
                .split('|')
                .map(|cell| cell.trim().trim_matches('`').replace('/', "|"))
                .collect();
            rows.insert(cells[1].clone(), cells[2].clone());
        }
        for line in HELP.lines().filter(|line| line.starts_with("  --")) {
            let (flag, text) = line
                .trim_start()
                .split_once("  ")
                .unwrap_or((line.trim_start(), ""));
            let default = rows
                .remove(flag)
                .unwrap_or_else(|| panic!("the guide lacks {flag}"));
            // The help has it in brackets, as one word.
            let bracketed = text
                .split('(')
                .skip(1)
                .filter_map(|rest| rest.split_once(')'));
            let said = bracketed
                .map(|(word, _)| word)
                .find(|word| !word.contains(' '))
                .unwrap_or_default();
            assert_eq!(said, default, "{flag}");
        }
        assert!(rows.is_empty(), "not in the help: {rows:?}");
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
            ("--cors-origin example.org", "--cors-origin"),
            ("--trusted-proxy localhost", "--trusted-proxy"),
            ("--connections 0", "--connections"),
            ("--loopback-control=yes", "--loopback-control"),
            (
                "--xmpp-component 127.0.0.1:5347",
                "HOST:PORT,DOMAIN,SECRETFILE",
            ),
            (
                "--xmpp-component 127.0.0.1:5347,a.b.c,x --loopback-control",
                "--loopback-control",
            ),
            (
                "--xmpp-component 127.0.0.1:5347,a.b.c,x --room a=A",
                "--room",
            ),
            ("--xmpp-component 127.0.0.1:5347,a.b.c,x --demo", "--demo"),
            (
                "--xmpp-component 127.0.0.1:1,a.b.c,x --xmpp-component 127.0.0.1:1,d.e.f,x",
                "one backend of type `xmpp`",
            ),
            ("--default-backend xmpp", "default_backend is `xmpp`"),
            ("--tls-cert x.pem", "--tls-key"),
            ("--config /none/such", "/none/such"),
            ("surplus", "surplus"),
        ] {
            let error = arguments(line).expect_err(name);
            assert!(error.contains(name), "{error}");
        }
    }
}
