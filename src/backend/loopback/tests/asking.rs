//! An agent's calls besides posting: history, look-up, uploads, search.

use super::{channel, outgoing, wait, world};
use crate::backend::loopback::{Loopback, files};
use crate::backend::{BackendErrorKind, Found, Posted};
use crate::model::{MessageId, OriginId, Part};

#[test]
fn history_pages_backwards_and_a_stranger_id_answers_nothing() {
    let world = world(Loopback::new());
    let lene = world.chat.person("contact:lene");
    let echo = world.echo();
    let ids: Vec<_> = (0..5)
        .map(|n| lene.say("chat-room:ops", n.to_string()).expect("said"))
        .collect();
    let page = |before: Option<&MessageId>, take| {
        let page = wait(
            echo.clone()
                .history(channel("chat-room:ops"), before.cloned(), take),
        )
        .expect("a page");
        page.into_iter()
            .map(|message| message.content.visible_text())
            .collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2), ["3", "4"]);
    assert_eq!(page(Some(&ids[3]), 2), ["1", "2"]);
    assert!(page(MessageId::parse("never").ok().as_ref(), 2).is_empty());
}

#[test]
fn a_post_is_found_by_its_origin() {
    let world = world(Loopback::new());
    let echo = world.echo();
    world
        .post(&echo, "chat-room:ops", "mine")
        .expect("accepted");
    let posted = world.messages().remove(0);
    let look_up = |origin: OriginId| {
        wait(echo.clone().look_up(channel("chat-room:ops"), origin)).expect("an answer")
    };
    assert_eq!(
        look_up(posted.origin.clone().expect("ours")),
        Found::Message(Box::new(posted))
    );
    assert_eq!(look_up(outgoing("").origin), Found::Absent);
}

#[test]
fn an_upload_becomes_a_link_and_one_given_up_becomes_nothing() {
    let world = world(Loopback::new());
    let echo = world.echo();
    let bytes = vec![7u8; 200_000];
    let posted = world.upload(&echo, &bytes, true).expect("sent");
    assert_eq!(posted, Posted::Sent);
    let back = world.messages().remove(0);
    let [Part::Hyperlink { text, url }] = &back.content.parts[..] else {
        panic!("{back:?}")
    };
    assert_eq!(text, "a file.txt");
    assert_eq!(world.chat.file(url), Some(("a file.txt".into(), bytes)));
    assert_eq!(
        world
            .upload(&echo, b"half", false)
            .expect_err("given up")
            .kind,
        BackendErrorKind::Rejected
    );
    assert_eq!(world.messages().len(), 1);
}

#[test]
fn an_upload_over_the_cap_is_rejected_with_the_cap() {
    let world = world(Loopback::new());
    let echo = world.echo();
    let error = world
        .upload(&echo, &vec![0; files::FILE_BYTES_MAX + 1], true)
        .expect_err("too large");
    assert_eq!(error.reason, "the file has over 16777216 bytes");
}

#[test]
fn search_finds_rooms_and_people_by_part_of_their_name() {
    let world = world(Loopback::new());
    world.chat.person("contact:Ole Opera");
    let echo = world.echo();
    let found = wait(echo.find_channels("OPERA".into())).expect("an answer");
    let names: Vec<_> = found.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["Ole Opera", "Operations"]);
}

#[test]
fn a_record_outlives_the_process() -> crate::error::Result<()> {
    let path = std::env::temp_dir().join(format!("switchboard-record-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let origin = {
        let world = world(Loopback::new());
        world.chat.record_to(&path)?;
        let echo = world.echo();
        world
            .post(&echo, "chat-room:ops", "tab\tand\nline")
            .expect("accepted");
        world.messages().remove(0).origin.expect("ours")
    };
    let text = std::fs::read_to_string(&path).expect("recorded");
    assert!(
        text.starts_with(&format!("{origin}\tchat-room:ops\ttab\\tand\\nline\t")),
        "{text}"
    );
    let world = world(Loopback::new());
    world.chat.record_to(&path)?;
    let echo = world.echo();
    let found = wait(echo.look_up(channel("chat-room:ops"), origin)).expect("an answer");
    assert!(
        matches!(&found, Found::Message(found) if found.content.visible_text() == "tab\tand\nline"),
        "{found:?}"
    );
    let _ = std::fs::remove_file(&path);
    Ok(())
}

#[test]
fn kinds_that_are_switched_off_are_unsupported() {
    let world = world(Loopback::new().contacts_only().without_history());
    let echo = world.sign_in(1, "loopback:echo").expect("signed in");
    let error = world
        .join(&echo, "chat-room:ops", None)
        .expect_err("no rooms");
    assert_eq!(error.kind, BackendErrorKind::Unsupported);
    let error = wait(echo.history(channel("contact:lene"), None, 1)).expect_err("no history");
    assert_eq!(error.kind, BackendErrorKind::Unsupported);
}
