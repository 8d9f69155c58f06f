//! The gateway on a real Prosody, as its component: people whom another program drives hear what is
//! posted over HTTP, and what they say comes as events.

use super::gateway::{Gateway, SUPER, program};
use crate::xmpp::server::{Kind, Server, can_run};
use crate::xmpp::town::Town;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A temporary file of this test, removed on drop.
pub(super) struct Kept(PathBuf);

impl Kept {
    pub(super) fn new(name: &str, text: &str) -> Kept {
        let path = std::env::temp_dir().join(format!(
            "switchboard-gateway-xmpp-{}-{name}",
            std::process::id()
        ));
        std::fs::write(&path, text).expect("a file");
        Kept(path)
    }

    pub(super) fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(super) fn command(more: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--database",
        ":memory:",
        "--poll-timeout",
        "2",
        "--super-user",
        SUPER.0,
    ]);
    command
        .args(more)
        .env("SWITCHBOARD_SUPER_PASSWORD", SUPER.1);
    command
}

/// Provisions over HTTP, waits until the agent is in, and lets both sides talk in the room and one
/// to one.
fn talk(town: &Town, gateway: &Gateway, address: &str) {
    let root = gateway.super_token();
    let put = |target: &str, body: Value| {
        gateway
            .call(
                "PUT",
                &format!("/Provisioning/v1/{target}"),
                &root,
                &body.to_string(),
            )
            .expect(200);
    };
    let (room, alice) = (town.ops(), town.contact("alice"));
    put(
        "Users/lene",
        json!({ "UserId": "lene", "Username": "lene", "Password": "lenes secret" }),
    );
    let channels = json!([{ "Id": room }, { "Id": alice }]);
    put(
        "Agents/bot",
        json!({ "Id": "bot", "UserName": format!("xmpp:{address}"), "Channels": channels, "Users": ["lene"] }),
    );
    let lene = gateway.log_in("lene", "lenes secret", "bot");
    let event = |query: &str, fits: &dyn Fn(&Value) -> bool| {
        let target = format!("/Collaboration/v1/Events?last-event=0&{query}");
        for _ in 0..20 {
            let events = gateway.get(&target, &lene).expect(200).json();
            if let Some(event) = events
                .as_array()
                .into_iter()
                .flatten()
                .find(|event| fits(event))
            {
                return event.clone();
            }
        }
        panic!("no such event: {query}");
    };
    event(&format!("types=channel-state&channels={room}"), &|event| {
        event["Active"] == true
    });

    let post = |channel: &str, text: &str| {
        let target = format!("/Collaboration/v1/Channels/{channel}/Messages");
        gateway
            .call("POST", &target, &lene, &json!({ "Text": text }).to_string())
            .expect(200)
            .json()
    };
    let nickname = address.split('@').next().expect("a name");
    post(&room, "hello, room");
    assert_eq!(
        town.alice.hears(&town.room(), "hello, room").resource,
        nickname
    );
    town.alice.say(&town.room(), "hello, bot");
    let heard = event("types=message&origin=remote", &|event| {
        event["Content"] == "hello, bot"
    });
    assert_eq!(heard["ChannelId"], room.as_str(), "{heard}");

    town.alice.say(address, "are you there?");
    let heard = event("types=message&origin=remote", &|event| {
        event["Content"] == "are you there?"
    });
    assert_eq!(heard["ChannelId"], alice.as_str(), "{heard}");
    post(&alice, "I am");
    town.alice.hears(address, "I am");
}

#[test]
fn a_component_by_its_shorthand() {
    let Some(town) = Town::prosody("HTTP gateway, --xmpp-component over Prosody") else {
        return;
    };
    let secret = Kept::new("shorthand", &format!("{}\n", town.server.value("SECRET")));
    let shorthand = format!(
        "127.0.0.1:{},{},{}",
        town.server.port("COMPONENT"),
        town.server.value("AGENTS"),
        secret.path()
    );
    let gateway = Gateway::spawn(command(&["--xmpp-component", &shorthand]));
    talk(
        &town,
        &gateway,
        &town.bot(crate::xmpp::town::Way::Component, "bot"),
    );
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains(town.server.value("SECRET")), "{log}");
}

/// The file of a gateway with an account and the embedded chat system, on that server.
fn accounts(server: &Server, secrets: &str, trust: &str) -> String {
    format!(
        "default_backend = 'xmpp'\n[[backend]]\ntype = 'loopback'\n[[backend]]\ntype = 'xmpp'\ndomain = '{}'\n\
         rooms_host = '{}'\n{trust}\n[backend.accounts]\nhost = '127.0.0.1'\nport = {}\nsecrets = {{ {secrets} }}\n",
        server.value("DOMAIN"),
        server.value("ROOMS"),
        server.port("C2S"),
    )
}

