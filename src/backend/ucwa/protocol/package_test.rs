//! Packages as the published transcripts show them, from the corpus that the fuzzer starts with.

use super::*;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::data_uri;
use proptest::prelude::*;

macro_rules! package {
    ($name:literal) => {
        Package::read(include_bytes!(concat!(
            "../../../../tests/fuzz/corpus/ucwa_package/",
            $name,
            ".json"
        )))
        .expect("a package")
    };
}

const A: &str = "/ucwa/oauth/v1/applications/105";

fn next(n: u32) -> After {
    After::Next(format!("{A}/events?ack={n}"))
}

/// What happened, as `rel type`, in order.
fn told(package: &Package) -> Vec<String> {
    package
        .events
        .iter()
        .map(|event| format!("{} {:?}", event.link.rel, event.kind).to_lowercase())
        .collect()
}

#[test]
fn an_invitation_goes_out() {
    let package = package!("invited");
    assert_eq!(
        package.own.as_deref(),
        Some("/ucwa/oauth/v1/applications/105/events?ack=1")
    );
    assert_eq!(package.after, next(2));
    assert_eq!(
        told(&package),
        [
            "messaginginvitation started",
            "conversation added",
            "localparticipant added",
            "messaging updated",
            "phoneaudio updated",
            "audiovideo updated"
        ]
    );
    let [invitation, conversation, local, messaging, ..] = package.events.as_slice() else {
        panic!("six events")
    };
    assert_eq!(
        (
            invitation.sender.rel.as_str(),
            invitation.succeeded,
            invitation.text_of("state")
        ),
        ("communication", None, Some("Connecting"))
    );
    assert_eq!(
        invitation.text_of("operationId"),
        Some("5028e824-2268-4b14-9e59-1abad65ff393")
    );
    assert_eq!(
        invitation.link_of("conversation"),
        Some(conversation.link.href.as_str())
    );
    assert!(invitation.link_of("cancel").is_some());
    assert_eq!(conversation.text_of("state"), Some("Connecting"));
    assert_eq!(
        local.resource.as_ref().and_then(Document::rel),
        Some("participant"),
        "it calls itself something else"
    );
    assert_eq!(
        (messaging.sender.rel.as_str(), messaging.text_of("state")),
        ("conversation", Some("Connecting"))
    );
    assert_eq!(
        (
            messaging.link_of("sendMessage"),
            messaging.link_of("stopMessaging").is_some()
        ),
        (None, true)
    );
}

#[test]
fn a_conversation_is_connected() {
    let package = package!("connected");
    let [conversation, joined, .., messaging, invitation] = package.events.as_slice() else {
        panic!("events")
    };
    assert_eq!(conversation.text_of("state"), Some("Connected"));
    assert!(
        joined.is(Kind::Added, "participant")
            && joined.within.is_none()
            && joined.resource.is_none()
    );
    assert_eq!(
        Sip::of_href(&joined.link.href),
        Sip::parse("lenea@contoso.com")
    );
    assert_eq!(joined.link.title.as_deref(), Some("Lene Aaling"));
    assert!(
        package.events[2].is_within("participant")
            && package.events[3].is_within("localParticipant")
    );
    assert_eq!(
        messaging.link_of("sendMessage"),
        Some("/ucwa/oauth/v1/applications/105/communication/conversations/c3b7/messaging/messages")
    );
    let formats = messaging
        .resource
        .as_ref()
        .expect("sent along")
        .texts("negotiatedMessageFormats")
        .collect::<Vec<_>>();
    assert_eq!(formats, ["Plain"]);
    assert!(
        invitation.is(Kind::Completed, "messagingInvitation") && invitation.succeeded == Some(true)
    );
    assert_eq!(invitation.link_of("cancel"), None);
    let accepted = invitation
        .resource
        .as_ref()
        .and_then(|resource| resource.embedded("acceptedByParticipant"));
    assert_eq!(
        accepted.and_then(|accepted| accepted.text("uri")),
        Some("sip:lenea@contoso.com")
    );
}

#[test]
fn a_reason_stands_beside_the_resource() {
    for package in [package!("declined"), package!("participant_declined")] {
        let event = &package.events[0];
        assert_eq!(
            (event.succeeded, event.text_of("state")),
            (Some(false), Some("Failed"))
        );
        let reason = event.why().expect("a reason");
        assert_eq!(
            (reason.code.as_str(), reason.subcode.as_str()),
            ("RemoteFailure", "Declined")
        );
    }
    let deleted = package!("declined").events.pop().expect("an event");
    assert!(
        deleted.is(Kind::Deleted, "conversation")
            && deleted.resource.is_none()
            && deleted.why().is_none()
    );
    let within = br#"{"sender":[{"rel":"a","href":"/","events":[{"link":{"rel":"b","href":"/"},"type":"completed","_embedded":{"b":{"reason":{"code":"Gone"}}}}]}]}"#;
    let package = Package::read(within).expect("a package");
    assert_eq!(
        package.events[0].why().map(|reason| reason.code),
        Some("Gone".into()),
        "some put it there"
    );
}

