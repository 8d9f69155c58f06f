//! Reads the command line.

use crate::simulator::person::Manner;
use crate::simulator::switches::Switches;
use clap::Parser;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints after the flags.
const CONTROL: &str = "\
It prints `listening on URL` for each address, and ends on ctrl-C and SIGTERM.

Simulated people are driven over HTTP under /Simulator/v1, in JSON, without a token:

  GET  people                       POST people {uri, name, password, manner, after}
  GET  people/URI/heard             texts that reached the person
  GET  people/URI/reports           what became of the texts that the person said
  POST people/URI/say               {to, text, html, subject, importance, thread} or {meeting, text}
  POST people/URI/type              {to or meeting, typing}
  POST people/URI/manner            {manner, after}: how the person treats invitations
  POST people/URI/accept            accepts the invitation that rings; decline {subcode}; leave {from or meeting}
  POST people/URI/presence          {availability, activity}; note {text}; location {text}
  POST people/URI/hold              {subject, access} -> {meeting}; join, end {meeting}; invite {meeting, whom}
  POST people/URI/eject             {meeting, whom}; likewise admit, reject, promote, demote
  GET  groups                       POST groups {uri, name, members}: distribution groups
  GET  state                        applications, meetings, counts
  GET  switches                     PUT switches {NAME: VALUE}
  GET  faults                       POST faults/NAME {user, count, retryAfter}

Faults that happen at once: drop-channel, replace-pget, expire-tokens, lose-application,
expire-application, resume. Faults of the user's next `count` P-GETs: swallow-pget, lose-package,
resync. Faults of anybody's next `count` requests: unavailable (503, HTML), bad-gateway (502, HTML),
throttle (429), cut, lose-answer, reorder (201 after its events).";

/// The action that the command line asks for.
pub(crate) enum Command {
    /// Print this text.
    Help(String),
    Switches(Box<Switches>),
    Serve(Box<Arguments>),
}

/// ucwa_simulator: a simulated Lync / Skype for Business server, as its REST API UCWA 2.0 shows it
///
/// Without --user there are sip:lene@contoso.com and sip:tosh@contoso.com, both with the password
/// `secret`, and without --person the simulated sip:echo@contoso.com, who accepts and says
/// everything back.
#[derive(Parser)]
#[command(
    args_override_self = true,
    verbatim_doc_comment,
    override_usage = "ucwa_simulator [OPTIONS]",
    after_help = CONTROL
)]
pub(crate) struct Arguments {
    /// An address to listen on; may be repeated [127.0.0.1:8480]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    /// Use TLS on every --listen, with an authority made for this run (needs openssl)
    #[arg(long = "tls-self-signed")]
    pub(crate) tls: bool,
    /// Write that authority's certificate to FILE, for clients to trust
    #[arg(long = "tls-cert-out", value_name = "FILE")]
    pub(crate) cert_out: Option<PathBuf>,
    /// A further name in the certificate; localhost, 127.0.0.1, the domain and its lyncdiscover
    /// names are always in it
    #[arg(verbatim_doc_comment, long = "tls-name", value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// With TLS: an address for plain HTTP, where the root only redirects to https
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen_http: Option<String>,
    /// The SIP domain
    #[arg(long, default_value = "contoso.com")]
    pub(crate) domain: String,
    /// A user who can sign on with a client; may be repeated
    #[arg(long = "user", value_name = "URI=PASSWORD", value_parser = pair)]
    pub(crate) users: Vec<(String, String)>,
    /// A simulated person: accept[:SECONDS], echo, decline[:SECONDS], ignore, busy, offline
    /// [accept]; may be repeated
    #[arg(verbatim_doc_comment, long = "person", value_name = "URI[=MANNER]", value_parser = person)]
    pub(crate) people: Vec<(String, Manner)>,
    /// A distribution group of people who exist; may be repeated
    #[arg(long = "group", value_name = "URI=URI,URI", value_parser = pair)]
    pub(crate) groups: Vec<(String, String)>,
    /// Set a switch, see --list-switches; may be repeated
    #[arg(long = "switch", value_name = "NAME=VALUE", value_parser = pair)]
    switched: Vec<(String, String)>,
    /// The default switches, changed by those of the command line.
    #[arg(skip)]
    pub(crate) switches: Switches,
    /// Print all switches with their values, one line each
    #[arg(long)]
    list_switches: bool,
    /// The same number makes the same ids [random]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

/// Reads a command line. The error names the wrong flag.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut own = match Arguments::try_parse_from(line) {
        Ok(own) => own,
        Err(help) if !help.use_stderr() => return Ok(Command::Help(help.to_string())),
        Err(error) => {
            let text = error.to_string();
            return Err(text.trim_start_matches("error: ").trim_end().to_owned());
        }
    };
    for (name, value) in &own.switched {
        own.switches.set(name, value)?;
    }
    if own.list_switches {
        return Ok(Command::Switches(Box::new(own.switches)));
    }
    if own.listen.is_empty() {
        own.listen.push("127.0.0.1:8480".to_owned());
    }
    if own.users.is_empty() {
        own.users = ["lene", "tosh"]
            .map(|name| (format!("sip:{name}@{}", own.domain), "secret".to_owned()))
            .to_vec();
    }
    if own.people.is_empty() {
        let echo = format!("sip:echo@{}", own.domain);
        own.people.push((echo, Manner::Echo(Duration::ZERO)));
    }
    if !own.tls && (own.listen_http.is_some() || own.cert_out.is_some()) {
        return Err("--listen-http and --tls-cert-out need --tls-self-signed".to_owned());
    }
    Ok(Command::Serve(Box::new(own)))
}

/// Splits `ONE=OTHER`.
fn pair(given: &str) -> Result<(String, String), String> {
    let (one, other) = given.split_once('=').ok_or("`=` is missing")?;
    Ok((one.to_owned(), other.to_owned()))
}

/// Reads `URI[=MANNER[:SECONDS]]`.
fn person(given: &str) -> Result<(String, Manner), String> {
    let (uri, manner) = given.split_once('=').unwrap_or((given, "accept"));
    let (word, after) = manner.split_once(':').unwrap_or((manner, "0"));
    let after = after
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or("SECONDS must be a number")?;
    let manner = Manner::read(word, after).ok_or_else(|| format!("no manner `{word}`"))?;
    Ok((uri.to_owned(), manner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        let line = ["ucwa_simulator"]
            .into_iter()
            .chain(line.split_whitespace());
        match parse(line.map(OsString::from))? {
            Command::Serve(arguments) => Ok(*arguments),
            _ => Err("no serving".to_owned()),
        }
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let plain = parsed("").unwrap();
        assert_eq!(plain.listen, ["127.0.0.1:8480"]);
        assert_eq!(
            plain.users[1],
            ("sip:tosh@contoso.com".to_owned(), "secret".to_owned())
        );
        assert_eq!(plain.people[0].1, Manner::Echo(Duration::ZERO));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, name) in [
            ("--sparkle", "--sparkle"),
            ("--user sip:a@b", "--user"),
            ("--person sip:a@b=rude", "rude"),
            ("--switch ring=long", "ring"),
            ("--listen-http 127.0.0.1:1", "--tls-self-signed"),
        ] {
            let error = parsed(line).err().unwrap();
            assert!(error.contains(name), "{error}");
        }
        assert_eq!(
            parsed("--person sip:a@b=decline:1.5").unwrap().people[0].1,
            Manner::Decline(Duration::from_millis(1500))
        );
    }
}
