//! Files go only to the server's hosts, and uploads delay nothing else.

use super::{BOT, ROOM, over_component};
use crate::world::seconds;
use crate::xmpp::scripted::{Says, attribute, component, serve};
use crate::xmpp::town::Words;
use std::time::{Duration, Instant};
use switchboard::backend::xmpp::{Component, Secret, Xmpp, XmppConfig};
use switchboard::{Engine, Error, NewMessage};

/// What a rooms' and files' service says beside [`component`].
fn with_files(put: String) -> impl Fn(u32, &str) -> Says + Clone + Send + 'static {
    move |_, element| {
        let (id, from, to) = (
            attribute(element, "id"),
            attribute(element, "from"),
            attribute(element, "to"),
        );
        let result = |inner: String| {
            Says::This(format!(
                "<iq type='result' id='{id}' from='{to}' to='{from}'>{inner}</iq>"
            ))
        };
        let disco = "http://jabber.org/protocol/disco";
        match () {
            () if element.contains("disco#items") && to == "im.test" => result(format!(
                "<query xmlns='{disco}#items'><item jid='upload.im.test'/></query>"
            )),
            () if element.contains("disco#info") && to == "upload.im.test" => result(format!(
                "<query xmlns='{disco}#info'><feature var='urn:xmpp:http:upload:0'/></query>"
            )),
            () if element.contains("urn:xmpp:http:upload:0") => result(format!(
                "<slot xmlns='urn:xmpp:http:upload:0'><put url='{put}'><header name='Authorization'>Basic x</header></put>\
                 <get url='https://upload.im.test/a'/></slot>"
            )),
            () => component(element),
        }
    }
}

#[test]
fn a_file_goes_to_the_servers_own_hosts_only() {
    for put in [
        "https://evil.example/a",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/a",
        "https://im.test.evil.example/a",
    ] {
        let engine = over_component(serve(with_files(put.into())), None);
        let bot = engine.bot("helper", BOT, &[ROOM]);
        let error = bot.upload(ROOM, "a.bin", Some(1), &b"x"[..]).unwrap_err();
        assert!(
            matches!(&error, Error::Rejected(reason) if reason.contains("allowed")),
            "{put}: {error:?}"
        );
    }
    // The server's own host, without TLS and not on this machine: an address reserved for
    // documentation, where nothing answers.
    let backend = |port| {
        let component = Component::new("agents.im.test", "127.0.0.1", port, Secret::new("s3cret"));
        Xmpp::new(
            XmppConfig::new("im.test")
                .component(component)
                .file_host("storage.example.net"),
        )
        .expect("right")
    };
    let target = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = target.local_addr().unwrap().port();
    let server = serve(with_files(format!(
        "https://storage.example.net.evil.example:{port}/a"
    )));
    let engine = Engine::builder()
        .in_memory()
        .backend(backend(server))
        .open()
        .expect("opens");
    let bot = engine.bot("helper", BOT, &[ROOM]);
    assert!(matches!(
        bot.upload(ROOM, "a.bin", Some(1), &b"x"[..]),
        Err(Error::Rejected(_))
    ));
}

#[test]
fn files_put_to_a_server_that_never_answers_end_and_posts_go_on() {
    // It accepts connections and stays silent for the whole test.
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("http://127.0.0.1:{}/a", hole.local_addr().unwrap().port());
    let files = with_files(place);
    let answers = move |number: u32, element: &str| match element {
        // The room sends back what is posted.
        element if element.starts_with("<message") => {
            let (from, to) = (attribute(element, "from"), attribute(element, "to"));
            let inner = &element[element.find('>').unwrap_or(0) + 1..];
            Says::This(format!(
                "<message type='groupchat' from='{to}/bot' to='{from}'>{inner}"
            ))
        }
        element => files(number, element),
    };
    let engine = over_component(serve(answers), None);
    let bot = engine.bot("helper", BOT, &[ROOM]);
    let uploads: Vec<_> = (0..66)
        .map(|n| {
            let bot = bot.clone();
            std::thread::spawn(move || bot.upload(ROOM, &format!("{n}.bin"), Some(4), &b"file"[..]))
        })
        .collect();
    // Each upload is under way once its connection is open.
    for _ in 0..66 {
        let (held, _) = hole.accept().unwrap();
        std::mem::forget(held);
    }
    let (mut slowest, mut done) = (Duration::ZERO, 0);
    for n in 0..50 {
        let begun = Instant::now();
        done += u32::from(bot.post(ROOM, NewMessage::text(n.to_string())).is_ok());
        slowest = slowest.max(begun.elapsed());
    }
    println!("66 files into a hole: {done} of 50 posts, slowest {slowest:?}");
    assert_eq!(done, 50);
    if super::super::full() {
        let limit = Instant::now() + seconds(90);
        while uploads.iter().any(|upload| !upload.is_finished()) {
            assert!(Instant::now() < limit, "uploads hang");
            std::thread::sleep(Duration::from_millis(200));
        }
        assert!(
            uploads
                .into_iter()
                .all(|upload| upload.join().unwrap().is_err())
        );
    }
}
