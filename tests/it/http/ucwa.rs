//! The gateway on a simulated Lync server: a person and a meeting, over HTTP on one side and UCWA
//! on the other.

use super::gateway::Gateway;
use super::xmpp::{Kept, command};
use crate::ucwa::simulator::person::Heard;
use crate::ucwa::world::{PASSWORD, Way, World, certificate, contact, sip};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The file of a gateway whose agents are users of that server.
fn file(world: &World, secrets: &str, more: &str) -> String {
    format!(
        "[[backend]]\ntype = 'ucwa'\ndomain = 'contoso.com'\nroot = '{}'\nsecrets = {{ file = '{secrets}' }}\n{more}\n",
        world.root()
    )
}

/// Waits until Lene has heard something; she is another process's, as far as the gateway knows.
fn hears(world: &World, text: &str) -> Heard {
    let lene = world.simulator.person(&sip("lene")).expect("she is there");
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(heard) = lene.heard().into_iter().find(|heard| heard.text == text) {
            return heard;
        }
        assert!(Instant::now() < until, "Lene never hears `{text}`");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn talk(way: Way, trust: &str) {
    let world = World::open(way, &[]);
    let secret = Kept::new(&format!("ucwa-secret-{way:?}"), &format!("{PASSWORD}\n"));
    let list = Kept::new(
        &format!("ucwa-list-{way:?}"),
        &format!("bot0@contoso.com = {}\n", secret.path()),
    );
    let config = Kept::new(
        &format!("ucwa-{way:?}.toml"),
        &file(&world, list.path(), trust),
    );
    let gateway = Gateway::spawn(command(&["--config", config.path()]));
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
    let lene = world.simulator.person(&sip("lene")).expect("she is there");
    let (person, meeting) = (contact("lene"), lene.holds_meeting("Weekly talk", ""));
    let room = format!("chat-room:{meeting}");
    put(
        "Users/lene",
        json!({ "UserId": "lene", "Username": "lene", "Password": "lenes secret" }),
    );
    let channels = json!([{ "Id": person }, { "Id": room }]);
    put(
        "Agents/bot",
        json!({ "Id": "bot", "UserName": "ucwa:bot0@contoso.com", "Channels": channels, "Users": ["lene"] }),
    );
    let token = gateway.log_in("lene", "lenes secret", "bot");
    let event = |query: &str, fits: &dyn Fn(&Value) -> bool| {
        let target = format!("/Collaboration/v1/Events?last-event=0&{query}");
        // Earlier events end each poll at once, so this polls repeatedly.
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let events = gateway.get(&target, &token).expect(200).json();
            if let Some(event) = events
                .as_array()
                .into_iter()
                .flatten()
                .find(|event| fits(event))
            {
                return event.clone();
            }
            assert!(Instant::now() < until, "no such event: {query}: {events}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    for channel in [&person, &room] {
        event("types=channel-state", &|event| {
            event["Active"] == true && event["ChannelId"] == channel.as_str()
        });
    }
    let post = |channel: &str, body: Value| {
        let channel = channel.replace(';', "%3B").replace('=', "%3D");
        let target = format!("/Collaboration/v1/Channels/{channel}/Messages");
        gateway
            .call("POST", &target, &token, &body.to_string())
            .expect(200)
            .json()
    };
    post(&person, json!({ "Text": "hello, Lene" }));
    assert_eq!(hears(&world, "hello, Lene").from, sip("bot0"));
    lene.say(&sip("bot0"), "hello, bot");
    let heard = event("types=message&origin=remote", &|event| {
        event["Content"] == "hello, bot"
    });
    assert_eq!(
        (heard["ChannelId"].as_str(), heard["Sender"].as_str()),
        (Some(&*person), Some(&*sip("lene"))),
        "{heard}"
    );
    post(&room, json!({ "Text": "hello, all" }));
    hears(&world, "hello, all");
    lene.says_in(&meeting, "welcome");
    let heard = event("types=message&origin=remote", &|event| {
        event["Content"] == "welcome"
    });
    assert_eq!(heard["ChannelId"], room.as_str(), "{heard}");

    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains("cwt="), "{log}");
    assert_eq!(
        world.simulator.count(&sip("bot0")),
        (0, 0, 0),
        "it has signed out"
    );
}

#[test]
fn without_tls_on_this_machine() {
    talk(Way::Plain, "");
}

#[test]
fn over_tls_with_a_ca_file() {
    talk(
        Way::Tls,
        &format!("ca_file = '{}'", certificate("cert.pem").display()),
    );
}

#[test]
fn check_says_what_is_wrong_with_a_backend() {
    let secret = Kept::new("ucwa-checked", "s3cret\n");
    let list = Kept::new(
        "ucwa-checked-list",
        &format!("bot@contoso.com = {}\n", secret.path()),
    );
    let fine = format!(
        "[[backend]]\ntype = 'ucwa'\ndomain = 'contoso.com'\nsecrets = {{ file = '{}' }}\n",
        list.path()
    );
    let check = |more: &str| {
        let config = Kept::new("ucwa-checked.toml", &format!("{fine}{more}\n"));
        let output = command(&["--check", "--config", config.path()])
            .output()
            .expect("it runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    for more in [
        "",
        "root = 'https://lyncdiscover.contoso.com/'\nhosts = ['contoso.local', 'pool.example.net']",
        "login = 'CONTOSO\\{user}'\nculture = 'de-DE'\nmessage_length = 4000",
        "root = 'http://192.0.2.1/'\ninsecure_plain_http = true",
    ] {
        assert_eq!(check(more).0, Some(0), "{more}: {}", check(more).1);
    }
    for (more, error) in [
        ("root = 'http://192.0.2.1/'", "this machine only"),
        ("root = 'lyncdiscover.contoso.com'", "is not like https://"),
        ("hosts = ['https://contoso.local/']", "is not a domain"),
        ("login = 'CONTOSO'", "{user}"),
        ("grant = 'ntlm'", "expected `password` or `windows`"),
        ("user_agent = ''", "user agent"),
        ("tls = 'schannel'", "expected `rustls` or `openssl`"),
        ("ca_file = '/none/ca.pem'", "/none/ca.pem"),
        (
            "insecure_any_certificate = true\nca_file = 'x'",
            "exclude each other",
        ),
        (
            "[[backend]]\ntype = 'ucwa'\ndomain = 'x.y'\nsecrets = { directory = '/tmp' }",
            "one backend of type `ucwa`",
        ),
    ] {
        let (status, told) = check(more);
        assert_eq!(status, Some(2), "{more}: {told}");
        assert!(told.contains(error), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
    if !cfg!(feature = "openssl") {
        let (status, told) = check("tls = 'openssl'");
        assert_eq!(status, Some(2), "{told}");
        assert!(
            told.contains("needs a build with the feature `openssl`"),
            "{told}"
        );
    }
    let gone = fine.replace(list.path(), "/none/such");
    let config = Kept::new("ucwa-gone.toml", &gone);
    let output = command(&["--check", "--config", config.path()])
        .output()
        .expect("it runs");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("/none/such"),
        "{output:?}"
    );
}
