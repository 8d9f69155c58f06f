//! What the command line and the file make of [`Arguments`]; what the program prints about mistakes is
//! tested in `tests/it/http`.

use super::file::File;
use super::*;
use std::time::Duration;
use switchboard::backend::Period;

fn line(line: &str) -> Arguments {
    let line = ["http_gateway"].into_iter().chain(line.split_whitespace());
    match parse(line.map(OsString::from)) {
        Ok(Command::Serve(arguments) | Command::Check(arguments)) => *arguments,
        Ok(Command::Help(text)) | Err(text) => panic!("{text}"),
        Ok(Command::CheckLogin(user, _)) => panic!("a login of {user}"),
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
    assert_eq!(flags.rooms[0].0.as_str(), "a/b");
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
fn without_a_flag_or_a_key_a_setting_has_its_default() {
    let (name, text) = ("gateway.toml", "");
    let file = File { name, text }.read().expect("a configuration");
    for arguments in [line(""), file, Arguments::default()] {
        assert_eq!(arguments.listen, "127.0.0.1:8081");
        assert_eq!(arguments.super_user, "admin");
        assert_eq!(arguments.keep_audit, "400d".parse().ok());
    }
    let text = "listen = \"[::1]:80\"\npoll_timeout = 5";
    let mut file = File { name, text }.read().expect("a configuration");
    let none = without_defaults(command()).get_matches_from(["http_gateway"]);
    file.update_from_arg_matches(&none).expect("no flags");
    assert_eq!(file.listen, "[::1]:80", "a default overrides no key");
    assert_eq!(file.poll_timeout, Period(Duration::from_secs(5)));
}
