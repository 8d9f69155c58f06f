//! `--static` beside private files: copies of the database, logs and keys that come into the folder
//! while it is served.

use crate::http::gateway::{Gateway, program};
use crate::world::{Disk, SOON, World};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_copy_of_the_database_or_a_key_in_the_folder_is_not_served() {
    let disk = Disk::new();
    let site = disk.directory().join("site");
    fs::create_dir_all(&site).unwrap();
    let database = disk.path();
    let gateway = Gateway::start(&[
        "--static",
        site.to_str().unwrap(),
        "--database",
        database.to_str().unwrap(),
    ]);
    gateway.get("/healthz", "").expect(200);
    let put = |name: &str, bytes: &[u8]| fs::write(site.join(name), bytes).unwrap();
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute("VACUUM INTO ?1", [site.join("backup.db").to_str().unwrap()])
        .unwrap();
    fs::copy(site.join("backup.db"), site.join("index.html")).unwrap();
    let mut log = database.clone().into_os_string();
    log.push("-wal");
    put("log.txt", &fs::read(log).unwrap());
    put("journal.bin", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7\0\0\0\x01");
    // As SQLite leaves a database whose first page is still to come.
    put("unwritten.db", &[&[0; 4096][..], b"private words"].concat());
    let key = "PRIVATE KEY-----\nMIIE\n-----END ";
    put("key.pem", format!("-----BEGIN {key}{key}").as_bytes());
    put(
        "rsa.txt",
        format!("# my key\r\n-----BEGIN RSA {key}").as_bytes(),
    );
    put(
        "bundle.pem",
        format!(
            "{}-----BEGIN EC {key}",
            "-----BEGIN CERTIFICATE-----\nMIIE\n".repeat(200)
        )
        .as_bytes(),
    );
    put("putty.ppk", b"PuTTY-User-Key-File-3: ssh-ed25519\n");
    let private = [
        "/backup.db",
        "/index.html",
        "/",
        "/log.txt",
        "/journal.bin",
        "/unwritten.db",
    ];
    let keys = ["/key.pem", "/rsa.txt", "/bundle.pem", "/putty.ppk"];
    for path in private.into_iter().chain(keys) {
        assert_eq!(gateway.get(path, "").status, 404, "{path}");
    }
    put(
        "page.html",
        b"<p>-----BEGIN CERTIFICATE-----, and what a PRIVATE KEY is",
    );
    put("empty.txt", b"");
    put("zeros.bin", &[0; 10]);
    for path in ["/page.html", "/empty.txt", "/zeros.bin"] {
        assert_eq!(gateway.get(path, "").status, 200, "{path}");
    }
    assert_eq!(
        gateway.get("/page.html", "").body,
        "<p>-----BEGIN CERTIFICATE-----, and what a PRIVATE KEY is"
    );
    println!(
        "{} private files laid into the folder, none served",
        private.len() + keys.len()
    );
}

#[cfg(unix)]
#[test]
fn sighup_looks_through_the_folder_again() {
    let disk = Disk::new();
    let site = disk.directory().join("site");
    fs::create_dir_all(&site).unwrap();
    fs::write(site.join("page.html"), "hello").unwrap();
    let password = disk.directory().join("password");
    fs::write(&password, "at first").unwrap();
    let config = disk.directory().join("gateway.toml");
    let configure = |password: &std::path::Path| {
        fs::write(
            &config,
            format!("super_password = {{ file = '{}' }}\n", password.display()),
        )
        .unwrap();
    };
    configure(&password);
    let mut command = Command::new(program());
    command
        .args([
            "--listen",
            "127.0.0.1:0",
            "--database",
            ":memory:",
            "--static",
        ])
        .arg(&site)
        .arg("--config")
        .arg(&config);
    let gateway = Gateway::spawn(command);
    let until = |status: u16| {
        let began = Instant::now();
        while gateway.get("/page.html", "").status != status {
            assert!(began.elapsed() < SOON, "never {status}");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    until(200);
    let inside = site.join("secret.txt");
    fs::write(&inside, "at last").unwrap();
    configure(&inside);
    gateway.signal("HUP");
    until(404);
    assert_eq!(gateway.get("/secret.txt", "").status, 404);
    gateway.get("/healthz", "").expect(200);
    configure(&password);
    gateway.signal("HUP");
    until(200);
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("not for visitors"), "{log}");
}

#[cfg(unix)]
#[test]
fn each_file_of_ours_that_others_can_open_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let disk = Disk::new();
    World::stored(&disk).engine.shutdown(SOON).unwrap();
    let beside = |end: &str| super::file::beside(&disk.path(), end);
    for end in ["", "-lock"] {
        fs::set_permissions(beside(end), PermissionsExt::from_mode(0o666)).unwrap();
    }
    let key = disk.directory().join("password");
    fs::write(&key, "word").unwrap();
    fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let mut command = Command::new(program());
    command
        .args(["--listen", "127.0.0.1:0", "--database"])
        .arg(disk.path())
        .arg("--super-password-file")
        .arg(&key);
    command.stdin(Stdio::null());
    let (status, log) = Gateway::spawn(command).stop();
    assert_eq!(status.code(), Some(0), "{log}");
    let files = ["", "-wal", "-shm", "-lock"].map(beside);
    for file in files.iter().chain([&key]) {
        assert!(
            log.contains(&format!("chmod 600 {}", file.display())),
            "{} is not told: {log}",
            file.display()
        );
    }
}
