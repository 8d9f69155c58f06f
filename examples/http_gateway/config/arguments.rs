//! Every setting, once: its name, its text for `--help`, how its value is read, and its default.

use super::chat::{Chat, System};
use super::value::{LogFormat, Named, Origin, Shorthand};
use super::value::{level, list};
use clap::{CommandFactory, FromArgMatches};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use switchboard::backend::{Period, Size, StoredSecret};
use switchboard::directory::{Configured, check_authenticators};
use switchboard::rest::Network;
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

    /// Asks for a password, and says step by step what the authenticators of the file say to it
    #[arg(long, value_name = "USER")]
    #[serde(skip)]
    pub(super) check_login: Option<String>,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) listen: String,
    /// Certificate chain in PEM; with it, and only then, TLS is spoken
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Address or network whose X-Forwarded-For is believed; may be given several times
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    #[serde(deserialize_with = "list")]
    pub(crate) trusted_proxies: Vec<Network>,
    /// Connections at a time; above it they are answered 503
    #[arg(long, value_name = "NUMBER", default_value = "12000")]
    pub(crate) connections: NonZeroU32,
    /// Of them, of one address that is no trusted proxy (five sixths of the connections); of the
    /// rest an IPv4 /24 or IPv6 /56 has a quarter in addition, an IPv6 /48 a half
    #[arg(verbatim_doc_comment, long, value_name = "NUMBER")]
    pub(crate) connections_per_peer: Option<NonZeroU32>,
    /// Waiting requests for events of one agent; above it they are answered 503
    #[arg(long, value_name = "NUMBER", default_value = "1024")]
    pub(crate) polls_per_agent: NonZeroU32,
    /// Serves the files of this directory to browsers
    #[arg(long = "static", value_name = "DIR")]
    #[serde(rename = "static")]
    pub(crate) site: Option<PathBuf>,
    /// Lets pages of that origin (or *) call; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    #[serde(deserialize_with = "list")]
    pub(crate) cors_origin: Vec<Origin>,

    /// The database (switchboard.db), or :memory:
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// What a commit survives
    #[arg(long, value_name = "power|process", default_value = "power")]
    pub(crate) durability: Durability,
    /// Starts although the database lacks what was committed before (its files were removed,
    /// replaced or cut); a new instance of events begins then
    #[arg(verbatim_doc_comment, long)]
    pub(crate) accept_loss: bool,
    /// The super user's name; without either of the following the password is taken from
    /// SWITCHBOARD_SUPER_PASSWORD, else generated and printed once
    #[arg(
        verbatim_doc_comment,
        long,
        value_name = "NAME",
        default_value = "admin"
    )]
    pub(crate) super_user: String,
    /// A file that holds the super user's password
    #[arg(long, value_name = "FILE", overrides_with = "super_password_env")]
    super_password_file: Option<PathBuf>,
    /// An environment variable that holds it
    #[arg(long, value_name = "NAME")]
    super_password_env: Option<String>,
    /// The password's source as the file names it, and in the end as any of the three named it.
    #[arg(skip)]
    #[serde(rename = "super_password")]
    pub(super) password: Option<StoredSecret>,
    /// How long a token is valid
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(crate) token_lifetime: Period,
    /// How long a request for events waits
    #[arg(long, value_name = "DURATION", default_value = "30")]
    pub(crate) poll_timeout: Period,
    /// How far back last-event=0 reaches
    #[arg(long, value_name = "DURATION", default_value = "15")]
    pub(crate) event_window: Period,
    /// Whether events survive a restart
    #[arg(long, value_name = "durable|buffered", default_value = "durable")]
    pub(crate) events: EventMode,
    /// How long a link may be lost before its channels are announced as inactive
    #[arg(long, value_name = "DURATION", default_value = "10")]
    pub(crate) flap_delay: Period,
    /// How long messages are kept; 0: for ever
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    pub(crate) keep_messages: Option<Period>,
    /// How large the database may grow; 0: without limit
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    pub(crate) keep_bytes: Option<Size>,
    /// How long the audit is kept; 0: for ever
    #[arg(long, value_name = "DURATION", default_value = "400d")]
    pub(crate) keep_audit: Option<Period>,

    /// An XMPP server (XEP-0114) that takes this gateway as the component DOMAIN, with the secret in
    /// that file; [[backend]] in --config has all the rest. Without a backend there is the embedded
    /// one, loopback
    #[arg(verbatim_doc_comment, long, value_name = "HOST:PORT,DOMAIN,SECRETFILE")]
    #[serde(deserialize_with = "list")]
    xmpp_component: Vec<Shorthand>,
    /// xmpp, ucwa or loopback: whose are addresses of no known scheme; else the first
    #[arg(long, value_name = "TYPE")]
    pub(crate) default_backend: Option<String>,
    /// A loopback room `chat-room:ID`; may be given several times
    #[arg(long = "room", value_name = "ID=NAME")]
    #[serde(deserialize_with = "list")]
    pub(crate) rooms: Vec<Named>,
    /// A category that loopback rooms lie in (general=General); may be given several times; the
    /// first holds those of --room
    #[arg(verbatim_doc_comment, long = "category", value_name = "ID=NAME")]
    #[serde(deserialize_with = "list")]
    pub(crate) categories: Vec<Named>,
    /// Serves /Loopback/v1 to the super user: people who say and hear, and faults to order
    #[arg(long)]
    pub(crate) loopback_control: bool,
    /// The chat systems that the file configures, then those that flags configure.
    #[arg(skip)]
    #[serde(skip)]
    pub(crate) backends: Vec<Chat>,
    /// Directories that check passwords, in the order of questions.
    #[arg(skip)]
    pub(super) authenticator: Vec<Configured>,
    /// The one that is asked for users without a password, or `none`; without it all are.
    #[arg(skip)]
    pub(super) default_authenticator: Option<String>,
    /// DNS domains by NetBIOS names, as user names are compared.
    #[arg(skip)]
    pub(super) domains: BTreeMap<String, String>,
    #[arg(skip)]
    pub(super) default_domain: Option<String>,
    /// How often accounts of directories are looked at again (10m).
    #[arg(skip)]
    pub(super) recheck_accounts: Option<Period>,
    /// The authenticators check the super user's password, too.
    #[arg(skip)]
    pub(crate) super_user_in_directory: bool,

    /// How the log on stderr is written
    #[arg(
        long,
        value_name = "text|json",
        hide_possible_values = true,
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
    /// error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    #[serde(deserialize_with = "level")]
    pub(crate) log_level: Level,
    /// Provisions an agent, a user and a room and prints two curl lines that use them; in memory
    /// unless --database is given
    #[arg(verbatim_doc_comment, long)]
    #[serde(skip)]
    pub(crate) demo: bool,
}

