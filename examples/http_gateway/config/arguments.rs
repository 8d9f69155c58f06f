//! Every setting, once: its name, its text for `--help`, how its value is read, and its default.

use super::chat::{Chat, System};
use super::value::{Category, LogFormat, Origin, Room, Shorthand, Value, given, list};
use crate::network::Network;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use switchboard::backend::{Size, StoredSecret};
use switchboard::{Durability, EventMode};
use tracing::Level;

/// http_gateway: the MindLink REST API over switchboard: XMPP, UCWA, or an embedded chat system
#[derive(Debug, clap::Parser, Deserialize)]
#[command(
    args_override_self = true,
    override_usage = "http_gateway [OPTIONS]",
    after_help = "A DURATION is in seconds, or has a unit: 500ms, 15s, 5m, 12h, 30d. A SIZE is in bytes, \
        or has one: 512MiB, 4GiB.\nSIGHUP reads the password, the certificate and the log level again. \
        SIGTERM and ctrl-C stop in order."
)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Settings in TOML, called as the flags are (poll_timeout, rooms, cors_origin ...); a flag
    /// overrides what the file says
    #[arg(verbatim_doc_comment, long, value_name = "FILE")]
    #[serde(skip)]
    pub(super) config: Option<PathBuf>,
    /// Reads everything, says what is wrong, and exits with 0 or 2
    #[arg(long)]
    #[serde(skip)]
    pub(super) check: bool,

    /// Where to listen (127.0.0.1:8081); port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// Certificate chain in PEM; with it, and only then, TLS is spoken
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Address or network whose X-Forwarded-For is believed; may be given several times
    #[arg(long = "trusted-proxy", value_name = "NETWORK", value_parser = Network::parse)]
    #[serde(deserialize_with = "list")]
    pub(crate) trusted_proxies: Vec<Network>,
    /// Connections at a time (12000); above it they are answered 503
    #[arg(long, value_name = "NUMBER", value_parser = u32::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) connections: u32,
    /// Of them, of one address that is no trusted proxy (five sixths of the connections); of the
    /// rest an IPv4 /24 or IPv6 /56 has a quarter in addition, an IPv6 /48 a half
    #[arg(verbatim_doc_comment, long, value_name = "NUMBER", value_parser = u32::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) connections_per_peer: Option<u32>,
    /// Waiting requests for events of one agent (1024); above it they are answered 503
    #[arg(long, value_name = "NUMBER", value_parser = usize::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) polls_per_agent: usize,
    /// Serves the files of this directory to browsers
    #[arg(long = "static", value_name = "DIR")]
    #[serde(rename = "static")]
    pub(crate) site: Option<PathBuf>,
    /// Lets pages of that origin (or *) call; may be given several times
    #[arg(long, value_name = "ORIGIN", value_parser = Origin::read)]
    #[serde(deserialize_with = "list")]
    pub(crate) cors_origin: Vec<Origin>,

    /// The database (switchboard.db), or :memory:
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// What a commit survives (power)
    #[arg(long, value_name = "power|process", value_parser = Durability::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) durability: Durability,
    /// Starts although the database lacks what was committed before (its files were removed,
    /// replaced or cut); a new instance of events begins then
    #[arg(verbatim_doc_comment, long)]
    pub(crate) accept_loss: bool,
    /// The super user's name (admin); without either of the following the password is taken from
    /// SWITCHBOARD_SUPER_PASSWORD, else generated and printed once
    #[arg(verbatim_doc_comment, long, value_name = "NAME")]
    pub(crate) super_user: String,
    /// A file that holds the super user's password
    #[arg(long, value_name = "FILE", overrides_with = "super_password_env")]
    super_password_file: Option<PathBuf>,
    /// An environment variable that holds it
    #[arg(long, value_name = "NAME")]
    super_password_env: Option<String>,
    /// The password's source as the file names it, and in the end as any of the three named it.
    #[arg(skip)]
    pub(crate) super_password: Option<StoredSecret>,
    /// How long a token is valid (1h)
    #[arg(long, value_name = "DURATION", value_parser = Duration::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) token_lifetime: Duration,
    /// How long a request for events waits (30)
    #[arg(long, value_name = "DURATION", value_parser = Duration::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) poll_timeout: Duration,
    /// How far back last-event=0 reaches (15)
    #[arg(long, value_name = "DURATION", value_parser = Duration::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) event_window: Duration,
    /// Whether events survive a restart (durable)
    #[arg(long, value_name = "durable|buffered", value_parser = EventMode::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) events: EventMode,
    /// How long a link may be lost before its channels are announced as inactive (10)
    #[arg(long, value_name = "DURATION", value_parser = Duration::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) flap_delay: Duration,
    /// How long messages are kept (30d); 0: for ever
    #[arg(long, value_name = "DURATION", value_parser = Duration::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) keep_messages: Option<Duration>,
    /// How large the database may grow (4GiB); 0: without limit
    #[arg(long, value_name = "SIZE")]
    pub(crate) keep_bytes: Option<Size>,
    /// How long the audit is kept (400d); 0: for ever
    #[arg(long, value_name = "DURATION", value_parser = Duration::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) keep_audit: Option<Duration>,

    /// An XMPP server (XEP-0114) that takes this gateway as the component DOMAIN, with the secret in
    /// that file; [[backend]] in --config has all the rest. Without a backend there is the embedded
    /// one, loopback
    #[arg(verbatim_doc_comment, long, value_name = "HOST:PORT,DOMAIN,SECRETFILE", value_parser = Shorthand::read)]
    #[serde(deserialize_with = "list")]
    xmpp_component: Vec<Shorthand>,
    /// xmpp, ucwa or loopback: whose are addresses of no known scheme; else the first
    #[arg(long, value_name = "TYPE")]
    pub(crate) default_backend: Option<String>,
    /// A loopback room `chat-room:ID`; may be given several times
    #[arg(long = "room", value_name = "ID=NAME", value_parser = Room::read)]
    #[serde(deserialize_with = "list")]
    pub(crate) rooms: Vec<Room>,
    /// A category that loopback rooms lie in (general=General); may be given several times; the
    /// first holds those of --room
    #[arg(verbatim_doc_comment, long = "category", value_name = "ID=NAME", value_parser = Category::read)]
    #[serde(deserialize_with = "list")]
    pub(crate) categories: Vec<Category>,
    /// Serves /Loopback/v1 to the super user: people who say and hear, and faults to order
    #[arg(long)]
    pub(crate) loopback_control: bool,
    /// The chat systems that the file configures, then those that flags configure.
    #[arg(skip)]
    #[serde(skip)]
    pub(crate) backends: Vec<Chat>,
    #[arg(skip)]
    authenticator: Vec<Authenticator>,

    /// How the log on stderr is written (text)
    #[arg(long, value_name = "text|json", value_parser = LogFormat::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) log_format: LogFormat,
    /// error, warn, info, debug or trace (info)
    #[arg(long, value_name = "LEVEL", value_parser = Level::read)]
    #[serde(deserialize_with = "given")]
    pub(crate) log_level: Level,
    /// Provisions an agent, a user and a room and prints two curl lines that use them; in memory
    /// unless --database is given
    #[arg(verbatim_doc_comment, long)]
    #[serde(skip)]
    pub(crate) demo: bool,
}