#[test]
fn an_account_by_the_file_beside_the_embedded_one() {
    let Some(town) = Town::prosody("HTTP gateway, [[backend]] with an account over Prosody") else {
        return;
    };
    let address = town.bot(crate::xmpp::town::Way::Account, "bot0");
    let secret = Kept::new("secret", "pw-bot0\n");
    let list = Kept::new(
        "list",
        &format!("# agents\n\n{address} = {}\n", secret.path()),
    );
    let trust = format!("ca_file = '{}'", town.server.certificate().display());
    let config = Kept::new(
        "gateway.toml",
        &accounts(&town.server, &format!("file = '{}'", list.path()), &trust),
    );
    let gateway = Gateway::spawn(command(&["--config", config.path(), "--room", "own=Own"]));
    talk(&town, &gateway, &address);
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("pw-bot0"), "{log}");
}

#[test]
fn check_says_what_is_wrong_with_a_backend() {
    let secret = Kept::new("checked", "s3cret\n");
    let component = format!(
        "[[backend]]\ntype = 'xmpp'\ndomain = 'im.test'\n[backend.component]\ndomain = 'agents.im.test'\nsecret = {{ file = '{}' }}\n",
        secret.path()
    );
    let check = |text: &str, more: &[&str]| {
        let config = Kept::new("checked.toml", text);
        assert!(Path::new(config.path()).exists());
        let output = command(more)
            .args(["--check", "--config", config.path()])
            .output()
            .expect("it runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(
        check(&component, &[]).0,
        Some(0),
        "{:?}",
        check(&component, &[])
    );
    for (text, more, error) in [
        (
            component.clone(),
            &["--loopback-control"][..],
            "--loopback-control",
        ),
        (
            component.clone(),
            &["--default-backend", "loopback"][..],
            "default_backend is `loopback`",
        ),
        (component.clone(), &["--room", "a=A"][..], "--room needs"),
        (
            component.replace(secret.path(), "/none/such"),
            &[][..],
            "/none/such",
        ),
        (
            component.replace("secret =", "host = '192.0.2.1'\nsecret ="),
            &[][..],
            "this machine only",
        ),
        (
            component.replace(
                "domain = 'im.test'",
                "domain = 'im.test'\nca_file = '/none/ca.pem'",
            ),
            &[][..],
            "/none/ca.pem",
        ),
        (
            component.replace("domain = 'im.test'", "insecure_any_certificat = true"),
            &[][..],
            "did you mean `insecure_any_certificate`?",
        ),
        (
            component.replace(
                "domain = 'im.test'",
                "domain = 'im.test'\ninsecure_any_certificate = true\nca_file = 'x'",
            ),
            &[][..],
            "exclude each other",
        ),
    ] {
        let (status, told) = check(&text, more);
        assert_eq!(status, Some(2), "{text}: {told}");
        assert!(told.contains(error), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

/// The setting that pins the server's certificate, with the fingerprint as openssl prints it.
fn fingerprint(server: &Server) -> String {
    let mut command = Command::new("openssl");
    let output = command
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(server.certificate())
        .output();
    let printed = String::from_utf8(output.expect("openssl runs").stdout).expect("UTF-8");
    format!(
        "pinned_sha256 = '{}'",
        printed.trim().split_once('=').expect("a fingerprint").1
    )
}

/// No authority known here signed this server's certificate, so nothing is sent to it unless the
/// file permits it.
#[test]
fn a_certificate_is_not_believed_unless_in_so_many_words() {
    if !can_run("HTTP gateway, trust over Prosody", Kind::Prosody) {
        return;
    }
    let server = Server::start(Kind::Prosody, &[]);
    let address = format!("bot1@{}", server.value("DOMAIN"));
    let folder = std::env::temp_dir().join(format!(
        "switchboard-gateway-secrets-{}",
        std::process::id()
    ));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(&address), "pw-bot1\n").expect("a file");
    let secrets = format!("directory = '{}'", folder.display());
    let pin = fingerprint(&server);
    for (trust, status) in [
        ("", 503),
        (pin.as_str(), 200),
        ("insecure_any_certificate = true", 200),
    ] {
        let config = Kept::new("trust.toml", &accounts(&server, &secrets, trust));
        let gateway = Gateway::spawn(command(&["--config", config.path()]));
        let root = gateway.super_token();
        gateway
            .call(
                "PUT",
                "/Provisioning/v1/Users/lene",
                &root,
                r#"{"UserId":"lene","Username":"lene","Password":"lenes"}"#,
            )
            .expect(200);
        let agent =
            json!({ "Id": "bot", "UserName": format!("xmpp:{address}"), "Users": ["lene"] })
                .to_string();
        gateway
            .call("PUT", "/Provisioning/v1/Agents/bot", &root, &agent)
            .expect(200);
        let deadline = Instant::now() + Duration::from_secs(60);
        while gateway.get("/readyz", "").status != 200 {
            assert!(
                Instant::now() < deadline,
                "never ready: {:?}",
                gateway.get("/readyz", "")
            );
            std::thread::yield_now();
        }
        let lene = gateway.log_in("lene", "lenes", "bot");
        let answer = gateway
            .get("/Collaboration/v1/Channels", &lene)
            .expect(status);
        assert!(
            status == 200 || answer.body.contains("certificate"),
            "{answer:?}"
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
}
