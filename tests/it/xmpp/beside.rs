//! Who is meant by a message, and the files that come with it, over real servers.

use super::living::{comes, message_of, sees_mark};
use super::town::Town;
use switchboard::{Collaboration, NewMessage, Part, Reader};

/// Whom a message means, in both directions, and the file that comes with one.
pub(super) fn people_and_files(town: &Town, bot: &Collaboration, ear: &mut Reader) {
    let (room, ops) = (town.room(), town.ops());
    let helper = format!("xmpp:{room}/helper");
    let means = format!(
        "<reference xmlns='urn:xmpp:reference:0' type='mention' uri='{helper}' begin='4' end='10'/>"
    );
    town.alice.send(&room, Some("hey helper, look"), &means);
    let event = comes(ear, "says hey helper, look");
    let message = event.message().expect("a message");
    assert_eq!(message.mentions().collect::<Vec<_>>(), [&helper]);
    let alice = format!("xmpp:{room}/alice b");
    let parts = vec![
        Part::Text("done, ".into()),
        Part::Mention {
            address: alice.clone(),
            name: "Alice".into(),
        },
        Part::Text("!".into()),
    ];
    let posted = bot.post(&ops, NewMessage::parts(parts)).expect("posted");
    assert_eq!(posted.message.mentions().collect::<Vec<_>>(), [&alice]);
    let seen = sees_mark(town, &room, "reference", &alice.replace(' ', "%20"));
    assert_eq!(seen["body"], "done, Alice!");
    let marks = seen["marks"].as_array().expect("a list");
    let reference = marks.iter().find(|mark| mark["name"] == "reference");
    assert_eq!(
        reference.expect("it has")["range"],
        serde_json::json!(["6", "11"])
    );
    let url = "https://up.example/x/pump.jpg";
    let shared = format!(
        "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><name>Pump 3.jpg</name>\
         <media-type>image/jpeg</media-type><size>4711</size></file><sources>\
         <url-data xmlns='http://jabber.org/protocol/url-data' target='{url}'/></sources></file-sharing>\
         <x xmlns='jabber:x:oob'><url>{url}</url></x>"
    );
    let sent = town.alice.send(&room, Some(url), &shared);
    let event = comes(ear, &format!("says {url}"));
    let of_event: Vec<_> = event.message().expect("a message").attachments().collect();
    let of_past = message_of(bot, &ops, &sent.stanza_id);
    for file in of_event.into_iter().chain(of_past.attachments()) {
        let said = (
            file.name.as_str(),
            file.size,
            file.media_type.as_deref(),
            file.url.as_str(),
        );
        assert_eq!(said, ("Pump 3.jpg", Some(4711), Some("image/jpeg"), url));
    }
    assert_eq!(of_past.attachments().count(), 1);
}