/// The first setting of each section of `--help`, and the heading of the section.
pub(super) const SECTIONS: [(&str, &str); 4] = [
    ("listen", "Network"),
    ("database", "Engine"),
    ("xmpp_component", "Chat systems"),
    ("log_format", "Log and demo"),
];

impl Default for Arguments {
    /// Every setting as it is without a flag and without a file.
    fn default() -> Arguments {
        let matches = Arguments::command().get_matches_from(["http_gateway"]);
        Arguments::from_arg_matches(&matches).expect("each default is a value of its setting")
    }
}

impl Arguments {
    /// Merges the three settings that can name the password's source into one. Runs once after the
    /// file and once after the command line, so that any flag overrides any key.
    pub(super) fn settle_password(&mut self) {
        let variable = self.super_password_env.take().map(StoredSecret::Variable);
        let file = self.super_password_file.take().map(StoredSecret::File);
        self.password = file.or(variable).or(self.password.take());
    }

    /// Computes the values that depend on several settings, and refuses settings that exclude each
    /// other.
    pub(super) fn complete(&mut self) -> Result<(), String> {
        self.settle_password();
        for Shorthand(config) in self.xmpp_component.drain(..) {
            let (whence, system) = ("--xmpp-component: ".to_owned(), System::Xmpp(config));
            self.backends.push(Chat { whence, system });
        }
        check_authenticators(&self.authenticator).map_err(|error| error.to_string())?;
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err("--tls-cert and --tls-key belong together".to_owned());
        }
        let unnamed = (!self.demo).then(|| PathBuf::from("switchboard.db"));
        let database = self.database.take().or(unnamed);
        self.database = database.filter(|path| path.as_os_str() != ":memory:");
        for age in [&mut self.keep_messages, &mut self.keep_audit] {
            *age = age.filter(|age| !age.0.is_zero());
        }
        self.keep_bytes = self.keep_bytes.filter(|size| size.0 > 0);
        Ok(())
    }
}