/// `[[authenticator]]`: where users' passwords are checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Authenticator {
    #[serde(rename = "type")]
    _kind: AuthenticatorKind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AuthenticatorKind {
    Database,
}

/// The first setting of each section of `--help`, and the heading of the section.
pub(super) const SECTIONS: [(&str, &str); 4] = [
    ("listen", "Network"),
    ("database", "Engine"),
    ("xmpp_component", "Chat systems"),
    ("log_format", "Log and demo"),
];

impl Default for Arguments {
    fn default() -> Arguments {
        let day = Duration::from_secs(86_400);
        Arguments {
            config: None,
            check: false,
            listen: "127.0.0.1:8081".to_owned(),
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            // Ten thousand pollers, and a fifth more for whoever calls beside them.
            connections: 12_000,
            connections_per_peer: None,
            polls_per_agent: 1024,
            site: None,
            cors_origin: Vec::new(),
            database: None,
            durability: Durability::Power,
            accept_loss: false,
            super_user: "admin".to_owned(),
            super_password_file: None,
            super_password_env: None,
            super_password: None,
            token_lifetime: Duration::from_secs(3600),
            poll_timeout: Duration::from_secs(30),
            event_window: Duration::from_secs(15),
            events: EventMode::Durable,
            flap_delay: Duration::from_secs(10),
            keep_messages: Some(30 * day),
            keep_bytes: Some(Size(4 << 30)),
            keep_audit: Some(400 * day),
            xmpp_component: Vec::new(),
            default_backend: None,
            rooms: Vec::new(),
            categories: Vec::new(),
            loopback_control: false,
            backends: Vec::new(),
            authenticator: Vec::new(),
            log_format: LogFormat::Text,
            log_level: Level::INFO,
            demo: false,
        }
    }
}

impl Arguments {
    /// Merges the three settings that can name the password's source into one. Runs once after the
    /// file and once after the command line, so that any flag overrides any key.
    pub(super) fn settle_password(&mut self) {
        let variable = self.super_password_env.take().map(StoredSecret::Variable);
        let file = self.super_password_file.take().map(StoredSecret::File);
        self.super_password = file.or(variable).or(self.super_password.take());
    }

    /// Computes the values that depend on several settings, and refuses settings that exclude each
    /// other.
    pub(super) fn complete(&mut self) -> Result<(), String> {
        self.settle_password();
        let component = |Shorthand(config)| Chat {
            whence: "--xmpp-component: ".to_owned(),
            system: System::Xmpp(Box::new(config)),
        };
        self.backends
            .extend(self.xmpp_component.drain(..).map(component));
        if self.authenticator.len() > 1 {
            return Err("there can be one authenticator of type `database`".to_owned());
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err("--tls-cert and --tls-key belong together".to_owned());
        }
        let unnamed = (!self.demo).then(|| PathBuf::from("switchboard.db"));
        let database = self.database.take().or(unnamed);
        self.database = database.filter(|path| path.as_os_str() != ":memory:");
        let limited = |age: &Duration| !age.is_zero();
        self.keep_messages = self.keep_messages.filter(limited);
        self.keep_audit = self.keep_audit.filter(limited);
        self.keep_bytes = self.keep_bytes.filter(|size| size.0 > 0);
        Ok(())
    }

    /// Returns the database's file and the files that SQLite and the engine keep beside it, with
    /// all links followed.
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
        let ends = ["", "-wal", "-shm", "-lock", "-journal"];
        ends.iter().map(beside).collect()
    }

    /// Returns the files that no client and no other user may read.
    pub(crate) fn private_files(&self) -> Vec<PathBuf> {
        let mut files = self.database_files();
        files.extend(self.config.clone());
        files.extend(self.secret_files());
        files
    }

    /// Returns the files that hold a secret.
    pub(crate) fn secret_files(&self) -> Vec<PathBuf> {
        let password = self.super_password.iter().filter_map(StoredSecret::file);
        let backends = self.backends.iter().flat_map(Chat::private_files);
        let key = self.tls_key.iter().cloned();
        key.chain(password).chain(backends).collect()
    }
}
