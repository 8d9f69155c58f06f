//! Files that are not served, not opened, or only data.

use super::super::with_password_file;
use crate::http::gateway::{Gateway, program};
use crate::http::world::World;
use crate::world::Disk;
use std::process::Command;
use std::time::{Duration, Instant};

#[cfg(unix)]
#[test]
fn a_folder_with_our_own_files_is_not_served() {
    use std::os::unix::fs::symlink;
    let disk = Disk::new();
    let database = disk.path();
    let refused = |site: &std::path::Path, more: &[&std::ffi::OsStr]| {
        let mut command = Command::new(program());
        command
            .args(["--check", "--static"])
            .arg(site)
            .arg("--database")
            .arg(&database)
            .args(more);
        let run = command
            .env("SWITCHBOARD_SUPER_PASSWORD", "x")
            .output()
            .unwrap();
        (!run.status.success()).then(|| String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let folder = disk.directory().to_owned();
    let said = refused(&folder, &[]).expect("the folder of the database");
    assert!(said.contains("not for visitors"), "{said}");
    let link = folder.join("link");
    symlink(&folder, &link).unwrap();
    assert!(refused(&link, &[]).is_some(), "through a link");
    let site = folder.join("site");
    std::fs::create_dir(&site).unwrap();
    assert!(refused(&site, &[]).is_none(), "a folder of its own is fine");
    let password = site.join("password");
    std::fs::write(&password, "secret").unwrap();
    assert!(
        refused(
            &site,
            &["--super-password-file".as_ref(), password.as_os_str()]
        )
        .is_some(),
        "the password's folder"
    );
}

#[cfg(unix)]
#[test]
fn links_fifos_and_dot_files_are_not_served_and_do_not_stop_the_end() {
    use std::os::unix::fs::symlink;
    let disk = Disk::new();
    let site = disk.directory().join("site");
    std::fs::create_dir_all(site.join(".hidden")).unwrap();
    std::fs::write(site.join("page.html"), "hello").unwrap();
    std::fs::write(site.join(".hidden/x"), "x").unwrap();
    symlink(site.join(".hidden/x"), site.join("inner")).unwrap();
    symlink("/etc/passwd", site.join("outer")).unwrap();
    std::fs::write(disk.path(), "").unwrap();
    let fifo = site.join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let database = disk.path();
    let flags = [
        "--static",
        site.to_str().unwrap(),
        "--database",
        database.to_str().unwrap(),
    ];
    let gateway = Gateway::start(&flags);
    std::fs::hard_link(&database, site.join("copy.db")).unwrap();
    assert_eq!(gateway.get("/page.html", "").status, 200);
    for path in ["/inner", "/outer", "/fifo", "/copy.db", "/.hidden/x"] {
        assert_eq!(gateway.get(path, "").status, 404, "{path}");
    }
    let began = Instant::now();
    let (status, log) = gateway.stop();
    println!("ended after {:?} with a FIFO asked for", began.elapsed());
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[cfg(unix)]
#[test]
fn a_fifo_as_password_file_does_not_hold_the_end() {
    let disk = Disk::new();
    let (password, gateway) = with_password_file(&disk, ":memory:".as_ref(), "at first");
    std::fs::remove_file(&password).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&password)
            .status()
            .unwrap()
            .success()
    );
    gateway.signal("HUP");
    gateway.log_in("admin", "at first", "");
    let began = Instant::now();
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

/// An upload's name is kept as data or refused; it never becomes a path.
#[test]
fn upload_names_are_data() {
    let world = World::new(&[]);
    let long = "n".repeat(2_000);
    let names = [
        "..",
        ".",
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "C:\\x",
        "CON",
        "nul.txt",
        "\u{202e}gnp.exe",
        "<script>",
        "a b",
        "a%00b",
        "\u{1}",
        "täglich",
        "💣",
        "-rf",
        "'; DROP TABLE message; --",
        long.as_str(),
    ];
    let here = || {
        let mut names: Vec<_> = std::fs::read_dir(".")
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = here();
    let mut kept = Vec::new();
    for name in names {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = world.lene(
            "POST",
            &format!("/Collaboration/v1/Channels/chat-room:ops/File/{encoded}"),
            "content",
        );
        assert!(matches!(answer.status, 204 | 400), "{name:?}: {answer:?}");
        let refused = name.len() > 1_024 || name.chars().any(char::is_control);
        assert_eq!(answer.status == 400, refused, "{name:?}: {answer:?}");
        if !refused {
            kept.push(name);
        }
    }
    // Each upload is a message with the name as it was given, and an address that is not a path.
    let messages = world
        .lene(
            "GET",
            "/Collaboration/v1/Channels/chat-room:ops/Messages?take=100",
            "",
        )
        .expect(200)
        .json();
    let parts = messages
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|message| message["MessageParts"].as_array().unwrap());
    let links: Vec<_> = parts.filter(|part| part["Url"].is_string()).collect();
    let said: Vec<_> = links
        .iter()
        .filter_map(|part| part["Text"].as_str())
        .collect();
    assert_eq!(said, kept);
    for link in links {
        let url = link["Url"].as_str().unwrap();
        assert!(
            url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains('\\'),
            "{url}"
        );
    }
    assert_eq!(here(), before, "no file was made in the working folder");
    println!(
        "{} names were kept as data, {} refused",
        kept.len(),
        names.len() - kept.len()
    );
}

#[cfg(unix)]
#[test]
fn a_password_file_that_leads_to_the_database_is_not_opened() {
    let disk = Disk::new();
    let (password, gateway) = with_password_file(&disk, &disk.path(), "at first");
    for end in ["", "-wal", "-shm", "-lock"] {
        let mut name = disk.path().into_os_string();
        name.push(end);
        std::fs::remove_file(&password).unwrap();
        std::os::unix::fs::symlink(&name, &password).unwrap();
        gateway.signal("HUP");
        gateway.log_in("admin", "at first", "");
    }
    assert_eq!(gateway.get("/readyz", "").status, 200);
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("it is a file of the database"), "{log}");
}