#[test]
fn a_delivery_is_reported() {
    let package = package!("delivered");
    let event = &package.events[0];
    assert!(event.is(Kind::Completed, "message") && event.succeeded == Some(true));
    assert_eq!(
        (event.text_of("direction"), event.text_of("operationId")),
        (Some("Outgoing"), Some("42"))
    );
    let time = event
        .resource
        .as_ref()
        .and_then(|resource| resource.time("timeStamp"));
    assert_eq!(
        time.map(|time| time.timestamp_millis()),
        Some(1521733099230)
    );
    let failed = package!("undelivered").events.pop().expect("an event");
    assert_eq!(
        (failed.succeeded, failed.why().map(|reason| reason.subcode)),
        (Some(false), Some("Timeout".into()))
    );
    let resource = failed.resource.expect("sent along");
    let missed: Vec<_> = resource
        .anchors("failedDeliveryParticipant")
        .filter_map(|anchor| Sip::of_href(&anchor.href))
        .collect();
    assert_eq!(
        missed,
        [Sip::parse("lenea@contoso.com").expect("an address")]
    );
}

#[test]
fn an_invitation_comes_in_and_its_text_twice() {
    let package = package!("incoming");
    let invitation = &package.events[0];
    assert_eq!(
        (
            invitation.text_of("direction"),
            invitation.text_of("threadId")
        ),
        (Some("Incoming"), Some("Ac7bUftwUcVMzgTzRl+OQchCsUn35Q=="))
    );
    assert!(invitation.link_of("accept").is_some() && invitation.link_of("decline").is_some());
    let toast = invitation.link_of("message").and_then(data_uri::decode);
    assert_eq!(toast, Some((data_uri::Format::Plain, "Hi Tosh".into())));
    let from = invitation
        .resource
        .as_ref()
        .and_then(|resource| resource.embedded("from"));
    assert_eq!(
        from.and_then(|from| from.text("uri")),
        Some("sip:lenea@contoso.com")
    );
    let message = package!("message").events.pop().expect("an event");
    assert_eq!(
        message.link_of("plainMessage").and_then(data_uri::decode),
        toast
    );
    assert_eq!(
        message.link_of("participant").and_then(Sip::of_href),
        Sip::parse("lenea@contoso.com")
    );
    let html = package!("html_message").events.pop().expect("an event");
    assert_eq!(
        html.link_of("htmlMessage").and_then(data_uri::decode),
        Some((data_uri::Format::Html, "<b>Hi</b> 1+1".into()))
    );
    assert_eq!(
        html.resource
            .as_ref()
            .and_then(|resource| resource.anchor("participant"))
            .and_then(|anchor| anchor.title.clone()),
        None
    );
    assert_eq!(
        html.resource
            .and_then(|resource| resource.time("timeStamp"))
            .map(|time| time.timestamp_millis()),
        Some(1481832308631)
    );
}

#[test]
fn typing_is_no_join() {
    for event in package!("typing").events {
        assert!(event.is_within("typingParticipants") && event.link.rel == "participant");
    }
}

#[test]
fn people_and_oneself_are_told_of() {
    assert_eq!(
        told(&package!("available")),
        [
            "me updated",
            "presence added",
            "note added",
            "location added",
            "communication updated"
        ]
    );
    let package = package!("presence");
    assert!(package.events[0].is_within("subscribedContacts"));
    assert!(
        package.events[2].is(Kind::Updated, "contactPresence")
            && package.events[2].resource.is_none()
    );
}

#[test]
fn a_meeting_is_joined_and_left() {
    let package = package!("conferenced");
    let conferenced = package
        .events
        .iter()
        .rfind(|event| event.is(Kind::Updated, "conversation"))
        .expect("an event");
    assert_eq!(conferenced.text_of("state"), Some("Conferenced"));
    assert!(
        conferenced.link_of("onlineMeeting").is_some()
            && conferenced.link_of("addParticipant").is_some()
    );
    let messaging = package
        .events
        .iter()
        .find(|event| event.is(Kind::Updated, "messaging"))
        .expect("an event");
    assert_eq!(
        (
            messaging.text_of("state"),
            messaging.link_of("addMessaging").is_some()
        ),
        (Some("Disconnected"), true)
    );
    let roster: Vec<_> = package
        .events
        .iter()
        .filter(|event| event.is(Kind::Added, "participant") && event.within.is_none())
        .collect();
    assert_eq!(roster.len(), 1, "a leader is a member once");
    let ejected = package!("ejected");
    assert_eq!(
        told(&ejected),
        [
            "localparticipant deleted",
            "messaging updated",
            "conversation updated",
            "conversation deleted"
        ]
    );
    assert!(ejected.events[2].why().expect("a reason").is("ejected"));
}

#[test]
fn nothing_happened_in_time() {
    for package in [package!("empty"), package!("timeout")] {
        assert!(package.events.is_empty());
        assert!(matches!(package.after, After::Next(_)));
    }
    assert_eq!(
        package!("resume").after,
        After::Resume(format!("{A}/events?ack=18"))
    );
    assert_eq!(
        package!("resync").after,
        After::Resync(format!("{A}/events?ack=4"))
    );
    let odd = package!("resync_and_next");
    assert_eq!(odd.after, After::Resync(format!("{A}/events?ack=4")));
    assert_eq!(
        (told(&odd), odd.events[0].kind),
        (vec!["me other".to_owned()], Kind::Other),
        "one where a list should be"
    );
    assert_eq!(
        Package::read(b"{}").map(|package| package.after),
        Some(After::Nowhere)
    );
    for body in [&b""[..], b"<html>", b"[]", b"7"] {
        assert_eq!(Package::read(body), None);
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in "([{}\\[\\],:]|\"(sender|events|link|in|rel|href|type|_embedded|_links|next|reason|code)\"|\"a\"|null){0,60}",
    ) {
        let _ = Package::read(text.as_bytes());
    }
}
