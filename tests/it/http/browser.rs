//! What a page in a browser needs: files from the same origin, or permission to call from another.

use super::client::{self, Answer, request};
use super::gateway::Gateway;
use super::world::{MESSAGES, World};
use std::path::PathBuf;

const PAGE: &str = "https://page.example";

fn asked(gateway: &Gateway, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    client::send(gateway.address, &request(method, target, headers, b""))
}

#[test]
fn without_cors_origin_no_page_from_elsewhere_is_answered() {
    let gateway = Gateway::start(&[]);
    let headers = [("Origin", PAGE), ("Access-Control-Request-Method", "POST")];
    let answer = asked(&gateway, "OPTIONS", MESSAGES, &headers).expect(204);
    assert!(answer.header("access-control-allow-origin").is_none());
    assert!(answer.header("allow").is_some(), "an ordinary OPTIONS");
}

#[test]
fn a_preflight_from_a_named_origin_is_granted_and_every_answer_can_be_read() {
    let world = World::new(&[
        "--cors-origin",
        "https://other.example",
        "--cors-origin",
        PAGE,
    ]);
    let headers = [
        ("Origin", PAGE),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization"),
    ];
    let granted = asked(&world.gateway, "OPTIONS", MESSAGES, &headers).expect(204);
    assert_eq!(granted.header("access-control-allow-origin"), Some(PAGE));
    assert!(
        granted
            .header("access-control-allow-headers")
            .is_some_and(|names| names.to_lowercase().contains("authorization"))
    );
    assert!(
        granted
            .header("access-control-allow-methods")
            .is_some_and(|names| names.contains("DELETE"))
    );
    assert_eq!(granted.header("vary"), Some("origin"));
    let stranger = [
        ("Origin", "https://evil.example"),
        ("Access-Control-Request-Method", "POST"),
    ];
    assert!(
        asked(&world.gateway, "OPTIONS", MESSAGES, &stranger)
            .header("access-control-allow-origin")
            .is_none()
    );
    let authorization = format!("FCF {}", world.lene);
    let mine = [("Origin", PAGE), ("Authorization", authorization.as_str())];
    let events = asked(
        &world.gateway,
        "GET",
        "/Collaboration/v1/Events?last-event=0",
        &mine,
    )
    .expect(200);
    assert_eq!(events.header("access-control-allow-origin"), Some(PAGE));
    assert!(
        events
            .header("access-control-expose-headers")
            .is_some_and(|names| names.contains("switchboard-last-event"))
    );
    // A page that could not read the 401 could not log in again.
    let refused = asked(
        &world.gateway,
        "GET",
        "/Collaboration/v1/Events?last-event=0",
        &[("Origin", PAGE)],
    )
    .expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), Some(PAGE));
}

#[test]
fn a_star_lets_every_page_call() {
    let gateway = Gateway::start(&["--cors-origin", "*"]);
    let headers = [("Origin", PAGE), ("Access-Control-Request-Method", "PUT")];
    let granted = asked(&gateway, "OPTIONS", "/Provisioning/v1/Agents/a", &headers).expect(204);
    assert_eq!(granted.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn files_are_served_and_nothing_outside_their_folder() {
    let folder = folder();
    let gateway = Gateway::start(&["--static", folder.join("site").to_str().expect("UTF-8")]);
    for target in ["/", "/index.html", "/?x=y"] {
        let page = asked(&gateway, "GET", target, &[]);
        assert_eq!(
            (page.status, page.body.as_str()),
            (200, "<p>hello</p>"),
            "{target}"
        );
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
    }
    let page = asked(&gateway, "GET", "/sub/", &[]);
    assert_eq!((page.status, page.body.as_str()), (200, "sub"));
    let script = asked(&gateway, "GET", "/sub/a%20b.js", &[]);
    assert_eq!(
        (script.status, script.header("content-type")),
        (200, Some("text/javascript; charset=utf-8"))
    );
    let large = asked(&gateway, "GET", "/large.bin", &[]);
    assert_eq!((large.status, large.body.len()), (200, 300_000));
    let head = asked(&gateway, "HEAD", "/large.bin", &[]);
    assert_eq!(
        (
            head.status,
            head.header("content-length"),
            head.body.as_str()
        ),
        (200, Some("300000"), "")
    );
    let since = script.header("last-modified").expect("a date").to_owned();
    assert_eq!(
        asked(
            &gateway,
            "GET",
            "/sub/a%20b.js",
            &[("If-Modified-Since", &since)]
        )
        .status,
        304
    );
    for target in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/../../secret.txt",
        "/..%5csecret.txt",
        "//../secret.txt",
        "/link.txt",
        "/.hidden",
        "/none.html",
        "/index.html/x",
    ] {
        asked(&gateway, "GET", target, &[]).expect_code(404, "not_found");
    }
    asked(&gateway, "POST", "/index.html", &[]).expect_code(404, "not_found");
    // Static files never replace the contract's own paths.
    asked(&gateway, "GET", "/Collaboration/v1/Channels", &[]).expect_code(401, "unauthorized");
    drop(gateway);
    let _ = std::fs::remove_dir_all(folder);
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("switchboard-site-{}", std::process::id()));
    let site = folder.join("site");
    std::fs::create_dir_all(site.join("sub")).expect("a folder");
    let write = |path: PathBuf, bytes: &[u8]| std::fs::write(path, bytes).expect("a file");
    write(folder.join("secret.txt"), b"secret");
    write(site.join("index.html"), b"<p>hello</p>");
    write(site.join(".hidden"), b"secret");
    write(site.join("large.bin"), &vec![b'x'; 300_000]);
    write(site.join("sub/index.html"), b"sub");
    write(site.join("sub/a b.js"), b"1");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.join("secret.txt"), site.join("link.txt")).expect("a link");
    folder
}
