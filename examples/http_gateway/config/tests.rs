//! What the command line and the file make of [`Arguments`]; what the program prints about mistakes is
//! tested in `tests/it/http`.

use super::file::File;
use super::*;
use std::time::Duration;
use value::Value;

fn line(line: &str) -> Arguments {
    let line = ["http_gateway"].into_iter().chain(line.split_whitespace());
    match parse(line.map(OsString::from)) {
        Ok(Command::Serve(arguments) | Command::Check(arguments)) => *arguments,
        Ok(Command::Help(text)) | Err(text) => panic!("{text}"),
    }
}

#[test]
fn the_file_says_what_the_command_line_says() {
    let text = "listen = \"[::1]:80\"\npoll_timeout = 1.5\nkeep_messages = \"90d\"\nconnections = 5\n\
        loopback_control = true\nkeep_bytes = \"1MiB\"\nkeep_audit = 0\nevents = \"buffered\"\n\
        super_password = { env = \"PW\" }\nstatic = \"/srv\"\ncors_origin = \"*\"\n\
        trusted_proxies = [\"10.0.0.0/8\"]\ncategories = [\"a=A\", \"b=B\"]\n\
        [rooms]\nops = \"Operations\"\n\"a/b\" = \"A=B\"\n[[backend]]\ntype = \"loopback\"\n";
    let name = "gateway.toml";
    let mut file = File { name, text }.read().expect("a configuration");
    file.complete().expect("complete");
    file.backends.clear();
    let mut flags = line(
        "--listen [::1]:80 --poll-timeout 1.5 --keep-messages 90d --connections 5 \
         --loopback-control --keep-bytes 1MiB --keep-audit 0 --events buffered \
         --super-password-env PW --static /srv --cors-origin * --trusted-proxy 10.0.0.0/8 \
         --category a=A --category b=B --room a/b=A=B --room ops=Operations",
    );
    flags.backends.clear();
    assert_eq!(format!("{file:?}"), format!("{flags:?}"));
    assert_eq!(flags.rooms[0].0.as_str(), "chat-room:a/b");
    assert_eq!(flags.keep_audit, None);
}

#[test]
fn the_database_is_in_memory_for_a_demo_and_where_it_is_said() {
    let database = |flags: &str| line(flags).database;
    assert_eq!(database(""), Some(PathBuf::from("switchboard.db")));
    assert_eq!(database("--demo"), None);
    assert_eq!(database("--demo --database x.db"), Some("x.db".into()));
    assert_eq!(database("--database :memory:"), None);
    assert_eq!(
        database("--database x.db --database y.db"),
        Some("y.db".into())
    );
}

#[test]
fn durations() {
    for (text, milliseconds) in [
        ("30", 30_000),
        ("0.5", 500),
        ("500ms", 500),
        ("15 s", 15_000),
        ("5m", 300_000),
        ("1d", 86_400_000),
    ] {
        let duration = Duration::read(text).expect(text);
        assert_eq!(duration.as_millis(), milliseconds, "{text}");
    }
    for text in ["", "soon", "-1", "1w", "inf", "NaN", "1e300"] {
        assert!(Duration::read(text).is_err(), "{text}");
    }
}
