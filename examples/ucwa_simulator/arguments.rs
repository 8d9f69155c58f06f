//! The command line.

use crate::simulator::person::Manner;
use crate::simulator::switches::Switches;
use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
ucwa_simulator: a simulated Lync / Skype for Business server, as its REST API UCWA 2.0 shows it

Without --user there are sip:lene@contoso.com and sip:tosh@contoso.com, both with the password `secret`, and without
--person the simulated sip:echo@contoso.com, who accepts and says everything back.

  --listen ADDR             where it listens; may be repeated [127.0.0.1:8480]
  --tls-self-signed         TLS on every --listen, with an authority made for this run (needs openssl)
  --tls-cert-out FILE       writes that authority's certificate there, for clients to trust
  --tls-name NAME           one more name in the certificate; localhost, 127.0.0.1, the domain and its lyncdiscover
                            names are in it anyway
  --listen-http ADDR        with TLS: plain HTTP there, where the root only redirects to https
  --domain DOMAIN           the SIP domain [contoso.com]
  --user URI=PASSWORD       who can sign on with a client; may be repeated
  --person URI[=MANNER]     a simulated person: accept[:SECONDS], echo, decline[:SECONDS], ignore, busy, offline [accept]
  --switch NAME=VALUE       an open point of the protocol, or a trap; may be repeated
  --list-switches           all of them with their values, one line each
  --seed NUMBER             the same ids again [random]
  --help

It prints `listening on URL` for each address, and ends on ctrl-C and SIGTERM.

Simulated people are driven over HTTP under /Simulator/v1, in JSON, without a token:

  GET  people                       POST people {uri, name, password, manner, after}
  GET  people/URI/heard             texts that reached the person
  GET  people/URI/reports           what became of what the person said
  POST people/URI/say               {to, text, html, subject, importance, thread} or {meeting, text}
  POST people/URI/type              {to or meeting, typing}
  POST people/URI/manner            {manner, after}: what it does when it is invited
  POST people/URI/accept            takes the invitation that rings; decline {subcode}; leave {from or meeting}
  POST people/URI/presence          {availability, activity}; note {text}; location {text}
  POST people/URI/hold              {subject, access} -> {meeting}; join, end {meeting}; invite {meeting, whom}
  POST people/URI/eject             {meeting, whom}; so admit, reject, promote, demote
  GET  state                        applications, meetings, counts
  GET  switches                     PUT switches {NAME: VALUE}
  GET  faults                       POST faults/NAME {user, count, retryAfter}

Faults: at once drop-channel, replace-pget, expire-tokens, lose-application, expire-application, resume; for the next
`count` P-GETs of the user swallow-pget, lose-package, resync; for the next `count` requests of anybody unavailable
(503, HTML), bad-gateway (502, HTML), throttle (429), cut, lose-answer, reorder (201 after its events).
";

/// What is asked for.
pub(crate) enum Command {
    Help,
    Switches(Box<Switches>),
    Serve(Box<Arguments>),
}

/// The settings.
pub(crate) struct Arguments {
    pub(crate) listen: Vec<String>,
    pub(crate) listen_http: Option<String>,
    pub(crate) tls: bool,
    pub(crate) cert_out: Option<PathBuf>,
    pub(crate) names: Vec<String>,
    pub(crate) domain: String,
    pub(crate) users: Vec<(String, String)>,
    pub(crate) people: Vec<(String, Manner)>,
    pub(crate) switches: Switches,
    pub(crate) seed: Option<u64>,
}

/// Reads the command line; the error is a sentence that names the flag.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    use lexopt::prelude::*;
    let mut own = Arguments {
        listen: Vec::new(),
        listen_http: None,
        tls: false,
        cert_out: None,
        names: Vec::new(),
        domain: "contoso.com".to_owned(),
        users: Vec::new(),
        people: Vec::new(),
        switches: Switches::default(),
        seed: None,
    };
    let mut list = false;
    let text = |parser: &mut lexopt::Parser| {
        parser
            .value()
            .and_then(|value| value.string())
            .map_err(|error| error.to_string())
    };
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("list-switches") => list = true,
            Long("tls-self-signed") => own.tls = true,
            Long("listen") => own.listen.push(text(&mut parser)?),
            Long("listen-http") => own.listen_http = Some(text(&mut parser)?),
            Long("tls-cert-out") => own.cert_out = Some(PathBuf::from(text(&mut parser)?)),
            Long("tls-name") => own.names.push(text(&mut parser)?),
            Long("domain") => own.domain = text(&mut parser)?,
            Long("user") => {
                let given = text(&mut parser)?;
                let (uri, password) = given.split_once('=').ok_or("--user is URI=PASSWORD")?;
                own.users.push((uri.to_owned(), password.to_owned()));
            }
            Long("person") => own.people.push(person(&text(&mut parser)?)?),
            Long("switch") => {
                let given = text(&mut parser)?;
                let (name, value) = given.split_once('=').ok_or("--switch is NAME=VALUE")?;
                own.switches.set(name, value)?;
            }
            Long("seed") => {
                own.seed = Some(
                    text(&mut parser)?
                        .parse()
                        .map_err(|_| "--seed is a whole number")?,
                )
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    if list {
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
        own.people.push((
            format!("sip:echo@{}", own.domain),
            Manner::Echo(Duration::ZERO),
        ));
    }
    if !own.tls && (own.listen_http.is_some() || own.cert_out.is_some()) {
        return Err("--listen-http and --tls-cert-out go with --tls-self-signed".to_owned());
    }
    Ok(Command::Serve(Box::new(own)))
}

/// `URI[=MANNER[:SECONDS]]`.
fn person(given: &str) -> Result<(String, Manner), String> {
    let (uri, manner) = given.split_once('=').unwrap_or((given, "accept"));
    let (word, after) = manner.split_once(':').unwrap_or((manner, "0"));
    let after = after
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or("--person: SECONDS is a number")?;
    let manner =
        Manner::read(word, after).ok_or_else(|| format!("--person: no manner `{word}`"))?;
    Ok((uri.to_owned(), manner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        match parse(lexopt::Parser::from_args(line.split_whitespace()))? {
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
